// SPDX-License-Identifier: Apache-2.0
// Element-wise operators that take several of the .tflite's, or have their cases.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "importers/lowerings/function.h"
#include "importers/lowerings/integers.h"
#include "importers/onnx/builder.h"
#include "importers/onnx/rules.h"
#include "ops/binary_util.h"

namespace octet::importers::onnx {
namespace {

float F(const NodeContext& c, std::string_view key, double fallback) { return static_cast<float>(c.Number(key, fallback)); }
bool IsInteger(DType t) { return !IsFloat(t) && t != DType::kBool; }

template <Result<Value> (*Fn)(Lowering&, Value)> Status Unary(NodeContext& c) { return Set(c, Fn(c, c.Input(0))); }

// Limits that an activation operator has become that one; then it fuses into what comes before.
Status ConvertClip(NodeContext& c) {
  Value x = c.Input(0);
  const bool inputs = c.num_inputs() > 1;
  const std::vector<float> low = c.Input(1) ? c.FloatsOf(c.Input(1)) : std::vector<float>(), high = c.Input(2) ? c.FloatsOf(c.Input(2)) : std::vector<float>();
  const bool has_low = inputs ? static_cast<bool>(c.Input(1)) : c.Has("min"), has_high = inputs ? static_cast<bool>(c.Input(2)) : c.Has("max");
  const bool known = (!c.Input(1) || low.size() == 1) && (!c.Input(2) || high.size() == 1);
  if (known && c.type(x).dtype == DType::kF32) {
    const float most = std::numeric_limits<float>::max();
    float a = inputs ? (low.empty() ? -most : low[0]) : F(c, "min", -static_cast<double>(most));
    float b = inputs ? (high.empty() ? most : high[0]) : F(c, "max", static_cast<double>(most));
    if (a == 0 && b == 6) return Set(c, c.Emit("relu6", {x}));
    if (a == -1 && b == 1) return Set(c, c.Emit("relu_n1_to_1", {x}));
    if (a == 0 && b >= most) return Set(c, c.Emit("relu", {x}));
    if (a > -most) {
      OCTET_ASSIGN(x, c.Emit("maximum", {x, c.Scalar(a)}));
    }
    if (b < most) {
      OCTET_ASSIGN(x, c.Emit("minimum", {x, c.Scalar(b)}));
    }
    c.SetOutput(0, x);
    return {};
  }
  if (has_low) {
    OCTET_ASSIGN(x, c.Emit("maximum", {x, c.Input(1)}));
  }
  if (has_high) {
    OCTET_ASSIGN(x, c.Emit("minimum", {x, c.Input(2)}));
  }
  c.SetOutput(0, x);
  return {};
}

Status ConvertElu(NodeContext& c) {
  const float alpha = F(c, "alpha", 1.0);
  return Set(c, alpha == 1.0f ? c.Emit("elu", {c.Input(0)}) : ScaledElu(c, c.Input(0), 1.0f, alpha));
}
Status ConvertSelu(NodeContext& c) { return Set(c, ScaledElu(c, c.Input(0), F(c, "gamma", 1.0507010221481323), F(c, "alpha", 1.6732631921768188))); }

// x > 0 ? x : alpha * (e^(x/alpha) - 1)
Status ConvertCelu(NodeContext& c) {
  const float alpha = F(c, "alpha", 1.0);
  OCTET_ASSIGN(const Value positive, c.Emit("relu", {c.Input(0)}));
  OCTET_ASSIGN(Value v, c.Emit("minimum", {c.Input(0), c.Scalar(0)}));
  OCTET_ASSIGN(v, Times(c, v, 1.0f / alpha));
  OCTET_ASSIGN(v, c.Emit("elu", {v}));
  OCTET_ASSIGN(v, Times(c, v, alpha));
  return Set(c, c.Emit("add", {positive, v}));
}

// clip(alpha*x + beta, 0, 1) = relu6(6*alpha*x + 6*beta) / 6: a fused activation.
Status ConvertHardSigmoid(NodeContext& c) {
  OCTET_ASSIGN(Value v, Times(c, c.Input(0), 6.0f * F(c, "alpha", 0.2)));
  OCTET_ASSIGN(v, Plus(c, v, 6.0f * F(c, "beta", 0.5)));
  OCTET_ASSIGN(v, c.Emit("relu6", {v}));
  return Set(c, Times(c, v, 1.0f / 6.0f));
}

Status ConvertThresholdedRelu(NodeContext& c) { return Set(c, ThresholdedRelu(c, c.Input(0), F(c, "alpha", 1.0))); }

// x < -lambda ? x + bias : x > lambda ? x - bias : 0
Status ConvertShrink(NodeContext& c) {
  const float lambda = F(c, "lambd", 0.5), bias = F(c, "bias", 0.0);
  const DType own = c.type(c.Input(0)).dtype;
  OCTET_ASSIGN(const Value x, c.Cast(c.Input(0), DType::kF32));
  OCTET_ASSIGN(const Value below, c.Emit("less", {x, c.Scalar(-lambda)}));
  OCTET_ASSIGN(const Value above, c.Emit("greater", {x, c.Scalar(lambda)}));
  OCTET_ASSIGN(const Value up, Plus(c, x, bias));
  OCTET_ASSIGN(const Value down, Plus(c, x, -bias));
  OCTET_ASSIGN(Value y, c.Emit("select_v2", {above, down, c.Scalar(0)}));
  OCTET_ASSIGN(y, c.Emit("select_v2", {below, up, y}));
  return Set(c, c.Cast(y, own));
}

// slope per channel (axis 1 in ONNX); the operator has alpha over the last dimensions.
Status ConvertPrelu(NodeContext& c) {
  const Value x = c.Input(0), slope = c.Input(1);
  const std::vector<float> v = c.FloatsOf(slope);
  if (v.size() == 1) return Set(c, c.Make("leaky_relu", {x}, {{"alpha", static_cast<double>(v[0])}}));
  if (c.type(x).dtype != DType::kF32) {
    OCTET_ASSIGN(const Value zero, c.Cast(c.Scalar(0), c.type(x).dtype));
    OCTET_ASSIGN(const Value below, c.Emit("less", {x, zero}));
    OCTET_ASSIGN(const Value scaled, c.Emit("mul", {x, slope}));
    return Set(c, c.Emit("select_v2", {below, scaled, x}));
  }
  const Shape s = c.shape(slope), in = c.shape(x);
  Shape alpha;  // Of the input's rank without the batch.
  for (int i = 1; i < in.rank(); ++i) alpha.push_back(i - (in.rank() - s.rank()) < 0 ? 1 : s[i - (in.rank() - s.rank())]);
  const bool fits = s.rank() < in.rank() || s[0] == 1;
  if (fits && in.rank() > 1 && c.is_constant(slope)) {
    OCTET_ASSIGN(const Value a, c.Reshape(slope, alpha));
    return Set(c, c.Emit("prelu", {x, a}));
  }
  OCTET_ASSIGN(const Value positive, c.Emit("relu", {x}));
  OCTET_ASSIGN(Value negative, c.Emit("minimum", {x, c.Scalar(0)}));
  OCTET_ASSIGN(negative, c.Emit("mul", {negative, slope}));
  return Set(c, c.Emit("add", {positive, negative}));
}

// Integers are divided towards zero. Neither LiteRT's div nor its floor_div has 64 bits: what counts (dimensions, and what is computed from them)
// fits 32, other numbers are divided in steps.
Status ConvertDiv(NodeContext& c) {
  const Value x = c.Input(0), y = c.Input(1);
  const DType t = c.type(x).dtype;
  if (!IsInteger(t)) return Set(c, c.Emit("div", {x, y}));
  const bool counts = c.builder().IsNeverNegative(x) && c.builder().IsNeverNegative(y);
  if (t == DType::kI64 && !counts) return Set(c, Elementwise(c, "div", std::array{x, y}));
  OCTET_ASSIGN(const Value a, c.Cast(x, DType::kI32));
  OCTET_ASSIGN(const Value b, c.Cast(y, DType::kI32));
  OCTET_ASSIGN(const Value q, c.Emit("div", {a, b}));
  return Set(c, c.Cast(q, t));
}

// fmod = 0: the sign of the divisor; fmod = 1: that of the dividend, x - b*trunc(x/b).
Status ConvertMod(NodeContext& c) {
  const DType t = c.type(c.Input(0)).dtype;
  const DType wide = IsFloat(t) || t == DType::kI64 ? t : DType::kI32;
  OCTET_ASSIGN(const Value a, c.Cast(c.Input(0), wide));
  OCTET_ASSIGN(const Value b, c.Cast(c.Input(1), wide));
  if (!c.Bool("fmod", false)) {
    OCTET_ASSIGN(const Value m, c.Emit("floor_mod", {a, b}));
    return Set(c, c.Cast(m, t));
  }
  OCTET_ASSIGN(const Value size, c.Emit("abs", {a}));
  OCTET_ASSIGN(const Value by, c.Emit("abs", {b}));
  OCTET_ASSIGN(const Value m, c.Emit("floor_mod", {size, by}));
  OCTET_ASSIGN(const Value zero, c.Cast(c.Scalar(0), wide));
  OCTET_ASSIGN(const Value negative, c.Emit("less", {a, zero}));
  OCTET_ASSIGN(const Value minus, c.Emit("sub", {zero, m}));
  OCTET_ASSIGN(const Value y, c.Emit("select_v2", {negative, minus, m}));
  return Set(c, c.Cast(y, t));
}

// The exponent takes the base's type; constant exponents that others compute better.
Status ConvertPow(NodeContext& c) {
  const Value x = c.Input(0);
  const std::vector<float> e = c.FloatsOf(c.Input(1));
  if (c.type(x).dtype == DType::kF32 && e.size() == 1 && c.rank(c.Input(1)) <= c.rank(x)) {
    if (e[0] == 2.0f) return Set(c, c.Emit("mul", {x, x}));
    if (e[0] == 0.5f) return Set(c, c.Emit("sqrt", {x}));
    if (e[0] == -0.5f) return Set(c, c.Emit("rsqrt", {x}));
    if (e[0] == 1.0f) return Set(c, x);
  }
  OCTET_ASSIGN(const Value base, c.Cast(x, DType::kF32));
  OCTET_ASSIGN(const Value exponent, c.Cast(c.Input(1), DType::kF32));
  OCTET_ASSIGN(Value y, c.Emit("pow", {base, exponent}));
  return Set(c, c.Cast(y, c.type(x).dtype));
}

Status ConvertSum(NodeContext& c) { return ops::MergeInputs(c, "add"); }
Status ConvertMean(NodeContext& c) {
  OCTET_ASSIGN(const Value sum, ops::MergedInputs(c, "add"));
  return Set(c, Times(c, sum, 1.0f / static_cast<float>(c.num_inputs())));
}

template <class Name> Status Named(NodeContext& c, const Name& op) { return Set(c, c.Emit(op, {c.Input(0)})); }
Status ConvertSign(NodeContext& c) { return Named(c, "sign"); }
Status ConvertRound(NodeContext& c) { return Named(c, "round"); }
Status ConvertNot(NodeContext& c) { return Named(c, "logical_not"); }
Status ConvertAnd(NodeContext& c) { return ops::MergeInputs(c, "logical_and"); }
Status ConvertOr(NodeContext& c) { return ops::MergeInputs(c, "logical_or"); }
template <Result<Value> (*Fn)(Lowering&, Value, Value)> Status Pair(NodeContext& c) { return Set(c, Fn(c, c.Input(0), c.Input(1))); }

Status ConvertBitShift(NodeContext& c) {
  if (c.Text("direction", "") == "RIGHT") return Set(c, RightShift(c, c.Input(0), c.Input(1)));
  return Set(c, LeftShift(c, c.Input(0), c.Input(1)));
}

// A maximum over nothing but -infinity is the lowest float to reduce_max, which starts there: the question whether all of them
// are (as masks of attention ask it) is one of "no larger than that".
Status ConvertEqual(NodeContext& c) {
  for (int i = 0; i < 2; ++i) {
    const Shape& shape = c.shape(c.Input(i));
    if (!shape.known() || shape.elements() != 1) continue;  // Larger ones are not looked at: they may wait.
    const std::vector<float> v = c.FloatsOf(c.Input(i));
    if (!v.empty() && v[0] == -std::numeric_limits<float>::infinity())
      return Set(c, c.Emit("less_equal", {c.Input(1 - i), c.Scalar(std::numeric_limits<float>::lowest())}));
  }
  return c.ApplyOperatorRule();
}

Status ConvertIsInf(NodeContext& c) {
  const float infinity = std::numeric_limits<float>::infinity();
  OCTET_ASSIGN(const Value up, c.Emit("equal", {c.Input(0), c.Scalar(infinity)}));
  OCTET_ASSIGN(const Value down, c.Emit("equal", {c.Input(0), c.Scalar(-infinity)}));
  const bool positive = c.Int("detect_positive", 1) != 0, negative = c.Int("detect_negative", 1) != 0;
  if (positive && negative) return Set(c, c.Emit("logical_or", {up, down}));
  if (!positive && !negative) return Set(c, c.Emit("logical_and", {up, down}));
  return Set(c, positive ? up : down);
}

// x * sigmoid(alpha * x)
Status ConvertSwish(NodeContext& c) {
  OCTET_ASSIGN(Value v, Times(c, c.Input(0), F(c, "alpha", c.kind() == "Swish" ? 1.0 : 1.702)));
  OCTET_ASSIGN(v, c.Emit("logistic", {v}));
  return Set(c, c.Emit("mul", {c.Input(0), v}));
}

Status ConvertBiasGelu(NodeContext& c) {
  OCTET_ASSIGN(const Value v, c.Emit("add", {c.Input(0), c.Input(1)}));
  return Set(c, c.Make("gelu", {v}, {{"approximate", 0}}));
}
Status ConvertFastGelu(NodeContext& c) {
  Value v = c.Input(0);
  if (c.Input(1)) {
    OCTET_ASSIGN(v, c.Emit("add", {v, c.Input(1)}));
  }
  return Set(c, c.Make("gelu", {v}, {{"approximate", 1}}));
}
Status ConvertMicrosoftGelu(NodeContext& c) { return Set(c, c.Make("gelu", {c.Input(0)}, {{"approximate", 0}})); }

constexpr NodeRule kRules[] = {
    {"Clip", 0, ConvertClip},           {"Elu", 0, ConvertElu},           {"Selu", 0, ConvertSelu},         {"Celu", 0, ConvertCelu},
    {"HardSigmoid", 0, ConvertHardSigmoid}, {"ThresholdedRelu", 0, ConvertThresholdedRelu}, {"Shrink", 0, ConvertShrink}, {"PRelu", 0, ConvertPrelu},
    {"Softplus", 0, Unary<Softplus>},   {"Softsign", 0, Unary<Softsign>}, {"Mish", 0, Unary<Mish>},         {"Reciprocal", 0, Unary<Reciprocal>},
    {"Div", 0, ConvertDiv},             {"Mod", 0, ConvertMod},           {"Pow", 0, ConvertPow},           {"Sum", 0, ConvertSum},
    {"Mean", 0, ConvertMean},           {"Sign", 0, ConvertSign},         {"Round", 0, ConvertRound},       {"Not", 0, ConvertNot},
    {"And", 0, ConvertAnd},             {"Or", 0, ConvertOr},             {"Xor", 0, Pair<LogicalXor>},           {"BitwiseXor", 0, Pair<BitwiseXor>},
    {"BitwiseNot", 0, Unary<BitwiseNot>}, {"BitwiseAnd", 0, Pair<BitwiseAnd>}, {"BitwiseOr", 0, Pair<BitwiseOr>},
    {"Equal", 0, ConvertEqual}, {"BitShift", 0, ConvertBitShift},   {"IsNaN", 0, Unary<IsNan>},       {"IsInf", 0, ConvertIsInf},       {"Tan", 0, Unary<Tan>},
    {"Sinh", 0, Unary<Sinh>},           {"Cosh", 0, Unary<Cosh>},         {"Asinh", 0, Unary<Asinh>},       {"Acosh", 0, Unary<Acosh>},
    {"Atanh", 0, Unary<Atanh>},         {"Atan", 0, Unary<Atan>},         {"Asin", 0, Unary<Asin>},         {"Acos", 0, Unary<Acos>},
    {"Erf", 0, Unary<Erf>},             {"Swish", 0, ConvertSwish},       {"com.microsoft.QuickGelu", 0, ConvertSwish},
    {"com.microsoft.BiasGelu", 0, ConvertBiasGelu}, {"com.microsoft.FastGelu", 0, ConvertFastGelu}, {"com.microsoft.Gelu", 0, ConvertMicrosoftGelu}};

}  // namespace

const std::span<const NodeRule> kElementwiseRules = kRules;

}  // namespace octet::importers::onnx
