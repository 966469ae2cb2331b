// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/complex.h"

#include <algorithm>

#include "importers/lowerings/tensorflow_op.h"
#include "importers/savedmodel/builder.h"

namespace octet::importers::savedmodel {
namespace {

bool IsComplex(const NodeContext& c, Value v) { return v && c.type(v).dtype == DType::kC64; }

constexpr std::string_view kArithmetic[] = {"Neg", "Exp", "RealDiv", "Sub", "Add", "AddV2"};
constexpr std::string_view kProducts[] = {"Square", "Mul"};
constexpr std::string_view kMoving[] = {"Transpose", "StridedSlice", "Slice", "Split", "SplitV", "Unpack", "GatherV2", "Gather", "GatherNd", "ConcatV2", "Pack",
                                        "Tile", "ReverseV2", "Pad", "PadV2", "MirrorPad", "Roll", "Sum", "Mean", "BroadcastTo", "SelectV2", "Fill"};
constexpr std::string_view kReshaping[] = {"Reshape", "Squeeze", "ExpandDims"};

// Whether the node is one of them and has complex numbers, or such whose parts are known: builtin operators do products and shapes of complex
// numbers, too; but parts stay parts.
bool Treats(const NodeContext& c, std::span<const std::string_view> ops, bool parts = false) {
  if (std::ranges::find(ops, c.kind()) == ops.end()) return false;
  for (int i = 0; i < c.num_inputs(); ++i)
    if (const Value v = c.Input(i); IsComplex(c, v) && (!parts || c.builder().PartsOf(v))) return true;
  return false;
}

Status ConvertParts(NodeContext& c, const NodeRule& rule) {
  std::vector<Value> real, imaginary;
  bool any = false;
  for (int i = 0; i < c.num_inputs(); ++i) {
    const Value v = c.Input(i);
    if (!v) return {};
    OCTET_ASSIGN(const Complex parts, IsComplex(c, v) ? PartsOf(c, v) : Result<Complex>({v, v}));
    any |= IsComplex(c, v) && parts.im;
    real.push_back(parts.re);
    OCTET_ASSIGN(imaginary.emplace_back(), Imaginary(c, parts));
  }
  c.Replace(std::move(real));
  OCTET_TRY(rule.convert(c));
  const std::vector<Value> re = c.outputs();
  if (any) {
    c.Replace(std::move(imaginary));
    OCTET_TRY(rule.convert(c));
  }
  const std::vector<Value> im = c.outputs();
  for (size_t i = 0; i < re.size(); ++i) {
    if (!re[i] || !im[i]) continue;
    OCTET_ASSIGN(const Value y, Join(c, {re[i], any ? im[i] : Value()}));
    c.SetOutput(static_cast<int>(i), y);
  }
  return {};
}

// Sums, products and the like.
Status ConvertArithmetic(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in)) return {};
  OCTET_ASSIGN(const Complex x, PartsOf(c, in[0]));
  OCTET_ASSIGN(const Complex y, PartsOf(c, in.back()));
  const auto computed = [&]() -> Result<Complex> {
    if (c.kind() == "Neg") return Subtract(c, {}, x);
    if (c.kind() == "Exp") return Exp(c, x);
    if (c.kind() == "Mul" || c.kind() == "Square") return Multiply(c, x, y);
    if (c.kind() == "RealDiv") return Divide(c, x, y);
    return c.kind() == "Sub" ? Subtract(c, x, y) : Add(c, x, y);
  };
  OCTET_ASSIGN(const Complex z, computed());
  return Set(c, Join(c, z));
}

}  // namespace

Result<Complex> PartsOf(NodeContext& c, Value v) {
  if (const Complex* known = c.builder().PartsOf(v)) return *known;
  if (!IsComplex(c, v)) return Complex{v, {}};
  OCTET_ASSIGN(Complex parts, Parts(c, v));
  const std::span<const float> imaginary = c.data_as<float>(parts.im);
  if (c.data(parts.im) && std::ranges::all_of(imaginary, [](float x) { return x == 0.0f; })) parts.im = {};
  return parts;
}

Result<Value> Join(NodeContext& c, Complex parts) {
  Value y;
  if (!parts.im) {
    OCTET_ASSIGN(y, c.Cast(parts.re, DType::kC64));
  } else {
    if (c.shape(parts.re) != c.shape(parts.im)) {  // Each as large as both.
      OCTET_ASSIGN(const Value none, c.Make("zeros_like", {parts.im}));
      OCTET_ASSIGN(parts.re, c.Make("add", {parts.re, none}));
      OCTET_ASSIGN(const Value nothing, c.Make("zeros_like", {parts.re}));
      OCTET_ASSIGN(parts.im, c.Make("add", {parts.im, nothing}));
    }
    const std::initializer_list<NodeAttr> types = {TypeAttr("T", DType::kF32), TypeAttr("Tout", DType::kC64)};
    OCTET_ASSIGN(const std::vector<Value> joined, MakeTensorFlowOp(c, "Complex", {parts.re, parts.im}, {DType::kC64}, types));
    y = joined[0];
  }
  c.builder().SetParts(y, parts);
  return y;
}

Status Convert(NodeContext& c, const NodeRule& rule) {
  if (Treats(c, kArithmetic) || Treats(c, kProducts, true)) return ConvertArithmetic(c);
  return Treats(c, kMoving) || Treats(c, kReshaping, true) ? ConvertParts(c, rule) : rule.convert(c);
}

Status CastComplex(NodeContext& c, Value x, DType dtype) {
  if (dtype == DType::kC64) {
    if (IsComplex(c, x)) return Set(c, x);
    OCTET_ASSIGN(const Value real, c.Cast(x, DType::kF32));
    return Set(c, Join(c, {real, {}}));
  }
  OCTET_ASSIGN(const Complex parts, PartsOf(c, x));
  return Set(c, c.Cast(parts.re, dtype));
}

}  // namespace octet::importers::savedmodel
