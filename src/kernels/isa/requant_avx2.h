// SPDX-License-Identifier: Apache-2.0
// Sums of 8-bit products back to 8 bits with AVX2.
#pragma once
#include <immintrin.h>

#include "kernels/int8.h"
#include "kernels/isa/round_down_x86.h"

namespace octet::kernels {
namespace {

inline __m256i Load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline void Store(void* p, __m256i v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
inline __m128i Load16(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }

// 8 columns, under RoundDown.
template <Floored kForm, bool kFine> struct Floor {
  static constexpr bool kPlain = kForm == Floored::kPlain, kWide = false;
  __m256 scale, fine, plus, plus_negative;
  Floor(const Requant& q, int64_t c) : Floor(q.panels[c / kPanel], static_cast<int>(c % kPanel)) {}
  Floor(const FlooredPanel& p, int i)
      : scale(_mm256_loadu_ps(p.scale + i)),
        fine(_mm256_loadu_ps(p.fine + i)),
        plus(_mm256_loadu_ps(p.plus + i)),
        plus_negative(_mm256_loadu_ps(p.plus_negative + i)) {}
  __m256i operator()(__m256i x) const {
    const __m256 v = _mm256_cvtepi32_ps(x);
    __m256 start = kPlain ? plus : _mm256_blendv_ps(plus, plus_negative, v);
    if constexpr (kFine) start = _mm256_fmadd_ps(v, fine, start);
    return _mm256_cvtps_epi32(_mm256_fmadd_ps(v, scale, start));
  }
  // Four vectors of two rows, side by side.
  [[gnu::always_inline]] static inline void Each(const Floor (&rescale)[2], __m256i (&x)[4]) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) x[i] = rescale[i % 2](x[i]);
  }
};

// DOUBLE in the reference's two steps. The high-mul rounds x*m / 2^31 to nearest with ties up, which is what
// the reference's nudge and truncation amount to; the shift rounds ties away from zero.
struct Double {
  static constexpr bool kPlain = false, kWide = true;
  __m256i left, mantissa, right;
  Double(const Requant& q, int64_t c) : left(Load(q.left + c)), mantissa(Load(q.mantissa + c)), right(Load(q.right + c)) {}
  __m256i operator()(__m256i x) const {
    const __m256i half = _mm256_set1_epi64x(1ll << 30);
    x = _mm256_sllv_epi32(x, left);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(x, mantissa), half);
    const __m256i odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(mantissa, 32)), half);
    const __m256i v = _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa);
    // |v| and half of the shift, nothing for right = 0, are less than 2^32: without a sign they do not overflow.
    const __m256i half_shift = _mm256_srli_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), right), 1);
    return _mm256_sign_epi32(_mm256_srlv_epi32(_mm256_add_epi32(_mm256_abs_epi32(v), half_shift), right), v);
  }
};

#include "kernels/isa/requant_forms_body.h"

inline bool IsFine(const FlooredPanel& p) {
  const __m256i any = _mm256_or_si256(Load(p.fine), Load(p.fine + 8));
  return !_mm256_testz_si256(any, any);
}

// use(Type<Rescale>) of a panel's floor. kCoarse: without x * fine where the panel has none (a quarter of what tiles of depth 16 take after
// their sums); where sums take long, half as much code is worth more.
template <bool kCoarse, class Use> auto ByPanel(const Requant& q, int64_t panel, const Use& use) {
  const bool plain = q.floored == Floored::kPlain;
  if constexpr (kCoarse && !kSmall)
    if (!IsFine(q.panels[panel])) return plain ? use(Type<Floor<Floored::kPlain, false>>()) : use(Type<Floor<Floored::kSigned, false>>());
  return plain ? use(Type<Floor<Floored::kPlain, true>>()) : use(Type<Floor<Floored::kSigned, true>>());
}

// The biases of 8 columns, from beside the other constants.
template <class Rescale> inline __m256i Bias(const Requant& q, int64_t c) {
  if constexpr (Rescale::kWide) return Load(q.bias + c);
  else return Load(q.panels[c / kPanel].bias + c % kPanel);
}

// round(x * scale), half away from zero: adding the double below a half and cutting off rounds the same.
struct F64 {
  static constexpr bool kPlain = false;
  __m256d low, high;
  F64(const Requant& q, int64_t c) : low(_mm256_loadu_pd(q.scale + c)), high(_mm256_loadu_pd(q.scale + c + 4)) {}
  static __m128i Round(__m128i x, __m256d scale) {
    const __m256d limit = _mm256_set1_pd(1e9), half = _mm256_set1_pd(0.49999999999999994), sign = _mm256_set1_pd(-0.0);
    const __m256d v = _mm256_min_pd(_mm256_mul_pd(_mm256_cvtepi32_pd(x), scale), limit);  // Below, the conversion itself gives INT_MIN.
    return _mm256_cvttpd_epi32(_mm256_add_pd(v, _mm256_or_pd(half, _mm256_and_pd(v, sign))));
  }
  __m256i operator()(__m256i x) const {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(Round(_mm256_castsi256_si128(x), low)), Round(_mm256_extracti128_si256(x, 1), high), 1);
  }
};

