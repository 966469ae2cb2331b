// SPDX-License-Identifier: Apache-2.0
// keras.ops on numbers element by element that take several operators.
#include <algorithm>
#include <limits>
#include <numbers>

#include "importers/keras/builder.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/activation.h"
#include "importers/lowerings/function.h"
#include "importers/lowerings/integers.h"
#include "importers/lowerings/loop.h"
#include "importers/lowerings/selection.h"
#include "importers/lowerings/special.h"

namespace octet::importers::keras {
namespace {

using Unary = Result<Value> (*)(Lowering&, Value);

using Binary = Result<Value> (*)(Lowering&, Value, Value);

template <Unary Fn> Status Function(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
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

// ------------------------------------------------------------------------------------- one number

// Of uint32 as of int32, as Keras computes it.
Result<Value> Sign(Lowering& c, Value x) {
  const DType own = c.type(x).dtype;
  OCTET_ASSIGN(x, own == DType::kU32 ? c.Cast(x, DType::kI32) : Result<Value>(x));
  OCTET_ASSIGN(const Value y, Elementwise(c, "sign", std::span(&x, 1)));
  return c.Cast(y, own);
}

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

Status ConvertNanToNum(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  if (!IsFloat(c.type(x).dtype)) return Set(c, x);
  OCTET_ASSIGN(const Value good, c.Make("equal", {x, x}));
  OCTET_ASSIGN(Value y, c.Make("select_v2", {good, x, c.Scalar(static_cast<float>(c.Number("nan", 0)))}));
  const float most = std::numeric_limits<float>::max();
  OCTET_ASSIGN(y, c.Make("minimum", {y, c.Scalar(static_cast<float>(c.Number("posinf", static_cast<double>(most))))}));
  return Set(c, c.Make("maximum", {y, c.Scalar(static_cast<float>(c.Number("neginf", -static_cast<double>(most))))}));
}

Status ConvertSignbit(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  return Set(c, c.Make("less", {x, c.Scalar(0)}));
}

// Of a real number: 0, or pi below zero.
Status ConvertAngle(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  OCTET_ASSIGN(Value below, c.Make("less", {x, c.Scalar(0)}));
  OCTET_ASSIGN(below, c.Cast(below, DType::kF32));
  return Set(c, Times(c, below, static_cast<float>(std::numbers::pi)));
}

Status ConvertImag(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const Value whole, Widened(c, x));
  OCTET_ASSIGN(const Value y, c.Make("zeros_like", {whole}));
  return Set(c, c.Cast(y, c.type(x).dtype));
}

// Real numbers, all of them.
Status ConvertIsReal(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const Value shape, DimensionsOf(c, x));
  return Set(c, c.Make("broadcast_to", {NumberOf(c, 1, DType::kBool), shape}));
}

// ------------------------------------------------------------------------------------ two numbers

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

// log2(2^x + 2^y)
Status ConvertLogaddexp2(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, FloatOperands(c));
  constexpr auto ln2 = static_cast<float>(std::numbers::ln2);
  OCTET_ASSIGN(const Value a, Times(c, p.a, ln2));
  OCTET_ASSIGN(const Value b, Times(c, p.b, ln2));
  OCTET_ASSIGN(const Value y, LogAddExp(c, a, b));
  return Set(c, Times(c, y, 1 / ln2));
}

// |a - b| <= atol + rtol * |b|; whole numbers are equal or not.
Result<Value> Close(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Operands(c, Literals::kOwn));
  if (!IsFloat(c.type(p.a).dtype)) return c.Make("equal", {p.a, p.b});
  const Json &rtol = LiteralOf(c, 2, {"rtol"}), &atol = LiteralOf(c, 3, {"atol"});
  if (c.Bool("equal_nan", false)) return c.Fail("equal_nan=False", "True", "");
  const double relative = rtol.is_number() ? rtol.number() : 1e-5, absolute = atol.is_number() ? atol.number() : 1e-8;
  OCTET_ASSIGN(Value d, c.Make("sub", {p.a, p.b}));
  OCTET_ASSIGN(d, c.Make("abs", {d}));
  OCTET_ASSIGN(Value most, c.Make("abs", {p.b}));
  OCTET_ASSIGN(most, Times(c, most, static_cast<float>(relative)));
  OCTET_ASSIGN(most, Plus(c, most, static_cast<float>(absolute)));
  return c.Make("less_equal", {d, most});
}

