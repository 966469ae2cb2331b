// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/elimination.h"

namespace octet::importers {
namespace {

constexpr int32_t kMostRows = 24;  // Each takes a dozen operators.

Result<int32_t> Rows(Lowering& c, Value a) {
  const Shape s = c.shape(a);
  if (s.rank() < 2 || s.back() != s.back(2) || s.back() < 1 || s.back() > kMostRows)
    return c.Fail("square matrices of known size, at most " + std::to_string(kMostRows), s.text(), "compute it before the model");
  return s.back();
}

// `count` rows (axis -2) or columns (axis -1) from `first`.
Result<Value> Part(Lowering& c, Value m, int back, int32_t first, int32_t count) {
  std::vector<int32_t> begin(static_cast<size_t>(c.rank(m)), 0), size(begin.size(), -1);
  begin[begin.size() - static_cast<size_t>(back)] = first;
  size[size.size() - static_cast<size_t>(back)] = count;
  return c.Make("slice", {m, c.Vector(begin), c.Vector(size)});
}
constexpr int kRow = 2, kColumn = 1;

// A constant [n, 1] or [1, n].
template <class F> Value Pattern(Lowering& c, int32_t n, int back, const F& value) {
  std::vector<float> v;
  for (int32_t i = 0; i < n; ++i) v.push_back(value(i));
  return c.Constant<float>(back == kColumn ? Shape{n, 1} : Shape{1, n}, v);
}

Value Identity(Lowering& c, int32_t n) {
  std::vector<float> eye(static_cast<size_t>(n) * static_cast<size_t>(n), 0.0f);
  for (int32_t i = 0; i < n; ++i) eye[static_cast<size_t>(i * (n + 1))] = 1.0f;
  return c.Constant<float>(Shape{n, n}, eye);
}

// m less the outer product of a column and a row.
Result<Value> Less(Lowering& c, Value m, Value column, Value row) {
  OCTET_ASSIGN(const Value product, c.Make("mul", {column, row}));
  return c.Make("sub", {m, product});
}

// Exchanges row k with the one below that has the largest number in column k; *sign becomes -1 where that is another one.
Result<Value> Exchange(Lowering& c, Value m, int32_t n, int32_t k, Value* sign) {
  OCTET_ASSIGN(Value size, Part(c, m, kColumn, k, 1));
  OCTET_ASSIGN(size, c.Make("abs", {size}));
  OCTET_ASSIGN(size, c.Make("mul", {size, Pattern(c, n, kColumn, [&](int32_t i) { return i < k ? 0.0f : 1.0f; })}));
  OCTET_ASSIGN(size, c.Make("add", {size, Pattern(c, n, kColumn, [&](int32_t i) { return i < k ? -1.0f : 0.0f; })}));
  const int32_t axis = c.rank(m) - 2;
  OCTET_ASSIGN(const Value place,
               c.Make("arg_max", {size, c.Constant<int32_t>(Shape{}, std::span(&axis, 1))}, {{"output_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(const Value chosen,
               c.Make("one_hot", {place, c.Constant<int32_t>(Shape{}, std::span(&n, 1)), c.Scalar(1), c.Scalar(0)}, {{"axis", -1}}));  // [..., 1, n]
  // I - d^T d with d = e_k - chosen: ones and zeros, so that rows move without rounding.
  OCTET_ASSIGN(const Value moves, c.Make("sub", {Pattern(c, n, kRow, [&](int32_t i) { return i == k ? 1.0f : 0.0f; }), chosen}));
  OCTET_ASSIGN(Value exchange, c.Make("batch_matmul", {moves, moves}, {{"adj_x", 1}, {"adj_y", 0}}));
  OCTET_ASSIGN(exchange, c.Make("sub", {Identity(c, n), exchange}));
  OCTET_ASSIGN(Value stays, Part(c, chosen, kColumn, k, 1));  // 1 or 0 -> 1 or -1.
  OCTET_ASSIGN(stays, c.Make("mul", {stays, c.Scalar(2)}));
  OCTET_ASSIGN(*sign, c.Make("sub", {stays, c.Scalar(1)}));
  return c.Make("batch_matmul", {exchange, m});
}

// m with `row` in the place of row k; every other row less its number in `column` times that.
Result<Value> Replace(Lowering& c, Value m, Value column, Value row, int32_t n, int32_t k) {
  OCTET_ASSIGN(m, c.Make("mul", {m, Pattern(c, n, kColumn, [&](int32_t i) { return i == k ? 0.0f : 1.0f; })}));
  OCTET_ASSIGN(column, c.Make("sub", {column, Pattern(c, n, kColumn, [&](int32_t i) { return i == k ? 1.0f : 0.0f; })}));
  return Less(c, m, column, row);
}

}  // namespace

Result<Value> Adjoint(Lowering& c, Value a) {
  std::vector<int32_t> order;
  for (int i = 0; i < c.rank(a); ++i) order.push_back(i);
  if (order.size() < 2) return c.Fail("matrices", c.shape(a).text(), "");
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return c.Make("transpose", {a, c.Vector(order)});
}

Result<Value> IdentityLike(Lowering& c, Value a) {
  OCTET_ASSIGN(const int32_t n, Rows(c, a));
  const Value one = Identity(c, n);
  if (c.rank(a) == 2) return one;
  OCTET_ASSIGN(const Value zeros, c.Make("zeros_like", {a}));
  return c.Make("add", {zeros, one});
}

// For each k: row k by its pivot, and every other row less its number in column k times that.
Result<Eliminated> Eliminate(Lowering& c, Value a, Value b) {
  OCTET_ASSIGN(const int32_t n, Rows(c, a));
  Value m = a, determinant;
  if (b) {
    if (c.rank(b) != c.rank(a) || c.shape(b).back(2) != n) return c.Fail("right sides of as many rows", c.shape(b).text(), "");
    OCTET_ASSIGN(m, c.Make("concatenation", {a, b}, {{"axis", c.rank(a) - 1}}));
  }
  for (int32_t k = 0; k < n; ++k) {
    Value sign;
    if (k + 1 < n) {
      OCTET_ASSIGN(m, Exchange(c, m, n, k, &sign));
    }
    OCTET_ASSIGN(Value row, Part(c, m, kRow, k, 1));
    OCTET_ASSIGN(const Value pivot, Part(c, row, kColumn, k, 1));
    OCTET_ASSIGN(determinant, determinant ? c.Make("mul", {determinant, pivot}) : Result<Value>(pivot));
    if (sign) {
      OCTET_ASSIGN(determinant, c.Make("mul", {determinant, sign}));
    }
    if (k + 1 == n && !b) break;
    OCTET_ASSIGN(row, c.Make("div", {row, pivot}));
    OCTET_ASSIGN(Value column, Part(c, m, kColumn, k, 1));
    OCTET_ASSIGN(column, c.Make("mul", {column, Pattern(c, n, kColumn, [&](int32_t i) { return i == k ? 0.0f : 1.0f; })}));
    OCTET_ASSIGN(m, Replace(c, m, column, row, n, k));
  }
  Eliminated out;
  OCTET_ASSIGN(out.determinant, c.Make("squeeze", {determinant}, {{"squeeze_dims", std::vector<int32_t>{c.rank(a) - 2, c.rank(a) - 1}}}));
  if (!b) return out;
  OCTET_ASSIGN(out.solution, Part(c, m, kColumn, n, -1));
  return out;
}

// Column k of L is column k of what is left, by the root of its pivot; what is left loses its outer product.
Result<Value> Cholesky(Lowering& c, Value a) {
  OCTET_ASSIGN(const int32_t n, Rows(c, a));
  std::vector<Value> columns;
  for (int32_t k = 0; k < n; ++k) {
    OCTET_ASSIGN(Value column, Part(c, a, kColumn, k, 1));
    OCTET_ASSIGN(Value root, Part(c, column, kRow, k, 1));
    OCTET_ASSIGN(root, c.Make("sqrt", {root}));
    OCTET_ASSIGN(column, c.Make("div", {column, root}));
    OCTET_ASSIGN(column, c.Make("mul", {column, Pattern(c, n, kColumn, [&](int32_t i) { return i < k ? 0.0f : 1.0f; })}));
    columns.push_back(column);
    if (k + 1 == n) break;
    OCTET_ASSIGN(const Value row, Adjoint(c, column));
    OCTET_ASSIGN(a, Less(c, a, column, row));
  }
  return columns.size() == 1 ? Result<Value>(columns[0]) : c.Make("concatenation", columns, {{"axis", c.rank(a) - 1}});
}

Result<Value> SolveTriangular(Lowering& c, Value a, Value b, bool lower) {
  OCTET_ASSIGN(const int32_t n, Rows(c, a));
  if (c.rank(b) != c.rank(a) || c.shape(b).back(2) != n) return c.Fail("right sides of as many rows", c.shape(b).text(), "");
  for (int32_t step = 0; step < n; ++step) {
    const int32_t k = lower ? step : n - 1 - step;
    OCTET_ASSIGN(Value row, Part(c, b, kRow, k, 1));
    OCTET_ASSIGN(Value column, Part(c, a, kColumn, k, 1));
    OCTET_ASSIGN(const Value pivot, Part(c, column, kRow, k, 1));
    OCTET_ASSIGN(row, c.Make("div", {row, pivot}));
    OCTET_ASSIGN(column, c.Make("mul", {column, Pattern(c, n, kColumn, [&](int32_t i) { return (lower ? i > k : i < k) ? 1.0f : 0.0f; })}));
    OCTET_ASSIGN(b, Replace(c, b, column, row, n, k));
  }
  return b;
}

}  // namespace octet::importers
