// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/integers.h"

#include <algorithm>

namespace octet::importers {
namespace {

// Whether a row of the definition has the type for its first operand.
bool HasKernel(const ops::OpDef& def, DType type) {
  const char key[] = {def.inputs[0].type, '='};
  for (const ops::TypeRow& row : def.types) {
    const size_t at = row.types.find(std::string_view(key, 2));
    if (at == std::string_view::npos) return true;
    std::string_view names = row.types.substr(at + 2);
    names = names.substr(0, names.find(' '));
    while (!names.empty()) {
      const size_t bar = names.find('|');
      if (names.substr(0, bar) == Name(type)) return true;
      names = bar == std::string_view::npos ? std::string_view() : names.substr(bar + 1);
    }
  }
  return false;
}

Value Long(Lowering& c, int64_t v) { return c.Constant<int64_t>(Shape{}, std::span<const int64_t>(&v, 1)); }

// a / b where b divides a. Three quotients in float, each of what the ones before left over: 3 * 24 bits are more than 64.
Result<Value> ExactQuotient(Lowering& c, Value a, Value b) {
  OCTET_ASSIGN(const Value divisor, c.Cast(b, DType::kF32));
  Value rest = a, sum;
  for (int i = 0; i < 3; ++i) {
    OCTET_ASSIGN(Value q, c.Cast(rest, DType::kF32));
    OCTET_ASSIGN(q, c.Make("div", {q, divisor}));
    OCTET_ASSIGN(q, c.Make("round", {q}));
    OCTET_ASSIGN(q, c.Cast(q, DType::kI64));
    if (sum) {
      OCTET_ASSIGN(sum, c.Make("add", {sum, q}));
    } else {
      sum = q;
    }
    if (i == 2) break;
    OCTET_ASSIGN(const Value covered, c.Make("mul", {q, b}));
    OCTET_ASSIGN(rest, c.Make("sub", {rest, covered}));
  }
  return sum;
}

// What a / b, cut towards zero, leaves: it has the sign of a, where the operator's rest has that of b.
Result<Value> RestOfDividend(Lowering& c, Value a, Value b) {
  const Value zero = Long(c, 0);
  OCTET_ASSIGN(const Value rest, c.Make("floor_mod", {a, b}));
  OCTET_ASSIGN(const Value below, c.Make("less", {a, zero}));
  OCTET_ASSIGN(const Value rest_below, c.Make("less", {rest, zero}));
  OCTET_ASSIGN(const Value alike, c.Make("equal", {below, rest_below}));
  OCTET_ASSIGN(const Value none, c.Make("equal", {rest, zero}));
  OCTET_ASSIGN(const Value keep, c.Make("logical_or", {alike, none}));
  OCTET_ASSIGN(const Value other, c.Make("sub", {rest, b}));
  return c.Make("select_v2", {keep, rest, other});
}

// x^n by squares, from the exponent's highest bit down. Beyond 63 every power but those of -1, 0 and 1 has left 64 bits: it keeps the sign.
Result<Value> ComputedPower(Lowering& c, Value x, Value n) {
  OCTET_ASSIGN(const Value odd, c.Make("floor_mod", {n, Long(c, 2)}));
  OCTET_ASSIGN(const Value large, c.Make("add", {odd, Long(c, 62)}));
  OCTET_ASSIGN(const Value fits, c.Make("less", {n, Long(c, 64)}));
  OCTET_ASSIGN(Value rest, c.Make("select_v2", {fits, n, large}));
  OCTET_ASSIGN(rest, c.Cast(rest, DType::kI32));
  Value y = Long(c, 1);
  for (int32_t bit = 32; bit > 0; bit /= 2) {
    const Value number = c.Constant<int32_t>(Shape{}, std::span<const int32_t>(&bit, 1));
    OCTET_ASSIGN(const Value taken, c.Make("greater_equal", {rest, number}));
    OCTET_ASSIGN(const Value factor, c.Make("select_v2", {taken, x, Long(c, 1)}));
    OCTET_ASSIGN(y, bit == 32 ? Result<Value>(factor) : c.Make("mul", {y, y}));
    if (bit < 32) {
      OCTET_ASSIGN(y, c.Make("mul", {y, factor}));
    }
    if (bit == 1) break;
    OCTET_ASSIGN(const Value less, c.Make("sub", {rest, number}));
    OCTET_ASSIGN(rest, c.Make("select_v2", {taken, less, rest}));
  }
  return y;
}

// x^n for a constant n: squares, multiplied where n has a bit.
Result<Value> Power(Lowering& c, Value x, Value exponent) {
  const std::span<const int64_t> known = c.data_as<int64_t>(exponent);
  bool same = !known.empty() && known[0] < 64;
  for (const int64_t n : known) {
    if (n < 0) return c.Fail("powers of whole numbers with exponents from 0", std::to_string(n), "cast the base to float32 before");
    same &= n == known[0];
  }
  if (!same) return ComputedPower(c, x, exponent);
  int64_t n = known[0];
  Value y = Long(c, 1), square = x;
  bool one = true;
  for (; n > 0; n >>= 1) {
    if (n & 1) {
      OCTET_ASSIGN(y, one ? Result<Value>(square) : c.Make("mul", {y, square}));
      one = false;
    }
    if (n > 1) {
      OCTET_ASSIGN(square, c.Make("mul", {square, square}));
    }
  }
  return y;
}

Result<Value> OfLongs(Lowering& c, std::string_view op, std::span<const Value> in) {
  const Value zero = Long(c, 0);
  if (op == "abs") {
    OCTET_ASSIGN(const Value other, c.Make("sub", {zero, in[0]}));
    return c.Make("maximum", {in[0], other});
  }
  if (op == "square") return c.Make("mul", {in[0], in[0]});
  if (op == "squared_difference") {
    OCTET_ASSIGN(const Value d, c.Make("sub", {in[0], in[1]}));
    return c.Make("mul", {d, d});
  }
  if (op == "sign") {
    OCTET_ASSIGN(Value above, c.Make("greater", {in[0], zero}));
    OCTET_ASSIGN(Value below, c.Make("less", {in[0], zero}));
    OCTET_ASSIGN(above, c.Cast(above, DType::kI64));
    OCTET_ASSIGN(below, c.Cast(below, DType::kI64));
    return c.Make("sub", {above, below});
  }
  if (op == "floor_div" || op == "div") {
    OCTET_ASSIGN(const Value left, op == "div" ? RestOfDividend(c, in[0], in[1]) : c.Make("floor_mod", {in[0], in[1]}));
    OCTET_ASSIGN(const Value whole, c.Make("sub", {in[0], left}));
    return ExactQuotient(c, whole, in[1]);
  }
  if (op == "pow") return Power(c, in[0], in[1]);
  return c.Make(op, in);
}

}  // namespace

Result<Value> Elementwise(Lowering& c, std::string_view op, std::span<const Value> in) {
  const DType type = c.type(in[0]).dtype;
  const ops::OpDef* def = ops::Find(op);
  const bool narrow = type == DType::kU8 || type == DType::kI8 || type == DType::kU16 || type == DType::kI16;
  // Their narrow kernels are of quantized numbers, not of whole ones.
  constexpr std::string_view kQuantized[] = {"add", "sub", "mul", "div", "squared_difference", "less", "greater"};
  const bool rescales = narrow && (op.ends_with("equal") || std::ranges::find(kQuantized, op) != std::end(kQuantized));
  if (!def || (HasKernel(*def, type) && !rescales)) return c.Make(op, in);
  if (type == DType::kI64) return OfLongs(c, op, in);
  if (op == "square") return Elementwise(c, "mul", std::vector<Value>{in[0], in[0]});
  if (!narrow && type != DType::kU32) return c.Make(op, in);
  const DType next = narrow ? DType::kI32 : DType::kI64;
  std::vector<Value> wide;
  for (const Value v : in) {
    OCTET_ASSIGN(wide.emplace_back(), c.type(v).dtype == type ? c.Cast(v, next) : Result<Value>(v));
  }
  OCTET_ASSIGN(const Value y, Elementwise(c, op, wide));
  return c.type(y).dtype == next ? c.Cast(y, type) : Result<Value>(y);
}

}  // namespace octet::importers