Status ConvertClose(LayerContext& c) {
  OCTET_ASSIGN(const Value close, Close(c));
  if (c.kind() == "Isclose") return Set(c, close);
  std::vector<int32_t> all;
  for (int i = 0; i < c.rank(close); ++i) all.push_back(i);
  return Set(c, c.Make("reduce_all", {close, c.Vector(all)}, {{"keep_dims", 0}}));
}

// x * 2^n in floats; infinities and zeros stay, whatever n is.
Status ConvertLdexp(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, FloatOperands(c));
  OCTET_ASSIGN(Value y, c.Make("pow", {c.Scalar(2), p.b}));
  OCTET_ASSIGN(y, c.Make("mul", {p.a, y}));
  OCTET_ASSIGN(const Value infinite, IsInf(c, p.a));
  OCTET_ASSIGN(Value stays, c.Make("equal", {p.a, c.Scalar(0)}));
  OCTET_ASSIGN(stays, c.Make("logical_or", {stays, infinite}));
  return Set(c, c.Make("select_v2", {stays, p.a, y}));
}

// The next float64 as float32, as Keras' TensorFlow backend computes it: x again. NaN where the direction is none.
Result<Value> NextAfter(Lowering& c, Value x, Value towards) {
  OCTET_ASSIGN(const Value known, c.Emit("equal", {towards, towards}));
  return c.Emit("select_v2", {known, x, towards});
}

// Both operands as whole numbers of one shape that operators take, without sign.
Result<Pair> Sizes(LayerContext& c, DType* own) {
  OCTET_ASSIGN(Pair p, Operands(c, Literals::kOwn));
  *own = c.type(p.a).dtype;
  if (IsFloat(*own)) return c.Fail("whole numbers", std::string(NumpyName(*own)), "cast them before");
  OCTET_ASSIGN(p.a, Widened(c, p.a));
  OCTET_ASSIGN(p.b, Widened(c, p.b));
  const bool alike = c.shape(p.a) == c.shape(p.b);
  const Value before = p.a;
  for (Value* x : {&p.a, &p.b}) {
    OCTET_ASSIGN(*x, Elementwise(c, "abs", std::span(x, 1)));
    if (alike) continue;
    OCTET_ASSIGN(const Value none, c.Make("zeros_like", {x == &p.a ? p.b : before}));
    OCTET_ASSIGN(*x, c.Make("add", {*x, none}));
  }
  return p;
}

// Euclid's algorithm on all numbers at once, until nothing is left of any.
Result<Value> CommonDivisor(LayerContext& c, const Pair& p) {
  const DType type = c.type(p.a).dtype;
  std::vector<int32_t> all;
  for (int32_t i = 0; i < c.rank(p.a); ++i) all.push_back(i);
  const auto more = [&](const Carried& v) -> Result<Value> {
    OCTET_ASSIGN(const Value left, c.Make("not_equal", {v[1], NumberOf(c, 0, type)}));
    return c.Make("reduce_any", {left, c.Vector(all)}, {{"keep_dims", 0}});
  };
  const auto step = [&](const Carried& v) -> Result<Carried> {
    OCTET_ASSIGN(const Value done, c.Make("equal", {v[1], NumberOf(c, 0, type)}));
    OCTET_ASSIGN(const Value divisor, c.Make("select_v2", {done, NumberOf(c, 1, type), v[1]}));
    OCTET_ASSIGN(const Value found, c.Make("select_v2", {done, v[0], v[1]}));
    OCTET_ASSIGN(const Value rest, c.Make("floor_mod", {v[0], divisor}));  // 0 by 1 where it is done.
    return Carried{found, rest};
  };
  OCTET_ASSIGN(const Carried y, Loop(c, {p.a, p.b}, more, step));
  return y[0];
}
Status ConvertGcd(LayerContext& c) {
  DType own;
  OCTET_ASSIGN(const Pair p, Sizes(c, &own));
  OCTET_ASSIGN(const Value y, CommonDivisor(c, p));
  return Set(c, c.Cast(y, own));
}
// a * (b / gcd), 0 where both are.
Status ConvertLcm(LayerContext& c) {
  DType own;
  OCTET_ASSIGN(const Pair p, Sizes(c, &own));
  OCTET_ASSIGN(Value divisor, CommonDivisor(c, p));
  OCTET_ASSIGN(divisor, c.Make("maximum", {divisor, NumberOf(c, 1, c.type(divisor).dtype)}));
  const Value operands[] = {p.b, divisor};
  OCTET_ASSIGN(Value y, Elementwise(c, "floor_div", operands));
  OCTET_ASSIGN(y, c.Make("mul", {p.a, y}));
  return Set(c, c.Cast(y, own));
}

