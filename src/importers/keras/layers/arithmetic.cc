// SPDX-License-Identifier: Apache-2.0
// keras.ops and TensorFlow functions that compute: element by element, over axes, and products.
#include <algorithm>
#include <cmath>
#include <limits>

#include "importers/keras/builder.h"
#include "importers/keras/layers/functions.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/activation.h"
#include "importers/lowerings/einsum.h"
#include "importers/lowerings/function.h"
#include "importers/lowerings/integers.h"
#include "ops/shape_util.h"

namespace octet::importers::keras {
namespace {

// An operator's or activation's name as a template argument.
template <size_t N> struct Text {
  char text[N];
  constexpr Text(const char (&s)[N]) { std::copy_n(s, N, text); }
  constexpr operator std::string_view() const { return {text, N - 1}; }
};

template <Text Op> Status Unary(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x", "features"}));
  OCTET_ASSIGN(const Value y, std::string_view(Op) == "abs" && (IsUnsigned(c.type(x).dtype) || c.type(x).dtype == DType::kBool) ? Result<Value>(x) : Elementwise(c, Op, std::span(&x, 1)));
  return Set(c, y);
}

// Functions whose result is a float, also of whole numbers.
template <Text Op> Status UnaryFloat(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x", "features"}));
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  OCTET_ASSIGN(const Value y, c.Make(Op, {x}));
  c.SetOutput(0, y);
  return {};
}

// Of truth values, also where numbers are given.
template <Text Op> Status Truth(LayerContext& c) {
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

template <Text Name> Status Activated(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x", "features", "logits"}));
  const bool stays = std::string_view(Name) == "relu";
  OCTET_ASSIGN(x, stays ? Result<Value>(x) : c.Cast(x, DType::kF32));
  return Set(c, c.ApplyActivation(x, Json(std::string(Name))));
}

// Of whole numbers without the operator, whose integers are quantized.
Status ConvertRelu6(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x", "features"}));
  const DType own = c.type(x).dtype;
  if (own == DType::kF32) return Set(c, c.Make("relu6", {x}));
  OCTET_ASSIGN(x, c.Make("maximum", {x, NumberOf(c, 0, own)}));
  return Set(c, c.Make("minimum", {x, NumberOf(c, 6, own)}));
}

Status ConvertLogSoftmax(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x", "logits"}));
  const int64_t axis = c.Int("axis", -1);
  int at = 0;
  if (!ops::NormalizeAxis(axis, c.rank(x), &at)) return c.Fail("an axis inside the rank", std::to_string(axis), "");
  if (at == c.rank(x) - 1) return Activated<"log_softmax">(c);
  OCTET_ASSIGN(const Value y, LogSoftmax(c, x, at));
  c.SetOutput(0, y);
  return {};
}

template <Text Op, Literals Numbers = Literals::kFollow> Status Binary(LayerContext& c) {
  OCTET_ASSIGN(Pair p, Operands(c, Numbers));
  if (std::string_view(Op) == "floor_mod" && c.type(p.a).dtype == DType::kBool) {
    OCTET_ASSIGN(p.a, c.Cast(p.a, DType::kI32));
    OCTET_ASSIGN(p.b, c.Cast(p.b, DType::kI32));
  }
  const Value operands[] = {p.a, p.b};
  return Set(c, Elementwise(c, Op, operands));
}
template <Text Op> constexpr auto kCompared = Binary<Op, Literals::kOwn>;

template <Text Op> Status Divided(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, FloatOperands(c));
  OCTET_ASSIGN(const Value y, c.Make(Op, {p.a, p.b}));
  c.SetOutput(0, y);
  return {};
}

template <Text Op> Status Reduced(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x", "input_tensor"}));
  if (c.kind() == "Mean") {  // Of keras.ops: a float, whatever the numbers are.
    OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  }
  const DType own = c.type(x).dtype;
  const bool sums = c.kind() == "Sum" || c.kind() == "Prod" || c.kind() == "Nansum" || c.kind() == "Nanprod";
  OCTET_ASSIGN(const DType result, sums ? NamedType(c, -1, SumType(own)) : Result<DType>(own));
  if (sums) {  // A sum of uint32 has the bits of one of int32.
    OCTET_ASSIGN(x, c.Cast(x, result == DType::kU32 ? DType::kI32 : result));
  }
  if (std::string_view(Op) == "reduce_any" || std::string_view(Op) == "reduce_all") {
    OCTET_ASSIGN(x, c.Cast(x, DType::kBool));
  }
  std::vector<int64_t> axes;
  std::vector<int32_t> list;
  if (IntsOf(LiteralOf(c, 1, {"axis"}), &axes)) list.assign(axes.begin(), axes.end());
  else
    for (int i = 0; i < c.rank(x); ++i) list.push_back(i);
  OCTET_ASSIGN(Value y, c.Make(Op, {x, c.Vector(list)}, {{"keep_dims", c.Get("keepdims").boolean()}}));
  if (const Json& initial = c.Get("initial"); initial.is_number()) {
    OCTET_ASSIGN(y, Widened(c, y));
    OCTET_ASSIGN(y, c.Make(std::string_view(Op) == "reduce_min" ? "minimum" : "maximum", {y, NumberOf(c, initial.number(), c.type(y).dtype)}));
    OCTET_ASSIGN(y, c.Cast(y, own));
  }
  return Set(c, sums ? c.Cast(y, result) : Result<Value>(y));
}

// Whole numbers are all numbers.
template <Text Op> Status NanReduced(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  return IsFloat(c.type(x).dtype) ? ConvertNanReduction(c) : Reduced<Op>(c);
}

Status ConvertMatmul(LayerContext& c) {
  OCTET_ASSIGN(Factors p, ProductOperands(c));
  bool bytes = c.rank(p.a) > 1 && c.rank(p.b) > 1;
  for (int i = 0; i < c.num_inputs(); ++i) bytes &= c.type(c.Input(i)).dtype == DType::kI8;
  if (bytes) p.result = DType::kI32;  // Only of such matrices.
  if (c.rank(p.a) >= 2 && c.rank(p.b) == 1) {  // With a vector: one column, dropped again.
    const int32_t last = c.rank(p.a) - 1;
    OCTET_ASSIGN(p.b, c.Make("expand_dims", {p.b, c.Vector({1})}));
    OCTET_ASSIGN(Value y, c.Make("batch_matmul", {p.a, p.b}));
    OCTET_ASSIGN(y, c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{last}}}));
    return Set(c, Narrowed(c, y, p.result));
  }
  if (c.rank(p.a) < 2 || c.rank(p.b) < 2) return c.Fail("matrices", c.shape(p.a).text() + " and " + c.shape(p.b).text(), "reshape the operands");
  OCTET_ASSIGN(const Value y, c.Make("batch_matmul", {p.a, p.b}, {{"adj_x", c.Get("transpose_a").boolean()}, {"adj_y", c.Get("transpose_b").boolean()}}));
  return Set(c, Narrowed(c, y, p.result));
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

