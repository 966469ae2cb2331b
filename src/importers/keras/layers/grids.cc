// SPDX-License-Identifier: Apache-2.0
// keras.ops that make numbers between given ones, and grids of them.
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/axes.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/limits.h"
#include "importers/lowerings/function.h"

namespace octet::importers::keras {
namespace {

// start + (stop - start) * i / (num - 1) along a new axis; without the endpoint a step less. Logspace: the base to the power of that.
// Geomspace: 10 to the power of that between logarithms, with the sign of the start.
Status ConvertLinspace(LayerContext& c) {
  constexpr int64_t kMost = 1 << 20;
  OCTET_ASSIGN(Value start, Operand(c, 0, {"start"}));
  OCTET_ASSIGN(Value stop, Operand(c, 1, {"stop"}));
  OCTET_ASSIGN(start, c.Cast(start, DType::kF32));
  OCTET_ASSIGN(stop, c.Cast(stop, DType::kF32));
  const bool geometric = c.kind() == "Geomspace";
  Value sign;
  if (geometric) {
    OCTET_ASSIGN(sign, c.Make("sign", {start}));
    for (Value* end : {&start, &stop}) {
      OCTET_ASSIGN(*end, c.Make("abs", {*end}));
      OCTET_ASSIGN(*end, Log10(c, *end));
    }
  }
  const int64_t num = c.Int("num", 50);
  const bool closed = c.Bool("endpoint", true);
  if (num < 1 || num > kMost || c.Bool("retstep", false))
    return c.Fail(Format("1 to %d numbers, without retstep", static_cast<int>(kMost)), std::to_string(num), "");
  OCTET_ASSIGN(Value d, c.Make("sub", {stop, start}));
  const int rank = c.rank(d);
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", 0), rank + 1));
  if (c.rank(start) != rank) {
    OCTET_ASSIGN(const Value none, c.Make("zeros_like", {d}));
    OCTET_ASSIGN(start, c.Make("add", {start, none}));
  }
  std::vector<float> share;
  for (int64_t i = 0; i < num; ++i) share.push_back(num == 1 ? 0.0f : static_cast<float>(static_cast<double>(i) / static_cast<double>(closed ? num - 1 : num)));
  Shape along;
  for (int i = 0; i <= rank; ++i) along.push_back(i == axis ? static_cast<int32_t>(num) : 1);
  OCTET_ASSIGN(d, c.Make("expand_dims", {d, Int(c, axis)}));
  OCTET_ASSIGN(start, c.Make("expand_dims", {start, Int(c, axis)}));
  OCTET_ASSIGN(d, c.Make("mul", {d, c.Constant<float>(along, share)}));
  OCTET_ASSIGN(Value y, c.Make("add", {start, d}));
  if (geometric || c.kind() == "Logspace") {
    OCTET_ASSIGN(y, c.Make("pow", {c.Scalar(geometric ? 10 : static_cast<float>(c.Number("base", 10))), y}));
  }
  if (!geometric) return Set(c, y);
  if (c.rank(sign) > 0) {
    OCTET_ASSIGN(sign, c.Make("expand_dims", {sign, Int(c, axis)}));
  }
  return Set(c, c.Make("mul", {y, sign}));
}

// Powers of a vector's numbers along a last axis, computed in floats.
Status ConvertVander(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const DType own = c.type(x).dtype;
  constexpr int64_t kMost = 1 << 12;
  const int64_t n = c.Has("N") ? c.Int("N", 0) : c.rank(x) == 1 ? c.shape(x)[0] : kUnknown;
  if (c.rank(x) != 1 || n < 1 || n > kMost) return c.Fail(Format("a vector, and 1 to %d powers", static_cast<int>(kMost)), c.shape(x).text(), "give N");
  std::vector<float> powers;
  for (int64_t i = 0; i < n; ++i) powers.push_back(static_cast<float>(c.Bool("increasing", false) ? i : n - 1 - i));
  OCTET_ASSIGN(Value y, c.Cast(x, DType::kF32));
  OCTET_ASSIGN(y, c.Make("expand_dims", {y, c.Vector({1})}));
  OCTET_ASSIGN(y, c.Make("pow", {y, c.Constant<float>(Shape{static_cast<int32_t>(n)}, powers)}));
  return Set(c, Narrowed(c, y, own));
}

// Coordinates of a grid, one tensor for each axis; "xy": the first two axes exchanged.
Status ConvertMeshgrid(LayerContext& c) {
  const int n = c.num_inputs();
  if (n < 1 || n > kMaxRank) return c.Fail(Format("1 to %d vectors", kMaxRank), std::to_string(n), "");
  const bool exchanged = n > 1 && c.Text("indexing", "xy") == "xy";
  const auto axis_of = [&](int i) { return exchanged && i < 2 ? 1 - i : i; };
  std::vector<int32_t> dims(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) {
    const Shape s = c.shape(c.Input(i));
    if (!s.known() || s.elements() > kMostWritten) return c.Fail("vectors of known length", s.text(), "give the input's shape");
    dims[static_cast<size_t>(axis_of(i))] = static_cast<int32_t>(s.elements());
  }
  for (int i = 0; i < n; ++i) {
    std::vector<int32_t> along(dims.size(), 1);
    along[static_cast<size_t>(axis_of(i))] = -1;
    OCTET_ASSIGN(Value y, c.Make("reshape", {c.Input(i), c.Vector(along)}));
    OCTET_ASSIGN(y, c.Make("broadcast_to", {y, c.Vector(dims)}));
    c.SetOutput(i, y);
  }
  return {};
}

constexpr LayerRule kRules[] = {
    {"ops.Linspace", ConvertLinspace}, {"ops.Logspace", ConvertLinspace}, {"ops.Geomspace", ConvertLinspace}, {"ops.Vander", ConvertVander},
    {"ops.Meshgrid", ConvertMeshgrid}};

}  // namespace

const std::span<const LayerRule> kGridRules = kRules;

}  // namespace octet::importers::keras
