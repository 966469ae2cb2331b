// SPDX-License-Identifier: Apache-2.0
// Ops that work element by element.
#include <algorithm>
#include <array>
#include <limits>

#include "importers/lowerings/function.h"
#include "importers/lowerings/integers.h"
#include "importers/lowerings/special.h"
#include "importers/lowerings/tensorflow_op.h"
#include "importers/savedmodel/complex.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

// Ops that are one operator on the same inputs.
struct Direct {
  std::string_view op, becomes;
};
constexpr Direct kDirect[] = {
    {"Abs", "abs"}, {"Neg", "neg"}, {"Log", "log"}, {"Sqrt", "sqrt"}, {"Rsqrt", "rsqrt"}, {"Square", "square"},
    {"Floor", "floor"}, {"Ceil", "ceil"}, {"Round", "round"}, {"Rint", "round"}, {"Sign", "sign"}, {"Sin", "sin"}, {"Cos", "cos"}, {"Exp", "exp"},
    {"Tanh", "tanh"}, {"Sigmoid", "logistic"}, {"Relu", "relu"}, {"Relu6", "relu6"}, {"Elu", "elu"}, {"LogicalNot", "logical_not"},
    {"Add", "add"}, {"AddV2", "add"}, {"BiasAddV1", "add"}, {"Sub", "sub"}, {"Mul", "mul"}, {"RealDiv", "div"}, {"Maximum", "maximum"},
    {"Minimum", "minimum"}, {"Pow", "pow"}, {"SquaredDifference", "squared_difference"}, {"FloorDiv", "floor_div"}, {"FloorMod", "floor_mod"},
    {"Equal", "equal"}, {"NotEqual", "not_equal"}, {"Less", "less"}, {"LessEqual", "less_equal"}, {"Greater", "greater"},
    {"GreaterEqual", "greater_equal"}, {"LogicalAnd", "logical_and"}, {"LogicalOr", "logical_or"}, {"SelectV2", "select_v2"},
};

Status ConvertDirect(NodeContext& c) {
  const std::vector<Value> in = c.Inputs(1);
  if (!Ready(in)) return {};
  if (const DType t = c.type(in[0]).dtype; c.kind() == "Relu" && (t == DType::kI32 || t == DType::kI64)) {  // The operator has no whole numbers.
    OCTET_ASSIGN(const Value zero, c.Cast(c.ScalarInt(0), t));
    return Set(c, c.Make("maximum", {in[0], zero}));
  }
  return Set(c, Elementwise(c, std::ranges::find(kDirect, c.kind(), &Direct::op)->becomes, in));
}

// Along the channels, which lie second with data_format NCHW.
Status ConvertBiasAdd(NodeContext& c) {
  const Value x = c.Input(0);
  Value bias = c.Input(1);
  if (!x || !bias) return {};
  if (c.Text("data_format", "NHWC").starts_with("NC") && c.rank(x) > 2) {
    std::vector<int32_t> dims(static_cast<size_t>(c.rank(x)) - 1, 1);
    dims[0] = -1;
    OCTET_ASSIGN(bias, c.ReshapeTo(bias, dims));
  }
  return Set(c, c.Make("add", {x, bias}));
}

// Whole numbers are cut towards zero.
Status ConvertDiv(NodeContext& c) {
  const std::vector<Value> in = c.Inputs(1);
  if (!Ready(in)) return {};
  return Set(c, Elementwise(c, "div", in));
}

Status ConvertAddN(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  if (!Ready(in) || in.empty()) return {};
  const TensorType type = c.type(in[0]);
  const bool alike = std::ranges::all_of(in, [&](Value v) { return c.type(v).dtype == type.dtype && c.shape(v) == type.shape; });
  if (in.size() > 2 && alike && (type.dtype == DType::kF32 || type.dtype == DType::kI32)) return Set(c, c.Make("add_n", in));
  Value sum = in[0];
  for (size_t i = 1; i < in.size(); ++i) {
    OCTET_ASSIGN(sum, c.Make("add", {sum, in[i]}));
  }
  return Set(c, sum);
}