// The same bits as numbers of another type; those of other widths share the last axis.
Status ConvertView(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const Argument* given = FindArgument(c, 0, {"x"});
  const std::string source = given && given->literal ? (*given->literal)["dtype"].text() : "";
  const Json& wanted = LiteralOf(c, 1, {"dtype"});
  const DType own = c.type(x).dtype, type = wanted.is_null() ? own : TypeOf(wanted);
  if (wanted.is_null() || wanted.text() == source) return Set(c, x);
  const auto computes = [](DType t) { return t != DType::kNone && t != DType::kBool && (!IsFloat(t) || t == DType::kF32); };
  if (!computes(type) || !computes(DTypeFromNumpyName(source)) || c.rank(x) == 0)  // Other floats are float32 here: other bits.
    return c.Fail("float32 or whole numbers", source + " as " + wanted.text(), "cast them instead");
  std::vector<int32_t> dims(c.shape(x).dims().begin(), c.shape(x).dims().end()), bits = dims;
  const int from = BitsOf(own), to = BitsOf(type);
  if (from > to) {
    bits.push_back(from / to);
    dims.back() = dims.back() == kUnknown ? kUnknown : dims.back() * (from / to);
  } else if (from < to) {
    if (dims.back() < 1 || dims.back() % (to / from) != 0)
      return c.Fail(Format("a last axis that is a multiple of %d", to / from), c.shape(x).text(), "give the input's shape");
    dims.back() /= to / from;
    bits = dims;
    bits.push_back(to / from);
  }
  if (std::ranges::count(dims, kUnknown) > 1) return c.Fail("at most one unknown dimension", c.shape(x).text(), "give the input's shape");
  OCTET_ASSIGN(Value y, from < to ? c.Make("reshape", {x, c.Vector(bits)}) : Result<Value>(x));
  OCTET_ASSIGN(y, c.EmitAs("bitcast", std::span(&y, 1), nullptr, {type, Shape(from > to ? bits : dims), {}}));
  return Set(c, from > to ? c.Make("reshape", {y, c.Vector(dims)}) : Result<Value>(y));
}

// Positions in a flat tensor of a shape, as one index for each of its axes. Of indices in several axes Keras counts the first axis fastest.
Status ConvertUnravel(LayerContext& c) {
  OCTET_ASSIGN(Value rest, Operand(c, 0, {"indices", "x"}, DType::kI32));
  const DType own = c.type(rest).dtype;
  std::vector<int64_t> sizes;
  if (IsFloat(own) || own == DType::kBool || !IntsOf(LiteralOf(c, 1, {"shape"}), &sizes) || sizes.empty() || sizes.size() > kMaxRank)
    return c.Fail("whole numbers, and a shape of them", std::string(NumpyName(own)), "");
  if (std::ranges::any_of(sizes, [](int64_t n) { return n < 1; })) return c.Fail("a shape of known sizes", "others", "");
  OCTET_ASSIGN(rest, Widened(c, rest));
  const DType type = c.type(rest).dtype;
  const bool rows = c.rank(rest) == 1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const size_t axis = rows ? sizes.size() - 1 - i : i;
    const Value operands[] = {rest, NumberOf(c, static_cast<double>(sizes[axis]), type)};
    OCTET_ASSIGN(const Value place, Elementwise(c, "floor_mod", operands));
    OCTET_ASSIGN(const Value at, c.Cast(place, own));
    c.SetOutput(static_cast<int>(sizes.size() - 1 - i), at);
    OCTET_ASSIGN(rest, Elementwise(c, "floor_div", operands));
  }
  return {};
}

