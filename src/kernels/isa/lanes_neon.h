// SPDX-License-Identifier: Apache-2.0
// Eight lanes in two registers of ARMv8's NEON: two chains of dependent instructions for cores that wait in order, and
// eight bytes to a load of 8-bit values.
#pragma once
#include <arm_neon.h>

#include <cstdint>

namespace octet::kernels {
namespace {

struct Lanes {
  static constexpr int kCount = 8;
  struct F {
    float32x4_t a, b;
  };
  struct I {
    int32x4_t a, b;
  };
  static F Load(const float* p) { return {vld1q_f32(p), vld1q_f32(p + 4)}; }
  // The first n of four, zeros behind them.
  static float32x4_t Few(const float* p, int64_t n) {
    float32x4_t v = vdupq_n_f32(0);
    if (n >= 4) return vld1q_f32(p);
    if (n & 2) v = vcombine_f32(vld1_f32(p), vget_high_f32(v));
    if (n & 1) v = n & 2 ? vld1q_lane_f32(p + 2, v, 2) : vld1q_lane_f32(p, v, 0);
    return v;
  }
  static void PutFew(float* p, int64_t n, float32x4_t v) {
    if (n >= 4) return vst1q_f32(p, v);
    if (n & 2) vst1_f32(p, vget_low_f32(v));
    if (n & 1) n & 2 ? vst1q_lane_f32(p + 2, v, 2) : vst1q_lane_f32(p, v, 0);
  }
  static F LoadSome(const float* p, int64_t n) { return {Few(p, n), n > 4 ? Few(p + 4, n - 4) : vdupq_n_f32(0)}; }
  static void Store(float* p, F v) { vst1q_f32(p, v.a), vst1q_f32(p + 4, v.b); }
  static void StoreSome(float* p, int64_t n, F v) {
    PutFew(p, n, v.a);
    if (n > 4) PutFew(p + 4, n - 4, v.b);
  }
  static F Set(float v) { return {vdupq_n_f32(v), vdupq_n_f32(v)}; }
  static F Add(F x, F y) { return {vaddq_f32(x.a, y.a), vaddq_f32(x.b, y.b)}; }
  static F Sub(F x, F y) { return {vsubq_f32(x.a, y.a), vsubq_f32(x.b, y.b)}; }
  static F Mul(F x, F y) { return {vmulq_f32(x.a, y.a), vmulq_f32(x.b, y.b)}; }
  static F Div(F x, F y) { return {vdivq_f32(x.a, y.a), vdivq_f32(x.b, y.b)}; }
  // Four elements of a left operand at once, each then multiplied from where it lies in the register.
  using Run = float32x4_t;
  static Run LoadRun(const float* p) { return vld1q_f32(p); }
  template <int kAt> static F FmaElement(Run x, F y, F z) { return {vfmaq_laneq_f32(z.a, y.a, x, kAt), vfmaq_laneq_f32(z.b, y.b, x, kAt)}; }
  static F Fma(F x, F y, F z) { return {vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b)}; }
  // Not fmax and fmin: where one is not a number, the second is the answer.
  static F Max(F x, F y) { return {vbslq_f32(vcgtq_f32(x.a, y.a), x.a, y.a), vbslq_f32(vcgtq_f32(x.b, y.b), x.b, y.b)}; }
  static F Min(F x, F y) { return {vbslq_f32(vcltq_f32(x.a, y.a), x.a, y.a), vbslq_f32(vcltq_f32(x.b, y.b), x.b, y.b)}; }
  static F Sqrt(F x) { return {vsqrtq_f32(x.a), vsqrtq_f32(x.b)}; }
  static F Truncate(F x) { return {vrndq_f32(x.a), vrndq_f32(x.b)}; }
  static F Round(F x) { return {vrndnq_f32(x.a), vrndnq_f32(x.b)}; }
  static F CopySign(F x, F sign) {
    const uint32x4_t top = vdupq_n_u32(0x80000000u);
    return {vbslq_f32(top, sign.a, x.a), vbslq_f32(top, sign.b, x.b)};
  }
  // x * 2^n for |n| up to 254, in two steps: each half is a normal number.
  static F Power(F x, F n) { return {Power(x.a, n.a), Power(x.b, n.b)}; }
  static float32x4_t Power(float32x4_t x, float32x4_t n) {
    const int32x4_t all = vcvtnq_s32_f32(n), half = vshrq_n_s32(all, 1), bias = vdupq_n_s32(127);
    const auto power = [&](int32x4_t e) { return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(e, bias), 23)); };
    return vmulq_f32(vmulq_f32(x, power(half)), power(vsubq_s32(all, half)));
  }
  // x * 2^n where both are normal numbers: n moves the exponent.
  static F Scaled(F x, F n) { return {Scaled(x.a, n.a), Scaled(x.b, n.b)}; }
  static float32x4_t Scaled(float32x4_t x, float32x4_t n) {
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(x), vshlq_n_s32(vcvtnq_s32_f32(n), 23)));
  }
  static float Total(F x) { return vaddvq_f32(vaddq_f32(x.a, x.b)); }
  static F Quotient(F x, F y) { return Div(x, y); }  // Of moderate numbers, within 2^-22.
  static float Least(F x) { return vminvq_f32(vminq_f32(x.a, x.b)); }
  static float Greatest(F x) { return vmaxvq_f32(vmaxq_f32(x.a, x.b)); }

  static I LoadI(const int32_t* p) { return {vld1q_s32(p), vld1q_s32(p + 4)}; }
  static void StoreI(int32_t* p, I v) { vst1q_s32(p, v.a), vst1q_s32(p + 4, v.b); }
  static I SetI(int32_t v) { return {vdupq_n_s32(v), vdupq_n_s32(v)}; }
  static I Widened(int16x8_t v) { return {vmovl_s16(vget_low_s16(v)), vmovl_high_s16(v)}; }
  static I LoadS8(const int8_t* p) { return Widened(vmovl_s8(vld1_s8(p))); }
  static I LoadSomeS8(const int8_t* p, int64_t n) {
    int8_t all[kCount] = {};
    for (int64_t i = 0; i < n && i < kCount; ++i) all[i] = p[i];
    return LoadS8(all);
  }
  static int16x8_t Words(I v) { return vqmovn_high_s32(vqmovn_s32(v.a), v.b); }
  static void StoreS8(int8_t* p, I v) { vst1_s8(p, vqmovn_s16(Words(v))); }
  static void StoreSomeS8(int8_t* p, int64_t n, I v) {
    int8_t all[kCount];
    StoreS8(all, v);
    for (int64_t i = 0; i < n && i < kCount; ++i) p[i] = all[i];
  }
  // Four after each other, clamped.
  static void StoreFourS8(int8_t* p, const I* v, int32_t low, int32_t high) {
    const int8x16_t lo = vdupq_n_s8(static_cast<int8_t>(low)), hi = vdupq_n_s8(static_cast<int8_t>(high));
    for (int k = 0; k < 4; k += 2) vst1q_s8(p + k * kCount, vminq_s8(vmaxq_s8(vqmovn_high_s16(vqmovn_s16(Words(v[k])), Words(v[k + 1])), lo), hi));
  }
  // a * w.a + b * w.b of as many bytes as lanes; weights of 16 bits.
  struct Two {
    int16_t a, b;
  };
  static Two Weights(int32_t a, int32_t b) { return {static_cast<int16_t>(a), static_cast<int16_t>(b)}; }
  static I WeighS8(const int8_t* a, const int8_t* b, Two w) {
    const int16x8_t va = vmovl_s8(vld1_s8(a)), vb = vmovl_s8(vld1_s8(b));
    return {vmlal_n_s16(vmull_n_s16(vget_low_s16(va), w.a), vget_low_s16(vb), w.b), vmlal_high_n_s16(vmull_high_n_s16(va, w.a), vb, w.b)};
  }
  static I AddI(I x, I y) { return {vaddq_s32(x.a, y.a), vaddq_s32(x.b, y.b)}; }
  static I SubI(I x, I y) { return {vsubq_s32(x.a, y.a), vsubq_s32(x.b, y.b)}; }
  static I MulI(I x, I y) { return {vmulq_s32(x.a, y.a), vmulq_s32(x.b, y.b)}; }
  static I MaxI(I x, I y) { return {vmaxq_s32(x.a, y.a), vmaxq_s32(x.b, y.b)}; }
  static I AndI(I x, I y) { return {vandq_s32(x.a, y.a), vandq_s32(x.b, y.b)}; }
  static bool AnyBelow(I x, int32_t limit) { return vminvq_s32(vminq_s32(x.a, x.b)) < limit; }
  static I MinI(I x, I y) { return {vminq_s32(x.a, y.a), vminq_s32(x.b, y.b)}; }
  static I ShiftLeft(I x, int by) { return {vshlq_s32(x.a, vdupq_n_s32(by)), vshlq_s32(x.b, vdupq_n_s32(by))}; }
  static I ShiftRight(I x, int by) { return ShiftLeft(x, -by); }
  // To nearest, halves away from zero: below zero, one less and then halves up. Nothing for 0.
  static I ShiftRounded(I x, int by) { return {ShiftRounded(x.a, vdupq_n_s32(-by)), ShiftRounded(x.b, vdupq_n_s32(-by))}; }
  static int32x4_t ShiftRounded(int32x4_t x, int32x4_t left) { return vrshlq_s32(vsraq_n_s32(x, vandq_s32(x, left), 31), left); }
  static I HighMul(I x, I m) { return {vqrdmulhq_s32(x.a, m.a), vqrdmulhq_s32(x.b, m.b)}; }
  static I HighHalf(I x, I m) { return {HighHalf(x.a, m.a), HighHalf(x.b, m.b)}; }  // Of the products.
  static int32x4_t HighHalf(int32x4_t x, int32x4_t m) {
    return vuzp2q_s32(vreinterpretq_s32_s64(vmull_s32(vget_low_s32(x), vget_low_s32(m))), vreinterpretq_s32_s64(vmull_high_s32(x, m)));
  }
  // Too large or no number: INT32_MIN, as on every instruction set. Too small is so anyway.
  static int32x4_t InRange(float32x4_t x, int32x4_t converted) {
    return vbslq_s32(vcltq_f32(x, vdupq_n_f32(2147483648.0f)), converted, vdupq_n_s32(INT32_MIN));
  }
  static I ToInt(F x) { return {InRange(x.a, vcvtq_s32_f32(x.a)), InRange(x.b, vcvtq_s32_f32(x.b))}; }
  static I ToNearest(F x) { return {InRange(x.a, vcvtnq_s32_f32(x.a)), InRange(x.b, vcvtnq_s32_f32(x.b))}; }  // Halves to even.
  static F SelectNegative(F v, F yes, F no) { return {SelectNegative(v.a, yes.a, no.a), SelectNegative(v.b, yes.b, no.b)}; }
  static float32x4_t SelectNegative(float32x4_t v, float32x4_t yes, float32x4_t no) {
    return vbslq_f32(vreinterpretq_u32_s32(vshrq_n_s32(vreinterpretq_s32_f32(v), 31)), yes, no);
  }
  static F ToFloat(I x) { return {vcvtq_f32_s32(x.a), vcvtq_f32_s32(x.b)}; }
  // Lanes that add up to kBytes bytes.
  static constexpr int kBytes = 32;
  static I SumBytes(const int8_t* p) { return {vpaddlq_s16(vpaddlq_s8(vld1q_s8(p))), vpaddlq_s16(vpaddlq_s8(vld1q_s8(p + 16)))}; }
  static int32_t TotalI(I x) { return vaddvq_s32(vaddq_s32(x.a, x.b)); }
  static I Gather(const int32_t* table, I at) {
    int32_t v[kCount];
    StoreI(v, at);
    for (int k = 0; k < kCount; ++k) v[k] = table[v[k]];
    return LoadI(v);
  }
  static I LoadS16(const int16_t* p) { return Widened(vld1q_s16(p)); }
  static void StoreS16(int16_t* p, I v) { vst1q_s16(p, Words(v)); }  // Saturates.
};

