// SPDX-License-Identifier: Apache-2.0
// keras.ops of diagonals and triangles.
#include <algorithm>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/band.h"
#include "ops/shape_util.h"

namespace octet::importers::keras {
namespace {

// The part of a matrix on and below (above) a diagonal.
Status ConvertTriangle(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const int64_t k = std::max(c.Int("k", 0), -INT64_MAX);
  return Set(c, Banded(c, x, c.kind() == "Tril" ? BandLimits{{}, k} : BandLimits{-k, {}}));
}

// Elements of a diagonal of two axes, along a last axis; their sum.
Result<Value> Diagonal(LayerContext& c, Value x) {
  const int rank = c.rank(x);
  int a = 0, b = 1;
  if (rank < 2 || !ops::NormalizeAxis(c.Int("axis1", 0), rank, &a) || !ops::NormalizeAxis(c.Int("axis2", 1), rank, &b) || a == b)
    return c.Fail("two axes inside the rank", c.shape(x).text(), "");
  if (a != rank - 2 || b != rank - 1) {
    std::vector<int32_t> order;
    for (int i = 0; i < rank; ++i)
      if (i != a && i != b) order.push_back(i);
    order.insert(order.end(), {a, b});
    OCTET_ASSIGN(x, c.Make("transpose", {x, c.Vector(order)}));
  }
  const Shape s = c.shape(x);
  const int64_t rows = s.back(2), columns = s.back(), offset = c.Int("offset", 0);
  const auto open = std::count(s.dims().begin(), s.dims().end(), kUnknown);
  if (rows < 1 || columns < 1 || open > 1 || offset <= -rows || offset >= columns || rows * columns > INT32_MAX)
    return c.Fail("a diagonal of two axes of known size", s.text(), "give the input's shape");
  std::vector<int32_t> dims(s.dims().begin(), s.dims().end() - 2), at;
  dims.push_back(static_cast<int32_t>(rows * columns));
  for (int64_t i = std::max<int64_t>(0, -offset); i < rows && i + offset < columns; ++i) at.push_back(static_cast<int32_t>(i * columns + i + offset));
  OCTET_ASSIGN(const Value flat, c.Make("reshape", {x, c.Vector(dims)}));
  return c.Make("gather", {flat, c.Vector(at)}, {{"axis", rank - 2}});
}

Status ConvertDiagonal(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  return Set(c, Diagonal(c, x));
}

Status ConvertTrace(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const DType own = c.type(x).dtype;
  OCTET_ASSIGN(Value d, Diagonal(c, x));
  OCTET_ASSIGN(d, Widened(c, d));
  OCTET_ASSIGN(d, c.Make("sum", {d, c.Vector({c.rank(d) - 1})}, {{"keep_dims", 0}}));
  return Set(c, c.Cast(d, SumType(own)));
}

constexpr LayerRule kRules[] = {
    {"ops.Tril", ConvertTriangle}, {"ops.Triu", ConvertTriangle}, {"ops.Diagonal", ConvertDiagonal}, {"ops.Trace", ConvertTrace}};

}  // namespace

const std::span<const LayerRule> kDiagonalRules = kRules;

}  // namespace octet::importers::keras
