// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/selection.h"

#include <algorithm>

#include "ops/keras_conv_util.h"

namespace octet::importers {

Result<Value> Bucketize(Lowering& c, Value x, const std::vector<float>& boundaries) {
  const ops::OpDef* def = ops::Find("bucketize");
  if (!def) return c.Fail("the operator bucketize", "a build without it", "");
  graph::Attributes attrs(def->attrs);
  const auto list = attrs.Keep<ops::Floats>(boundaries);
  for (const ops::AttrRow& row : def->attrs.rows)
    if (row.name == "boundaries") *static_cast<ops::Floats*>(row.at(attrs.get())) = list;
  return c.EmitAs("bucketize", std::span(&x, 1), attrs.get(), {DType::kI32, c.shape(x), {}});
}

Result<Value> DimensionsOf(Lowering& c, Value x) {
  const Shape s = c.shape(x);
  if (s.known()) return c.Vector(s.dims());
  return c.Make("shape", {x}, {{"out_type", static_cast<int64_t>(DType::kI32)}});
}

Result<Value> CountUp(Lowering& c, Value n, int32_t known) {
  const int32_t begin = 0, step = 1;
  const Value inputs[] = {c.Constant<int32_t>(Shape{}, std::span(&begin, 1)), n, c.Constant<int32_t>(Shape{}, std::span(&step, 1))};
  return c.EmitAs("range", inputs, nullptr, {DType::kI32, Shape{known}, {}});
}

Result<Value> Positions(Lowering& c, Value v, int axis) {
  OCTET_ASSIGN(const Value n, ops::DimensionOf(c, v, axis));
  return CountUp(c, n, c.shape(v)[axis]);
}

// LiteRT's operator takes axes that are next to each other.
Result<Value> Reversed(Lowering& c, Value x, std::vector<int32_t> axes) {
  std::ranges::sort(axes);
  for (size_t i = 0, end = 0; i < axes.size(); i = end) {
    for (end = i + 1; end < axes.size() && axes[end] == axes[end - 1] + 1;) ++end;
    OCTET_ASSIGN(x, c.Make("reverse_v2", {x, c.Vector(std::span(axes).subspan(i, end - i))}));
  }
  return x;
}

Result<Value> ReverseSequences(Lowering& c, Value x, Value lengths, int64_t axis, int64_t batch_axis) {
  const DType own = c.type(x).dtype;
  const DType moved = own == DType::kBool ? DType::kU8 : own == DType::kI8 ? DType::kI16 : own;  // The operator has neither.
  OCTET_ASSIGN(x, c.Cast(x, moved));
  OCTET_ASSIGN(const Value y, c.Make("reverse_sequence", {x, lengths}, {{"seq_dim", axis}, {"batch_dim", batch_axis}}));
  return c.Cast(y, own);
}

Result<Value> ScatterInto(Lowering& c, Value tensor, Value indices, Value updates, Scatter how) {
  OCTET_ASSIGN(const Value at, c.Cast(indices, DType::kI32));
  OCTET_ASSIGN(const Value dims, DimensionsOf(c, tensor));
  const TensorType type = c.type(tensor);
  const auto placed = [&](Value what) -> Result<Value> {
    OCTET_ASSIGN(const Value y, c.Make("scatter_nd", {at, what, dims}));
    c.construction().Refine(y, {c.type(what).dtype, type.shape, {}});
    return y;
  };
  OCTET_ASSIGN(const Value there, placed(updates));
  if (how != Scatter::kUpdate) return c.Make(how == Scatter::kAdd ? "add" : "sub", {tensor, there});
  // Where something was placed.
  Value ones;
  if (c.shape(updates).known()) {
    const std::vector<float> one(static_cast<size_t>(c.shape(updates).elements()), 1.0f);
    ones = c.Constant<float>(c.shape(updates), one);
  } else {
    OCTET_ASSIGN(ones, c.Cast(updates, DType::kF32));
    OCTET_ASSIGN(ones, c.Make("equal", {ones, ones}));
    OCTET_ASSIGN(ones, c.Cast(ones, DType::kF32));
  }
  OCTET_ASSIGN(Value marked, placed(ones));
  OCTET_ASSIGN(marked, c.Make("not_equal", {marked, c.Scalar(0)}));
  return c.Make("select_v2", {marked, there, tensor});
}

}  // namespace octet::importers
