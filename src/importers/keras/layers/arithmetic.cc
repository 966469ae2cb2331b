// SPDX-License-Identifier: Apache-2.0
// keras.ops and TensorFlow functions that compute element by element and are operators.
#include <cmath>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/counting.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/activation.h"
#include "importers/lowerings/integers.h"

namespace octet::importers::keras {
namespace {

template <OpName Op> Status Unary(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x", "features"}));
  OCTET_ASSIGN(const Value y, std::string_view(Op) == "abs" && (IsUnsigned(c.type(x).dtype) || c.type(x).dtype == DType::kBool) ? Result<Value>(x)
               : Elementwise(c, Op, std::span(&x, 1)));
  return Set(c, y);
}

// Functions whose result is a float, also of whole numbers.
template <OpName Op> Status UnaryFloat(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x", "features"}));
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  OCTET_ASSIGN(const Value y, c.Make(Op, {x}));
  c.SetOutput(0, y);
  return {};
}

// Of truth values, also where numbers are given.
template <OpName Op> Status Truth(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x"}));
  OCTET_ASSIGN(x, c.Cast(x, DType::kBool));
  Value y;
  if constexpr (std::string_view(Op) == "logical_not") {
    OCTET_ASSIGN(y, c.Make(Op, {x}));
  } else {
    OCTET_ASSIGN(const Pair p, Operands(c));
    OCTET_ASSIGN(const Value other, c.Cast(p.b, DType::kBool));
    OCTET_ASSIGN(y, c.Make(Op, {x, other}));
  }
  c.SetOutput(0, y);
  return {};
}

Status ConvertSquare(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x"}));
  OCTET_ASSIGN(x, c.type(x).dtype == DType::kBool ? c.Cast(x, DType::kI32) : Result<Value>(x));
  OCTET_ASSIGN(const Value y, c.type(x).dtype == DType::kF32 ? c.Make("square", {x}) : c.Make("mul", {x, x}));
  c.SetOutput(0, y);
  return {};
}

// To decimal places; below zero: to tens, hundreds, also of whole numbers.
Status ConvertRound(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  const int64_t places = c.Int("decimals", 0);
  const DType own = c.type(x).dtype;
  if (places > 38 || places < -38) return c.Fail("-38 to 38 decimals", std::to_string(places), "");
  if (own != DType::kF32 && places >= 0) return Set(c, x);
  const auto factor = static_cast<float>(std::pow(10.0, static_cast<double>(places)));
  OCTET_ASSIGN(Value y, c.Cast(x, DType::kF32));
  if (places != 0) {
    OCTET_ASSIGN(y, Times(c, y, factor));
  }
  OCTET_ASSIGN(y, c.Make("round", {y}));
  if (places != 0) {
    OCTET_ASSIGN(y, c.Make("div", {y, c.Scalar(factor)}));
  }
  return Set(c, Narrowed(c, y, own));
}

template <OpName Op, Literals Numbers = Literals::kFollow> Status Binary(LayerContext& c) {
  OCTET_ASSIGN(Pair p, Operands(c, Numbers));
  if (std::string_view(Op) == "floor_mod" && c.type(p.a).dtype == DType::kBool) {
    OCTET_ASSIGN(p.a, c.Cast(p.a, DType::kI32));
    OCTET_ASSIGN(p.b, c.Cast(p.b, DType::kI32));
  }
  const Value operands[] = {p.a, p.b};
  return Set(c, Elementwise(c, Op, operands));
}

template <OpName Op> constexpr auto kCompared = Binary<Op, Literals::kOwn>;

template <OpName Op> Status Divided(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, FloatOperands(c));
  OCTET_ASSIGN(const Value y, c.Make(Op, {p.a, p.b}));
  c.SetOutput(0, y);
  return {};
}

Status ConvertClip(LayerContext& c) {
  OCTET_ASSIGN(Value y, Operand(c, 0, {"x", "t"}));
  OCTET_ASSIGN(y, c.type(y).dtype == DType::kBool ? c.Cast(y, DType::kI32) : Result<Value>(y));
  const DType like = c.type(y).dtype;
  OCTET_ASSIGN(const Value low, Operand(c, 1, {"x_min", "clip_value_min"}, like));
  OCTET_ASSIGN(const Value high, Operand(c, 2, {"x_max", "clip_value_max"}, like));
  OCTET_ASSIGN(y, c.Make("minimum", {y, high}));
  OCTET_ASSIGN(y, c.Make("maximum", {y, low}));
  c.SetOutput(0, y);
  return {};
}

Status ConvertWhere(LayerContext& c) {
  const auto given = [&](int position, const char* name) {
    const Argument* a = FindArgument(c, position, {name});
    return a && (c.TensorOf(a) || !LiteralOf(c, position, {name}).is_null());
  };
  if (!c.kind().starts_with("TFOp") && !given(1, "x1") && !given(2, "x2")) return ConvertNonzero(c);
  if (c.kind().starts_with("TFOp") && !given(1, "x") && !given(2, "y")) {  // The places of what is true: [n, rank].
    OCTET_ASSIGN(Value truths, Operand(c, 0, {"condition"}, DType::kBool));
    OCTET_ASSIGN(truths, c.Cast(truths, DType::kBool));
    return Set(c, c.EmitAs("where", std::span(&truths, 1), nullptr, {DType::kI64, Shape{kUnknown, c.rank(truths)}, {}}));
  }
  OCTET_ASSIGN(Value condition, Operand(c, 0, {"condition"}, DType::kBool));
  OCTET_ASSIGN(condition, c.Cast(condition, DType::kBool));
  OCTET_ASSIGN(const Pair p, OperandsAt(c, 1, Literals::kFollow));
  OCTET_ASSIGN(const Value z, c.Make("select_v2", {condition, p.a, p.b}));
  c.SetOutput(0, z);
  return {};
}

constexpr LayerRule kRules[] = {
    {"ops.Absolute", Unary<"abs">}, {"ops.Abs", Unary<"abs">}, {"ops.Negative", Unary<"neg">},
    {"tf.math.negative", Unary<"neg">}, {"tf.math.exp", Unary<"exp">}, {"tf.math.log", Unary<"log">}, {"tf.math.sqrt", Unary<"sqrt">},
    {"tf.math.rsqrt", Unary<"rsqrt">}, {"tf.math.floor", Unary<"floor">}, {"tf.math.ceil", Unary<"ceil">}, {"tf.math.round", Unary<"round">},
    {"tf.math.rint", Unary<"round">},
    {"tf.math.sin", Unary<"sin">}, {"tf.math.cos", Unary<"cos">}, {"tf.math.logical_not", Unary<"logical_not">}, {"ops.Exp", UnaryFloat<"exp">},
    {"ops.Log", UnaryFloat<"log">}, {"ops.Sqrt", UnaryFloat<"sqrt">}, {"ops.Rsqrt", UnaryFloat<"rsqrt">}, {"ops.Floor", UnaryFloat<"floor">},
    {"ops.Ceil", UnaryFloat<"ceil">}, {"ops.Sin", UnaryFloat<"sin">}, {"ops.Cos", UnaryFloat<"cos">}, {"ops.Square", ConvertSquare},
    {"tf.math.square", ConvertSquare}, {"ops.Round", ConvertRound}, {"ops.Add", Binary<"add">}, {"tf.math.add", Binary<"add">},
    {"tf.__operators__.add", Binary<"add">}, {"ops.Subtract", Binary<"sub">}, {"tf.math.subtract", Binary<"sub">}, {"ops.Multiply", Binary<"mul">},
    {"tf.math.multiply", Binary<"mul">}, {"ops.FloorDivide", Binary<"floor_div">}, {"tf.math.floordiv", Binary<"floor_div">},
    {"ops.Mod", Binary<"floor_mod", Literals::kOwn>}, {"tf.math.floormod", Binary<"floor_mod">}, {"tf.compat.v1.floor_div", Binary<"floor_div">},
    {"ops.Power", Binary<"pow">}, {"tf.math.pow", Binary<"pow">},
    {"ops.Maximum", Binary<"maximum">}, {"tf.math.maximum", Binary<"maximum">}, {"ops.Minimum", Binary<"minimum">}, {"tf.math.minimum", Binary<"minimum">},
    {"ops.Fmax", Binary<"maximum">}, {"ops.Fmin", Binary<"minimum">}, {"tf.math.squared_difference", Binary<"squared_difference">},
    {"tf.math.equal", Binary<"equal">}, {"tf.math.not_equal", Binary<"not_equal">}, {"tf.math.greater", Binary<"greater">},
    {"tf.math.greater_equal", Binary<"greater_equal">}, {"tf.math.less", Binary<"less">}, {"tf.math.less_equal", Binary<"less_equal">},
    {"tf.math.logical_and", Binary<"logical_and">}, {"tf.math.logical_or", Binary<"logical_or">}, {"ops.Equal", kCompared<"equal">},
    {"ops.NotEqual", kCompared<"not_equal">}, {"ops.Greater", kCompared<"greater">}, {"ops.GreaterEqual", kCompared<"greater_equal">},
    {"ops.Less", kCompared<"less">}, {"ops.LessEqual", kCompared<"less_equal">}, {"ops.Divide", Divided<"div">}, {"ops.TrueDivide", Divided<"div">},
    {"tf.math.truediv", Divided<"div">}, {"tf.math.divide", Divided<"div">}, {"ops.LogicalNot", Truth<"logical_not">}, {"ops.LogicalAnd", Truth<"logical_and">},
    {"ops.LogicalOr", Truth<"logical_or">}, {"ops.Clip", ConvertClip}, {"tf.clip_by_value", ConvertClip}, {"ops.Where", ConvertWhere},
    {"tf.where", ConvertWhere}};

}  // namespace

const std::span<const LayerRule> kArithmeticRules = kRules;

}  // namespace octet::importers::keras