// x > threshold ? x : value
Status ConvertThreshold(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  const DType own = c.type(x).dtype;
  OCTET_ASSIGN(Value threshold, Operand(c, 1, {"threshold"}, own));
  OCTET_ASSIGN(Value other, Operand(c, 2, {"default_value"}, own));
  OCTET_ASSIGN(threshold, c.Cast(threshold, own));
  OCTET_ASSIGN(other, c.Cast(other, own));
  OCTET_ASSIGN(const Value above, c.Make("greater", {x, threshold}));
  OCTET_ASSIGN(const Value y, c.Make("select_v2", {above, x, other}));
  c.SetOutput(0, y);
  return {};
}

Status ConvertWhere(LayerContext& c) {
  OCTET_ASSIGN(Value condition, Operand(c, 0, {"condition"}, DType::kBool));
  OCTET_ASSIGN(condition, c.Cast(condition, DType::kBool));
  OCTET_ASSIGN(const Pair p, OperandsAt(c, 1, Literals::kFollow));
  OCTET_ASSIGN(const Value z, c.Make("select_v2", {condition, p.a, p.b}));
  c.SetOutput(0, z);
  return {};
}

Status ConvertSoftmax(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x", "logits"}));
  const auto last = c.rank(x) - 1;
  const auto axis = static_cast<int>(c.Int("axis", -1) < 0 ? c.Int("axis", -1) + c.rank(x) : c.Int("axis", -1));
  if (axis < 0 || axis > last) return c.Fail("an axis inside the rank", std::to_string(c.Int("axis", -1)), "");
  std::vector<int32_t> order;  // That axis and the last one change places.
  for (int i = 0; i <= last; ++i) order.push_back(i == axis ? last : i == last ? axis : i);
  OCTET_ASSIGN(Value y, axis == last ? Result<Value>(x) : c.Make("transpose", {x, c.Vector(order)}));
  OCTET_ASSIGN(y, c.Make("softmax", {y}, {{"beta", 1.0}}));
  if (axis != last) {
    OCTET_ASSIGN(y, c.Make("transpose", {y, c.Vector(order)}));
  }
  c.SetOutput(0, y);
  return {};
}

