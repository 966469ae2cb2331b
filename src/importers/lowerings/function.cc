// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/function.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "importers/lowerings/integers.h"

namespace octet::importers {
namespace {

// (e^x ± e^-x) / 2
Result<Value> Hyperbolic(Lowering& c, Value x, std::string_view op) {
  OCTET_ASSIGN(const Value up, c.Emit("exp", {x}));
  OCTET_ASSIGN(Value down, c.Emit("neg", {x}));
  OCTET_ASSIGN(down, c.Emit("exp", {down}));
  OCTET_ASSIGN(const Value y, c.Emit(op, {up, down}));
  return Times(c, y, 0.5f);
}

// sqrt(1 - x^2)
Result<Value> Leg(Lowering& c, Value x) {
  OCTET_ASSIGN(Value y, c.Emit("mul", {x, x}));
  OCTET_ASSIGN(y, c.Emit("sub", {c.Scalar(1), y}));
  return c.Emit("sqrt", {y});
}

// log(x + sqrt(x^2 + s))
Result<Value> AreaFunction(Lowering& c, Value x, float s) {
  OCTET_ASSIGN(Value y, c.Emit("mul", {x, x}));
  OCTET_ASSIGN(y, Plus(c, y, s));
  OCTET_ASSIGN(y, c.Emit("sqrt", {y}));
  OCTET_ASSIGN(y, c.Emit("add", {x, y}));
  return c.Emit("log", {y});
}

Result<Value> Logarithm(Lowering& c, Value x, double base) {
  OCTET_ASSIGN(const Value y, c.Emit("log", {x}));
  return Times(c, y, static_cast<float>(1 / std::log(base)));
}

// x in the shape that it and `like` broadcast to, whichever of the two a choice takes.
Result<Value> SpreadOver(Lowering& c, Value x, Value like) {
  if (c.shape(x) == c.shape(like)) return x;
  OCTET_ASSIGN(const Value either, c.Emit("equal", {like, like}));
  return c.Emit("select_v2", {either, x, x});
}

}  // namespace

Result<Value> Tan(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value s, c.Emit("sin", {x}));
  OCTET_ASSIGN(const Value k, c.Emit("cos", {x}));
  return c.Emit("div", {s, k});
}
Result<Value> Sinh(Lowering& c, Value x) { return Hyperbolic(c, x, "sub"); }
Result<Value> Cosh(Lowering& c, Value x) { return Hyperbolic(c, x, "add"); }

// atan2 is an operator: atan x = atan2(x, 1), asin x = atan2(x, sqrt(1 - x^2)), acos x = atan2(sqrt(1 - x^2), x).
Result<Value> Asin(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value leg, Leg(c, x));
  return c.Emit("atan2", {x, leg});
}
Result<Value> Acos(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value leg, Leg(c, x));
  return c.Emit("atan2", {leg, x});
}
// Ones of x's shape; NaN gets a zero and stays NaN.
Result<Value> Atan(Lowering& c, Value x) {
  OCTET_ASSIGN(Value one, c.Emit("equal", {x, x}));
  OCTET_ASSIGN(one, c.Cast(one, DType::kF32));
  return c.Emit("atan2", {x, one});
}

// LiteRT's operator reads both operands as if they were of one shape.
Result<Value> Atan2(Lowering& c, Value y, Value x) {
  OCTET_ASSIGN(const Value spread, SpreadOver(c, y, x));
  OCTET_ASSIGN(x, SpreadOver(c, x, spread));
  return c.Emit("atan2", {spread, x});
}

// Odd, which keeps it from cancelling below zero: sign(x) * asinh(|x|).
Result<Value> Asinh(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value size, c.Emit("abs", {x}));
  OCTET_ASSIGN(const Value y, AreaFunction(c, size, 1));
  OCTET_ASSIGN(const Value negative, c.Emit("less", {x, c.Scalar(0)}));
  OCTET_ASSIGN(const Value minus, c.Emit("neg", {y}));
  return c.Emit("select_v2", {negative, minus, y});
}
// None below 1; the logarithm alone would answer for large negative numbers.
Result<Value> Acosh(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value y, AreaFunction(c, x, -1));
  OCTET_ASSIGN(const Value outside, c.Emit("less", {x, c.Scalar(1)}));
  return c.Emit("select_v2", {outside, c.Scalar(std::numeric_limits<float>::quiet_NaN()), y});
}

// log((1 + x) / (1 - x)) / 2
Result<Value> Atanh(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value up, Plus(c, x, 1));
  OCTET_ASSIGN(const Value down, c.Emit("sub", {c.Scalar(1), x}));
  OCTET_ASSIGN(Value y, c.Emit("div", {up, down}));
  OCTET_ASSIGN(y, c.Emit("log", {y}));
  return Times(c, y, 0.5f);
}

