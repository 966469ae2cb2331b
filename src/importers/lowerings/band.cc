// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/band.h"

#include <algorithm>

#include "ops/keras_conv_util.h"

namespace octet::importers {
namespace {

Value Number(Lowering& c, int32_t v) { return c.Constant<int32_t>(Shape{}, std::span(&v, 1)); }

// 0, 1, … along an axis.
Result<Value> Positions(Lowering& c, Value v, int axis) {
  OCTET_ASSIGN(const Value n, ops::DimensionOf(c, v, axis));
  const Value inputs[] = {Number(c, 0), n, Number(c, 1)};
  return c.EmitAs("range", inputs, nullptr, {DType::kI32, Shape{c.shape(v)[axis]}, {}});
}

}  // namespace

Result<Value> Band(Lowering& c, Value matrices, int64_t lower, int64_t upper) {
  const Shape s = c.shape(matrices);
  if (s.rank() < 2) return c.Fail("matrices", s.text(), "");
  const int32_t rows = s.back(2), columns = s.back(1);
  if (rows != kUnknown && columns != kUnknown) {
    if (int64_t{rows} * columns > (1 << 24)) return c.Fail("matrices of at most 2^24 elements", s.text(), "");
    std::vector<std::byte> inside;
    for (int32_t i = 0; i < rows; ++i)
      for (int32_t j = 0; j < columns; ++j) inside.push_back(static_cast<std::byte>((lower < 0 || i - j <= lower) && (upper < 0 || j - i <= upper)));
    return c.Constant(TensorType{DType::kBool, Shape{rows, columns}, {}}, inside);
  }
  OCTET_ASSIGN(Value i, Positions(c, matrices, s.rank() - 2));
  OCTET_ASSIGN(i, c.Make("expand_dims", {i, c.Vector({1})}));
  OCTET_ASSIGN(const Value j, Positions(c, matrices, s.rank() - 1));
  OCTET_ASSIGN(const Value below, c.Make("sub", {i, j}));
  Value inside;
  if (lower >= 0) {
    OCTET_ASSIGN(inside, c.Make("less_equal", {below, Number(c, static_cast<int32_t>(std::min<int64_t>(lower, INT32_MAX)))}));
  }
  if (upper >= 0 || !inside) {  // Without limits: everything.
    OCTET_ASSIGN(const Value above, c.Make("greater_equal", {below, Number(c, upper < 0 ? INT32_MIN : static_cast<int32_t>(-std::min<int64_t>(upper, INT32_MAX)))}));
    OCTET_ASSIGN(inside, inside ? c.Make("logical_and", {inside, above}) : Result<Value>(above));
  }
  return inside;
}

}  // namespace octet::importers
