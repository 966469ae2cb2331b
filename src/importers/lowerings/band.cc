// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/band.h"

#include <algorithm>

#include "importers/limits.h"
#include "importers/lowerings/scalars.h"
#include "importers/lowerings/selection.h"

namespace octet::importers {
namespace {

// The row's number minus the column's: int32 [rows, columns].
Result<Value> Below(Lowering& c, Value matrices) {
  const int rank = c.rank(matrices);
  OCTET_ASSIGN(Value i, Positions(c, matrices, rank - 2));
  OCTET_ASSIGN(i, c.Make("expand_dims", {i, c.Vector({1})}));
  OCTET_ASSIGN(const Value j, Positions(c, matrices, rank - 1));
  return c.Make("sub", {i, j});
}

// Whether `distance` is at most `limit`, which is none where negative.
Result<Value> Within(Lowering& c, Value distance, Value limit) {
  OCTET_ASSIGN(limit, c.Cast(limit, DType::kI32));
  OCTET_ASSIGN(const Value near, c.Make("less_equal", {distance, limit}));
  OCTET_ASSIGN(const Value none, c.Make("less", {limit, ScalarInt(c, 0)}));
  return c.Make("logical_or", {near, none});
}

Result<Value> Kept(Lowering& c, Value matrices, Value inside) {
  if (c.type(matrices).dtype == DType::kBool) return c.Make("logical_and", {matrices, inside});
  OCTET_ASSIGN(const Value zero, c.Cast(c.Scalar(0), c.type(matrices).dtype));
  return c.Make("select_v2", {inside, matrices, zero});
}

}  // namespace

Result<Value> Band(Lowering& c, Value matrices, const BandLimits& limits) {
  constexpr int64_t kFar = 1 << 30;  // Beyond every matrix.
  const int64_t lower = std::clamp(limits.lower.value_or(kFar), -kFar, kFar), upper = std::clamp(limits.upper.value_or(kFar), -kFar, kFar);
  const Shape s = c.shape(matrices);
  if (s.rank() < 2) return c.Fail("matrices", s.text(), "");
  const int32_t rows = s.back(2), columns = s.back(1);
  if (rows != kUnknown && columns != kUnknown) {
    if (int64_t{rows} * columns > kMostWritten) return c.Fail("matrices of at most 2^24 elements", s.text(), "");
    std::vector<std::byte> inside;
    for (int32_t i = 0; i < rows; ++i)
      for (int32_t j = 0; j < columns; ++j) inside.push_back(static_cast<std::byte>(i - j <= lower && j - i <= upper));
    return c.Constant(TensorType{DType::kBool, Shape{rows, columns}, {}}, inside);
  }
  OCTET_ASSIGN(const Value below, Below(c, matrices));
  Value inside;
  if (limits.lower) {
    OCTET_ASSIGN(inside, c.Make("less_equal", {below, ScalarInt(c, static_cast<int32_t>(lower))}));
  }
  if (limits.upper || !inside) {  // Without limits: everything.
    OCTET_ASSIGN(const Value above, c.Make("greater_equal", {below, ScalarInt(c, static_cast<int32_t>(-upper))}));
    OCTET_ASSIGN(inside, inside ? c.Make("logical_and", {inside, above}) : Result<Value>(above));
  }
  return inside;
}

Result<Value> Banded(Lowering& c, Value matrices, const BandLimits& limits) {
  OCTET_ASSIGN(const Value inside, Band(c, matrices, limits));
  return Kept(c, matrices, inside);
}

Result<Value> BandedBy(Lowering& c, Value matrices, Value lower, Value upper) {
  const Shape s = c.shape(matrices);
  if (s.rank() < 2) return c.Fail("matrices", s.text(), "");
  OCTET_ASSIGN(const Value below, Below(c, matrices));
  OCTET_ASSIGN(const Value above, c.Make("neg", {below}));
  OCTET_ASSIGN(const Value left, Within(c, below, lower));
  OCTET_ASSIGN(const Value right, Within(c, above, upper));
  OCTET_ASSIGN(const Value inside, c.Make("logical_and", {left, right}));
  return Kept(c, matrices, inside);
}

}  // namespace octet::importers