Status ConvertLeakyRelu(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x", "features"}));
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  const double slope = c.Has("negative_slope") ? c.Number("negative_slope", 0.2) : c.Number("alpha", 0.2);
  OCTET_ASSIGN(const Value y, c.Make("leaky_relu", {x}, {{"alpha", slope}}));
  c.SetOutput(0, y);
  return {};
}

// The place of the largest or least number; keras.ops: over all numbers where no axis is named.
template <Text Op> Status ConvertArg(LayerContext& c) {
  constexpr float kBeyond = std::string_view(Op) == "arg_max" ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity();
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x", "input"}));
  const bool whole = !c.Has("axis") && !c.kind().starts_with("TFOp"), keeps = c.Bool("keepdims", false);
  const std::vector<int32_t> ones(static_cast<size_t>(c.rank(x)), 1);
  if (whole) {
    OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector({-1})}));
  }
  const auto axis = static_cast<int32_t>(c.Int("axis", 0));
  Value numbers;  // Where some may be none.
  if (c.kind().starts_with("Nan") && IsFloat(c.type(x).dtype)) {
    OCTET_ASSIGN(numbers, c.Make("equal", {x, x}));
    OCTET_ASSIGN(x, c.Make("select_v2", {numbers, x, c.Scalar(kBeyond)}));
  }
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));  // As Keras compares.
  OCTET_ASSIGN(Value y, c.Make(Op, {x, Int(c, axis)}, {{"output_type", static_cast<int64_t>(DType::kI32)}}));
  if (numbers) {
    OCTET_ASSIGN(numbers, c.Make("reduce_any", {numbers, c.Vector({axis})}, {{"keep_dims", 0}}));
    OCTET_ASSIGN(y, c.Make("select_v2", {numbers, y, Int(c, -1)}));
  }
  if (keeps) {
    OCTET_ASSIGN(y, whole ? c.Make("reshape", {y, c.Vector(ones)}) : c.Make("expand_dims", {y, c.Vector({axis})}));
  }
  return Set(c, y);
}

Status ConvertEinsum(LayerContext& c) {
  std::vector<Value> operands;
  DType result = DType::kBool;
  bool bytes = true;
  for (int i = 0; c.Positional(static_cast<size_t>(i)); ++i) {
    OCTET_ASSIGN(const Value operand, Operand(c, i, {}));
    const DType own = c.type(operand).dtype;
    result = CommonType(result, own);
    bytes &= own == DType::kI8;
    OCTET_ASSIGN(operands.emplace_back(), c.Cast(operand, DType::kF32));
  }
  OCTET_ASSIGN(const Value y, Einsum(c, c.Text("subscripts", ""), operands));
  return Set(c, Narrowed(c, y, bytes ? DType::kI32 : result));
}

