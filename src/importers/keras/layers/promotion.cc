// SPDX-License-Identifier: Apache-2.0
#include "importers/keras/layers/promotion.h"

#include <algorithm>
#include <cmath>

#include "importers/keras/layers/arguments.h"

namespace octet::importers::keras {
namespace {

struct Range {
  double least, most;
};

Range RangeOf(DType t) {
  if (IsFloat(t)) return {-HUGE_VAL, HUGE_VAL};
  if (t == DType::kBool) return {0, 1};
  const double size = std::ldexp(1.0, BitsOf(t) - (IsUnsigned(t) ? 0 : 1));
  return {IsUnsigned(t) ? 0 : -size, std::min(size - 1, std::nextafter(size, 0.0))};
}

// The largest float32 that is no larger.
double BelowAsFloat(double v) {
  const auto f = static_cast<float>(v);
  return static_cast<double>(f) > v ? std::nextafter(f, 0.0f) : f;
}

}  // namespace

bool IsUnsigned(DType t) { return t == DType::kU8 || t == DType::kU16 || t == DType::kU32 || t == DType::kU64; }

DType CommonType(DType a, DType b) {
  if (IsFloat(a) || IsFloat(b)) return DType::kF32;
  if (a == b || b == DType::kBool) return a;
  if (a == DType::kBool) return b;
  if (IsUnsigned(a) == IsUnsigned(b)) return BitsOf(a) > BitsOf(b) ? a : b;
  const int below = BitsOf(IsUnsigned(a) ? a : b), wide = std::max(2 * below, BitsOf(IsUnsigned(a) ? b : a));  // The sign takes a bit.
  return wide <= 16 ? DType::kI16 : wide <= 32 ? DType::kI32 : wide <= 64 ? DType::kI64 : DType::kF32;
}

DType SumType(DType t) {
  if (t == DType::kU8 || t == DType::kU16) return DType::kU32;
  return t == DType::kBool || t == DType::kI8 || t == DType::kI16 ? DType::kI32 : t;
}

Result<Value> Widened(LayerContext& c, Value x) {
  const DType own = c.type(x).dtype;
  if (own == DType::kU32) return c.Cast(x, DType::kI64);
  return c.Cast(x, own == DType::kBool || BitsOf(own) < 32 ? CommonType(own, DType::kI32) : own);
}

Result<Value> Narrowed(LayerContext& c, Value x, DType type) {
  if (IsFloat(c.type(x).dtype) && !IsFloat(type) && type != DType::kBool && BitsOf(type) < 32) {
    OCTET_ASSIGN(x, c.Cast(x, DType::kI32));
  }
  return c.Cast(x, type);
}

Result<Value> Saturated(LayerContext& c, Value x, DType type) {
  const Range own = RangeOf(c.type(x).dtype), wanted = RangeOf(type);
  OCTET_ASSIGN(x, Widened(c, x));
  const DType wide = c.type(x).dtype;
  if (own.least < wanted.least) {
    OCTET_ASSIGN(x, c.Make("maximum", {x, NumberOf(c, wanted.least, wide)}));
  }
  if (own.most > wanted.most) {
    OCTET_ASSIGN(x, c.Make("minimum", {x, NumberOf(c, IsFloat(wide) ? BelowAsFloat(wanted.most) : wanted.most, wide)}));
  }
  return c.Cast(x, type);
}

Result<Pair> OperandsAt(LayerContext& c, int first, Literals literals) {
  if (c.kind().starts_with("TFOp")) literals = Literals::kFollow;  // TensorFlow converts them to the tensor's type.
  const std::initializer_list<std::string_view> names[] = {{"x1", "x", "a"}, {"x2", "y", "b"}};
  struct Side {
    Value tensor;
    const Json* literal = nullptr;
    DType type = DType::kNone;  // None: a number that follows the other side.
  } side[2];
  for (int i = 0; i < 2; ++i) {
    const Argument* a = FindArgument(c, first + i, names[i]);
    side[i].tensor = a ? c.TensorOf(a) : Value{};
    side[i].literal = &LiteralOf(c, first + i, names[i]);
    if (a && a->kind == Argument::Kind::kList) {
      OCTET_ASSIGN(side[i].tensor, Operand(c, first + i, names[i], DType::kI32));
    }
    if (side[i].tensor) side[i].type = c.type(side[i].tensor).dtype;
    else if (side[i].literal->is_null()) return c.Fail("an argument '" + std::string(*names[i].begin()) + "'", "none", "");
    else side[i].type = StoredType(*side[i].literal);
  }
  for (int i = 0; i < 2; ++i) {
    if (side[i].type != DType::kNone) continue;
    const DType other = side[1 - i].type, own = PythonType(*side[i].literal);
    const bool follows = literals == Literals::kFollow && other != DType::kNone && (other != DType::kBool || own == DType::kBool) && !IsFloat(own);
    side[i].type = follows ? other : own;
  }
  const DType type = CommonType(side[0].type, side[1].type);
  Value out[2];
  for (int i = 0; i < 2; ++i) {
    OCTET_ASSIGN(out[i], side[i].tensor ? c.Cast(side[i].tensor, type) : ConstantAs(c, *side[i].literal, type));
  }
  return Pair{out[0], out[1]};
}

Result<Pair> Operands(LayerContext& c, Literals literals) { return OperandsAt(c, 0, literals); }

Result<Factors> ProductOperands(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Operands(c, Literals::kOwn));
  Factors f;
  f.result = c.type(p.a).dtype;
  OCTET_ASSIGN(f.a, c.Cast(p.a, DType::kF32));
  OCTET_ASSIGN(f.b, c.Cast(p.b, DType::kF32));
  return f;
}

Result<Pair> FloatOperands(LayerContext& c) {
  Pair p;
  OCTET_ASSIGN(p.a, Operand(c, 0, {"x1", "x", "a"}, DType::kF32));
  OCTET_ASSIGN(p.b, Operand(c, 1, {"x2", "y", "b"}, DType::kF32));
  OCTET_ASSIGN(p.a, c.Cast(p.a, DType::kF32));
  OCTET_ASSIGN(p.b, c.Cast(p.b, DType::kF32));
  return p;
}

Result<Pair> Fractions(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Operands(c, Literals::kOwn));
  const DType own = c.type(p.a).dtype;
  return IsFloat(own) ? Result<Pair>(p) : c.Fail("floats", std::string(NumpyName(own)), "cast the inputs to float32 before");
}

}  // namespace octet::importers::keras
