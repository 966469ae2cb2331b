// SPDX-License-Identifier: Apache-2.0
// Reading small integer operands: shapes, axes, paddings, permutations. Their values are known when the
// operand is constant, or when the runtime already computed it and shows it as a constant.
#pragma once
#include <algorithm>
#include <array>
#include <span>

#include "ops/op_def.h"
#include "ops/shape_util.h"

namespace octet::ops {

struct IntList {
  int64_t count = 0;  // As in the tensor: may exceed what `v` holds, so compare it with the rank first.
  std::array<int64_t, 2 * kMaxRank> v{};
  std::span<const int64_t> span() const {
    return {v.data(), static_cast<size_t>(std::min<int64_t>(count, 2 * kMaxRank))};
  }
};

// The integers of operand i (i16, i32 or i64). False when they are not known yet.
bool ReadInts(const OpView& op, int i, IntList* list);
// A scalar or one-element operand.
bool ReadInt(const OpView& op, int i, int64_t* value);

// Operand i must be a vector of `count` entries (its own shape may be unknown while a graph is built).
Status CheckVector(const OpView& op, int i, int64_t count, const char* what);
// Operand i must hold one element.
Status CheckScalar(const OpView& op, int i, const char* what);

// A dimension that was computed in 64 bits. False when it is negative or does not fit.
inline bool FitsDimension(int64_t d) { return d >= 0 && d <= INT32_MAX; }

// The version of the matching TypeRow, for OpDef::version functions that also look at something else.
inline int RowVersion(const OpView& op) {
  const Result<const TypeRow*> row = MatchTypes(op);
  return row.ok() ? (*row)->version : 1;
}

}  // namespace octet::ops