struct Bytes {
  static constexpr int kCount = 16;
  using V = int8x16_t;
  static V Load(const int8_t* p) { return vld1q_s8(p); }
  static void Store(int8_t* p, V v) { vst1q_s8(p, v); }
  static V Set(int8_t v) { return vdupq_n_s8(v); }
  static V Max(V a, V b) { return vmaxq_s8(a, b); }
  static int8_t Greatest(V v) { return vmaxvq_s8(v); }
};

struct Shorts {
  static constexpr int kCount = 8;
  using V = int16x8_t;
  static V Load(const int16_t* p) { return vld1q_s16(p); }
  static void Store(int16_t* p, V v) { vst1q_s16(p, v); }
  static V LoadS8(const int8_t* p) { return vmovl_s8(vld1_s8(p)); }
  static V LoadSome(const int16_t* p, int64_t n) {  // Zeros behind.
    int16_t all[kCount] = {};
    for (int64_t i = 0; i < n; ++i) all[i] = p[i];
    return Load(all);
  }
  static V LoadSomeS8(const int8_t* p, int64_t n) {
    int8_t all[kCount] = {};
    for (int64_t i = 0; i < n; ++i) all[i] = p[i];
    return LoadS8(all);
  }
  static Lanes::I SumPairs(V a, V b) { return {vmull_s16(vget_low_s16(a), vget_low_s16(b)), vmull_high_s16(a, b)}; }  // Products, in as many lanes.
  static V Set(int16_t v) { return vdupq_n_s16(v); }
  static V Add(V a, V b) { return vaddq_s16(a, b); }
  static V AddSaturated(V a, V b) { return vqaddq_s16(a, b); }
  static V Sub(V a, V b) { return vsubq_s16(a, b); }
  static V And(V a, V b) { return vandq_s16(a, b); }
  static V HighMul(V a, V b) { return vqrdmulhq_s16(a, b); }  // (a * b + 2^14) >> 15
  static V ShiftRight(V a, int by) { return vshlq_s16(a, vdupq_n_s16(static_cast<int16_t>(-by))); }
  static V SelectBit(V bits, int16_t bit, V yes, V no) { return vbslq_s16(vtstq_s16(bits, Set(bit)), yes, no); }
  static V SelectLess(V a, V b, V yes, V no) { return vbslq_s16(vcltq_s16(a, b), yes, no); }
  static V SelectEqual(V a, V b, V yes, V no) { return vbslq_s16(vceqq_s16(a, b), yes, no); }
};

}  // namespace
}  // namespace octet::kernels