constexpr LayerRule kRules[] = {
    {"ops.Arccos", Function<Acos>}, {"ops.Arcsin", Function<Asin>}, {"ops.Arctan", Function<Atan>}, {"ops.Arccosh", Function<Acosh>},
    {"ops.Arcsinh", Function<Asinh>}, {"ops.Arctanh", Function<Atanh>}, {"ops.Sinh", Function<Sinh>}, {"ops.Cosh", Function<Cosh>}, {"ops.Tan", Function<Tan>},
    {"ops.Erf", Function<Erf>}, {"ops.Erfc", Function<Erfc>}, {"ops.Expm1", Function<Expm1>}, {"ops.Exp2", Function<Exp2>}, {"ops.Log1p", Function<Log1p>},
    {"ops.Log2", Function<Log2>}, {"ops.Log10", Function<Log10>}, {"ops.Reciprocal", Function<Reciprocal>}, {"ops.Cbrt", Function<Cbrt>},
    {"ops.Deg2rad", Function<Radians>}, {"ops.Rad2deg", Function<Degrees>}, {"ops.Sinc", Function<Sinc>}, {"ops.Isnan", Function<IsNan>},
    {"ops.Isinf", Function<IsInf>}, {"ops.Isfinite", Function<IsFinite>}, {"ops.Isposinf", Function<IsPosInf>}, {"ops.Isneginf", Function<IsNegInf>},
    {"ops.Fabs", Function<[](Lowering& c, Value x) { return c.Emit("abs", {x}); }>}, {"ops.Sign", WholeFunction<Sign>}, {"ops.Copy", WholeFunction<Copy>},
    {"ops.StopGradient", WholeFunction<Copy>}, {"ops.Real", WholeFunction<Copy>}, {"ops.Conj", WholeFunction<Copy>}, {"ops.Conjugate", WholeFunction<Copy>},
    {"ops.BitwiseNot", WholeFunction<BitwiseNot>}, {"ops.BitwiseInvert", WholeFunction<BitwiseNot>}, {"ops.Trunc", FractionFunction<Truncate>},
    {"ops.BitwiseAnd", PairFunction<BitwiseAnd>}, {"ops.BitwiseOr", PairFunction<BitwiseOr>}, {"ops.BitwiseXor", PairFunction<BitwiseXor>},
    {"ops.BitwiseLeftShift", PairFunction<LeftShift, Literals::kFollow>}, {"ops.LeftShift", PairFunction<LeftShift, Literals::kFollow>},
    {"ops.BitwiseRightShift", PairFunction<RightShift, Literals::kFollow>}, {"ops.RightShift", PairFunction<RightShift, Literals::kFollow>},
    {"ops.SquaredDifference", PairFunction<SquaredDifference>}, {"ops.LogicalXor", TruthFunction}, {"ops.Logaddexp", FloatPairFunction<LogAddExp>},
    {"ops.Arctan2", FloatPairFunction<Arctan2>}, {"ops.Hypot", FloatPairFunction<Hypot>}, {"ops.DivideNoNan", FloatPairFunction<DivideNoNan>},
    {"ops.Heaviside", FloatPairFunction<Heaviside>}, {"ops.Fmod", ConvertFmod}, {"ops.NanToNum", ConvertNanToNum}, {"ops.Signbit", ConvertSignbit},
    {"ops.Angle", ConvertAngle}, {"ops.Imag", ConvertImag}, {"ops.EmptyLike", ConvertImag}, {"ops.Isreal", ConvertIsReal},
    {"ops.Logaddexp2", ConvertLogaddexp2}, {"ops.Isclose", ConvertClose}, {"ops.AllClose", ConvertClose},
    {"ops.Erfinv", Function<Erfinv>}, {"ops.I0", Function<BesselI0>}, {"ops.Nextafter", FloatPairFunction<NextAfter>}, {"ops.Ldexp", ConvertLdexp},
    {"ops.Gcd", ConvertGcd}, {"ops.Lcm", ConvertLcm}, {"ops.View", ConvertView}, {"ops.UnravelIndex", ConvertUnravel}};

}  // namespace

const std::span<const LayerRule> kElementwiseRules = kRules;

}  // namespace octet::importers::keras
