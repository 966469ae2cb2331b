// SPDX-License-Identifier: Apache-2.0
// One lane, plain C++: what runs where nothing better is built.
#pragma once
#include <cstdint>

namespace octet::kernels {
namespace {

struct Lanes {
  static constexpr int kCount = 1;
  using F = float;
  using I = int32_t;
  static F Load(const float* p) { return *p; }
  static F LoadSome(const float* p, int64_t) { return *p; }
  static void Store(float* p, F v) { *p = v; }
  static void StoreSome(float* p, int64_t, F v) { *p = v; }
  static F Set(float v) { return v; }
  static F Add(F a, F b) { return a + b; }
  static F Sub(F a, F b) { return a - b; }
  static F Mul(F a, F b) { return a * b; }
  static F Div(F a, F b) { return a / b; }
  static F Fma(F a, F b, F c) { return a * b + c; }
  static F Max(F a, F b) { return a > b ? a : b; }
  static F Min(F a, F b) { return a < b ? a : b; }
  static F Sqrt(F a) { return __builtin_sqrtf(a); }
  static F Truncate(F a) { return __builtin_truncf(a); }
  static F Round(F a) { return __builtin_rintf(a); }
  static F CopySign(F a, F sign) { return __builtin_copysignf(a, sign); }
  static F Power(F a, F n) { return n == n ? __builtin_ldexpf(a, static_cast<int>(n)) : n; }
  // a * 2^n where both are normal numbers: n moves the exponent.
  static F Scaled(F a, F n) { return n == n ? __builtin_bit_cast(F, __builtin_bit_cast(I, a) + (static_cast<I>(n) << 23)) : n; }
  static float Total(F a) { return a; }
  static F Quotient(F a, F b) { return a / b; }  // Of moderate numbers, within 2^-22.
  static float Least(F a) { return a; }
  static float Greatest(F a) { return a; }

  static I LoadI(const int32_t* p) { return *p; }
  static void StoreI(int32_t* p, I v) { *p = v; }
  static I SetI(int32_t v) { return v; }
  static I LoadS8(const int8_t* p) { return *p; }
  static I LoadSomeS8(const int8_t* p, int64_t) { return *p; }
  static void StoreS8(int8_t* p, I v) { *p = static_cast<int8_t>(v); }
  static void StoreSomeS8(int8_t* p, int64_t, I v) { *p = static_cast<int8_t>(v); }
  // Four after each other, clamped.
  static void StoreFourS8(int8_t* p, const I* v, int32_t low, int32_t high) {
    for (int k = 0; k < 4; ++k) p[k] = static_cast<int8_t>(v[k] < low ? low : v[k] > high ? high : v[k]);
  }
  // a * w.a + b * w.b of as many bytes as lanes; weights of 16 bits.
  struct Two {
    int32_t a, b;
  };
  static Two Weights(int32_t a, int32_t b) { return {a, b}; }
  static I WeighS8(const int8_t* a, const int8_t* b, Two w) { return *a * w.a + *b * w.b; }
  static I AddI(I a, I b) { return static_cast<I>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b)); }
  static I SubI(I a, I b) { return static_cast<I>(static_cast<uint32_t>(a) - static_cast<uint32_t>(b)); }
  static I MulI(I a, I b) { return static_cast<I>(static_cast<uint32_t>(a) * static_cast<uint32_t>(b)); }
  static I MaxI(I a, I b) { return a > b ? a : b; }
  static I AndI(I a, I b) { return a & b; }
  static bool AnyBelow(I a, int32_t limit) { return a < limit; }
  static I MinI(I a, I b) { return a < b ? a : b; }
  static I ShiftLeft(I a, int by) { return static_cast<I>(static_cast<uint32_t>(a) << by); }
  static I ShiftRight(I a, int by) { return a >> by; }
  static I HighMul(I a, I m) { return static_cast<I>((static_cast<int64_t>(a) * m + (1ll << 30)) >> 31); }
  static I HighHalf(I a, I m) { return static_cast<I>((static_cast<int64_t>(a) * m) >> 32); }
  // Out of range: what the processors' conversions answer, so that the clamps behind agree.
  static I ToInt(F a) { return a >= -2147483648.0f && a < 2147483648.0f ? static_cast<I>(a) : INT32_MIN; }
  static I ToNearest(F a) { return ToInt(Round(a)); }  // Halves to even.
  static F SelectNegative(F v, F yes, F no) { return __builtin_signbit(v) ? yes : no; }
  static F ToFloat(I a) { return static_cast<F>(a); }
  static constexpr int kBytes = 1;
  static I SumBytes(const int8_t* p) { return *p; }
  static int32_t TotalI(I a) { return a; }
  static I Gather(const int32_t* table, I at) { return table[at]; }
  static I LoadS16(const int16_t* p) { return *p; }
  static void StoreS16(int16_t* p, I v) { *p = static_cast<int16_t>(v > 32767 ? 32767 : v < -32768 ? -32768 : v); }  // Saturates.
};

struct Bytes {
  static constexpr int kCount = 1;
  using V = int8_t;
  static V Load(const int8_t* p) { return *p; }
  static void Store(int8_t* p, V v) { *p = v; }
  static V Set(int8_t v) { return v; }
  static V Max(V a, V b) { return a > b ? a : b; }
  static int8_t Greatest(V v) { return v; }
};

struct Shorts {
  static constexpr int kCount = 1;
  using V = int16_t;
  static V Load(const int16_t* p) { return *p; }
  static void Store(int16_t* p, V v) { *p = v; }
  static V LoadS8(const int8_t* p) { return *p; }
  static V LoadSome(const int16_t* p, int64_t) { return *p; }
  static V LoadSomeS8(const int8_t* p, int64_t) { return *p; }
  static Lanes::I SumPairs(V a, V b) { return a * b; }
  static V Set(int16_t v) { return v; }
  static V Add(V a, V b) { return static_cast<V>(static_cast<uint16_t>(a + b)); }
  static V AddSaturated(V a, V b) { return static_cast<V>(a + b > 32767 ? 32767 : a + b < -32768 ? -32768 : a + b); }
  static V Sub(V a, V b) { return static_cast<V>(static_cast<uint16_t>(a - b)); }
  static V And(V a, V b) { return static_cast<V>(a & b); }
  static V HighMul(V a, V b) { return static_cast<V>((a * b + (1 << 14)) >> 15); }
  static V ShiftRight(V a, int by) { return static_cast<V>(a >> by); }
  static V SelectBit(V bits, int16_t bit, V yes, V no) { return bits & bit ? yes : no; }
  static V SelectLess(V a, V b, V yes, V no) { return a < b ? yes : no; }
  static V SelectEqual(V a, V b, V yes, V no) { return a == b ? yes : no; }
};

}  // namespace
}  // namespace octet::kernels
