// SPDX-License-Identifier: Apache-2.0
// Ops that work element by element.
#include <algorithm>
#include <limits>

#include "importers/lowerings/activation.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

Status Set(NodeContext& c, Result<Value> y) {
  if (!y.ok()) return std::move(y).status();
  c.SetOutput(0, *y);
  return {};
}

// Ops that are one operator on the same inputs.
struct Direct {
  std::string_view op, becomes;
};
constexpr Direct kDirect[] = {
    {"Abs", "abs"}, {"Neg", "neg"}, {"Exp", "exp"}, {"Log", "log"}, {"Sqrt", "sqrt"}, {"Rsqrt", "rsqrt"}, {"Square", "square"},
    {"Floor", "floor"}, {"Ceil", "ceil"}, {"Round", "round"}, {"Rint", "round"}, {"Sign", "sign"}, {"Sin", "sin"}, {"Cos", "cos"},
    {"Tanh", "tanh"}, {"Sigmoid", "logistic"}, {"Relu", "relu"}, {"Relu6", "relu6"}, {"Elu", "elu"}, {"LogicalNot", "logical_not"},
    {"Add", "add"}, {"AddV2", "add"}, {"BiasAdd", "add"}, {"Sub", "sub"}, {"Mul", "mul"}, {"RealDiv", "div"}, {"Maximum", "maximum"},
    {"Minimum", "minimum"}, {"Pow", "pow"}, {"SquaredDifference", "squared_difference"}, {"FloorDiv", "floor_div"}, {"FloorMod", "floor_mod"},
    {"Equal", "equal"}, {"NotEqual", "not_equal"}, {"Less", "less"}, {"LessEqual", "less_equal"}, {"Greater", "greater"},
    {"GreaterEqual", "greater_equal"}, {"LogicalAnd", "logical_and"}, {"LogicalOr", "logical_or"}, {"SelectV2", "select_v2"},
    {"Atan2", "atan2"}, {"RightShift", "right_shift"}, {"BitwiseXor", "bitwise_xor"}, {"ComplexAbs", "complex_abs"}, {"Real", "real"}, {"Imag", "imag"},
};

// All inputs; empty ones poison the node.
bool Ready(const std::vector<Value>& values) { return std::ranges::all_of(values, [](Value v) { return static_cast<bool>(v); }); }

Status ConvertDirect(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in)) return {};
  return Set(c, c.Make(std::ranges::find(kDirect, c.kind(), &Direct::op)->becomes, in));
}

Status ConvertDiv(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in)) return {};
  if (IsFloat(c.type(in[0]).dtype)) return Set(c, c.Make("div", in));
  // Whole numbers are cut towards zero: what is left after dividing is of the dividend's sign.
  if (c.type(in[0]).dtype != DType::kI32) return c.Fail("int32 or floats", std::string(Name(c.type(in[0]).dtype)), "");
  return Set(c, c.Make("div", in));
}

Status ConvertAddN(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in) || in.empty()) return {};
  Value sum = in[0];
  for (size_t i = 1; i < in.size(); ++i) {
    OCTET_ASSIGN(sum, c.Make("add", {sum, in[i]}));
  }
  return Set(c, sum);
}

// The old Select takes a vector of conditions for whole rows.
Status ConvertSelect(NodeContext& c) {
  std::vector<Value> in = c.Inputs();
  if (!Ready(in)) return {};
  if (c.rank(in[0]) == 1 && c.rank(in[1]) > 1) {
    std::vector<int32_t> dims(static_cast<size_t>(c.rank(in[1])), 1);
    dims[0] = -1;
    OCTET_ASSIGN(in[0], c.ReshapeTo(in[0], dims));
  }
  return Set(c, c.Make("select_v2", in));
}

Status ConvertCast(NodeContext& c) {
  const Value x = c.Input(0);
  const DType dtype = c.Type("DstT");
  if (!x) return {};
  if (dtype == DType::kNone) return c.Fail("an element type that .tflite knows", "another one", "");
  return Set(c, c.Cast(x, dtype));
}

Status ConvertLeakyRelu(NodeContext& c) {
  const Value x = c.Input(0);
  return x ? Set(c, c.Make("leaky_relu", {x}, {{"alpha", c.Number("alpha", 0.2)}})) : Status();
}

Status ConvertSoftmax(NodeContext& c) {
  const Value x = c.Input(0);
  return x ? Set(c, c.Make("softmax", {x}, {{"beta", 1.0}})) : Status();
}

Status ConvertLogSoftmax(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  if (ops::Find("log_softmax")) return Set(c, c.Make("log_softmax", {x}));
  return Set(c, LogSoftmax(c, x, c.rank(x) - 1));
}

template <Result<Value> (*F)(Lowering&, Value)> Status Lowered(NodeContext& c) {
  const Value x = c.Input(0);
  return x ? Set(c, F(c, x)) : Status();
}

Status ConvertErfc(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value y, Erf(c, x));
  return Set(c, c.Make("sub", {c.Scalar(1), y}));
}

