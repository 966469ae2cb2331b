// SPDX-License-Identifier: Apache-2.0
#include "exporter/runtime_version.h"

#include <algorithm>
#include <cstdio>

namespace octet::exporter {
namespace {

using ops::BuiltinCode;

// Facts about TensorFlow Lite's releases: for versions 1, 2, 3… of an operator, the first release that
// runs it, as tensorflow/compiler/mlir/lite/tools/versioning/runtime_version.cc lists them up to 2.23. A test compares them with what
// TensorFlow's converter stamped.
struct Row {
  BuiltinCode code;
  std::string_view releases;
};
constexpr Row kRows[] = {
    {BuiltinCode::kAbs, "1.13.0 2.4.0 2.5.0 2.6.0 2.12.0"},
    {BuiltinCode::kAdd, "1.5.0 1.14.0 2.4.0 2.6.0 2.13.0 2.23.0"},
    {BuiltinCode::kAddN, "1.14.0"},
    {BuiltinCode::kArgMax, "1.9.0 1.14.0 2.9.0"},
    {BuiltinCode::kArgMin, "1.9.0 1.14.0 2.9.0"},
    {BuiltinCode::kAssignVariable, "2.6.0"},
    {BuiltinCode::kAtan2, "2.10.0"},
    {BuiltinCode::kAveragePool2d, "1.5.0 1.14.0 2.3.0"},
    {BuiltinCode::kBatchMatmul, "2.3.0 2.3.0 2.4.0 2.5.0"},
    {BuiltinCode::kBatchToSpaceNd, "1.6.0 1.14.0 2.3.0 2.12.0"},
    {BuiltinCode::kBidirectionalSequenceLstm, "1.14.0 1.14.0 1.14.0"},
    {BuiltinCode::kBidirectionalSequenceRnn, "1.14.0 1.14.0 2.3.0"},
    {BuiltinCode::kBitcast, "2.13.0"},
    {BuiltinCode::kBitwiseXor, "2.13.0"},
    {BuiltinCode::kBroadcastArgs, "2.6.0"},
    {BuiltinCode::kBroadcastTo, "2.5.0 2.5.0 2.5.0"},
    {BuiltinCode::kBucketize, "2.8.0"},
    {BuiltinCode::kCallOnce, "2.5.0"},
    {BuiltinCode::kCast, "1.5.0 2.7.0 2.8.0 2.9.0 2.12.0 2.15.0 2.17.0 2.21.0"},
    {BuiltinCode::kCeil, "1.14.0"},
    {BuiltinCode::kComplexAbs, "2.5.0"},
    {BuiltinCode::kConcatenation, "1.5.0 1.14.0 2.3.0 2.14.0 2.21.0"},
    {BuiltinCode::kConv2d, "1.5.0 1.14.0 1.14.0 2.3.0 2.4.0 2.9.0 2.11.0 2.15.0"},
    {BuiltinCode::kConv3d, "2.5.0"},
    {BuiltinCode::kConv3dTranspose, "2.6.0"},
    {BuiltinCode::kCos, "1.14.0"},
    {BuiltinCode::kCumsum, "2.4.0"},
    {BuiltinCode::kDensify, "2.2.0"},
    {BuiltinCode::kDepthToSpace, "2.1.0 2.5.0"},
    {BuiltinCode::kDepthwiseConv2d, "1.5.0 1.12.0 1.14.0 2.2.0 2.3.0 2.3.0 2.11.0"},
    {BuiltinCode::kDequantize, "1.13.1 1.14.0 1.15.0 2.2.0 2.7.0 2.18.0 2.21.0 2.22.0"},
    {BuiltinCode::kDilate, "2.15.0"},
    {BuiltinCode::kDiv, "1.6.0 2.3.0"},
    {BuiltinCode::kDynamicUpdateSlice, "2.9.0 2.17.0 2.19.0 2.20.0 2.21.0 2.22.0"},
    {BuiltinCode::kElu, "1.14.0"},
    {BuiltinCode::kEmbeddingLookup, "1.13.0 1.14.0 1.14.0 2.18.0 2.21.0"},
    {BuiltinCode::kEmbeddingLookupSparse, "1.5.0"},
    {BuiltinCode::kEqual, "1.14.0 1.14.0 2.3.0 2.13.0 2.21.0"},
    {BuiltinCode::kExp, "1.7.0 2.12.0"},
    {BuiltinCode::kExpandDims, "1.10.0"},
    {BuiltinCode::kFakeQuant, "1.5.0 1.10.0"},
    {BuiltinCode::kFill, "1.13.0 2.3.0 2.5.0 2.12.0"},
    {BuiltinCode::kFloor, "1.9.0"},
    {BuiltinCode::kFloorDiv, "1.14.0 1.14.0 2.13.0"},
    {BuiltinCode::kFloorMod, "1.13.0 2.13.0"},
    {BuiltinCode::kFullyConnected, "1.5.0 1.10.0 1.14.0 1.14.0 2.0.0 2.1.0 2.3.0 2.3.0 2.3.0 2.11.0 2.15.0 2.17.0 2.18.0 2.21.0"},
    {BuiltinCode::kGather, "1.6.0 1.14.0 1.15.0 2.4.0 2.5.0 2.13.0 2.15.0"},
    {BuiltinCode::kGatherNd, "1.14.0 2.3.0 2.5.0 2.13.0 2.16.0"},
    {BuiltinCode::kGelu, "2.9.0 2.9.0"},
    {BuiltinCode::kGreater, "1.14.0 1.14.0"},
    {BuiltinCode::kGreaterEqual, "1.14.0 1.14.0 2.13.0"},
    {BuiltinCode::kHardSwish, "1.15.0"},
    {BuiltinCode::kHashtable, "2.5.0"},
    {BuiltinCode::kHashtableFind, "2.5.0"},
    {BuiltinCode::kHashtableImport, "2.5.0"},
    {BuiltinCode::kHashtableLookup, "1.5.0"},
    {BuiltinCode::kHashtableSize, "2.5.0"},
    {BuiltinCode::kIf, "1.15.0"},
    {BuiltinCode::kImag, "2.5.0"},
    {BuiltinCode::kL2Normalization, "1.5.0 1.14.0"},
    {BuiltinCode::kL2Pool2d, "1.5.0"},
    {BuiltinCode::kLeakyRelu, "1.13.1 2.3.0"},
    {BuiltinCode::kLess, "1.14.0 1.14.0 2.13.0"},
    {BuiltinCode::kLessEqual, "1.14.0 1.14.0"},
    {BuiltinCode::kLocalResponseNormalization, "1.5.0"},
    {BuiltinCode::kLog, "1.14.0 2.15.0"},
    {BuiltinCode::kLogSoftmax, "1.14.0 1.14.0"},
    {BuiltinCode::kLogicalAnd, "1.11.0"},
    {BuiltinCode::kLogicalNot, "1.11.0"},
    {BuiltinCode::kLogicalOr, "1.11.0"},
    {BuiltinCode::kLogistic, "1.14.0 1.14.0 2.3.0"},
    {BuiltinCode::kLshProjection, "1.5.0"},
    {BuiltinCode::kLstm, "1.7.0 1.10.0 1.14.0 2.3.0"},
    {BuiltinCode::kMatrixDiag, "1.14.0"},
    {BuiltinCode::kMatrixSetDiag, "1.14.0"},
    {BuiltinCode::kMaxPool2d, "1.5.0 1.14.0 2.3.0"},
    {BuiltinCode::kMaximum, "1.14.0 1.14.0 2.3.0 2.3.0"},
    {BuiltinCode::kMean, "1.6.0 1.14.0 2.4.0"},
    {BuiltinCode::kMinimum, "1.14.0 1.14.0 2.3.0 2.3.0"},
    {BuiltinCode::kMirrorPad, "1.13.1 2.3.0 2.12.0"},
    {BuiltinCode::kMul, "1.5.0 1.14.0 1.15.0 2.3.0 2.6.0 2.11.0 2.13.0 2.23.0"},
    {BuiltinCode::kMultinomial, "2.8.0"},
    {BuiltinCode::kNeg, "1.9.0"},
    {BuiltinCode::kNonMaxSuppressionV4, "2.1.0"},
    {BuiltinCode::kNonMaxSuppressionV5, "2.1.0"},
    {BuiltinCode::kNotEqual, "1.14.0 1.14.0 2.3.0 2.21.0"},
    {BuiltinCode::kOneHot, "1.11.0"},
    {BuiltinCode::kPack, "1.11.0 1.14.0 2.3.0 2.13.0"},
    {BuiltinCode::kPad, "1.5.0 1.14.0 2.4.0 2.6.0 2.20.0"},
    {BuiltinCode::kPadv2, "1.9.0 1.14.0 2.4.0 2.6.0 2.20.0"},
    {BuiltinCode::kPow, "1.10.0"},
    {BuiltinCode::kPrelu, "1.8.0"},
    {BuiltinCode::kQuantize, "1.14.0 1.15.0 2.7.0 2.21.0 2.21.0 2.21.0"},
    {BuiltinCode::kRnn, "1.5.0 1.14.0 2.3.0"},
    {BuiltinCode::kRandomStandardNormal, "2.8.0"},
    {BuiltinCode::kRandomUniform, "2.8.0"},
    {BuiltinCode::kRange, "1.13.0 2.14.0"},
    {BuiltinCode::kRank, "1.14.0"},
    {BuiltinCode::kReadVariable, "2.6.0"},
    {BuiltinCode::kReal, "2.5.0"},
    {BuiltinCode::kReduceAll, "2.6.0"},
    {BuiltinCode::kReduceAny, "1.11.0"},
    {BuiltinCode::kReduceMax, "1.11.0 1.14.0 2.5.0"},
    {BuiltinCode::kReduceMin, "1.11.0 1.14.0 2.5.0"},
    {BuiltinCode::kReduceProd, "1.11.0 2.6.0"},
    {BuiltinCode::kReduceWindow, "2.15.0"},
    {BuiltinCode::kRelu, "1.5.0 2.1.0 2.5.0"},
    {BuiltinCode::kRelu0To1, "2.10.0"},
    {BuiltinCode::kRelu6, "1.5.0 1.14.0 2.5.0"},
    {BuiltinCode::kReluN1To1, "1.5.0"},
    {BuiltinCode::kReshape, "1.5.0"},
    {BuiltinCode::kResizeBilinear, "1.7.0 1.14.0 2.2.0 2.5.0"},
    {BuiltinCode::kResizeNearestNeighbor, "1.13.1 1.14.0 2.3.0 2.4.0"},
    {BuiltinCode::kReverseSequence, "1.14.0"},
    {BuiltinCode::kReverseV2, "1.14.0 2.2.0 2.5.0"},
    {BuiltinCode::kRfft2d, "2.5.0"},
    {BuiltinCode::kRightShift, "2.13.0"},
    {BuiltinCode::kRound, "1.14.0"},
    {BuiltinCode::kRsqrt, "1.10.0 2.5.0 2.15.0"},
    {BuiltinCode::kScatterNd, "2.1.0"},
    {BuiltinCode::kSegmentSum, "2.2.0"},
    {BuiltinCode::kSelect, "1.14.0 1.14.0 2.12.0 2.12.0"},
    {BuiltinCode::kSelectV2, "2.2.0 2.12.0"},
    {BuiltinCode::kShape, "1.10.0"},
    {BuiltinCode::kSign, "2.11.0 2.12.0"},
    {BuiltinCode::kSin, "1.9.0"},
    {BuiltinCode::kSkipGram, "1.5.0"},
    {BuiltinCode::kSlice, "1.14.0 1.14.0 1.14.0 2.4.0 2.5.0 2.14.0 2.21.0"},
    {BuiltinCode::kSoftmax, "1.5.0 1.14.0 2.3.0"},
    {BuiltinCode::kSpaceToBatchNd, "1.6.0 1.14.0 2.3.0 2.12.0"},
    {BuiltinCode::kSpaceToDepth, "1.5.0 1.14.0"},
    {BuiltinCode::kSparseToDense, "1.9.0 1.14.0 1.15.0"},
    {BuiltinCode::kSplit, "1.5.0 1.14.0 1.14.0 2.3.0"},
    {BuiltinCode::kSplitV, "1.13.1 2.3.0"},
    {BuiltinCode::kSqrt, "1.10.0 2.21.0"},
    {BuiltinCode::kSquare, "1.12.0"},
    {BuiltinCode::kSquaredDifference, "1.13.1 2.5.0"},
    {BuiltinCode::kSqueeze, "1.6.0 2.5.0"},
    {BuiltinCode::kStablehloComposite, "2.17.0"},
    {BuiltinCode::kStablehloAdd, "2.16.0"},
    {BuiltinCode::kStablehloAnd, "2.17.0"},
    {BuiltinCode::kStablehloCase, "2.17.0"},
    {BuiltinCode::kStablehloGather, "2.16.0"},
    {BuiltinCode::kStablehloMaximum, "2.16.0"},
    {BuiltinCode::kStablehloMinimum, "2.16.0"},
    {BuiltinCode::kStablehloMultiply, "2.16.0"},
    {BuiltinCode::kStablehloPad, "2.16.0"},
    {BuiltinCode::kStablehloReduceWindow, "2.16.0"},
    {BuiltinCode::kStablehloRngBitGenerator, "2.15.0"},
    {BuiltinCode::kStablehloScatter, "2.15.0"},
    {BuiltinCode::kStablehloShiftLeft, "2.17.0"},
    {BuiltinCode::kStridedSlice, "1.6.0 1.14.0 2.1.0 2.2.0 2.5.0 2.6.0 2.14.0 2.14.0"},
    {BuiltinCode::kSub, "1.6.0 1.14.0 2.3.0 2.4.0 2.4.0"},
    {BuiltinCode::kSum, "1.10.0 1.15.0"},
    {BuiltinCode::kSvdf, "1.5.0 1.14.0 2.2.0 2.3.0"},
    {BuiltinCode::kTanh, "1.14.0 1.14.0 2.3.0"},
    {BuiltinCode::kTile, "1.10.1 2.2.0 2.8.0"},
    {BuiltinCode::kTopkV2, "1.7.0 1.14.0 2.13.0"},
    {BuiltinCode::kTranspose, "1.6.0 1.14.0 1.15.0 2.3.0 2.4.0 2.12.0 2.14.4 2.22.0"},
    {BuiltinCode::kTransposeConv, "1.9.0 2.2.0 2.3.0 2.13.0 2.15.0"},
    {BuiltinCode::kUnidirectionalSequenceLstm, "1.13.1 1.14.0 2.3.0 2.12.0"},
    {BuiltinCode::kUnidirectionalSequenceRnn, "1.14.0 1.14.0 2.3.0"},
    {BuiltinCode::kUnique, "1.14.0"},
    {BuiltinCode::kUnpack, "1.11.0 1.14.0 2.2.0 2.3.0 2.22.0"},
    {BuiltinCode::kUnsortedSegmentMax, "2.10.0"},
    {BuiltinCode::kUnsortedSegmentMin, "2.11.0"},
    {BuiltinCode::kUnsortedSegmentProd, "2.10.0"},
    {BuiltinCode::kUnsortedSegmentSum, "2.10.0"},
    {BuiltinCode::kVarHandle, "2.6.0"},
    {BuiltinCode::kWhere, "1.14.0 2.8.0"},
    {BuiltinCode::kWhile, "1.15.0"},
    {BuiltinCode::kZerosLike, "1.12.0"},
};

struct Release {
  int major = 0, minor = 0, patch = 0;
  auto operator<=>(const Release&) const = default;
};

Release Parse(std::string_view text) {
  Release r;
  std::sscanf(std::string(text).c_str(), "%d.%d.%d", &r.major, &r.minor, &r.patch);
  return r;
}

}  // namespace

std::string_view MinimumRuntime(BuiltinCode code, int version) {
  for (const Row& row : kRows) {
    if (row.code != code) continue;
    std::string_view rest = row.releases;
    for (int v = 1; !rest.empty(); ++v) {
      const std::string_view release = rest.substr(0, rest.find(' '));
      if (v == version) return release;
      rest.remove_prefix(std::min(rest.size(), release.size() + 1));
    }
  }
  return {};
}

// Found by loading such files in TensorFlow Lite 2.7 to 2.14 and LiteRT 1.0 to 2.3.
std::string MinimumRuntime(const ops::OpView& op, int version) {
  const std::string_view by_version = MinimumRuntime(op.def->code, version);
  if (by_version.empty()) return {};
  const bool widens =
      op.def->code == BuiltinCode::kQuantize && op.out(0)->dtype == DType::kI16 && (op.in(0)->dtype == DType::kI8 || op.in(0)->dtype == DType::kU8);
  if (widens) return Later(by_version, "2.22.0");
  const bool biased = op.def->code == BuiltinCode::kConv3dTranspose && op.num_inputs() > 3 && op.in(3);  // Took its size for another dimension's.
  return biased ? Later(by_version, "2.9.0") : std::string(by_version);
}

std::string Later(std::string_view a, std::string_view b) { return std::string(Parse(a) < Parse(b) ? b : a); }

}  // namespace octet::exporter