// The old Select takes a vector of conditions for whole rows.
Status ConvertSelect(NodeContext& c) {
  std::vector<Value> in = c.Inputs(2);
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
  if (c.type(x).dtype == DType::kC64 || dtype == DType::kC64) return CastComplex(c, x, dtype);
  return Set(c, c.CastOfSource(x, c.SourceType("DstT")));
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
  return x ? Set(c, LogSoftmax(c, x, -1)) : Status();
}

template <Result<Value> (*F)(Lowering&, Value)> Status Lowered(NodeContext& c) {
  const Value x = c.Input(0);
  return x ? Set(c, F(c, x)) : Status();
}

Status ConvertSelu(NodeContext& c) {
  const Value x = c.Input(0);
  return x ? Set(c, ScaledElu(c, x, 1.0507009873554805f, 1.6732632423543772f)) : Status();
}

Status ConvertClip(NodeContext& c) {
  const std::vector<Value> in = c.Inputs(3);
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

template <Result<Value> (*F)(Lowering&, Value, Value)> Status LoweredPair(NodeContext& c) {
  const Value x = c.Input(0), y = c.Input(1);
  return x && y ? Set(c, F(c, x, y)) : Status();
}

// y == 0 ? 0 : x / y
Status ConvertDivNoNan(NodeContext& c) {
  const Value x = c.Input(0), y = c.Input(1);
  if (!x || !y) return {};
  OCTET_ASSIGN(const Value zero, c.Make("equal", {y, c.Scalar(0)}));
  const std::span<const bool> known = c.data_as<bool>(zero);
  if (!known.empty() && std::ranges::find(known, true) == known.end()) return Set(c, c.Make("div", {x, y}));
  return Set(c, QuotientUnless(c, zero, c.Scalar(0), x, y));
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

Status ConvertTruncateDiv(NodeContext& c) {
  const Value x = c.Input(0), y = c.Input(1);
  if (!x || !y) return {};
  OCTET_ASSIGN(const Value q, Elementwise(c, "div", std::array{x, y}));
  return Set(c, IsFloat(c.type(x).dtype) ? Truncate(c, q) : Result<Value>(q));
}

Status ConvertTruncateMod(NodeContext& c) {
  const Value x = c.Input(0), y = c.Input(1);
  if (!x || !y) return {};
  OCTET_ASSIGN(Value q, Elementwise(c, "div", std::array{x, y}));
  if (IsFloat(c.type(x).dtype)) {
    OCTET_ASSIGN(q, Truncate(c, q));
  }
  OCTET_ASSIGN(q, c.Make("mul", {q, y}));
  return Set(c, c.Make("sub", {x, q}));
}

// x == 0 ? 0 : x / y, x == 0 ? 0 : x * log(1 + y)
Result<Value> Xdivy(Lowering& c, Value x, Value y) {
  OCTET_ASSIGN(const Value zero, c.Emit("equal", {x, c.Scalar(0)}));
  OCTET_ASSIGN(const Value quotient, c.Emit("div", {x, y}));
  return c.Emit("select_v2", {zero, c.Scalar(0), quotient});
}
Result<Value> Xlog1py(Lowering& c, Value x, Value y) {
  OCTET_ASSIGN(const Value zero, c.Emit("equal", {x, c.Scalar(0)}));
  OCTET_ASSIGN(Value product, Log1p(c, y));
  OCTET_ASSIGN(product, c.Emit("mul", {x, product}));
  return c.Emit("select_v2", {zero, c.Scalar(0), product});
}

// Derivatives, which stay in graphs that train: y is the function's value, g what came from behind.
// sigmoid: g*y*(1 - y); tanh: g*(1 - y^2); sqrt: g/(2*y); rsqrt: -g*y^3/2; relu: g where x > 0; reciprocal: -g*y^2
Result<Value> SigmoidGrad(Lowering& c, Value y, Value g) {
  OCTET_ASSIGN(Value d, c.Emit("sub", {c.Scalar(1), y}));
  OCTET_ASSIGN(d, c.Emit("mul", {d, y}));
  return c.Emit("mul", {g, d});
}
Result<Value> TanhGrad(Lowering& c, Value y, Value g) {
  OCTET_ASSIGN(Value d, c.Emit("mul", {y, y}));
  OCTET_ASSIGN(d, c.Emit("sub", {c.Scalar(1), d}));
  return c.Emit("mul", {g, d});
}
Result<Value> SqrtGrad(Lowering& c, Value y, Value g) {
  OCTET_ASSIGN(const Value half, Times(c, g, 0.5f));
  return c.Emit("div", {half, y});
}
Result<Value> RsqrtGrad(Lowering& c, Value y, Value g) {
  OCTET_ASSIGN(Value d, c.Emit("mul", {y, y}));
  OCTET_ASSIGN(d, c.Emit("mul", {d, y}));
  OCTET_ASSIGN(d, c.Emit("mul", {d, g}));
  return Times(c, d, -0.5f);
}
Result<Value> ReluGrad(Lowering& c, Value g, Value x) {
  OCTET_ASSIGN(const Value positive, c.Emit("greater", {x, c.Scalar(0)}));
  return c.Emit("select_v2", {positive, g, c.Scalar(0)});
}
Result<Value> ReciprocalGrad(Lowering& c, Value y, Value g) {
  OCTET_ASSIGN(Value d, c.Emit("mul", {y, y}));
  OCTET_ASSIGN(d, c.Emit("mul", {d, g}));
  return c.Emit("neg", {d});
}

// sum(x^2) / 2
Status ConvertL2Loss(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  std::vector<int32_t> axes;
  for (int i = 0; i < c.rank(x); ++i) axes.push_back(i);
  OCTET_ASSIGN(Value y, c.Make("mul", {x, x}));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector(axes)}));
  return Set(c, Times(c, y, 0.5f));
}

