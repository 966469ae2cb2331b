// SPDX-License-Identifier: Apache-2.0
#include "exporter/runtime_version.h"

#include <cstdio>

namespace octet::exporter {
namespace {

using ops::BuiltinCode;

struct Row {
  BuiltinCode code;
  int version;
  std::string_view runtime;
};

// Facts about TensorFlow Lite's releases, for the operators that octet writes.
constexpr Row kRows[] = {
    {BuiltinCode::kAdd, 1, "1.5.0"}, {BuiltinCode::kAdd, 2, "1.14.0"},
    {BuiltinCode::kAveragePool2d, 1, "1.5.0"}, {BuiltinCode::kAveragePool2d, 2, "1.14.0"},
    {BuiltinCode::kMaxPool2d, 1, "1.5.0"}, {BuiltinCode::kMaxPool2d, 2, "1.14.0"},
    {BuiltinCode::kBatchMatmul, 1, "2.3.0"}, {BuiltinCode::kBatchMatmul, 2, "2.3.0"},
    {BuiltinCode::kConcatenation, 1, "1.5.0"}, {BuiltinCode::kConcatenation, 2, "1.14.0"},
    {BuiltinCode::kConv2d, 1, "1.5.0"}, {BuiltinCode::kConv2d, 2, "1.14.0"}, {BuiltinCode::kConv2d, 3, "1.14.0"}, {BuiltinCode::kConv2d, 5, "2.4.0"},
    {BuiltinCode::kDepthwiseConv2d, 1, "1.5.0"}, {BuiltinCode::kDepthwiseConv2d, 2, "1.12.0"}, {BuiltinCode::kDepthwiseConv2d, 3, "1.14.0"},
    {BuiltinCode::kDepthwiseConv2d, 6, "2.3.0"},
    {BuiltinCode::kDequantize, 1, "1.13.1"}, {BuiltinCode::kDequantize, 2, "1.14.0"}, {BuiltinCode::kDequantize, 3, "1.15.0"},
    {BuiltinCode::kDiv, 1, "1.6.0"}, {BuiltinCode::kElu, 1, "1.14.0"}, {BuiltinCode::kExp, 1, "1.7.0"}, {BuiltinCode::kExpandDims, 1, "1.10.0"},
    {BuiltinCode::kFullyConnected, 1, "1.5.0"}, {BuiltinCode::kFullyConnected, 2, "1.10.0"}, {BuiltinCode::kFullyConnected, 3, "1.14.0"},
    {BuiltinCode::kFullyConnected, 4, "1.14.0"}, {BuiltinCode::kFullyConnected, 5, "2.0.0"}, {BuiltinCode::kFullyConnected, 9, "2.3.0"},
    {BuiltinCode::kGather, 1, "1.6.0"}, {BuiltinCode::kGather, 2, "1.14.0"}, {BuiltinCode::kGelu, 1, "2.9.0"}, {BuiltinCode::kGelu, 2, "2.9.0"},
    {BuiltinCode::kHardSwish, 1, "1.15.0"}, {BuiltinCode::kLeakyRelu, 1, "1.13.1"}, {BuiltinCode::kLeakyRelu, 2, "2.3.0"},
    {BuiltinCode::kLogistic, 1, "1.14.0"}, {BuiltinCode::kLogistic, 2, "1.14.0"}, {BuiltinCode::kMaximum, 1, "1.14.0"}, {BuiltinCode::kMaximum, 2, "1.14.0"},
    {BuiltinCode::kMean, 1, "1.6.0"}, {BuiltinCode::kMean, 2, "1.14.0"}, {BuiltinCode::kMinimum, 1, "1.14.0"}, {BuiltinCode::kMinimum, 2, "1.14.0"},
    {BuiltinCode::kMul, 1, "1.5.0"}, {BuiltinCode::kMul, 2, "1.14.0"}, {BuiltinCode::kPad, 1, "1.5.0"}, {BuiltinCode::kPad, 2, "1.14.0"},
    {BuiltinCode::kPack, 1, "1.11.0"}, {BuiltinCode::kPack, 2, "1.14.0"}, {BuiltinCode::kPrelu, 1, "1.8.0"},
    {BuiltinCode::kQuantize, 1, "1.14.0"}, {BuiltinCode::kQuantize, 2, "1.15.0"},
    {BuiltinCode::kRelu, 1, "1.5.0"}, {BuiltinCode::kRelu, 2, "2.1.0"}, {BuiltinCode::kRelu6, 1, "1.5.0"}, {BuiltinCode::kRelu6, 2, "2.1.0"},
    {BuiltinCode::kReshape, 1, "1.5.0"}, {BuiltinCode::kResizeBilinear, 1, "1.7.0"}, {BuiltinCode::kResizeBilinear, 2, "1.14.0"},
    {BuiltinCode::kResizeBilinear, 3, "2.2.0"}, {BuiltinCode::kResizeNearestNeighbor, 1, "1.13.1"}, {BuiltinCode::kResizeNearestNeighbor, 2, "1.14.0"},
    {BuiltinCode::kResizeNearestNeighbor, 3, "2.3.0"}, {BuiltinCode::kRsqrt, 1, "1.10.0"}, {BuiltinCode::kRsqrt, 2, "2.5.0"},
    {BuiltinCode::kShape, 1, "1.10.0"}, {BuiltinCode::kSlice, 1, "1.14.0"}, {BuiltinCode::kSlice, 2, "1.14.0"},
    {BuiltinCode::kSoftmax, 1, "1.5.0"}, {BuiltinCode::kSoftmax, 2, "1.14.0"}, {BuiltinCode::kSplit, 1, "1.5.0"}, {BuiltinCode::kSplit, 2, "1.14.0"},
    {BuiltinCode::kSquaredDifference, 1, "1.13.1"}, {BuiltinCode::kSquaredDifference, 2, "2.5.0"}, {BuiltinCode::kSqueeze, 1, "1.6.0"},
    {BuiltinCode::kStridedSlice, 1, "1.6.0"}, {BuiltinCode::kStridedSlice, 2, "1.14.0"}, {BuiltinCode::kSub, 1, "1.6.0"}, {BuiltinCode::kSub, 2, "1.14.0"},
    {BuiltinCode::kSum, 1, "1.10.0"}, {BuiltinCode::kTanh, 1, "1.14.0"}, {BuiltinCode::kTanh, 2, "1.14.0"},
    {BuiltinCode::kTranspose, 1, "1.6.0"}, {BuiltinCode::kTranspose, 2, "1.14.0"}, {BuiltinCode::kTransposeConv, 1, "1.9.0"},
    {BuiltinCode::kTransposeConv, 3, "2.3.0"}, {BuiltinCode::kTransposeConv, 4, "2.13.0"}, {BuiltinCode::kUnidirectionalSequenceLstm, 1, "1.13.1"},
    {BuiltinCode::kUnpack, 1, "1.13.1"}, {BuiltinCode::kUnpack, 2, "1.14.0"},
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
  for (const Row& row : kRows)
    if (row.code == code && row.version == version) return row.runtime;
  return {};
}

std::string Later(std::string_view a, std::string_view b) { return std::string(Parse(a) < Parse(b) ? b : a); }

}  // namespace octet::exporter
