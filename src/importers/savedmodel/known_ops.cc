// SPDX-License-Identifier: Apache-2.0
// Facts of tensorflow/core/ops: operands and shape functions. scripts/check_known_ops.py compares them with TensorFlow itself.
#include "importers/savedmodel/known_ops.h"

#include <map>
#include <string>

namespace octet::importers::savedmodel {
namespace {

// Operands as their element type (TensorFlow's number) or the attribute that names it, with commas between them; N*T as many as the
// attribute N says, T+ one for each type of the attribute T.
struct Known {
  std::string_view op, inputs, outputs, shapes;
};
constexpr Known kKnown[] = {
    {"Expint", "T", "T", "=0"},
    {"FresnelSin", "T", "T", "=0"},
    {"FresnelCos", "T", "T", "=0"},
    {"Dawsn", "T", "T", "=0"},
    {"Spence", "T", "T", "=0"},
    {"PopulationCount", "T", "4", "=0"},
    {"Invert", "T", "T", "=0"},
    {"FFT", "Tcomplex", "Tcomplex", "=0"},
    {"FFT2D", "Tcomplex", "Tcomplex", "=0"},
    {"FFT3D", "Tcomplex", "Tcomplex", "=0"},
    {"IFFT", "Tcomplex", "Tcomplex", "=0"},
    {"IFFT2D", "Tcomplex", "Tcomplex", "=0"},
    {"IFFT3D", "Tcomplex", "Tcomplex", "=0"},
    {"Cholesky", "T", "T", "=0"},
    {"MatrixInverse", "T", "T", "=0"},
    {"MatrixSquareRoot", "T", "T", "=0"},
    {"MatrixExponential", "T", "T", "=0"},
    {"MatrixTriangularSolve", "T,T", "T", "=1"},
    {"MatrixSolve", "T,T", "T", "=1"},
    {"Cross", "T,T", "T", "=0"},
    {"Svd", "T", "T,T,T", ""},
    {"Qr", "T", "T,T", ""},
    {"SelfAdjointEigV2", "T", "T,T", ""},
    {"Igamma", "T,T", "T", ""},
    {"Igammac", "T,T", "T", ""},
    {"Betainc", "T,T,T", "T", ""},
    {"AsString", "T", "7", "=0"},
    {"StringToHashBucketFast", "7", "9", "=0"},
    {"StringToHashBucketStrong", "7", "9", "=0"},
    {"StringToHashBucket", "7", "9", "=0"},
    {"StringLower", "7", "7", "=0"},
    {"StringUpper", "7", "7", "=0"},
    {"StringStrip", "7", "7", "=0"},
    {"StringLength", "7", "3", "=0"},
    {"StringToNumber", "7", "out_type", "=0"},
    {"StaticRegexReplace", "7", "7", "=0"},
    {"StaticRegexFullMatch", "7", "10", "=0"},
    {"RegexReplace", "7,7,7", "7", "=0"},
    {"RegexFullMatch", "7,7", "10", "=0"},
    {"StringSplitV2", "7,7", "9,7,9", "?2,?1,?1"},
    {"StringNGrams", "7,Tsplits", "7,Tsplits", "?1,=1"},
    {"Substr", "7,T,T", "7", "=0"},
    {"UnicodeDecode", "7", "Tsplits,3", "?1,?1"},
    {"UnicodeEncode", "3,Tsplits", "7", "?1"},
    {"RaggedBincount", "9,Tidx,Tidx,T", "T", "?2"},
    {"Complex", "T,T", "Tout", "=0"},
    {"Conj", "T", "T", "=0"},
    {"DecodePng", "7", "dtype", "?3"},
    {"DecodeJpeg", "7", "4", "?3"},
    {"DecodeBmp", "7", "4", "?3"},
    {"DecodeWav", "7", "1,3", "?2,?0"},
    {"DrawBoundingBoxesV2", "T,1,1", "T", "=0"},
    {"AdjustHue", "T,1", "T", "=0"},
    {"AdjustSaturation", "T,1", "T", "=0"},
    {"Dilation2D", "T,T", "T", "?4"},
    {"AvgPool3D", "T", "T", "?5"},
    {"MaxPool3D", "T", "T", "?5"},
    {"ResizeBicubic", "T,3", "1", "?4"},
    {"ResizeArea", "T,3", "1", "?4"},
    {"SparseCross", "N*9,sparse_types+,N*9,dense_types+", "9,out_type,9", ""},
    {"StringJoin", "N*7", "7", "=0"},
};

const Known* FindKnown(std::string_view op) {
  for (const Known& k : kKnown)
    if (k.op == op) return &k;
  return nullptr;
}

// The part number i of a list; empty behind its end.
std::string_view Part(std::string_view list, size_t i) {
  for (; i > 0; --i) {
    const size_t comma = list.find(',');
    if (comma == std::string_view::npos) return {};
    list.remove_prefix(comma + 1);
  }
  return list.substr(0, list.find(','));
}

std::vector<OpOperand> Operands(std::string_view list) {
  std::vector<OpOperand> operands;
  for (size_t i = 0; !Part(list, i).empty(); ++i) {
    OpOperand& operand = operands.emplace_back();
    std::string_view part = Part(list, i);
    if (const size_t times = part.find('*'); times != std::string_view::npos) {
      operand.count_attr = part.substr(0, times);
      part.remove_prefix(times + 1);
    }
    if (part.ends_with('+')) operand.list_attr = part.substr(0, part.size() - 1);
    else if (part[0] < '0' || part[0] > '9') operand.type_attr = part;
    else
      for (const char digit : part) operand.type = 10 * operand.type + (digit - '0');
  }
  return operands;
}

std::map<std::string_view, OpSchema> Schemas() {
  std::map<std::string_view, OpSchema> schemas;
  for (const Known& k : kKnown) schemas[k.op] = {Operands(k.inputs), Operands(k.outputs), {}};
  return schemas;
}

}  // namespace

const OpSchema* KnownOp(std::string_view op) {
  static const std::map<std::string_view, OpSchema> schemas = Schemas();
  const auto it = schemas.find(op);
  return it == schemas.end() ? nullptr : &it->second;
}

std::string_view KnownShape(std::string_view op, size_t i) {
  const Known* known = FindKnown(op);
  return known ? Part(known->shapes, i) : std::string_view();
}

}  // namespace octet::importers::savedmodel