// Cross entropy of softmax(logits) and the labels (a distribution, or the number of the class): loss, and its derivative.
Status ConvertCrossEntropy(NodeContext& c) {
  Value logits = c.Input(0), labels = c.Input(1);
  if (!logits || !labels) return {};
  const int32_t last = c.rank(logits) - 1;
  if (last < 1) return c.Fail("rows of logits", c.shape(logits).text(), "");
  if (c.kind().starts_with("Sparse")) {
    const int32_t n = c.shape(logits)[last];
    if (n < 1) return c.Fail("a known number of classes", c.shape(logits).text(), "");
    OCTET_ASSIGN(labels, c.Cast(labels, DType::kI32));
    OCTET_ASSIGN(labels, c.Make("one_hot", {labels, c.ScalarInt(n), c.Scalar(1), c.Scalar(0)}, {{"axis", -1}}));
  }
  OCTET_ASSIGN(const Value log, c.Make("log_softmax", {logits}));
  OCTET_ASSIGN(Value loss, c.Make("mul", {log, labels}));
  OCTET_ASSIGN(loss, c.Make("sum", {loss, c.Vector({last})}, {{"keep_dims", 0}}));
  OCTET_ASSIGN(loss, c.Make("neg", {loss}));
  c.SetOutput(0, loss);
  OCTET_ASSIGN(Value slope, c.Make("softmax", {logits}, {{"beta", 1.0}}));
  OCTET_ASSIGN(slope, c.Make("sub", {slope, labels}));
  c.SetOutput(1, slope);
  return {};
}