// v / |v| along `axis`.
Result<Value> Normalized(LayerContext& c, Value v, int axis) {
  if (axis == c.rank(v) - 1) return c.Make("l2_normalization", {v});
  OCTET_ASSIGN(Value norm, c.Make("mul", {v, v}));
  OCTET_ASSIGN(norm, c.Make("sum", {norm, c.Vector({axis})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(norm, c.Make("maximum", {norm, c.Scalar(1e-12f)}));  // Keras' epsilon.
  OCTET_ASSIGN(norm, c.Make("rsqrt", {norm}));
  return c.Make("mul", {v, norm});
}

// Keras' Dot: both inputs contract one axis each; the batch runs along. Two vectors keep one axis of 1.
Status ConvertDot(LayerContext& c) {
  if (c.num_inputs() != 2) return c.Fail("two inputs", std::to_string(c.num_inputs()), "connect two layers");
  Value side[2] = {c.Input(0), c.Input(1)};
  std::vector<int64_t> axes = c.Ints("axes", {-1});
  if (axes.size() == 1) axes.push_back(axes[0]);
  std::string labels[2], result = "b";
  char next = 'd';
  for (int i = 0; i < 2; ++i) {
    const auto at = static_cast<size_t>(i);
    const int rank = c.rank(side[i]);
    int axis = 0;
    if (axes.size() != 2 || rank < 2 || rank > 8 || !ops::NormalizeAxis(axes[at], rank, &axis) || axis == 0)
      return c.Fail("axes of both inputs that are not the batch", c.shape(side[i]).text(), "permute the inputs");
    if (c.Bool("normalize", false)) {
      OCTET_ASSIGN(side[i], Normalized(c, side[i], axis));
    }
    labels[i] = "b";
    for (int k = 1; k < rank; ++k) labels[i] += k == axis ? 'c' : next++;
    for (const char l : labels[i])
      if (l != 'b' && l != 'c') result += l;
  }
  OCTET_ASSIGN(Value y, Einsum(c, labels[0] + "," + labels[1] + "->" + result, side));
  if (result == "b") {
    OCTET_ASSIGN(y, c.Make("reshape", {y, c.Vector({c.shape(y)[0], 1})}));
  }
  c.SetOutput(0, y);
  return {};
}

constexpr LayerRule kRules[] = {
    {"Dot", ConvertDot},
    {"ops.Absolute", Unary<"abs">}, {"ops.Abs", Unary<"abs">}, {"tf.math.abs", Unary<"abs">},
    {"ops.Negative", Unary<"neg">}, {"tf.math.negative", Unary<"neg">},
    {"ops.Exp", UnaryFloat<"exp">}, {"tf.math.exp", Unary<"exp">},
    {"ops.Log", UnaryFloat<"log">}, {"tf.math.log", Unary<"log">},
    {"ops.Sqrt", UnaryFloat<"sqrt">}, {"tf.math.sqrt", Unary<"sqrt">},
    {"ops.Rsqrt", UnaryFloat<"rsqrt">}, {"tf.math.rsqrt", Unary<"rsqrt">},
    {"ops.Square", ConvertSquare}, {"tf.math.square", ConvertSquare},
    {"ops.Floor", UnaryFloat<"floor">}, {"tf.math.floor", Unary<"floor">},
    {"ops.Ceil", UnaryFloat<"ceil">}, {"tf.math.ceil", Unary<"ceil">},
    {"ops.Round", ConvertRound}, {"tf.math.round", Unary<"round">},
    {"ops.Sin", UnaryFloat<"sin">}, {"tf.math.sin", Unary<"sin">},
    {"ops.Cos", UnaryFloat<"cos">}, {"tf.math.cos", Unary<"cos">},
    {"ops.LogicalNot", Truth<"logical_not">}, {"tf.math.logical_not", Unary<"logical_not">},
    {"ops.Relu", Activated<"relu">}, {"tf.nn.relu", Activated<"relu">},
    {"ops.Relu6", ConvertRelu6}, {"tf.nn.relu6", ConvertRelu6},
    {"ops.Sigmoid", Activated<"sigmoid">}, {"tf.math.sigmoid", Activated<"sigmoid">},
    {"ops.Tanh", Activated<"tanh">}, {"tf.math.tanh", Activated<"tanh">},
    {"ops.Silu", Activated<"silu">}, {"tf.nn.silu", Activated<"silu">},
    {"tf.nn.gelu", Activated<"gelu">},
    {"tf.nn.elu", Activated<"elu">},
    {"ops.Selu", Activated<"selu">}, {"tf.nn.selu", Activated<"selu">},
    {"ops.Softplus", Activated<"softplus">}, {"tf.math.softplus", Activated<"softplus">},
    {"ops.Softsign", Activated<"softsign">}, {"tf.nn.softsign", Activated<"softsign">},
    {"ops.HardSigmoid", Activated<"hard_sigmoid">}, {"ops.HardSilu", Activated<"hard_silu">},
    {"ops.LogSoftmax", ConvertLogSoftmax}, {"ops.LogSigmoid", Activated<"log_sigmoid">}, {"ops.Mish", Activated<"mish">},
    {"ops.SparsePlus", Activated<"sparse_plus">}, {"ops.SparseSigmoid", Activated<"sparse_sigmoid">}, {"ops.TanhShrink", Activated<"tanh_shrink">},
    {"ops.LeakyRelu", ConvertLeakyRelu}, {"tf.nn.leaky_relu", ConvertLeakyRelu},
    {"ops.Softmax", ConvertSoftmax}, {"tf.nn.softmax", ConvertSoftmax},
    {"ops.Add", Binary<"add">}, {"tf.math.add", Binary<"add">}, {"tf.__operators__.add", Binary<"add">},
    {"ops.Subtract", Binary<"sub">}, {"tf.math.subtract", Binary<"sub">},
    {"ops.Multiply", Binary<"mul">}, {"tf.math.multiply", Binary<"mul">},
    {"ops.Divide", Divided<"div">}, {"ops.TrueDivide", Divided<"div">}, {"tf.math.truediv", Divided<"div">}, {"tf.math.divide", Divided<"div">},
    {"ops.FloorDivide", Binary<"floor_div">}, {"tf.math.floordiv", Binary<"floor_div">},
    {"ops.Mod", Binary<"floor_mod", Literals::kOwn>}, {"tf.math.floormod", Binary<"floor_mod">},
    {"ops.Power", Binary<"pow">}, {"tf.math.pow", Binary<"pow">},
    {"ops.Maximum", Binary<"maximum">}, {"tf.math.maximum", Binary<"maximum">},
    {"ops.Minimum", Binary<"minimum">}, {"tf.math.minimum", Binary<"minimum">},
    {"ops.Fmax", Binary<"maximum">}, {"ops.Fmin", Binary<"minimum">}, {"tf.math.squared_difference", Binary<"squared_difference">},
    {"ops.Equal", kCompared<"equal">}, {"tf.math.equal", Binary<"equal">},
    {"ops.NotEqual", kCompared<"not_equal">}, {"tf.math.not_equal", Binary<"not_equal">},
    {"ops.Greater", kCompared<"greater">}, {"tf.math.greater", Binary<"greater">},
    {"ops.GreaterEqual", kCompared<"greater_equal">}, {"tf.math.greater_equal", Binary<"greater_equal">},
    {"ops.Less", kCompared<"less">}, {"tf.math.less", Binary<"less">},
    {"ops.LessEqual", kCompared<"less_equal">}, {"tf.math.less_equal", Binary<"less_equal">},
    {"ops.LogicalAnd", Truth<"logical_and">}, {"tf.math.logical_and", Binary<"logical_and">},
    {"ops.LogicalOr", Truth<"logical_or">}, {"tf.math.logical_or", Binary<"logical_or">},
    {"ops.Mean", Reduced<"mean">}, {"tf.math.reduce_mean", Reduced<"mean">},
    {"ops.Sum", Reduced<"sum">}, {"tf.math.reduce_sum", Reduced<"sum">},
    {"ops.Max", Reduced<"reduce_max">}, {"ops.Amax", Reduced<"reduce_max">}, {"tf.math.reduce_max", Reduced<"reduce_max">},
    {"ops.Min", Reduced<"reduce_min">}, {"ops.Amin", Reduced<"reduce_min">}, {"tf.math.reduce_min", Reduced<"reduce_min">},
    {"ops.Prod", Reduced<"reduce_prod">}, {"tf.math.reduce_prod", Reduced<"reduce_prod">},
    {"ops.Nansum", NanReduced<"sum">}, {"ops.Nanprod", NanReduced<"reduce_prod">}, {"ops.Nanmax", NanReduced<"reduce_max">},
    {"ops.Nanmin", NanReduced<"reduce_min">},
    {"ops.Any", Reduced<"reduce_any">}, {"ops.All", Reduced<"reduce_all">},
    {"ops.Matmul", ConvertMatmul}, {"tf.linalg.matmul", ConvertMatmul},
    {"ops.Einsum", ConvertEinsum}, {"ops.Clip", ConvertClip}, {"tf.clip_by_value", ConvertClip},
    {"ops.Threshold", ConvertThreshold}, {"ops.Where", ConvertWhere}, {"tf.where", ConvertWhere},
    {"ops.Argmax", ConvertArg<"arg_max">}, {"tf.math.argmax", ConvertArg<"arg_max">}, {"ops.Argmin", ConvertArg<"arg_min">},
    {"ops.Nanargmax", ConvertArg<"arg_max">}, {"ops.Nanargmin", ConvertArg<"arg_min">},
};

}  // namespace

const std::span<const LayerRule> kArithmeticRules = kRules;

}  // namespace octet::importers::keras
