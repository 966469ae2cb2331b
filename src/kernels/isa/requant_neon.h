// SPDX-License-Identifier: Apache-2.0
// Sums of 8-bit products back to 8 bits with NEON, for the files of instruction sets that include it.
#pragma once
#include <arm_neon.h>

#include "kernels/int8.h"

namespace octet::kernels {
namespace {

constexpr int kQuarters = kPanel / 4;  // Registers of a panel's sums.

// DOUBLE in the reference's two steps, four columns. vqrdmulh rounds x * m / 2^31 to nearest with ties up, which is what
// the reference's nudge and truncation amount to; the shift rounds ties away from zero: below zero, one less, then ties
// up. kShifts: there is a left shift; kRelu: whatever is below zero ends at the same value, however it was rounded.
template <bool kShifts, bool kRelu> struct Double {
  int32x4_t mantissa, left, right;  // `right` as a shift to the left, negative.
  Double(const Requant& q, int64_t c) : mantissa(vld1q_s32(q.mantissa + c)), left(vld1q_s32(q.left + c)), right(vnegq_s32(vld1q_s32(q.right + c))) {}
  int32x4_t operator()(int32x4_t x) const {
    if constexpr (kShifts) x = vshlq_s32(x, left);
    x = vqrdmulhq_s32(x, mantissa);
    if constexpr (!kRelu) x = vsraq_n_s32(x, vandq_s32(x, right), 31);  // Nothing where right is 0.
    return vrshlq_s32(x, right);
  }
};

// round(x * scale), half away from zero: adding the double below a half and cutting off rounds the same.
struct F64 {
  float64x2_t low, high;
  F64(const Requant& q, int64_t c) : low(vld1q_f64(q.scale + c)), high(vld1q_f64(q.scale + c + 2)) {}
  static int64x2_t Round(int64x2_t x, float64x2_t scale) {
    const float64x2_t v = vmulq_f64(vcvtq_f64_s64(x), scale), half = vdupq_n_f64(0.49999999999999994);
    return vcvtq_s64_f64(vaddq_f64(v, vbslq_f64(vdupq_n_u64(1ull << 63), v, half)));
  }
  int32x4_t operator()(int32x4_t x) const {  // Saturates, but so that adding a zero point does not overflow.
    const int32x4_t v = vqmovn_high_s64(vqmovn_s64(Round(vmovl_s32(vget_low_s32(x)), low)), Round(vmovl_high_s32(x), high));
    return vminq_s32(v, vdupq_n_s32(1000000000));
  }
};

struct Clamp {
  int16x8_t zero;
  int8x16_t low, high;
  explicit Clamp(const Requant& q)
      : zero(vdupq_n_s16(static_cast<int16_t>(q.zero))), low(vdupq_n_s8(static_cast<int8_t>(q.low))), high(vdupq_n_s8(static_cast<int8_t>(q.high))) {}
  int8x16_t operator()(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d) const {
    const int16x8_t first = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(a), b), zero), second = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(c), d), zero);
    return vminq_s8(vmaxq_s8(vqmovn_high_s16(vqmovn_s16(first), second), low), high);
  }
};
template <class Rescale> using ClampOf = Clamp;

// The first n bytes.
inline void Put(int8_t* y, int8x16_t v, int64_t n) {
  if (n >= kPanel) return vst1q_s8(y, v);
  if (n & 8) {
    vst1_s8(y, vget_low_s8(v));
    v = vextq_s8(v, v, 8);
    y += 8;
  }
  int8_t rest[8];
  vst1_s8(rest, vget_low_s8(v));
  for (int64_t i = 0; i < (n & 7); ++i) y[i] = rest[i];
}

// acc[r][16] to bytes of `rows` rows.
template <class Rescale> void Finish(const int32_t* acc, int rows, const ProductS8& p, int64_t column, int8_t* y) {
  const Rescale rescale[kQuarters] = {{p.requant, column}, {p.requant, column + 4}, {p.requant, column + 8}, {p.requant, column + 12}};
  const Clamp clamp(p.requant);
  y += column;
  for (int r = 0; r < rows; ++r, acc += kPanel, y += p.pitch)
    Put(y, clamp(rescale[0](vld1q_s32(acc)), rescale[1](vld1q_s32(acc + 4)), rescale[2](vld1q_s32(acc + 8)), rescale[3](vld1q_s32(acc + 12))),
        p.columns - column);
}
using FinishFn = void (*)(const int32_t*, int, const ProductS8&, int64_t, int8_t*);
inline FinishFn FinishOf(const Requant& q) {
  if (q.scale) return Finish<F64>;
  if (!q.narrow) return Finish<Double<true, false>>;
  return q.relu() ? Finish<Double<false, true>> : Finish<Double<false, false>>;
}

inline void FinishRows(const ProductS8& p, const int32_t* sums, int64_t rows, int64_t panel, int8_t* y) {
  FinishOf(p.requant)(sums, static_cast<int>(rows), p, panel * kPanel, y);
}

// Rows of one panel in even tiles of at most kMost. tile(rows, count, acc) makes the sums of `count` rows.
template <int kMost, class Tile>
inline void InTiles(const ProductS8& p, FinishFn finish, const void* const* rows, int64_t count, int64_t panel, int8_t* y, const Tile& tile) {
  alignas(16) int32_t acc[kMost * kPanel];
  for (int64_t r = 0; r < count;) {
    const int64_t cuts = (count - r + kMost - 1) / kMost;
    const int n = static_cast<int>((count - r + cuts - 1) / cuts);
    tile(rows + r, n, acc);
    if (p.take) p.take(p.context, acc, r, n, panel * kPanel, 1);
    else finish(acc, n, p, panel * kPanel, y + r * p.pitch);
    r += n;
  }
}

// As Int8::load_pixels.
[[maybe_unused]] inline void LoadPixels(const int8_t* x, int64_t n, int64_t count, int64_t stride, uint8_t* to, int64_t pitch) {
  if (count == 1) {
    __builtin_memcpy(to, x, static_cast<unsigned long>(n));
    return;
  }
  for (; count > 0; --count, x += stride, to += pitch) {
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) vst1q_u8(to + i, vreinterpretq_u8_s8(vld1q_s8(x + i)));
    if (i + 8 <= n) vst1_u8(to + i, vreinterpret_u8_s8(vld1_s8(x + i))), i += 8;
    for (; i < n; ++i) to[i] = static_cast<uint8_t>(x[i]);
  }
}

}  // namespace
}  // namespace octet::kernels
