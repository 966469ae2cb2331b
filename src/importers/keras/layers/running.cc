// SPDX-License-Identifier: Apache-2.0
// keras.ops along an axis, number after number: running sums and products, differences, areas.
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/axes.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/loop.h"
#include "importers/lowerings/selection.h"
#include "ops/keras_conv_util.h"
#include "ops/shape_util.h"

namespace octet::importers::keras {
namespace {

// What a running sum or product is taken of, in what it is computed, and the result's type. `neutral` stands for NaN where the function leaves it out.
struct Running {
  Value x;
  int axis = 0;
  DType result = DType::kF32;
};

Result<Running> RunningOperand(LayerContext& c, float neutral) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x"}));
  const DType own = c.type(x).dtype;
  Running r;
  OCTET_ASSIGN(r.result, NamedType(c, 2, own == DType::kBool ? DType::kI32 : own));
  if (c.kind().starts_with("Nan") && IsFloat(own)) {
    OCTET_ASSIGN(const Value good, c.Make("equal", {x, x}));
    OCTET_ASSIGN(x, c.Make("select_v2", {good, x, c.Scalar(neutral)}));
  }
  OCTET_ASSIGN(x, Narrowed(c, x, r.result));
  OCTET_ASSIGN(x, Widened(c, x));
  if (!c.Has("axis") && !c.kind().starts_with("TFOp")) {  // Over all numbers.
    OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector({-1})}));
  }
  OCTET_ASSIGN(r.axis, AxisOf(c, c.Int("axis", 0), c.rank(x)));
  r.x = x;
  return r;
}

Status ConvertCumsum(LayerContext& c) {
  OCTET_ASSIGN(const Running r, RunningOperand(c, 0));
  OCTET_ASSIGN(const Value y, c.Make("cumsum", {r.x, Int(c, r.axis)}, {{"exclusive", c.Bool("exclusive", false)}, {"reverse", c.Bool("reverse", false)}}));
  return Set(c, c.Cast(y, r.result));
}

// Of an axis of any size: products of 2, 4, 8, … neighbours, until those are all before each number.
Result<Value> ProductsInLoop(LayerContext& c, Value x, int axis) {
  const DType type = c.type(x).dtype;
  std::vector<int32_t> along(static_cast<size_t>(c.rank(x)), 1);
  along[static_cast<size_t>(axis)] = -1;
  const auto more = [&](const Carried& v) -> Result<Value> {
    OCTET_ASSIGN(const Value n, ops::DimensionOf(c, v[0], axis));
    return c.Make("less", {v[1], n});
  };
  const auto step = [&](const Carried& v) -> Result<Carried> {
    OCTET_ASSIGN(Value at, Positions(c, v[0], axis));
    OCTET_ASSIGN(at, c.Make("sub", {at, v[1]}));
    OCTET_ASSIGN(Value inside, c.Make("greater_equal", {at, Int(c, 0)}));
    OCTET_ASSIGN(inside, c.Make("reshape", {inside, c.Vector(along)}));
    OCTET_ASSIGN(at, c.Make("maximum", {at, Int(c, 0)}));
    OCTET_ASSIGN(Value before, c.Make("gather", {v[0], at}, {{"axis", axis}}));
    OCTET_ASSIGN(before, c.Make("select_v2", {inside, before, NumberOf(c, 1, type)}));
    OCTET_ASSIGN(const Value product, c.Make("mul", {v[0], before}));
    OCTET_ASSIGN(const Value next, c.Make("add", {v[1], v[1]}));
    return Carried{product, next};
  };
  OCTET_ASSIGN(const Carried y, Loop(c, {x, Int(c, 1)}, more, step));
  return y[0];
}

// Running product: the log's running sum would lose signs and zeros, so it is n - 1 products of slices.
Result<Value> Products(LayerContext& c, Value x, int axis) {
  constexpr int32_t kMostSlices = 256;
  const int32_t n = c.shape(x)[axis];
  if (n < 1 || n > kMostSlices) return ProductsInLoop(c, x, axis);
  OCTET_ASSIGN(std::vector<Value> parts, c.MakeMany("split", {Int(c, axis), x}, {{"num_splits", n}}, n));
  for (size_t i = 1; i < parts.size(); ++i) {
    OCTET_ASSIGN(parts[i], c.Make("mul", {parts[i - 1], parts[i]}));
  }
  return n == 1 ? Result<Value>(x) : c.Make("concatenation", parts, {{"axis", axis}});
}

