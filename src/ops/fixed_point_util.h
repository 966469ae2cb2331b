// SPDX-License-Identifier: Apache-2.0
// Fixed-point functions of the integer reference kernels. Qm.n: m integer and n fractional bits of 32.
#pragma once
#include "ops/quant_util.h"

namespace octet::ops::fixed {

inline int32_t SaturatingShiftLeft(int32_t x, int by) {
  return static_cast<int32_t>(std::clamp<int64_t>(static_cast<int64_t>(x) * (1ll << by), INT32_MIN, INT32_MAX));
}

// e^x for x in [-1/4, 0), Q0.31, by the fourth-order Taylor polynomial around -1/8.
inline int32_t ExpNearZero(int32_t x) {
  constexpr int32_t kExpOfMinusEighth = 1895147668, kThird = 715827883;
  const int32_t t = x + (1 << 28), t2 = RoundingDoublingHighMul(t, t), t3 = RoundingDoublingHighMul(t2, t), t4 = RoundingDoublingHighMul(t2, t2);
  const int32_t tail = RoundingDivideByPot(RoundingDoublingHighMul(RoundingDivideByPot(t4, 2) + t3, kThird) + t2, 1);
  return kExpOfMinusEighth + RoundingDoublingHighMul(kExpOfMinusEighth, t + tail);
}

// e^x for x <= 0 in Q5.26, as Q0.31: the quarter's remainder by polynomial, each higher bit by a factor.
inline int32_t ExpOfNegative(int32_t x) {
  constexpr int kFraction = 26;
  constexpr int32_t kQuarter = 1 << (kFraction - 2);
  constexpr int32_t kFactors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};  // e^-(2^k), k = -2 .. 4
  if (x == 0) return INT32_MAX;
  const int32_t remainder = (x & (kQuarter - 1)) - kQuarter;
  int32_t result = ExpNearZero(SaturatingShiftLeft(remainder, 5));
  const int32_t rest = remainder - x;
  for (int k = 0; k < 7; ++k)
    if (rest & (1 << (kFraction - 2 + k))) result = RoundingDoublingHighMul(result, kFactors[k]);
  return result;
}

// 1 / (1 + x) for x in [0, 1), Q0.31: Newton's iteration on 48/17 - 32/17 d in Q2.29.
inline int32_t OneOverOnePlus(int32_t x) {
  constexpr int32_t k48Over17 = 1515870810, kMinus32Over17 = -1010580540, kOneQ2 = 1 << 29;
  const int32_t half = static_cast<int32_t>((static_cast<int64_t>(x) + INT32_MAX + 1) / 2);
  int32_t y = k48Over17 + RoundingDoublingHighMul(half, kMinus32Over17);
  for (int i = 0; i < 3; ++i) {
    const int32_t error = kOneQ2 - RoundingDoublingHighMul(half, y);
    y += SaturatingShiftLeft(RoundingDoublingHighMul(y, error), 2);
  }
  return SaturatingShiftLeft(y, 1);
}

// 1 / x for x > 0 with `integer_bits`: scale * 2^-bits_over_unit, scale in Q0.31.
struct Reciprocal {
  int32_t scale = 0;
  int bits_over_unit = 0;
};
inline Reciprocal ReciprocalOf(int32_t x, int integer_bits) {
  const int headroom = x == 0 ? 32 : __builtin_clz(static_cast<uint32_t>(x));
  const uint32_t normalized = headroom >= 32 ? 0 : (static_cast<uint32_t>(x) << headroom);
  return {OneOverOnePlus(static_cast<int32_t>(normalized - (1u << 31))), integer_bits - headroom};
}

}  // namespace octet::ops::fixed