Status ConvertSelu(NodeContext& c) {
  const Value x = c.Input(0);
  return x ? Set(c, ScaledElu(c, x, 1.0507009873554805f, 1.6732632423543772f)) : Status();
}

Status ConvertClip(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in)) return {};
  OCTET_ASSIGN(const Value high, c.Make("minimum", {in[0], in[2]}));
  return Set(c, c.Make("maximum", {high, in[1]}));
}

Status ConvertZerosLike(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  if (ops::Find("zeros_like")) return Set(c, c.Make("zeros_like", {x}));
  return Set(c, c.Make("mul", {x, c.Scalar(0)}));
}

Status ConvertOnesLike(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value shape, c.Make("shape", {x}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(Value one, c.Cast(c.Scalar(1), c.type(x).dtype));
  OCTET_ASSIGN(one, c.Make("fill", {shape, one}));
  c.Refine(one, c.type(x));
  return Set(c, one);
}

Status ConvertIsNan(NodeContext& c) {
  const Value x = c.Input(0);
  return x ? Set(c, c.Make("not_equal", {x, x})) : Status();
}

Status ConvertIsInf(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value size, c.Make("abs", {x}));
  return Set(c, c.Make("equal", {size, c.Scalar(std::numeric_limits<float>::infinity())}));
}

// x - x is 0 but for infinities and NaN.
Status ConvertIsFinite(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value zero, c.Make("sub", {x, x}));
  return Set(c, c.Make("equal", {zero, c.Scalar(0)}));
}

Status ConvertExpm1(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value y, c.Make("exp", {x}));
  return Set(c, c.Make("sub", {y, c.Scalar(1)}));
}

Status ConvertLog1p(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value y, Plus(c, x, 1));
  return Set(c, c.Make("log", {y}));
}

Status ConvertReciprocal(NodeContext& c) {
  const Value x = c.Input(0);
  return x ? Set(c, c.Make("div", {c.Scalar(1), x})) : Status();
}

Status ConvertTan(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value s, c.Make("sin", {x}));
  OCTET_ASSIGN(const Value o, c.Make("cos", {x}));
  return Set(c, c.Make("div", {s, o}));
}

// y == 0 ? 0 : x / y
Status ConvertDivNoNan(NodeContext& c) {
  const Value x = c.Input(0), y = c.Input(1);
  if (!x || !y) return {};
  OCTET_ASSIGN(const Value zero, c.Make("equal", {y, c.Scalar(0)}));
  OCTET_ASSIGN(const Value quotient, c.Make("div", {x, y}));
  return Set(c, c.Make("select_v2", {zero, c.Scalar(0), quotient}));
}

Status ConvertMulNoNan(NodeContext& c) {
  const Value x = c.Input(0), y = c.Input(1);
  if (!x || !y) return {};
  OCTET_ASSIGN(const Value zero, c.Make("equal", {y, c.Scalar(0)}));
  OCTET_ASSIGN(const Value product, c.Make("mul", {x, y}));
  return Set(c, c.Make("select_v2", {zero, c.Scalar(0), product}));
}

// x == 0 ? 0 : x * log(y)
Status ConvertXlogy(NodeContext& c) {
  const Value x = c.Input(0), y = c.Input(1);
  if (!x || !y) return {};
  OCTET_ASSIGN(const Value zero, c.Make("equal", {x, c.Scalar(0)}));
  OCTET_ASSIGN(Value product, c.Make("log", {y}));
  OCTET_ASSIGN(product, c.Make("mul", {x, product}));
  return Set(c, c.Make("select_v2", {zero, c.Scalar(0), product}));
}

// floor(|x|) with the sign of x.
Result<Value> CutOff(NodeContext& c, Value x) {
  OCTET_ASSIGN(const Value down, c.Make("floor", {x}));
  OCTET_ASSIGN(const Value up, c.Make("ceil", {x}));
  OCTET_ASSIGN(const Value negative, c.Make("less", {x, c.Scalar(0)}));
  return c.Make("select_v2", {negative, up, down});
}

Status ConvertTruncateDiv(NodeContext& c) {
  const Value x = c.Input(0), y = c.Input(1);
  if (!x || !y) return {};
  OCTET_ASSIGN(const Value q, c.Make("div", {x, y}));
  return Set(c, IsFloat(c.type(x).dtype) ? CutOff(c, q) : Result<Value>(q));
}

Status ConvertTruncateMod(NodeContext& c) {
  const Value x = c.Input(0), y = c.Input(1);
  if (!x || !y) return {};
  OCTET_ASSIGN(Value q, c.Make("div", {x, y}));
  if (IsFloat(c.type(x).dtype)) {
    OCTET_ASSIGN(q, CutOff(c, q));
  }
  OCTET_ASSIGN(q, c.Make("mul", {q, y}));
  return Set(c, c.Make("sub", {x, q}));
}

