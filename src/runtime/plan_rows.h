// SPDX-License-Identifier: Apache-2.0
// Rows of tensors: what one index of all axes but the last selects.
#pragma once
#include "base/types.h"

namespace octet::runtime {

inline int64_t RowsOf(const Shape& s) { return s.rank() > 1 ? s.elements(0, s.rank() - 1) : 1; }

// The shape of `together` rows, of the same rank. What has no rows (a scalar, one axis) is one row, and stays whole.
inline Shape StripOf(const Shape& s, int64_t together) {
  Shape strip = s;
  if (s.rank() < 2) return strip;
  for (int i = 0; i + 1 < s.rank(); ++i) strip[i] = 1;
  strip[s.rank() - 2] = static_cast<int32_t>(together);
  return strip;
}

// Whether rows are whole bytes that follow each other, and mean the same in every row.
inline bool CutsIntoRows(const TensorType& t) {
  const bool plain = BitsOf(t.dtype) >= 8 && t.dtype != DType::kString && t.dtype != DType::kResource;
  return plain && t.shape.rank() > 1 && (!t.quant.per_channel() || (t.quant.axis == t.shape.rank() - 1 && t.quant.block_size == 0));
}

}  // namespace octet::runtime
