// SPDX-License-Identifier: Apache-2.0
// Functions of real numbers in integers: exp, tanh, the logistic function and 1/sqrt, with the very
// roundings of LiteRT's reference kernels. A number in "Qi" has i integer bits in front of the binary
// point: real = raw / 2^(bits - 1 - i). T is int16_t or int32_t; constants are given in 32 bits.
#pragma once
#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ops/quant_util.h"

namespace octet::ops::fixed {

template <class T> constexpr int kBits = static_cast<int>(sizeof(T)) * 8;
template <class T> using Wide = std::conditional_t<sizeof(T) == 2, int32_t, int64_t>;

// Sums wrap in T, as the reference's do.
template <class T> constexpr T Add(T a, T b) {
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<U>(static_cast<U>(a) + static_cast<U>(b)));
}
template <class T> constexpr T Negate(T a) {
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<U>(0 - static_cast<U>(a)));
}
template <class T> constexpr T Subtract(T a, T b) { return Add(a, Negate(b)); }

// x / 2^exponent, to nearest, ties away from zero.
template <class T> constexpr T DividePot(T x, int exponent) { return static_cast<T>(RoundingDivideByPot(x, exponent)); }

// x * 2^exponent, saturated.
template <class T> constexpr T MultiplyPot(T x, int exponent) {
  const T limit = static_cast<T>((Wide<T>{1} << (kBits<T> - 1 - exponent)) - 1);
  if (x > limit) return std::numeric_limits<T>::max();
  if (x < -limit) return std::numeric_limits<T>::min();
  return static_cast<T>(Wide<T>{x} * (Wide<T>{1} << exponent));
}

// Product of Qa and Qb as Q(a+b): the high half of 2ab, to nearest.
template <class T> constexpr T Multiply(T a, T b) {
  if (a == b && a == std::numeric_limits<T>::min()) return std::numeric_limits<T>::max();
  const Wide<T> product = Wide<T>{a} * b, one = 1;
  const Wide<T> nudge = product >= 0 ? one << (kBits<T> - 2) : 1 - (one << (kBits<T> - 2));
  return static_cast<T>((product + nudge) / (one << (kBits<T> - 1)));
}

template <class T> T Constant(int32_t raw) { return static_cast<T>(RoundingDivideByPot(raw, 32 - kBits<T>)); }
template <class T> constexpr T One(int integer_bits) {
  return integer_bits == 0 ? std::numeric_limits<T>::max() : static_cast<T>(T{1} << (kBits<T> - 1 - integer_bits));
}

// exp(a) for a in [-1/4, 0), Q0: Taylor around -1/8 to the fourth order.
template <class T> T ExpOnLastQuarter(T a) {
  const T middle = Constant<T>(1895147668), third = Constant<T>(715827883);  // exp(-1/8), 1/3
  const T x = Add(a, static_cast<T>(T{1} << (kBits<T> - 4)));
  const T x2 = Multiply(x, x), x3 = Multiply(x2, x), x4 = Multiply(x2, x2);
  const T tail = DividePot(Add(Multiply(Add(DividePot(x4, 2), x3), third), x2), 1);
  const T rest = Multiply(middle, Add(x, tail));
  if constexpr (sizeof(T) == 2) return Saturate<T>(int32_t{middle} + rest);
  else return Add(middle, rest);
}

// exp(a) for a <= 0 in Q`integer_bits`, as Q0: the last quarter by polynomial, the rest bit by bit.
template <class T, int integer_bits> T ExpOfNegative(T a) {
  constexpr int kFraction = kBits<T> - 1 - integer_bits;
  constexpr T kQuarter = static_cast<T>(T{1} << (kFraction - 2));
  const T in_quarter = Subtract(static_cast<T>(a & static_cast<T>(kQuarter - 1)), kQuarter);
  T result = ExpOnLastQuarter(MultiplyPot(in_quarter, integer_bits));
  const T remainder = Subtract(in_quarter, a);
  constexpr int32_t kFactor[] = {1672461947, 1302514674, 790015084, 290630308,
                                 39332535,   720401,     242};  // exp(-2^e), e = -2 … 4
  for (int e = -2; e <= 4 && e < integer_bits; ++e)
    if (remainder & static_cast<T>(T{1} << (kFraction + e))) result = Multiply(result, Constant<T>(kFactor[e + 2]));
  if constexpr (integer_bits > 5) {
    if (a < Constant<T>(-(1 << (36 - integer_bits)))) result = 0;  // Below -32 nothing is left.
  }
  return a == 0 ? std::numeric_limits<T>::max() : result;
}

