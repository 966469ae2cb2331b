// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/band.h"

#include <algorithm>

#include "importers/lowerings/selection.h"

namespace octet::importers {
namespace {

Value Number(Lowering& c, int32_t v) { return c.Constant<int32_t>(Shape{}, std::span(&v, 1)); }

}  // namespace

Result<Value> Band(Lowering& c, Value matrices, const BandLimits& limits) {
  constexpr int64_t kFar = 1 << 30;  // Beyond every matrix.
  const int64_t lower = std::clamp(limits.lower.value_or(kFar), -kFar, kFar), upper = std::clamp(limits.upper.value_or(kFar), -kFar, kFar);
  const Shape s = c.shape(matrices);
  if (s.rank() < 2) return c.Fail("matrices", s.text(), "");
  const int32_t rows = s.back(2), columns = s.back(1);
  if (rows != kUnknown && columns != kUnknown) {
    if (int64_t{rows} * columns > (1 << 24)) return c.Fail("matrices of at most 2^24 elements", s.text(), "");
    std::vector<std::byte> inside;
    for (int32_t i = 0; i < rows; ++i)
      for (int32_t j = 0; j < columns; ++j) inside.push_back(static_cast<std::byte>(i - j <= lower && j - i <= upper));
    return c.Constant(TensorType{DType::kBool, Shape{rows, columns}, {}}, inside);
  }
  OCTET_ASSIGN(Value i, Positions(c, matrices, s.rank() - 2));
  OCTET_ASSIGN(i, c.Make("expand_dims", {i, c.Vector({1})}));
  OCTET_ASSIGN(const Value j, Positions(c, matrices, s.rank() - 1));
  OCTET_ASSIGN(const Value below, c.Make("sub", {i, j}));
  Value inside;
  if (limits.lower) {
    OCTET_ASSIGN(inside, c.Make("less_equal", {below, Number(c, static_cast<int32_t>(lower))}));
  }
  if (limits.upper || !inside) {  // Without limits: everything.
    OCTET_ASSIGN(const Value above, c.Make("greater_equal", {below, Number(c, static_cast<int32_t>(-upper))}));
    OCTET_ASSIGN(inside, inside ? c.Make("logical_and", {inside, above}) : Result<Value>(above));
  }
  return inside;
}

Result<Value> Banded(Lowering& c, Value matrices, const BandLimits& limits) {
  OCTET_ASSIGN(const Value inside, Band(c, matrices, limits));
  if (c.type(matrices).dtype == DType::kBool) return c.Make("logical_and", {matrices, inside});
  OCTET_ASSIGN(const Value zero, c.Cast(c.Scalar(0), c.type(matrices).dtype));
  return c.Make("select_v2", {inside, matrices, zero});
}

}  // namespace octet::importers
