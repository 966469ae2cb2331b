// SPDX-License-Identifier: Apache-2.0
// The index arithmetic of StableHLO's gather and scatter. A "full" index names an element of the operand.
#pragma once
#include <algorithm>
#include <array>

#include "ops/op_def.h"
#include "ops/shape_util.h"

namespace octet::ops {

using Index = std::array<int64_t, kMaxRank>;

inline bool Contains(const Longs& list, int64_t v) { return std::ranges::find(list.span(), v) != list.span().end(); }

// Distinct, ascending where `sorted`, all in [0, end).
inline bool IsAxes(const Longs& list, int64_t end, bool sorted) {
  for (int i = 0; i < list.count; ++i) {
    if (list.v[i] < 0 || list.v[i] >= end) return false;
    for (int k = 0; k < i; ++k)
      if (list.v[k] == list.v[i] || (sorted && list.v[k] > list.v[i])) return false;
  }
  return true;
}

// Where start vectors lie in the tensor of indices: along `vector_axis`, or it is one behind the last axis: scalars.
struct Starts {
  DType dtype;
  int rank;
  int64_t vector_axis, length, vector_stride;
  Index stride;
  Longs map;  // Entry k of a vector belongs to this axis of the operand.

  // The operand's start for a batch index, whose entries follow the axes of the indices without vector_axis.
  Index At(const std::byte* data, const Index& batch) const {
    Index start{};
    int64_t offset = 0;
    for (int axis = 0, k = 0; axis < rank; ++axis)
      if (axis != vector_axis) offset += batch[k++] * stride[axis];
    for (int64_t k = 0; k < length; ++k) {
      const int64_t at = offset + k * vector_stride;
      start[map.v[k]] = dtype == DType::kI32 ? reinterpret_cast<const int32_t*>(data)[at] : reinterpret_cast<const int64_t*>(data)[at];
    }
    return start;
  }
};

inline Starts MakeStarts(const TensorType& indices, int64_t vector_axis, const Longs& map) {
  const int rank = indices.shape.rank();
  Starts s{indices.dtype, rank, vector_axis, vector_axis < rank ? indices.shape[static_cast<int>(vector_axis)] : 1, 0, {}, map};
  const auto strides = Strides(indices.shape);
  for (int i = 0; i < rank; ++i) s.stride[i] = strides[i];
  if (vector_axis < rank) s.vector_stride = s.stride[vector_axis];
  return s;
}

// The next index in row-major order; false behind the last.
inline bool Next(Index& index, const Shape& shape) {
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (++index[i] < shape[i]) return true;
    index[i] = 0;
  }
  return false;
}

}  // namespace octet::ops