// 2 / (1 + a) for a in [0, 1] (Q0), as Q2: three Newton steps.
template <class T> T TwoOverOnePlus(T a) {
  const Wide<T> sum = Wide<T>{a} + std::numeric_limits<T>::max();
  const T half = static_cast<T>((sum + (sum >= 0 ? 1 : -1)) / 2);
  T x = Add(Constant<T>(1515870810), Multiply(half, Constant<T>(-1010580540)));  // 48/17, -32/17
  for (int i = 0; i < 3; ++i) {
    const T error = Subtract(One<T>(2), Multiply(half, x));
    x = Add(x, MultiplyPot(Multiply(x, error), 2));
  }
  return x;
}

// 1 / x for x > 0 in Q`integer_bits`: scale * 2^-bits_over_unit, scale in Q0.31.
struct Reciprocal {
  int32_t scale = 0;
  int bits_over_unit = 0;
};
inline Reciprocal ReciprocalOf(int32_t x, int integer_bits) {
  const int headroom = std::countl_zero(static_cast<uint32_t>(x));
  const uint32_t normalized = headroom >= 32 ? 0 : static_cast<uint32_t>(x) << headroom;
  const auto fraction = static_cast<int32_t>(normalized - (1u << 31));
  return {MultiplyPot(TwoOverOnePlus(fraction), 1), integer_bits - headroom};
}

// tanh(a), a in Q`integer_bits`, as Q0.
template <class T, int integer_bits> T Tanh(T a) {
  if (a == 0) return 0;
  const T negative = a < 0 ? a : Negate(a);
  const T e = ExpOfNegative<T, integer_bits + 1>(negative);
  const T t = MultiplyPot(Subtract(TwoOverOnePlus(e), One<T>(2)), 2);
  return a < 0 ? Negate(t) : t;
}

// 1 / (1 + exp(-a)), a in Q`integer_bits`, as Q0.
template <class T, int integer_bits> T Logistic(T a) {
  if (a == 0) return Constant<T>(1 << 30);
  const T magnitude = a > 0 ? a : Negate(a);
  const T positive = MultiplyPot(TwoOverOnePlus(ExpOfNegative<T, integer_bits>(Negate(magnitude))), 1);
  return a > 0 ? positive : Subtract(One<T>(0), positive);
}

// 1 / sqrt(x) for x >= 0 as a multiplier: five Newton steps in Q3. Saturates for 0 and 1.
constexpr Multiplier InverseSqrt(int32_t x) {
  if (x <= 1) return {std::numeric_limits<int32_t>::max(), 0};
  int shift = 11;
  for (; x >= (1 << 29); ++shift) x /= 4;
  const int pairs = (std::countl_zero(static_cast<uint32_t>(x)) - 1) / 2 - 1;
  shift -= pairs;
  x <<= 2 * pairs;
  const int32_t half_input = DividePot(x >> 1, 1), half_three = (1 << 28) + (1 << 27);
  int32_t y = One<int32_t>(3);
  for (int i = 0; i < 5; ++i) {
    const int32_t cube = MultiplyPot(Multiply(Multiply(y, y), y), 6);
    y = MultiplyPot(Subtract(Multiply(half_three, y), Multiply(half_input, cube)), 3);
  }
  y = Multiply(y, 1518500250);  // sqrt(2) / 2
  if (shift < 0) {
    y = static_cast<int32_t>(static_cast<uint32_t>(y) << -shift);
    shift = 0;
  }
  return {y, -shift};
}

}  // namespace octet::ops::fixed
