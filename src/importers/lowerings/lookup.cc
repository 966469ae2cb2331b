// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/lookup.h"

#include <algorithm>

namespace octet::importers {
namespace {

Value Number(Lowering& c, int64_t v) { return c.Constant<int64_t>(Shape{}, std::span<const int64_t>(&v, 1)); }

// The rows `otherwise`, values[rows[0]], values[rows[1]], ...; a row of -1 is `otherwise`, too.
Value Table(Lowering& c, Value values, Value otherwise, const std::vector<int64_t>& rows) {
  const TensorType type = c.type(values);
  const auto size = static_cast<size_t>(BitsOf(type.dtype)) / 8;
  const std::byte *from = c.data(values), *none = c.data(otherwise);
  std::vector<std::byte> bytes;
  bytes.reserve(rows.size() * size);
  for (const int64_t row : rows) {
    const std::byte* at = row < 0 ? none : from + static_cast<size_t>(row) * size;
    bytes.insert(bytes.end(), at, at + size);
  }
  return c.Constant({type.dtype, Shape{static_cast<int32_t>(rows.size())}, {}}, bytes);
}

// table[clamp(x, least - 1, most + 1) - (least - 1)]
Result<Value> InRange(Lowering& c, Value x, std::span<const int64_t> keys, Value values, Value otherwise, int64_t least, int64_t most) {
  std::vector<int64_t> rows(static_cast<size_t>(most - least) + 3, -1);
  for (size_t i = keys.size(); i-- > 0;) rows[static_cast<size_t>(keys[i] - least) + 1] = static_cast<int64_t>(i);
  OCTET_ASSIGN(Value at, c.Make("maximum", {x, Number(c, least - 1)}));
  OCTET_ASSIGN(at, c.Make("minimum", {at, Number(c, most + 1)}));
  OCTET_ASSIGN(at, c.Make("sub", {at, Number(c, least - 1)}));
  return c.Make("gather", {Table(c, values, otherwise, rows), at}, {{"axis", 0}});
}

// table[sum over the keys of (x == key) * (i + 1)]
Result<Value> ByComparison(Lowering& c, Value x, std::span<const int64_t> keys, Value values, Value otherwise) {
  std::vector<int64_t> unique, numbers, rows = {-1};
  for (size_t i = 0; i < keys.size(); ++i) {
    if (std::ranges::find(unique, keys[i]) != unique.end()) continue;
    unique.push_back(keys[i]);
    rows.push_back(static_cast<int64_t>(i));
    numbers.push_back(static_cast<int64_t>(unique.size()));
  }
  const Shape all{static_cast<int32_t>(unique.size())};
  OCTET_ASSIGN(const Value wide, c.Make("expand_dims", {x, c.Vector({-1})}));
  OCTET_ASSIGN(const Value same, c.Make("equal", {wide, c.Constant<int64_t>(all, unique)}));
  OCTET_ASSIGN(Value hit, c.Cast(same, DType::kI64));
  OCTET_ASSIGN(hit, c.Make("mul", {hit, c.Constant<int64_t>(all, numbers)}));
  OCTET_ASSIGN(const Value at, c.Make("sum", {hit, c.Vector({c.rank(hit) - 1})}, {{"keep_dims", 0}}));
  return c.Make("gather", {Table(c, values, otherwise, rows), at}, {{"axis", 0}});
}

}  // namespace

Result<Value> FindNumbers(Lowering& c, Value x, std::span<const int64_t> keys, Value values, Value otherwise) {
  constexpr int64_t kWidest = 1 << 20;
  constexpr size_t kMostCompared = 4096;
  if (!c.data(values) || !c.data(otherwise) || c.type(values).dtype != c.type(otherwise).dtype || c.shape(otherwise).elements() != 1 ||
      BitsOf(c.type(values).dtype) < 8 || c.shape(values).elements() != static_cast<int64_t>(keys.size()) || keys.empty())
    return c.Fail("a table of constants with one value per key", Format("%zu keys", keys.size()), "");
  const auto [least, most] = std::ranges::minmax(keys);
  int64_t width = 0;
  const bool narrow = !__builtin_sub_overflow(most, least, &width) && width < kWidest && least > INT64_MIN && most < INT64_MAX;
  if (narrow) return InRange(c, x, keys, values, otherwise, least, most);
  if (keys.size() > kMostCompared) return c.Fail("at most 4096 keys, or keys within 2^20 of each other", std::to_string(keys.size()), "");
  return ByComparison(c, x, keys, values, otherwise);
}

}  // namespace octet::importers
