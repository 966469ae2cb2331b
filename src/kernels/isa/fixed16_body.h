// SPDX-License-Identifier: Apache-2.0
// The functions of fixed16.h over `Shorts`, which the including file defines in an unnamed namespace: kCount int16 V at a time.
// Included once per instruction set, inside that unnamed namespace. As ops/fixed_point_util.h, whose names these carry; HighMul rounds
// as its Multiply does.

using S = Shorts::V;

template <int kBy> inline S Doubled(S x) {  // x * 2^kBy, saturated.
#pragma GCC unroll 8
  for (int i = 0; i < kBy; ++i) x = Shorts::AddSaturated(x, x);
  return x;
}
template <int kBy> inline S DividePot(S x) {  // To nearest, halves away from zero.
  x = Shorts::AddSaturated(x, Shorts::ShiftRight(x, 15));
  return Shorts::ShiftRight(Shorts::Add(Shorts::ShiftRight(x, kBy - 1), Shorts::Set(1)), 1);
}
// The upper 16 bits of a 32-bit constant, rounded.
constexpr int16_t Upper(int32_t v) { return static_cast<int16_t>((static_cast<int64_t>(v) + (1 << 15) - (v < 0)) >> 16); }

inline S ExpOnLastQuarter(S a) {
  const S middle = Shorts::Set(Upper(1895147668)), third = Shorts::Set(Upper(715827883));
  const S x = Shorts::Add(a, Shorts::Set(1 << 12));
  const S x2 = Shorts::HighMul(x, x), x3 = Shorts::HighMul(x2, x), x4 = Shorts::HighMul(x2, x2);
  const S tail = DividePot<1>(Shorts::Add(Shorts::HighMul(Shorts::Add(DividePot<2>(x4), x3), third), x2));
  return Shorts::AddSaturated(middle, Shorts::HighMul(middle, Shorts::Add(x, tail)));
}

template <int kBits> inline S ExpOfNegative(S a) {
  constexpr int kFraction = 15 - kBits;
  constexpr int16_t kQuarter = static_cast<int16_t>(1 << (kFraction - 2));
  constexpr int32_t kFactor[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  const S in_quarter = Shorts::Sub(Shorts::And(a, Shorts::Set(kQuarter - 1)), Shorts::Set(kQuarter));
  S result = ExpOnLastQuarter(Doubled<kBits>(in_quarter));
  const S remainder = Shorts::Sub(in_quarter, a);
#pragma GCC unroll 8
  for (int e = -2; e <= 4 && e < kBits; ++e)
    result = Shorts::SelectBit(remainder, static_cast<int16_t>(1 << (kFraction + e)), Shorts::HighMul(result, Shorts::Set(Upper(kFactor[e + 2]))), result);
  if constexpr (kBits > 5) result = Shorts::SelectLess(a, Shorts::Set(Upper(-(1 << (36 - kBits)))), Shorts::Set(0), result);
  return Shorts::SelectEqual(a, Shorts::Set(0), Shorts::Set(32767), result);
}

// For a >= 0.
inline S TwoOverOnePlus(S a) {
  const S half = Shorts::Add(Shorts::Set(1 << 14), Shorts::ShiftRight(a, 1));
  S x = Shorts::Add(Shorts::Set(Upper(1515870810)), Shorts::HighMul(half, Shorts::Set(Upper(-1010580540))));
#pragma GCC unroll 3
  for (int i = 0; i < 3; ++i) {
    const S error = Shorts::Sub(Shorts::Set(1 << 13), Shorts::HighMul(half, x));
    x = Shorts::Add(x, Doubled<2>(Shorts::HighMul(x, error)));
  }
  return x;
}

template <int kBits> inline S TanhOf(S a) {
  const S zero = Shorts::Set(0), negated = Shorts::Sub(zero, a);
  const S t = Doubled<2>(Shorts::Sub(TwoOverOnePlus(ExpOfNegative<kBits + 1>(Shorts::SelectLess(a, zero, a, negated))), Shorts::Set(1 << 13)));
  return Shorts::SelectEqual(a, zero, zero, Shorts::SelectLess(a, zero, Shorts::Sub(zero, t), t));
}

inline S LogisticOf(S a) {
  const S zero = Shorts::Set(0);
  const S minus = Shorts::SelectLess(zero, a, Shorts::Sub(zero, a), a);  // Less the magnitude.
  const S positive = Doubled<1>(TwoOverOnePlus(ExpOfNegative<3>(minus)));
  return Shorts::SelectEqual(a, zero, Shorts::Set(1 << 14), Shorts::SelectLess(zero, a, positive, Shorts::Sub(Shorts::Set(32767), positive)));
}

template <S (*Apply)(S)> void MapShorts(const int16_t* x, int64_t n, int16_t* y) {
  constexpr int64_t kAll = Shorts::kCount;
  int64_t i = 0;
  for (; i + kAll <= n; i += kAll) Shorts::Store(y + i, Apply(Shorts::Load(x + i)));
  if (i == n) return;
  int16_t rest[kAll] = {};
  for (int64_t k = 0; i + k < n; ++k) rest[k] = x[i + k];
  Shorts::Store(rest, Apply(Shorts::Load(rest)));
  for (int64_t k = 0; i + k < n; ++k) y[i + k] = rest[k];
}

void Tanh(int integer_bits, const int16_t* x, int64_t n, int16_t* y) {
  switch (integer_bits) {
    case 0: return MapShorts<TanhOf<0>>(x, n, y);
    case 1: return MapShorts<TanhOf<1>>(x, n, y);
    case 2: return MapShorts<TanhOf<2>>(x, n, y);
    case 3: return MapShorts<TanhOf<3>>(x, n, y);
    case 4: return MapShorts<TanhOf<4>>(x, n, y);
    case 5: return MapShorts<TanhOf<5>>(x, n, y);
    default: return MapShorts<TanhOf<6>>(x, n, y);
  }
}
