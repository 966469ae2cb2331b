// SPDX-License-Identifier: Apache-2.0
// keras.ops that compute and are no operator of their own: functions, statistics, products, running sums.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "importers/keras/builder.h"
#include "importers/keras/layers/functions.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/einsum.h"
#include "importers/lowerings/function.h"
#include "importers/lowerings/integers.h"
#include "importers/lowerings/selection.h"
#include "ops/shape_util.h"

namespace octet::importers::keras {
namespace {

using Unary = Result<Value> (*)(Lowering&, Value);
using Binary = Result<Value> (*)(Lowering&, Value, Value);

Result<Value> FloatOperand(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x", "a", "logits", "inputs"}));
  return c.type(x).dtype == DType::kF32 ? Result<Value>(x) : c.Cast(x, DType::kF32);
}

template <Unary Fn> Status Function(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatOperand(c));
  return Set(c, Fn(c, x));
}
template <Unary Fn> Status WholeFunction(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}, DType::kI32));
  return Set(c, Fn(c, x));
}
// Of floats; whole numbers stay such.
template <Unary Fn> Status FractionFunction(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}, DType::kI32));
  return Set(c, IsFloat(c.type(x).dtype) ? Fn(c, x) : Result<Value>(x));
}
template <Binary Fn, Literals Numbers = Literals::kOwn> Status PairFunction(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Operands(c, Numbers));
  return Set(c, Fn(c, p.a, p.b));
}
template <Binary Fn> Status FloatPairFunction(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, FloatOperands(c));
  return Set(c, Fn(c, p.a, p.b));
}

Status TruthFunction(LayerContext& c) {
  OCTET_ASSIGN(Pair p, Operands(c));
  OCTET_ASSIGN(p.a, c.Cast(p.a, DType::kBool));
  OCTET_ASSIGN(p.b, c.Cast(p.b, DType::kBool));
  return Set(c, LogicalXor(c, p.a, p.b));
}

// -------------------------------------------------------------------------------- functions

Result<Value> Sign(Lowering& c, Value x) { return Elementwise(c, "sign", std::span(&x, 1)); }
Result<Value> Cbrt(Lowering& c, Value x) {  // sign(x) * |x|^(1/3)
  OCTET_ASSIGN(Value y, c.Emit("abs", {x}));
  OCTET_ASSIGN(y, c.Emit("pow", {y, c.Scalar(1.0f / 3)}));
  OCTET_ASSIGN(const Value s, c.Emit("sign", {x}));
  return c.Emit("mul", {y, s});
}
Result<Value> Degrees(Lowering& c, Value x) { return Times(c, x, static_cast<float>(180 / std::numbers::pi)); }
Result<Value> Radians(Lowering& c, Value x) { return Times(c, x, static_cast<float>(std::numbers::pi / 180)); }
Result<Value> Copy(Lowering&, Value x) { return x; }
Result<Value> Sinc(Lowering& c, Value x) {  // sin(pi x) / (pi x), 1 at 0
  OCTET_ASSIGN(const Value a, Times(c, x, static_cast<float>(std::numbers::pi)));
  OCTET_ASSIGN(const Value s, c.Emit("sin", {a}));
  OCTET_ASSIGN(const Value zero, c.Emit("equal", {x, c.Scalar(0)}));
  return QuotientUnless(c, zero, c.Scalar(1), s, a);
}
Result<Value> IsPosInf(Lowering& c, Value x) { return c.Emit("equal", {x, c.Scalar(std::numeric_limits<float>::infinity())}); }
Result<Value> IsNegInf(Lowering& c, Value x) { return c.Emit("equal", {x, c.Scalar(-std::numeric_limits<float>::infinity())}); }