// 1, then all numbers but the last: their running product is the one before each number.
Result<Value> Delayed(LayerContext& c, Value x, int axis) {
  const auto rank = static_cast<size_t>(c.rank(x)), at = static_cast<size_t>(axis);
  std::vector<int32_t> pads(2 * rank, 0), begin(rank, 0), end(rank, 0);
  pads[2 * at] = 1;
  end[at] = -1;
  OCTET_ASSIGN(const Value y, c.Make("padv2", {x, c.Constant<int32_t>(Shape{c.rank(x), 2}, pads), NumberOf(c, 1, c.type(x).dtype)}));
  const int64_t all = (int64_t{1} << rank) - 1;
  return c.Make("strided_slice", {y, c.Vector(begin), c.Vector(end), c.Vector(std::vector<int32_t>(rank, 1))},
                {{"begin_mask", all}, {"end_mask", all & ~(int64_t{1} << at)}});
}

Status ConvertCumprod(LayerContext& c) {
  OCTET_ASSIGN(const Running r, RunningOperand(c, 1));
  const bool reverse = c.Bool("reverse", false);  // TensorFlow's, as is exclusive.
  const Value along = c.Vector({r.axis});
  OCTET_ASSIGN(Value y, reverse ? c.Make("reverse_v2", {r.x, along}) : Result<Value>(r.x));
  OCTET_ASSIGN(y, c.Bool("exclusive", false) ? Delayed(c, y, r.axis) : Result<Value>(y));
  OCTET_ASSIGN(y, Products(c, y, r.axis));
  OCTET_ASSIGN(y, reverse ? c.Make("reverse_v2", {y, along}) : Result<Value>(y));
  return Set(c, c.Cast(y, r.result));
}

// x[1:] - x[:-1] along an axis
Status ConvertDiff(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", -1), c.rank(x)));
  const auto part = [&](Value v, int32_t begin, int32_t end) {
    std::vector<int32_t> from(static_cast<size_t>(c.rank(v)), 0), to(from), step(from.size(), 1);
    int64_t open = 0;
    for (int i = 0; i < c.rank(v); ++i)
      if (i != axis) open |= int64_t{1} << i;
    from[static_cast<size_t>(axis)] = begin;
    to[static_cast<size_t>(axis)] = end;
    const int64_t last = end == 0 ? int64_t{1} << axis : 0;
    return c.Make("strided_slice", {v, c.Vector(from), c.Vector(to), c.Vector(step)}, {{"begin_mask", open}, {"end_mask", open | last}});
  };
  for (int64_t n = c.Int("n", 1); n > 0; --n) {
    OCTET_ASSIGN(const Value a, part(x, 1, 0));
    OCTET_ASSIGN(const Value b, part(x, 0, -1));
    OCTET_ASSIGN(x, c.Make(c.type(x).dtype == DType::kBool ? "not_equal" : "sub", {a, b}));
  }
  return Set(c, x);
}

// (y[1:] + y[:-1]) / 2 * dx, summed
Status ConvertTrapezoid(LayerContext& c) {
  OCTET_ASSIGN(const Value y, FloatTensor(c));
  int axis = 0;
  if (!c.Get("x").is_null()) return c.Fail("equal distances", "an x", "");
  if (!ops::NormalizeAxis(c.Int("axis", -1), c.rank(y), &axis) || c.shape(y)[axis] < 1) return c.Fail("an axis of known size", c.shape(y).text(), "");
  const int32_t n = c.shape(y)[axis];
  std::vector<float> weights(static_cast<size_t>(n), static_cast<float>(c.Number("dx", 1)));
  weights.front() /= 2, weights.back() /= 2;
  std::vector<int32_t> dims(static_cast<size_t>(c.rank(y)), 1);
  dims[static_cast<size_t>(axis)] = n;
  OCTET_ASSIGN(const Value v, c.Make("mul", {y, c.Constant<float>(Shape(dims), weights)}));
  return Set(c, c.Make("sum", {v, c.Vector({axis})}, {{"keep_dims", 0}}));
}

constexpr LayerRule kRules[] = {
    {"ops.Cumsum", ConvertCumsum}, {"ops.Nancumsum", ConvertCumsum}, {"ops.Cumprod", ConvertCumprod}, {"ops.Nancumprod", ConvertCumprod},
    {"tf.math.cumsum", ConvertCumsum}, {"tf.math.cumprod", ConvertCumprod},
    {"ops.Diff", ConvertDiff}, {"ops.Trapezoid", ConvertTrapezoid}};

}  // namespace

const std::span<const LayerRule> kRunningRules = kRules;

}  // namespace octet::importers::keras