// How many bits are set: the sum of all.
Status ConvertPopulationCount(NodeContext& c) {
  Value x = c.Input(0);
  if (!x) return {};
  const DType type = c.type(x).dtype;
  const int bits = type == DType::kI8 || type == DType::kU8 ? 8 : type == DType::kI16 || type == DType::kU16 ? 16 : type == DType::kI32 ? 32 : 0;
  if (bits == 0) return c.Fail("numbers of 8, 16 or 32 bits", std::string(Name(type)), "");
  OCTET_ASSIGN(x, c.Cast(x, DType::kI32));
  Value sum;
  for (int32_t i = 0; i < bits; ++i) {
    OCTET_ASSIGN(Value bit, i == 0 ? Result<Value>(x) : c.Make("right_shift", {x, c.ScalarInt(i)}));
    OCTET_ASSIGN(bit, c.Make("floor_mod", {bit, c.ScalarInt(2)}));
    OCTET_ASSIGN(sum, sum ? c.Make("add", {sum, bit}) : Result<Value>(bit));
  }
  return Set(c, c.Cast(sum, DType::kU8));
}

// x as its bits, one further on the way to y; of 0 the least number on that side.
Status ConvertNextAfter(NodeContext& c) {
  const Value x = c.Input(0), y = c.Input(1);
  if (!x || !y) return {};
  if (c.SourceType("T") == DType::kF64) return c.Fail("float32", "float64", "cast before");
  const auto as = [&](Value v, DType type) { return c.EmitAs("bitcast", std::span(&v, 1), nullptr, {type, c.shape(v), {}}); };
  OCTET_ASSIGN(const Value sum, c.Make("add", {x, y}));  // Of both shapes, and no number where one of them is none.
  OCTET_ASSIGN(const Value zeros, c.Make("zeros_like", {sum}));
  OCTET_ASSIGN(const Value from, c.Make("add", {x, zeros}));
  OCTET_ASSIGN(const Value bits, as(from, DType::kI32));
  OCTET_ASSIGN(const Value up, c.Make("less", {from, y}));
  OCTET_ASSIGN(const Value above, c.Make("greater", {from, c.Scalar(0)}));
  OCTET_ASSIGN(const Value grows, c.Make("equal", {up, above}));
  OCTET_ASSIGN(const Value step, c.Make("select_v2", {grows, c.ScalarInt(1), c.ScalarInt(-1)}));
  OCTET_ASSIGN(Value next, c.Make("add", {bits, step}));
  OCTET_ASSIGN(next, as(next, DType::kF32));
  constexpr float kLeast = std::numeric_limits<float>::denorm_min();
  OCTET_ASSIGN(const Value least, c.Make("select_v2", {up, c.Scalar(kLeast), c.Scalar(-kLeast)}));
  OCTET_ASSIGN(const Value zero, c.Make("equal", {from, c.Scalar(0)}));
  OCTET_ASSIGN(next, c.Make("select_v2", {zero, least, next}));
  OCTET_ASSIGN(const Value there, c.Make("equal", {from, y}));
  OCTET_ASSIGN(next, c.Make("select_v2", {there, y, next}));
  OCTET_ASSIGN(const Value no_x, IsNan(c, from));
  OCTET_ASSIGN(const Value no_y, IsNan(c, y));
  OCTET_ASSIGN(const Value none, c.Make("logical_or", {no_x, no_y}));
  return Set(c, c.Make("select_v2", {none, sum, next}));
}

// |x - y| < tolerance
Status ConvertApproximateEqual(NodeContext& c) {
  const Value x = c.Input(0), y = c.Input(1);
  if (!x || !y) return {};
  OCTET_ASSIGN(Value d, c.Make("sub", {x, y}));
  OCTET_ASSIGN(d, c.Make("abs", {d}));
  return Set(c, c.Make("less", {d, c.Scalar(static_cast<float>(c.Number("tolerance", 1e-5)))}));
}