Result<Value> Hypot(Lowering& c, Value x, Value y) {
  OCTET_ASSIGN(const Value a, c.Emit("mul", {x, x}));
  OCTET_ASSIGN(const Value b, c.Emit("mul", {y, y}));
  OCTET_ASSIGN(const Value s, c.Emit("add", {a, b}));
  return c.Emit("sqrt", {s});
}
Result<Value> Arctan2(Lowering& c, Value x, Value y) { return c.Emit("atan2", {x, y}); }
Result<Value> DivideNoNan(Lowering& c, Value x, Value y) {
  OCTET_ASSIGN(const Value zero, c.Emit("equal", {y, c.Scalar(0)}));
  return QuotientUnless(c, zero, c.Scalar(0), x, y);
}
// What is left of |x| / |y|, with the sign of x.
Status ConvertFmod(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Operands(c, Literals::kOwn));
  const DType own = c.type(p.a).dtype;
  OCTET_ASSIGN(const Value x, Widened(c, p.a));
  OCTET_ASSIGN(Value y, Widened(c, p.b));
  OCTET_ASSIGN(Value size, Elementwise(c, "abs", std::span(&x, 1)));
  OCTET_ASSIGN(y, Elementwise(c, "abs", std::span(&y, 1)));
  OCTET_ASSIGN(size, c.Make("floor_mod", {size, y}));
  OCTET_ASSIGN(const Value zero, c.Make("zeros_like", {x}));
  OCTET_ASSIGN(const Value below, c.Make("less", {x, zero}));
  OCTET_ASSIGN(const Value negated, c.Make("sub", {zero, size}));
  OCTET_ASSIGN(const Value left, c.Make("select_v2", {below, negated, size}));
  return Set(c, Narrowed(c, left, own == DType::kBool ? DType::kI32 : own));
}
Result<Value> SquaredDifference(Lowering& c, Value x, Value y) { return c.Emit("squared_difference", {x, y}); }
// x < 0 ? 0 : x == 0 ? y : 1
Result<Value> Heaviside(Lowering& c, Value x, Value y) {
  OCTET_ASSIGN(const Value zero, c.Emit("equal", {x, c.Scalar(0)}));
  OCTET_ASSIGN(const Value above, c.Emit("greater", {x, c.Scalar(0)}));
  OCTET_ASSIGN(const Value step, c.Cast(above, DType::kF32));
  return c.Emit("select_v2", {zero, y, step});
}

Status ConvertGelu(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatOperand(c));
  return Set(c, c.Make("gelu", {x}, {{"approximate", c.Bool("approximate", true)}}));
}

