// SPDX-License-Identifier: Apache-2.0
// keras.ops on numbers element by element that take several operators.
#include <limits>
#include <numbers>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/activation.h"
#include "importers/lowerings/function.h"
#include "importers/lowerings/integers.h"
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

Result<Value> FloatAbs(Lowering& c, Value x) { return c.Emit("abs", {x}); }

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

constexpr LayerRule kRules[] = {
    {"ops.Arccos", Function<Acos>}, {"ops.Arcsin", Function<Asin>}, {"ops.Arctan", Function<Atan>}, {"ops.Arccosh", Function<Acosh>},
    {"ops.Arcsinh", Function<Asinh>}, {"ops.Arctanh", Function<Atanh>}, {"ops.Sinh", Function<Sinh>}, {"ops.Cosh", Function<Cosh>}, {"ops.Tan", Function<Tan>},
    {"ops.Erf", Function<Erf>}, {"ops.Erfc", Function<Erfc>}, {"ops.Expm1", Function<Expm1>}, {"ops.Exp2", Function<Exp2>}, {"ops.Log1p", Function<Log1p>},
    {"ops.Log2", Function<Log2>}, {"ops.Log10", Function<Log10>}, {"ops.Reciprocal", Function<Reciprocal>}, {"ops.Cbrt", Function<Cbrt>},
    {"ops.Deg2rad", Function<Radians>}, {"ops.Rad2deg", Function<Degrees>}, {"ops.Sinc", Function<Sinc>}, {"ops.Isnan", Function<IsNan>},
    {"ops.Isinf", Function<IsInf>}, {"ops.Isfinite", Function<IsFinite>}, {"ops.Isposinf", Function<IsPosInf>}, {"ops.Isneginf", Function<IsNegInf>},
    {"ops.Sign", WholeFunction<Sign>}, {"ops.Copy", WholeFunction<Copy>}, {"ops.StopGradient", WholeFunction<Copy>}, {"ops.Real", WholeFunction<Copy>},
    {"ops.Conj", WholeFunction<Copy>}, {"ops.Conjugate", WholeFunction<Copy>}, {"ops.BitwiseNot", WholeFunction<BitwiseNot>},
    {"ops.BitwiseInvert", WholeFunction<BitwiseNot>}, {"ops.Trunc", FractionFunction<Truncate>}, {"ops.BitwiseAnd", PairFunction<BitwiseAnd>},
    {"ops.BitwiseOr", PairFunction<BitwiseOr>}, {"ops.BitwiseXor", PairFunction<BitwiseXor>},
    {"ops.BitwiseLeftShift", PairFunction<LeftShift, Literals::kFollow>}, {"ops.LeftShift", PairFunction<LeftShift, Literals::kFollow>},
    {"ops.BitwiseRightShift", PairFunction<RightShift, Literals::kFollow>}, {"ops.RightShift", PairFunction<RightShift, Literals::kFollow>},
    {"ops.SquaredDifference", PairFunction<SquaredDifference>}, {"ops.LogicalXor", TruthFunction}, {"ops.Logaddexp", FloatPairFunction<LogAddExp>},
    {"ops.Arctan2", FloatPairFunction<Atan2>}, {"ops.Hypot", FloatPairFunction<Hypot>}, {"ops.DivideNoNan", FloatPairFunction<DivideNoNan>},
    {"ops.Heaviside", FloatPairFunction<Heaviside>}, {"ops.Fmod", ConvertFmod}, {"ops.NanToNum", ConvertNanToNum}, {"ops.Signbit", ConvertSignbit},
    {"ops.Angle", ConvertAngle}, {"ops.Imag", ConvertImag}, {"ops.EmptyLike", ConvertImag}, {"ops.Isreal", ConvertIsReal},
    {"ops.Logaddexp2", ConvertLogaddexp2}, {"ops.Isclose", ConvertClose}, {"ops.AllClose", ConvertClose}, {"ops.Erfinv", Function<Erfinv>},
    {"ops.Fabs", Function<FloatAbs>},
    {"ops.I0", Function<BesselI0>}, {"ops.Nextafter", FloatPairFunction<NextAfter>}, {"ops.Ldexp", ConvertLdexp},
    {"tf.math.acos", Function<Acos>}, {"tf.math.asin", Function<Asin>}, {"tf.math.atan", Function<Atan>}, {"tf.math.acosh", Function<Acosh>},
    {"tf.math.asinh", Function<Asinh>}, {"tf.math.atanh", Function<Atanh>}, {"tf.math.sinh", Function<Sinh>}, {"tf.math.cosh", Function<Cosh>},
    {"tf.math.tan", Function<Tan>}, {"tf.math.erf", Function<Erf>}, {"tf.math.erfc", Function<Erfc>}, {"tf.math.expm1", Function<Expm1>},
    {"tf.math.log1p", Function<Log1p>}, {"tf.math.reciprocal", Function<Reciprocal>}, {"tf.math.is_nan", Function<IsNan>},
    {"tf.math.is_inf", Function<IsInf>}, {"tf.math.is_finite", Function<IsFinite>}, {"tf.math.lgamma", Function<Lgamma>},
    {"tf.math.digamma", Function<Digamma>}, {"tf.math.erfinv", Function<Erfinv>}, {"tf.math.ndtri", Function<Ndtri>},
    {"tf.math.bessel_i0", Function<BesselI0>}, {"tf.math.bessel_i1", Function<BesselI1>}, {"tf.math.bessel_i0e", Function<BesselI0e>},
    {"tf.math.bessel_i1e", Function<BesselI1e>}, {"tf.math.sign", WholeFunction<Sign>}, {"tf.stop_gradient", WholeFunction<Copy>},
    {"tf.identity", WholeFunction<Copy>}, {"tf.bitwise.invert", WholeFunction<BitwiseNot>}, {"tf.bitwise.bitwise_and", PairFunction<BitwiseAnd>},
    {"tf.bitwise.bitwise_or", PairFunction<BitwiseOr>}, {"tf.bitwise.bitwise_xor", PairFunction<BitwiseXor>},
    {"tf.bitwise.left_shift", PairFunction<LeftShift, Literals::kFollow>}, {"tf.bitwise.right_shift", PairFunction<RightShift, Literals::kFollow>},
    {"tf.math.divide_no_nan", FloatPairFunction<DivideNoNan>}, {"tf.math.logical_xor", TruthFunction}};

}  // namespace

const std::span<const LayerRule> kElementwiseRules = kRules;

}  // namespace octet::importers::keras