Result<Value> Erfc(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value y, Erf(c, x));
  return c.Emit("sub", {c.Scalar(1), y});
}
Result<Value> Expm1(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value y, c.Emit("exp", {x}));
  return c.Emit("sub", {y, c.Scalar(1)});
}
Result<Value> Log1p(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value y, Plus(c, x, 1));
  return c.Emit("log", {y});
}
Result<Value> Log2(Lowering& c, Value x) { return Logarithm(c, x, 2); }
Result<Value> Log10(Lowering& c, Value x) { return Logarithm(c, x, 10); }
Result<Value> Exp2(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value y, Times(c, x, static_cast<float>(std::numbers::ln2)));
  return c.Emit("exp", {y});
}
Result<Value> Reciprocal(Lowering& c, Value x) { return c.Emit("div", {c.Scalar(1), x}); }

Result<Value> Truncate(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value down, c.Emit("floor", {x}));
  OCTET_ASSIGN(const Value up, c.Emit("ceil", {x}));
  OCTET_ASSIGN(const Value negative, c.Emit("less", {x, c.Scalar(0)}));
  return c.Emit("select_v2", {negative, up, down});
}

Result<Value> IsNan(Lowering& c, Value x) { return c.Emit("not_equal", {x, x}); }
Result<Value> IsInf(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value size, c.Emit("abs", {x}));
  return c.Emit("equal", {size, c.Scalar(std::numeric_limits<float>::infinity())});
}
// x - x is 0 but for infinities and NaN.
Result<Value> IsFinite(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value zero, c.Emit("sub", {x, x}));
  return c.Emit("equal", {zero, c.Scalar(0)});
}

// There is xor only: ~x = x ^ -1, a & b = (a + b - (a ^ b)) / 2, a | b = (a & b) + (a ^ b). Truth values have their own operators.
Result<Value> BitwiseNot(Lowering& c, Value x) {
  const DType t = c.type(x).dtype;
  if (t == DType::kBool) return c.Emit("logical_not", {x});
  if (t == DType::kI64) {  // -1 - x
    const int64_t one = -1;
    return c.Emit("sub", {c.Constant<int64_t>(Shape{}, std::span(&one, 1)), x});
  }
  OCTET_ASSIGN(const Value all, c.Cast(c.Scalar(-1), DType::kI32));
  OCTET_ASSIGN(const Value ones, c.Cast(all, t));
  return c.Emit("bitwise_xor", {x, ones});
}

namespace {

// The same bits as numbers of 32: one of 64 bits is two of them, along a new last axis. And back.
Result<Value> AsInts(Lowering& c, Value x) {
  Shape s = c.shape(x);
  if (BitsOf(c.type(x).dtype) == 64) s.push_back(2);
  return c.EmitAs("bitcast", std::span(&x, 1), nullptr, {DType::kI32, s, {}});
}
Result<Value> FromInts(Lowering& c, Value x, DType t) {
  const Shape s = c.shape(x);
  const size_t kept = s.dims().size() - (BitsOf(t) == 64 ? 1 : 0);
  return c.EmitAs("bitcast", std::span(&x, 1), nullptr, {t, Shape(s.dims().first(kept)), {}});
}
bool IsWide(DType t) { return t == DType::kI64 || t == DType::kU64 || t == DType::kU32; }

// Of numbers whose sum fits into 32 bits.
Result<Value> NarrowAnd(Lowering& c, Value x, Value y, Value differs) {
  OCTET_ASSIGN(Value common, c.Emit("add", {x, y}));
  OCTET_ASSIGN(common, c.Emit("sub", {common, differs}));
  const int32_t one = 1;
  return c.Emit("right_shift", {common, c.Constant<int32_t>(Shape{}, std::span(&one, 1))});
}

// x = high * 2^16 + low, low from 0 on.
struct Halves {
  Value high, low;
};
Result<Halves> Split(Lowering& c, Value x) {
  const int32_t sixteen = 16, width = 1 << 16;
  Halves h;
  OCTET_ASSIGN(h.high, c.Emit("right_shift", {x, c.Constant<int32_t>(Shape{}, std::span(&sixteen, 1))}));
  OCTET_ASSIGN(const Value above, c.Emit("mul", {h.high, c.Constant<int32_t>(Shape{}, std::span(&width, 1))}));
  OCTET_ASSIGN(h.low, c.Emit("sub", {x, above}));
  return h;
}

// One number that is the sign's bit alone.
bool IsSignBit(Lowering& c, Value v) {
  if (c.type(v).dtype != DType::kI32 || !c.shape(v).known() || c.shape(v).elements() != 1 || !c.data(v)) return false;
  return c.data_as<int32_t>(v)[0] == std::numeric_limits<int32_t>::min();
}

Result<Value> SignBitOf(Lowering& c, Value x, Value sign_bit) {
  OCTET_ASSIGN(const Value zero, c.Cast(c.Scalar(0), DType::kI32));
  OCTET_ASSIGN(const Value negative, c.Emit("less", {x, zero}));
  return c.Emit("select_v2", {negative, sign_bit, zero});
}

Result<Value> BitwisePair(Lowering& c, Value x, Value y, bool both) {
  const DType t = c.type(x).dtype;
  if (t == DType::kBool) return c.Emit(both ? "logical_and" : "logical_or", {x, y});
  if (IsWide(t)) {
    OCTET_ASSIGN(const Value a, AsInts(c, x));
    OCTET_ASSIGN(const Value b, AsInts(c, y));
    OCTET_ASSIGN(const Value joined, BitwisePair(c, a, b, both));
    return FromInts(c, joined, t);
  }
  OCTET_ASSIGN(const Value a, c.Cast(x, DType::kI32));
  OCTET_ASSIGN(const Value b, c.Cast(y, DType::kI32));
  OCTET_ASSIGN(const Value differs, c.Emit("bitwise_xor", {a, b}));
  Value common;
  if (t == DType::kI32) {
    OCTET_ASSIGN(const Halves p, Split(c, a));
    OCTET_ASSIGN(const Halves q, Split(c, b));
    OCTET_ASSIGN(const Halves d, Split(c, differs));
    OCTET_ASSIGN(const Value high, NarrowAnd(c, p.high, q.high, d.high));
    OCTET_ASSIGN(const Value low, NarrowAnd(c, p.low, q.low, d.low));
    const int32_t width = 1 << 16;
    OCTET_ASSIGN(common, c.Emit("mul", {high, c.Constant<int32_t>(Shape{}, std::span(&width, 1))}));
    OCTET_ASSIGN(common, c.Emit("add", {common, low}));
  } else {
    OCTET_ASSIGN(common, NarrowAnd(c, a, b, differs));
  }
  if (!both) {
    OCTET_ASSIGN(common, c.Emit("add", {common, differs}));
  }
  return c.Cast(common, t);
}

}  // namespace