// Activations with a parameter.
Status ConvertElu(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatOperand(c));
  const auto alpha = static_cast<float>(c.Number("alpha", 1));
  return Set(c, alpha == 1 ? c.Make("elu", {x}) : ScaledElu(c, x, 1, alpha));
}
Status ConvertCelu(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatOperand(c));
  return Set(c, Celu(c, x, static_cast<float>(c.Number("alpha", 1))));
}
Status ConvertSparsemax(LayerContext& c) {
  OCTET_ASSIGN(Value x, FloatOperand(c));
  const int last = c.rank(x) - 1;
  int axis = 0;
  if (!ops::NormalizeAxis(c.Int("axis", -1), last + 1, &axis)) return c.Fail("an axis inside the rank", c.shape(x).text(), "");
  std::vector<int32_t> order;  // That axis and the last one change places.
  for (int i = 0; i <= last; ++i) order.push_back(i == axis ? last : i == last ? axis : i);
  OCTET_ASSIGN(x, axis == last ? Result<Value>(x) : c.Make("transpose", {x, c.Vector(order)}));
  OCTET_ASSIGN(const Value y, Sparsemax(c, x));
  return Set(c, axis == last ? Result<Value>(y) : c.Make("transpose", {y, c.Vector(order)}));
}
// |x| > threshold ? x : 0;  x - clip(x, -threshold, threshold)
Status ConvertShrink(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatOperand(c));
  const auto threshold = static_cast<float>(c.Number("threshold", 0.5));
  if (c.kind() == "HardShrink") {
    OCTET_ASSIGN(const Value size, c.Make("abs", {x}));
    OCTET_ASSIGN(const Value above, c.Make("greater", {size, c.Scalar(threshold)}));
    return Set(c, c.Make("select_v2", {above, x, c.Scalar(0)}));
  }
  OCTET_ASSIGN(Value y, c.Make("minimum", {x, c.Scalar(threshold)}));
  OCTET_ASSIGN(y, c.Make("maximum", {y, c.Scalar(-threshold)}));
  return Set(c, c.Make("sub", {x, y}));
}
Status ConvertHardTanh(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatOperand(c));
  return Set(c, c.Make("relu_n1_to_1", {x}));
}
// The first half of an axis times the second's sigmoid.
Status ConvertGlu(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatOperand(c));
  int axis = 0;
  if (!ops::NormalizeAxis(c.Int("axis", -1), c.rank(x), &axis)) return c.Fail("an axis inside the rank", c.shape(x).text(), "");
  OCTET_ASSIGN(const std::vector<Value> half, c.MakeMany("split", {Int(c, axis), x}, {{"num_splits", 2}}, 2));
  OCTET_ASSIGN(const Value gate, c.Make("logistic", {half[1]}));
  return Set(c, c.Make("mul", {half[0], gate}));
}
// (x + sqrt(x^2 + b)) / 2
Status ConvertSquareplus(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatOperand(c));
  OCTET_ASSIGN(Value y, c.Make("mul", {x, x}));
  OCTET_ASSIGN(y, Plus(c, y, static_cast<float>(c.Number("b", 4))));
  OCTET_ASSIGN(y, c.Make("sqrt", {y}));
  OCTET_ASSIGN(y, c.Make("add", {x, y}));
  return Set(c, Times(c, y, 0.5f));
}

Status ConvertNanToNum(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  if (!IsFloat(c.type(x).dtype)) return Set(c, x);
  OCTET_ASSIGN(const Value good, c.Make("equal", {x, x}));
  OCTET_ASSIGN(Value y, c.Make("select_v2", {good, x, c.Scalar(static_cast<float>(c.Number("nan", 0)))}));
  const float most = std::numeric_limits<float>::max();
  OCTET_ASSIGN(y, c.Make("minimum", {y, c.Scalar(static_cast<float>(c.Number("posinf", static_cast<double>(most))))}));
  return Set(c, c.Make("maximum", {y, c.Scalar(static_cast<float>(c.Number("neginf", -static_cast<double>(most))))}));
}

// ------------------------------------------------------------------------------- statistics

// The axes that config or call name; all where none.
std::vector<int32_t> Axes(const LayerContext& c, int rank) {
  std::vector<int64_t> axes;
  std::vector<int32_t> list;
  if (IntsOf(LiteralOf(c, 1, {"axis", "axes"}), &axes)) list.assign(axes.begin(), axes.end());
  else
    for (int i = 0; i < rank; ++i) list.push_back(i);
  return list;
}
int64_t Keeps(const LayerContext& c) { return c.Get("keepdims").boolean(); }

