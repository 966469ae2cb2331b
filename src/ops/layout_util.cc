// SPDX-License-Identifier: Apache-2.0
#include "ops/layout_util.h"

#include <algorithm>

#include "ops/move_attrs.h"

namespace octet::ops {

Result<Value> ReshapeTo(ImportContext& c, Value v, const Shape& shape) {
  if (c.shape(v) == shape) return v;
  if (std::ranges::count(shape.dims(), kUnknown) > 1)
    return c.Fail("at most one unknown dimension", shape.text(),
                  "give the model's input a fixed size, e.g. --input NAME:SHAPE");
  return c.Emit("reshape", {v, c.Vector(shape.dims())});
}

Result<Value> DropAxis(ImportContext& c, Value v, int axis) {
  Shape shape;
  for (int i = 0; i < c.rank(v); ++i)
    if (i != axis) shape.push_back(c.shape(v)[i]);
  if (std::ranges::count(shape.dims(), kUnknown) <= 1) return ReshapeTo(c, v, shape);
  return c.Emit("squeeze", {v}, SqueezeAttrs{.squeeze_dims = {1, {axis}}});
}

Result<Value> InsertAxis(ImportContext& c, Value v, int axis) {
  const int32_t at = axis;
  return c.Emit("expand_dims", {v, c.Constant<int32_t>(Shape{}, std::span(&at, 1))});
}

Result<Value> CropAxes(ImportContext& c, Value v, int first, std::span<const int32_t> before,
                       std::span<const int32_t> after) {
  const int rank = c.rank(v);
  std::vector<int32_t> begin(rank, 0), end(rank, 0), stride(rank, 1);
  StridedSliceAttrs attrs{.begin_mask = (1 << rank) - 1, .end_mask = (1 << rank) - 1};
  for (size_t i = 0; i < before.size(); ++i) {
    const int axis = first + static_cast<int>(i);
    begin[axis] = before[i];
    end[axis] = -after[i];
    if (before[i] != 0) attrs.begin_mask &= ~(1 << axis);
    if (after[i] != 0) attrs.end_mask &= ~(1 << axis);
  }
  return c.Emit("strided_slice", {v, c.Vector(begin), c.Vector(end), c.Vector(stride)}, attrs);
}

int FirstSpatialAxis(const ImportContext& c) {
  return c.Text("data_format", "channels_last") == "channels_first" ? 2 : 1;
}

Result<Value> ToChannelsLast(ImportContext& c, Value v) {
  const int rank = c.rank(v);
  if (FirstSpatialAxis(c) == 1 || rank < 3) return v;
  std::vector<int32_t> perm = {0};
  for (int i = 2; i < rank; ++i) perm.push_back(i);
  perm.push_back(1);
  return c.Emit("transpose", {v, c.Vector(perm)});
}

Result<Value> FromChannelsLast(ImportContext& c, Value v) {
  const int rank = c.rank(v);
  if (FirstSpatialAxis(c) == 1 || rank < 3) return v;
  std::vector<int32_t> perm = {0, rank - 1};
  for (int i = 1; i + 1 < rank; ++i) perm.push_back(i);
  return c.Emit("transpose", {v, c.Vector(perm)});
}

std::vector<int64_t> PerAxis(const ImportContext& c, std::string_view key, size_t count, int64_t fallback) {
  std::vector<int64_t> v = c.Ints(key, std::vector<int64_t>(count, fallback));
  if (v.size() == 1) v.resize(count, v[0]);
  return v;
}

}  // namespace octet::ops
