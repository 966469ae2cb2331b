// SPDX-License-Identifier: Apache-2.0
// Shape arithmetic that several operators share. Unknown dimensions (kUnknown) stay unknown.
#pragma once
#include <algorithm>
#include <bit>

#include "ops/op_def.h"

namespace octet::ops {

// `axis` may count from the end. False when it is outside [-rank, rank).
inline bool NormalizeAxis(int64_t axis, int rank, int* normalized) {
  if (axis < -rank || axis >= rank) return false;
  *normalized = static_cast<int>(axis < 0 ? axis + rank : axis);
  return true;
}

// numpy's rule: align at the right, 1 stretches. False when two dimensions disagree.
inline bool BroadcastShape(const Shape& a, const Shape& b, Shape* out) {
  const int rank = std::max(a.rank(), b.rank());
  Shape result;
  for (int i = rank; i > 0; --i) {
    const int32_t da = a.back(i), db = b.back(i);
    if (da == db) result.push_back(da);
    else if (da == 1) result.push_back(db);
    else if (db == 1) result.push_back(da);
    else if (da == kUnknown) result.push_back(db);   // Must be db or 1; db > 1 either way.
    else if (db == kUnknown) result.push_back(da);
    else return false;
  }
  *out = result;
  return true;
}

// Sliding windows (conv, pool): output size along one axis and the padding before the first element.
// SAME: out = ceil(in / stride), the odd extra cell goes to the end. VALID: only whole windows.
struct Window {
  int32_t out = 0;
  int32_t pad_before = 0;
};
inline Window SlideWindow(Padding padding, int32_t in, int32_t filter, int32_t stride, int32_t dilation) {
  if (in == kUnknown) return {kUnknown, 0};
  const int64_t reach = static_cast<int64_t>(filter - 1) * dilation + 1;
  if (padding == Padding::kValid) {
    const int64_t out = in >= reach ? (in - reach) / stride + 1 : 0;
    return {static_cast<int32_t>(out), 0};
  }
  const int32_t out = static_cast<int32_t>((static_cast<int64_t>(in) + stride - 1) / stride);
  const int64_t total = static_cast<int64_t>(out - 1) * stride + reach - in;
  return {out, static_cast<int32_t>(std::max<int64_t>(total, 0) / 2)};
}

// Row-major strides, in elements.
inline std::array<int64_t, kMaxRank> Strides(const Shape& s) {
  std::array<int64_t, kMaxRank> stride{};
  int64_t n = 1;
  for (int i = s.rank() - 1; i >= 0; --i) {
    stride[i] = n;
    n *= s[i];
  }
  return stride;
}

}  // namespace octet::ops