// The first n of 16 bytes. Not inline: there are many places where it is seldom needed.
[[gnu::noinline, gnu::cold]] void PutSome(int8_t* y, __m128i bytes, int64_t n) {
  alignas(16) int8_t out[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(out), bytes);
  __builtin_memcpy(y, out, static_cast<unsigned>(n));
}

// Which of a row's 16 values are in the first of its two vectors: 0 to 7, or 0 to 3 and 8 to 11, as packs of vectors leave them.
enum class FirstHalf : uint8_t { kEight, kTwoFours };

// 32-bit values to bytes between the bounds. kPlain: bytes that saturate are within them (Requant::plain).
template <bool kPlain> struct Clamp {
  const bool bounded;  // Whether bytes that saturated may lie outside: a branch costs less than clamping where it is for nothing.
  __m256i zero;
  __m128i low, high;
  explicit Clamp(const Requant& q)
      : bounded(q.low > -128 || q.high < 127),
        zero(_mm256_set1_epi16(static_cast<int16_t>(q.zero))),
        low(_mm_set1_epi8(static_cast<char>(q.low))),
        high(_mm_set1_epi8(static_cast<char>(q.high))) {}
  __m256i Words(__m256i a, __m256i b) const {
    const __m256i words = _mm256_packs_epi32(a, b);
    return kPlain ? words : _mm256_adds_epi16(words, zero);
  }
  __m128i Bounded(__m128i bytes) const { return kPlain || !bounded ? bytes : _mm_min_epi8(_mm_max_epi8(bytes, low), high); }
  __m256i Bounded(__m256i bytes) const {
    return kPlain || !bounded ? bytes : _mm256_min_epi8(_mm256_max_epi8(bytes, _mm256_broadcastsi128_si256(low)), _mm256_broadcastsi128_si256(high));
  }
  // Two rows of 16 values, in a and b, c and d. Not with vpermd, of which Zen 3 runs one a cycle, late: products of depth 16 to 24
  // take 5 % less time, depthwise windows 3 to 9 %.
  template <FirstHalf kFirst = FirstHalf::kEight> void PutTwo(__m256i a, __m256i b, __m256i c, __m256i d, int8_t* y, int64_t pitch) const {
    const __m256i bytes = Bounded(_mm256_packs_epi16(Words(a, b), Words(c, d)));  // By fours: first 0, 2, second 0, 2 and first 1, 3, second 1, 3.
    const __m128i low_half = _mm256_castsi256_si128(bytes), high_half = _mm256_extracti128_si256(bytes, 1);
    constexpr bool kFours = kFirst == FirstHalf::kTwoFours;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y), kFours ? _mm_unpacklo_epi64(low_half, high_half) : _mm_unpacklo_epi32(low_half, high_half));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + pitch), kFours ? _mm_unpackhi_epi64(low_half, high_half) : _mm_unpackhi_epi32(low_half, high_half));
  }
  // Two rows of 8 values.
  void PutHalves(__m256i a, __m256i b, int8_t* y, int64_t pitch) const {
    const __m256i words = Words(a, b);
    const __m128i bytes = Bounded(_mm_shuffle_epi32(_mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)), 0xd8));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(y), bytes);
    _mm_storeh_pd(reinterpret_cast<double*>(y + pitch), _mm_castsi128_pd(bytes));
  }
  // 16 values to n bytes.
  template <FirstHalf kFirst = FirstHalf::kEight> void Put(__m256i a, __m256i b, int8_t* y, int64_t n) const {
    const __m256i words = Words(a, b);  // 0-3, 8-11 and 4-7, 12-15; of two fours, in their order.
    const __m128i packed = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    const __m128i bytes = Bounded(kFirst == FirstHalf::kTwoFours ? packed : _mm_shuffle_epi32(packed, 0xd8));
    if (n >= kPanel) _mm_storeu_si128(reinterpret_cast<__m128i*>(y), bytes);
    else PutSome(y, bytes, n);
  }
};
template <class Rescale> using ClampOf = Clamp<Rescale::kPlain>;

}  // namespace
}  // namespace octet::kernels
