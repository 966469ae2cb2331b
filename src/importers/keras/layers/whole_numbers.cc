// SPDX-License-Identifier: Apache-2.0
// keras.ops on whole numbers and bits: common divisors and multiples, bits seen as another type, positions in a shape.
#include <algorithm>

#include "importers/keras/builder.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/integers.h"
#include "importers/lowerings/loop.h"

namespace octet::importers::keras {
namespace {

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
  OCTET_ASSIGN(Value x, Tensor(c));
  const Argument* given = FindArgument(c, 0, {"x"});
  const std::string source = given && given->literal ? (*given->literal)["dtype"].text() : "";
  const Json& wanted = LiteralOf(c, 1, {"dtype"});
  if (wanted.is_null() || wanted.text() == source) return Set(c, x);
  const DType own = DTypeFromNumpyName(source), type = TypeOf(wanted);
  const auto has_bits = [](DType t) { return t != DType::kNone && t != DType::kBool && t != DType::kF64; };
  if (!has_bits(type) || !has_bits(own) || c.rank(x) == 0)  // Doubles are float32 here: other bits.
    return c.Fail("floats of at most 32 bits or whole numbers", source + " as " + wanted.text(), "cast them instead");
  OCTET_ASSIGN(x, c.Cast(x, own));  // Halves are computed in float32.
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
  if (from > to) {
    OCTET_ASSIGN(y, c.Make("reshape", {y, c.Vector(dims)}));
  }
  return Set(c, IsFloat(type) ? c.Cast(y, DType::kF32) : Result<Value>(y));
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
    {"ops.Gcd", ConvertGcd}, {"ops.Lcm", ConvertLcm}, {"ops.View", ConvertView}, {"ops.UnravelIndex", ConvertUnravel}};

}  // namespace

const std::span<const LayerRule> kWholeNumberRules = kRules;

}  // namespace octet::importers::keras