Result<Value> Variance(LayerContext& c, Value x, const std::vector<int32_t>& axes, int64_t keep) {
  OCTET_ASSIGN(const Value mean, c.Make("mean", {x, c.Vector(axes)}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(const Value d, c.Make("squared_difference", {x, mean}));
  return c.Make("mean", {d, c.Vector(axes)}, {{"keep_dims", keep}});
}
Status ConvertVar(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatOperand(c));
  return Set(c, Variance(c, x, Axes(c, c.rank(x)), Keeps(c)));
}
Status ConvertStd(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatOperand(c));
  OCTET_ASSIGN(const Value v, Variance(c, x, Axes(c, c.rank(x)), Keeps(c)));
  return Set(c, c.Make("sqrt", {v}));
}
Status ConvertMoments(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatOperand(c));
  const std::vector<int32_t> axes = Axes(c, c.rank(x));
  OCTET_ASSIGN(const Value mean, c.Make("mean", {x, c.Vector(axes)}, {{"keep_dims", Keeps(c)}}));
  OCTET_ASSIGN(const Value v, Variance(c, x, axes, Keeps(c)));
  OCTET_ASSIGN(const Value given, Operand(c, 0, {"x"}));
  OCTET_ASSIGN(const Value first, Narrowed(c, mean, c.type(given).dtype));
  OCTET_ASSIGN(const Value second, Narrowed(c, v, c.type(given).dtype));
  c.SetOutput(0, first);
  c.SetOutput(1, second);
  return {};
}
// max - min
Status ConvertPtp(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  const std::vector<int32_t> axes = Axes(c, c.rank(x));
  OCTET_ASSIGN(const Value most, c.Make("reduce_max", {x, c.Vector(axes)}, {{"keep_dims", Keeps(c)}}));
  OCTET_ASSIGN(const Value least, c.Make("reduce_min", {x, c.Vector(axes)}, {{"keep_dims", Keeps(c)}}));
  return Set(c, c.Make("sub", {most, least}));
}
Status ConvertCountNonzero(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatOperand(c));
  OCTET_ASSIGN(Value y, c.Make("not_equal", {x, c.Scalar(0)}));
  OCTET_ASSIGN(y, c.Cast(y, DType::kI32));
  return Set(c, c.Make("sum", {y, c.Vector(Axes(c, c.rank(x)))}, {{"keep_dims", 0}}));
}
// max + log(sum(e^(x - max)))
Status ConvertLogsumexp(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatOperand(c));
  const std::vector<int32_t> axes = Axes(c, c.rank(x));
  OCTET_ASSIGN(const Value most, c.Make("reduce_max", {x, c.Vector(axes)}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(Value y, c.Make("sub", {x, most}));
  OCTET_ASSIGN(y, c.Make("exp", {y}));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector(axes)}, {{"keep_dims", Keeps(c)}}));
  OCTET_ASSIGN(y, c.Make("log", {y}));
  OCTET_ASSIGN(const Value base, Keeps(c) ? Result<Value>(most) : c.Make("reduce_max", {x, c.Vector(axes)}, {{"keep_dims", 0}}));
  return Set(c, c.Make("add", {y, base}));
}
Status ConvertAverage(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatOperand(c));
  if (const Argument* weights = FindArgument(c, 1, {"weights"}); weights && (c.TensorOf(weights) || !LiteralOf(c, 1, {"weights"}).is_null())) {
    OCTET_ASSIGN(Value w, Operand(c, 1, {"weights"}));
    OCTET_ASSIGN(w, c.Cast(w, DType::kF32));
    const std::vector<int32_t> axes = Axes(c, c.rank(x));
    if (c.rank(w) == 1 && c.rank(x) > 1) {  // Along the one axis.
      if (axes.size() != 1) return c.Fail("weights of the tensor's shape", c.shape(w).text(), "name an axis");
      std::vector<int32_t> dims(static_cast<size_t>(c.rank(x)), 1);
      dims[static_cast<size_t>(axes[0] < 0 ? axes[0] + c.rank(x) : axes[0])] = c.shape(w)[0];
      OCTET_ASSIGN(w, c.Make("reshape", {w, c.Vector(dims)}));
    }
    OCTET_ASSIGN(Value y, c.Make("mul", {x, w}));
    OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector(axes)}, {{"keep_dims", 0}}));
    OCTET_ASSIGN(const Value sum, c.Make("sum", {w, c.Vector(axes)}, {{"keep_dims", 0}}));
    return Set(c, c.Make("div", {y, sum}));
  }
  return Set(c, c.Make("mean", {x, c.Vector(Axes(c, c.rank(x)))}, {{"keep_dims", 0}}));
}
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
  if (!c.Has("axis")) {  // Over all numbers.
    OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector({-1})}));
  }
  if (!ops::NormalizeAxis(c.Int("axis", 0), c.rank(x), &r.axis)) return c.Fail("an axis inside the rank", std::to_string(c.Int("axis", 0)), "");
  r.x = x;
  return r;
}

