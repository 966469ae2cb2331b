// SPDX-License-Identifier: Apache-2.0
// keras.ops of diagonals and triangles.
#include <algorithm>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/band.h"
#include "importers/lowerings/dims.h"
#include "importers/lowerings/selection.h"
#include "ops/keras_conv_util.h"
#include "ops/shape_util.h"

namespace octet::importers::keras {
namespace {

// The part of a matrix on and below (above) a diagonal.
Status ConvertTriangle(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const int64_t k = std::max(c.Int("k", 0), -INT64_MAX);
  return Set(c, Banded(c, x, c.kind() == "Tril" ? BandLimits{{}, k} : BandLimits{-k, {}}));
}

// The axes of the diagonal last, and what lies before it: rows below the first element, columns left of it.
struct Diagonal {
  Value matrices;
  int64_t below = 0, right = 0;
};
Result<Diagonal> DiagonalOf(LayerContext& c, Value x, int64_t offset) {
  const int rank = c.rank(x);
  int a = 0, b = 1;
  if (rank < 2 || !ops::NormalizeAxis(c.Int("axis1", 0), rank, &a) || !ops::NormalizeAxis(c.Int("axis2", 1), rank, &b) || a == b)
    return c.Fail("two axes inside the rank", c.shape(x).text(), "");
  constexpr int64_t kFar = 1 << 24;
  if (std::abs(offset) > kFar) return c.Fail("an offset inside the tensor", std::to_string(offset), "");
  if (a != rank - 2 || b != rank - 1) {
    std::vector<int32_t> order;
    for (int i = 0; i < rank; ++i)
      if (i != a && i != b) order.push_back(i);
    order.insert(order.end(), {a, b});
    OCTET_ASSIGN(x, c.Make("transpose", {x, c.Vector(order)}));
  }
  return Diagonal{x, std::max<int64_t>(0, -offset), std::max<int64_t>(0, offset)};
}

// Where the diagonal's elements lie in a flattened matrix: a constant where the sizes are known.
Result<Value> PlacesOf(LayerContext& c, const Diagonal& d) {
  const Shape s = c.shape(d.matrices);
  const int64_t rows = s.back(2), columns = s.back();
  const int64_t first = d.below * columns + d.right;
  if (rows != kUnknown && columns != kUnknown) {
    if (d.below >= rows || d.right >= columns || rows * columns > INT32_MAX) return c.Fail("a diagonal inside the matrix", s.text(), "");
    std::vector<int32_t> at;
    for (int64_t i = 0; i < std::min(rows - d.below, columns - d.right); ++i) at.push_back(static_cast<int32_t>(first + i * (columns + 1)));
    return c.Vector(at);
  }
  const int axis = s.rank() - 1;
  OCTET_ASSIGN(const Value height, ops::DimensionOf(c, d.matrices, axis - 1));
  OCTET_ASSIGN(const Value width, ops::DimensionOf(c, d.matrices, axis));
  OCTET_ASSIGN(const Value down, c.Make("sub", {height, Int(c, static_cast<int32_t>(d.below))}));
  OCTET_ASSIGN(Value count, c.Make("sub", {width, Int(c, static_cast<int32_t>(d.right))}));
  OCTET_ASSIGN(count, c.Make("minimum", {down, count}));
  OCTET_ASSIGN(count, c.Make("maximum", {count, Int(c, 0)}));
  OCTET_ASSIGN(Value at, CountUp(c, count, kUnknown));
  OCTET_ASSIGN(const Value step, c.Make("add", {width, Int(c, 1)}));
  OCTET_ASSIGN(Value begin, c.Make("mul", {width, Int(c, static_cast<int32_t>(d.below))}));
  OCTET_ASSIGN(begin, c.Make("add", {begin, Int(c, static_cast<int32_t>(d.right))}));
  OCTET_ASSIGN(at, c.Make("mul", {at, step}));
  return c.Make("add", {at, begin});
}

// Elements of a diagonal, along a last axis.
Result<Value> Elements(LayerContext& c, Value x, int64_t offset) {
  OCTET_ASSIGN(const Diagonal d, DiagonalOf(c, x, offset));
  OCTET_ASSIGN(const Value at, PlacesOf(c, d));
  std::vector<Dim> dims;
  const Shape s = c.shape(d.matrices);
  for (int i = 0; i + 2 < s.rank(); ++i) dims.push_back(DimOf(c, d.matrices, i));
  const bool known = s.back() != kUnknown && s.back(2) != kUnknown;
  dims.push_back({known ? s.back() * s.back(2) : kUnknown, {}, 0});
  OCTET_ASSIGN(const Value flat, importers::Reshape(c, d.matrices, dims));
  return c.Make("gather", {flat, at}, {{"axis", s.rank() - 2}});
}

Status ConvertDiagonal(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  return Set(c, Elements(c, x, c.Int("offset", 0)));
}

Status ConvertTrace(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const DType own = c.type(x).dtype;
  OCTET_ASSIGN(Value d, Elements(c, x, c.Int("offset", 0)));
  OCTET_ASSIGN(d, Widened(c, d));
  OCTET_ASSIGN(d, c.Make("sum", {d, c.Vector({c.rank(d) - 1})}, {{"keep_dims", 0}}));
  return Set(c, c.Cast(d, SumType(own)));
}

// A matrix of zeros with the vector on a diagonal; of a matrix its diagonal.
Status ConvertDiag(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  const int64_t k = c.Int("k", 0);
  constexpr int64_t kFar = 1 << 15;
  if (std::abs(k) > kFar) return c.Fail(Format("a diagonal at most %d from the middle", static_cast<int>(kFar)), std::to_string(k), "");
  if (c.kind() == "Diagflat") {
    OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector({-1})}));
  }
  if (c.rank(x) == 2) return Set(c, Elements(c, x, k));
  if (c.rank(x) != 1) return c.Fail("a vector or a matrix", c.shape(x).text(), "");
  const DType own = c.type(x).dtype;
  OCTET_ASSIGN(x, Widened(c, x));
  OCTET_ASSIGN(Value y, c.Make("matrix_diag", {x}));
  if (k != 0) {
    const auto below = static_cast<int32_t>(std::max<int64_t>(0, -k)), right = static_cast<int32_t>(std::max<int64_t>(0, k));
    const int32_t pads[] = {below, right, right, below};
    OCTET_ASSIGN(y, c.Make("pad", {y, c.Constant<int32_t>(Shape{2, 2}, pads)}));
  }
  return Set(c, c.Cast(y, own));
}

constexpr LayerRule kRules[] = {
    {"ops.Tril", ConvertTriangle}, {"ops.Triu", ConvertTriangle}, {"ops.Diagonal", ConvertDiagonal}, {"ops.Trace", ConvertTrace},
    {"ops.Diag", ConvertDiag}, {"ops.Diagflat", ConvertDiag}};

}  // namespace

const std::span<const LayerRule> kDiagonalRules = kRules;

}  // namespace octet::importers::keras