constexpr NodeRule kOwn[] = {
    {"BiasAdd", ConvertBiasAdd},
    {"Div", ConvertDiv}, {"AddN", ConvertAddN}, {"Select", ConvertSelect}, {"Cast", ConvertCast}, {"LeakyRelu", ConvertLeakyRelu},
    {"Softmax", ConvertSoftmax}, {"LogSoftmax", ConvertLogSoftmax}, {"Softplus", Lowered<Softplus>}, {"Softsign", Lowered<Softsign>}, {"Erf", Lowered<Erf>},
    {"Erfc", Lowered<Erfc>}, {"Selu", ConvertSelu}, {"ClipByValue", ConvertClip}, {"ZerosLike", ConvertZerosLike}, {"OnesLike", ConvertOnesLike},
    {"IsNan", Lowered<IsNan>}, {"IsInf", Lowered<IsInf>}, {"IsFinite", Lowered<IsFinite>}, {"Expm1", Lowered<Expm1>}, {"Log1p", Lowered<Log1p>},
    {"Reciprocal", Lowered<Reciprocal>}, {"Inv", Lowered<Reciprocal>}, {"Tan", Lowered<Tan>}, {"DivNoNan", ConvertDivNoNan}, {"MulNoNan", ConvertMulNoNan},
    {"Xlogy", ConvertXlogy}, {"Xdivy", LoweredPair<Xdivy>}, {"Xlog1py", LoweredPair<Xlog1py>}, {"TruncateDiv", ConvertTruncateDiv},
    {"Atan2", LoweredPair<Atan2>}, {"TruncateMod", ConvertTruncateMod}, {"Mod", ConvertTruncateMod}, {"Sinh", Lowered<Sinh>}, {"Cosh", Lowered<Cosh>},
    {"Atanh", Lowered<Atanh>}, {"Asinh", Lowered<Asinh>}, {"Acosh", Lowered<Acosh>}, {"Atan", Lowered<Atan>}, {"Asin", Lowered<Asin>}, {"Acos", Lowered<Acos>},
    {"Invert", Lowered<BitwiseNot>}, {"BitwiseAnd", LoweredPair<BitwiseAnd>}, {"BitwiseOr", LoweredPair<BitwiseOr>}, {"LeftShift", LoweredPair<LeftShift>},
    {"BitwiseXor", LoweredPair<BitwiseXor>}, {"RightShift", LoweredPair<RightShift>}, {"LogicalXor", LoweredPair<LogicalXor>},
    {"SigmoidGrad", LoweredPair<SigmoidGrad>}, {"TanhGrad", LoweredPair<TanhGrad>}, {"SqrtGrad", LoweredPair<SqrtGrad>}, {"RsqrtGrad", LoweredPair<RsqrtGrad>},
    {"ReluGrad", LoweredPair<ReluGrad>}, {"ReciprocalGrad", LoweredPair<ReciprocalGrad>}, {"InvGrad", LoweredPair<ReciprocalGrad>},
    {"SoftmaxCrossEntropyWithLogits", ConvertCrossEntropy}, {"SparseSoftmaxCrossEntropyWithLogits", ConvertCrossEntropy},
    {"PopulationCount", ConvertPopulationCount}, {"BesselI0", Lowered<BesselI0>}, {"BesselI0e", Lowered<BesselI0e>}, {"BesselI1", Lowered<BesselI1>},
    {"BesselI1e", Lowered<BesselI1e>}, {"Lgamma", Lowered<Lgamma>}, {"Digamma", Lowered<Digamma>}, {"Erfinv", Lowered<Erfinv>}, {"Ndtri", Lowered<Ndtri>},
    {"Zeta", LoweredPair<Zeta>}, {"Polygamma", LoweredPair<Polygamma>}, {"L2Loss", ConvertL2Loss}, {"ApproximateEqual", ConvertApproximateEqual},
    {"NextAfter", ConvertNextAfter}, {"AccumulateNV2", ConvertAddN},
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