Status ConvertCumsum(LayerContext& c) {
  OCTET_ASSIGN(const Running r, RunningOperand(c, 0));
  OCTET_ASSIGN(const Value y, c.Make("cumsum", {r.x, Int(c, r.axis)}, {{"exclusive", 0}, {"reverse", 0}}));
  return Set(c, c.Cast(y, r.result));
}

// Running product: the log's running sum would lose signs and zeros, so it is n - 1 products of slices.
Status ConvertCumprod(LayerContext& c) {
  OCTET_ASSIGN(const Running r, RunningOperand(c, 1));
  const int32_t n = c.shape(r.x)[r.axis];
  if (n < 1 || n > 256) return c.Fail("an axis of 1 to 256 numbers", c.shape(r.x).text(), "name an axis of known size");
  OCTET_ASSIGN(std::vector<Value> parts, c.MakeMany("split", {Int(c, r.axis), r.x}, {{"num_splits", n}}, n));
  for (size_t i = 1; i < parts.size(); ++i) {
    OCTET_ASSIGN(parts[i], c.Make("mul", {parts[i - 1], parts[i]}));
  }
  OCTET_ASSIGN(const Value y, n == 1 ? Result<Value>(r.x) : c.Make("concatenation", parts, {{"axis", r.axis}}));
  return Set(c, c.Cast(y, r.result));
}

// ----------------------------------------------------------------------------- normalizations

// inputs x, mean, variance, offset, scale
Status ConvertBatchNorm(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  if (!IsFloat(c.type(x).dtype)) return c.Fail("floats to normalize", std::string(NumpyName(c.type(x).dtype)), "cast the input to float32 before");
  OCTET_ASSIGN(const Value mean, Operand(c, 1, {"mean"}));
  OCTET_ASSIGN(const Value variance, Operand(c, 2, {"variance"}));
  int axis = 0;
  if (!ops::NormalizeAxis(c.Int("axis", -1), c.rank(x), &axis) || axis != c.rank(x) - 1) return c.Fail("axis -1", std::to_string(c.Int("axis", -1)), "");
  OCTET_ASSIGN(Value m, Plus(c, variance, static_cast<float>(c.Number("epsilon", 1e-3))));
  OCTET_ASSIGN(m, c.Make("rsqrt", {m}));
  if (FindArgument(c, 4, {"scale"}) && c.num_inputs() > 3) {
    OCTET_ASSIGN(const Value scale, Operand(c, 4, {"scale"}));
    OCTET_ASSIGN(m, c.Make("mul", {m, scale}));
  }
  OCTET_ASSIGN(Value y, c.Make("sub", {x, mean}));
  OCTET_ASSIGN(y, c.Make("mul", {y, m}));
  if (FindArgument(c, 3, {"offset"}) && c.num_inputs() > 2) {
    OCTET_ASSIGN(const Value offset, Operand(c, 3, {"offset"}));
    OCTET_ASSIGN(y, c.Make("add", {y, offset}));
  }
  return Set(c, y);
}

// ------------------------------------------------------------------------------------ products

Status SetProduct(LayerContext& c, const Factors& p, Result<Value> y) {
  if (!y.ok()) return std::move(y).status();
  return Set(c, Narrowed(c, *y, p.result));
}