Result<Value> BitwiseAnd(Lowering& c, Value x, Value y) {
  if (IsSignBit(c, y)) return SignBitOf(c, x, y);
  return IsSignBit(c, x) ? SignBitOf(c, y, x) : BitwisePair(c, x, y, true);
}
Result<Value> BitwiseOr(Lowering& c, Value x, Value y) { return BitwisePair(c, x, y, false); }

Result<Value> BitwiseXor(Lowering& c, Value x, Value y) {
  const DType t = c.type(x).dtype;
  if (t == DType::kBool) return LogicalXor(c, x, y);
  if (BitsOf(t) != 64) return c.Emit("bitwise_xor", {x, y});
  OCTET_ASSIGN(const Value a, AsInts(c, x));
  OCTET_ASSIGN(const Value b, AsInts(c, y));
  OCTET_ASSIGN(const Value differs, c.Emit("bitwise_xor", {a, b}));
  return FromInts(c, differs, t);
}

// x * 2^n, in whole numbers that wrap.
Result<Value> LeftShift(Lowering& c, Value x, Value n) {
  OCTET_ASSIGN(const Value wide, c.Cast(x, DType::kI64));
  OCTET_ASSIGN(const Value exponent, c.Cast(n, DType::kF32));
  OCTET_ASSIGN(Value factor, c.Emit("pow", {c.Scalar(2), exponent}));
  OCTET_ASSIGN(factor, c.Cast(factor, DType::kI64));
  OCTET_ASSIGN(const Value y, c.Emit("mul", {wide, factor}));
  return c.Cast(y, c.type(x).dtype);
}

// floor(x / 2^n) of 64 bits, for n of at most 62.
Result<Value> RightShift(Lowering& c, Value x, Value n) {
  if (c.type(x).dtype != DType::kI64) return c.Emit("right_shift", {x, n});
  const int64_t one = 1;
  OCTET_ASSIGN(const Value divisor, LeftShift(c, c.Constant<int64_t>(Shape{}, std::span(&one, 1)), n));
  return Elementwise(c, "floor_div", std::vector<Value>{x, divisor});
}

Result<Value> LogicalXor(Lowering& c, Value x, Value y) { return c.Emit("not_equal", {x, y}); }

// max(x, y) + log(1 + e^-|x - y|), which is max - log(sigmoid(|x - y|)).
Result<Value> LogAddExp(Lowering& c, Value x, Value y) {
  OCTET_ASSIGN(const Value most, c.Emit("maximum", {x, y}));
  OCTET_ASSIGN(Value d, c.Emit("sub", {x, y}));
  OCTET_ASSIGN(d, c.Emit("abs", {d}));
  OCTET_ASSIGN(d, c.Emit("logistic", {d}));
  OCTET_ASSIGN(d, c.Emit("log", {d}));
  return c.Emit("sub", {most, d});
}

}  // namespace octet::importers