// (e^x -+ e^-x) / 2
Result<Value> Hyperbolic(NodeContext& c, Value x, std::string_view op) {
  OCTET_ASSIGN(const Value up, c.Make("exp", {x}));
  OCTET_ASSIGN(Value down, c.Make("neg", {x}));
  OCTET_ASSIGN(down, c.Make("exp", {down}));
  OCTET_ASSIGN(const Value sum, c.Make(op, {up, down}));
  return Times(c, sum, 0.5f);
}
Status ConvertSinh(NodeContext& c) { return c.Input(0) ? Set(c, Hyperbolic(c, c.Input(0), "sub")) : Status(); }
Status ConvertCosh(NodeContext& c) { return c.Input(0) ? Set(c, Hyperbolic(c, c.Input(0), "add")) : Status(); }

// log((1 + x) / (1 - x)) / 2
Status ConvertAtanh(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value above, Plus(c, x, 1));
  OCTET_ASSIGN(const Value below, c.Make("sub", {c.Scalar(1), x}));
  OCTET_ASSIGN(Value y, c.Make("div", {above, below}));
  OCTET_ASSIGN(y, c.Make("log", {y}));
  return Set(c, Times(c, y, 0.5f));
}

// log(x + sqrt(x^2 + s)) : asinh (s = 1), acosh (s = -1)
Result<Value> AreaFunction(NodeContext& c, Value x, float s) {
  OCTET_ASSIGN(Value y, c.Make("square", {x}));
  OCTET_ASSIGN(y, Plus(c, y, s));
  OCTET_ASSIGN(y, c.Make("sqrt", {y}));
  OCTET_ASSIGN(y, c.Make("add", {x, y}));
  return c.Make("log", {y});
}
// Odd, so that nothing cancels: sign(x) * asinh(|x|).
Status ConvertAsinh(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value size, c.Make("abs", {x}));
  OCTET_ASSIGN(const Value y, AreaFunction(c, size, 1));
  OCTET_ASSIGN(const Value minus, c.Make("neg", {y}));
  OCTET_ASSIGN(const Value negative, c.Make("less", {x, c.Scalar(0)}));
  return Set(c, c.Make("select_v2", {negative, minus, y}));
}
Status ConvertAcosh(NodeContext& c) { return c.Input(0) ? Set(c, AreaFunction(c, c.Input(0), -1)) : Status(); }

// atan2(x, 1), atan2(x, sqrt(1 - x^2)), atan2(sqrt(1 - x^2), x)
Result<Value> Leg(NodeContext& c, Value x) {
  OCTET_ASSIGN(Value y, c.Make("square", {x}));
  OCTET_ASSIGN(y, c.Make("sub", {c.Scalar(1), y}));
  return c.Make("sqrt", {y});
}
Status ConvertArc(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  if (c.kind() == "Atan") {
    OCTET_ASSIGN(const Value one, c.Make("mul", {x, c.Scalar(0)}));
    OCTET_ASSIGN(const Value ones, Plus(c, one, 1));
    return Set(c, c.Make("atan2", {x, ones}));
  }
  OCTET_ASSIGN(const Value leg, Leg(c, x));
  return Set(c, c.kind() == "Asin" ? c.Make("atan2", {x, leg}) : c.Make("atan2", {leg, x}));
}

constexpr NodeRule kOwn[] = {
    {"Div", ConvertDiv}, {"AddN", ConvertAddN}, {"Select", ConvertSelect}, {"Cast", ConvertCast}, {"LeakyRelu", ConvertLeakyRelu},
    {"Softmax", ConvertSoftmax}, {"LogSoftmax", ConvertLogSoftmax}, {"Softplus", Lowered<Softplus>}, {"Softsign", Lowered<Softsign>}, {"Erf", Lowered<Erf>}, {"Erfc", ConvertErfc},
    {"Selu", ConvertSelu}, {"ClipByValue", ConvertClip}, {"ZerosLike", ConvertZerosLike}, {"OnesLike", ConvertOnesLike},
    {"IsNan", ConvertIsNan}, {"IsInf", ConvertIsInf}, {"IsFinite", ConvertIsFinite}, {"Expm1", ConvertExpm1}, {"Log1p", ConvertLog1p},
    {"Reciprocal", ConvertReciprocal}, {"Inv", ConvertReciprocal}, {"Tan", ConvertTan}, {"DivNoNan", ConvertDivNoNan}, {"MulNoNan", ConvertMulNoNan},
    {"Xlogy", ConvertXlogy}, {"TruncateDiv", ConvertTruncateDiv}, {"TruncateMod", ConvertTruncateMod}, {"Sinh", ConvertSinh}, {"Cosh", ConvertCosh},
    {"Atanh", ConvertAtanh}, {"Asinh", ConvertAsinh}, {"Acosh", ConvertAcosh}, {"Atan", ConvertArc}, {"Asin", ConvertArc}, {"Acos", ConvertArc},
};

constexpr auto kRules = [] {
  std::array<NodeRule, std::size(kDirect) + std::size(kOwn)> rules;
  size_t n = 0;
  for (const Direct& d : kDirect) rules[n++] = {d.op, ConvertDirect};
  for (const NodeRule& r : kOwn) rules[n++] = r;
  return rules;
}();

}  // namespace

const std::span<const NodeRule> kElementwiseRules = kRules;

}  // namespace octet::importers::savedmodel