// Sums over pairs of axes, as an einsum whose letters are the axes, paired ones alike.
Result<Value> Contracted(LayerContext& c, const Factors& p, const std::vector<int64_t>& left, const std::vector<int64_t>& right) {
  std::string first, second, out;
  const int a = c.rank(p.a), b = c.rank(p.b);
  for (int i = 0; i < a; ++i) first += static_cast<char>('a' + i);
  for (int i = 0; i < b; ++i) second += static_cast<char>('A' + i);
  for (size_t i = 0; i < left.size(); ++i) {
    int from = 0, to = 0;
    if (!ops::NormalizeAxis(left[i], a, &from) || !ops::NormalizeAxis(right[i], b, &to)) return c.Fail("axes inside the ranks", std::to_string(left[i]), "");
    second[static_cast<size_t>(to)] = first[static_cast<size_t>(from)];
  }
  for (const char letter : first)
    if (second.find(letter) == std::string::npos) out += letter;
  for (const char letter : second)
    if (first.find(letter) == std::string::npos) out += letter;
  const Value operands[] = {p.a, p.b};
  return Einsum(c, first + "," + second + "->" + out, operands);
}

// Sum over the last axis of both.
Status ConvertInner(LayerContext& c) {
  OCTET_ASSIGN(const Factors p, ProductOperands(c));
  if (c.rank(p.a) == 0 || c.rank(p.b) == 0) return SetProduct(c, p, c.Make("mul", {p.a, p.b}));
  return SetProduct(c, p, Contracted(c, p, {c.rank(p.a) - 1}, {c.rank(p.b) - 1}));
}
// Sum over the last axis of the first and the last but one of the second.
Status ConvertDot(LayerContext& c) {
  OCTET_ASSIGN(const Factors p, ProductOperands(c));
  const int a = c.rank(p.a), b = c.rank(p.b);
  if (a == 0 || b == 0) return SetProduct(c, p, c.Make("mul", {p.a, p.b}));
  return SetProduct(c, p, Contracted(c, p, {a - 1}, {b == 1 ? 0 : b - 2}));
}
Status ConvertOuter(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Operands(c, Literals::kOwn));
  OCTET_ASSIGN(const Value a, c.Make("reshape", {p.a, c.Vector({-1, 1})}));
  OCTET_ASSIGN(const Value b, c.Make("reshape", {p.b, c.Vector({1, -1})}));
  return Set(c, c.Make("mul", {a, b}));
}
// Sums over pairs of axes: those of a list for each side, or the last `axes` of the first with the first of the second.
Status ConvertTensordot(LayerContext& c) {
  const Json& literal = LiteralOf(c, 2, {"axes"});
  OCTET_ASSIGN(const Factors p, ProductOperands(c));
  const int a = c.rank(p.a);
  std::vector<int64_t> left, right;
  if (literal.is_number() || literal.is_null()) {
    const int64_t count = literal.is_number() ? literal.integer() : 2;
    for (int64_t i = 0; i < std::clamp<int64_t>(count, 0, kMaxRank); ++i) left.push_back(a - count + i), right.push_back(i);
  } else if (literal.size() != 2 || !IntsOf(literal[size_t{0}], &left) || !IntsOf(literal[1], &right) || left.size() != right.size()) {
    return c.Fail("a number of axes, or a list of axes for each side", "others", "use einsum");
  }
  return SetProduct(c, p, Contracted(c, p, left, right));
}

constexpr LayerRule kRules[] = {
    {"ops.Arccos", Function<Acos>}, {"ops.Arcsin", Function<Asin>}, {"ops.Arctan", Function<Atan>}, {"ops.Arccosh", Function<Acosh>},
    {"ops.Arcsinh", Function<Asinh>}, {"ops.Arctanh", Function<Atanh>}, {"ops.Sinh", Function<Sinh>}, {"ops.Cosh", Function<Cosh>}, {"ops.Tan", Function<Tan>},
    {"ops.Erf", Function<Erf>}, {"ops.Erfc", Function<Erfc>}, {"ops.Expm1", Function<Expm1>}, {"ops.Exp2", Function<Exp2>}, {"ops.Log1p", Function<Log1p>},
    {"ops.Log2", Function<Log2>}, {"ops.Log10", Function<Log10>}, {"ops.Reciprocal", Function<Reciprocal>}, {"ops.Trunc", FractionFunction<Truncate>},
    {"ops.Sign", WholeFunction<Sign>}, {"ops.Cbrt", Function<Cbrt>}, {"ops.Deg2rad", Function<Radians>}, {"ops.Rad2deg", Function<Degrees>}, {"ops.Sinc", Function<Sinc>},
    {"ops.Isnan", Function<IsNan>}, {"ops.Isinf", Function<IsInf>}, {"ops.Isfinite", Function<IsFinite>}, {"ops.Isposinf", Function<IsPosInf>}, {"ops.Isneginf", Function<IsNegInf>},
    {"ops.Copy", WholeFunction<Copy>}, {"ops.StopGradient", WholeFunction<Copy>},
    {"ops.Fabs", Function<[](Lowering& c, Value x) { return c.Emit("abs", {x}); }>},
    {"ops.Real", WholeFunction<Copy>}, {"ops.Conj", WholeFunction<Copy>}, {"ops.Conjugate", WholeFunction<Copy>},
    {"ops.BitwiseNot", WholeFunction<BitwiseNot>}, {"ops.BitwiseInvert", WholeFunction<BitwiseNot>},
    {"ops.BitwiseAnd", PairFunction<BitwiseAnd>}, {"ops.BitwiseOr", PairFunction<BitwiseOr>}, {"ops.BitwiseXor", PairFunction<BitwiseXor>},
    {"ops.BitwiseLeftShift", PairFunction<LeftShift, Literals::kFollow>}, {"ops.LeftShift", PairFunction<LeftShift, Literals::kFollow>},
    {"ops.BitwiseRightShift", PairFunction<RightShift, Literals::kFollow>},
    {"ops.RightShift", PairFunction<RightShift, Literals::kFollow>}, {"ops.LogicalXor", TruthFunction}, {"ops.Logaddexp", FloatPairFunction<LogAddExp>},
    {"ops.Arctan2", FloatPairFunction<Arctan2>}, {"ops.Hypot", FloatPairFunction<Hypot>}, {"ops.DivideNoNan", FloatPairFunction<DivideNoNan>},
    {"ops.Fmod", ConvertFmod},
    {"ops.Heaviside", FloatPairFunction<Heaviside>}, {"ops.SquaredDifference", PairFunction<SquaredDifference>},
    {"ops.Gelu", ConvertGelu}, {"ops.Elu", ConvertElu}, {"ops.Celu", ConvertCelu}, {"ops.Sparsemax", ConvertSparsemax}, {"ops.HardShrink", ConvertShrink}, {"ops.SoftShrink", ConvertShrink},
    {"ops.HardTanh", ConvertHardTanh}, {"ops.Glu", ConvertGlu}, {"ops.Squareplus", ConvertSquareplus}, {"ops.NanToNum", ConvertNanToNum},
    {"ops.Var", ConvertVar}, {"ops.Std", ConvertStd}, {"ops.Moments", ConvertMoments}, {"ops.Ptp", ConvertPtp}, {"ops.CountNonzero", ConvertCountNonzero},
    {"ops.Logsumexp", ConvertLogsumexp}, {"ops.Average", ConvertAverage},
    {"ops.Cumsum", ConvertCumsum}, {"ops.Cumprod", ConvertCumprod}, {"ops.Nancumsum", ConvertCumsum}, {"ops.Nancumprod", ConvertCumprod},
    {"ops.BatchNorm", ConvertBatchNorm}, {"ops.Inner", ConvertInner}, {"ops.Dot", ConvertDot}, {"ops.Outer", ConvertOuter},
    {"ops.Tensordot", ConvertTensordot}};

}  // namespace

const std::span<const LayerRule> kNumericRules = kRules;

}  // namespace octet::importers::keras
