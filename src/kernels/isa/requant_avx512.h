// SPDX-License-Identifier: Apache-2.0
// Sums of 8-bit products back to 8 bits with AVX-512, for the files of instruction sets that include it.
#pragma once
#include <immintrin.h>

#include "kernels/int8.h"

namespace octet::kernels {
namespace {

inline __m512i Load(const void* p) { return _mm512_loadu_si512(p); }

// 16 columns. Instructions say themselves that they round down.
template <Floored kForm, bool kFine> struct Floor {
  static constexpr bool kPlain = kForm == Floored::kPlain, kWide = false;
  static constexpr int kDown = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
  __m512 scale, fine, plus, plus_negative;
  Floor(const Requant& q, int64_t c) : Floor(q.panels[c / kPanel]) {}
  explicit Floor(const FlooredPanel& p)
      : scale(_mm512_loadu_ps(p.scale)), fine(_mm512_loadu_ps(p.fine)), plus(_mm512_loadu_ps(p.plus)), plus_negative(_mm512_loadu_ps(p.plus_negative)) {}
  __m512i operator()(__m512i x) const {
    const __m512 v = _mm512_cvtepi32_ps(x);
    __m512 start = kPlain ? plus : _mm512_mask_blend_ps(_mm512_movepi32_mask(x), plus, plus_negative);
    if constexpr (kFine) start = _mm512_fmadd_round_ps(v, fine, start, kDown);
    return _mm512_cvt_roundps_epi32(_mm512_fmadd_round_ps(v, scale, start, kDown), kDown);
  }
};

// DOUBLE in the reference's two steps: see requant_avx2.h.
struct Double {
  static constexpr bool kPlain = false, kWide = true;
  __m512i left, mantissa, right;
  Double(const Requant& q, int64_t c) : left(Load(q.left + c)), mantissa(Load(q.mantissa + c)), right(Load(q.right + c)) {}
  __m512i operator()(__m512i x) const {
    const __m512i half = _mm512_set1_epi64(1ll << 30);
    x = _mm512_sllv_epi32(x, left);
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(x, mantissa), half);
    const __m512i odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(x, 32), _mm512_srli_epi64(mantissa, 32)), half);
    const __m512i v = _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 31), _mm512_slli_epi64(odd, 1));
    const __m512i half_shift = _mm512_srli_epi32(_mm512_sllv_epi32(_mm512_set1_epi32(1), right), 1), zero = _mm512_setzero_si512();
    const __m512i size = _mm512_srlv_epi32(_mm512_add_epi32(_mm512_abs_epi32(v), half_shift), right);
    return _mm512_mask_sub_epi32(size, _mm512_cmplt_epi32_mask(v, zero), zero, size);
  }
};

#include "kernels/isa/requant_forms_body.h"

// The biases of 16 columns, from beside the other constants.
template <class Rescale> inline __m512i Bias(const Requant& q, int64_t c) {
  if constexpr (Rescale::kWide) return Load(q.bias + c);
  else return Load(q.panels[c / kPanel].bias);
}

// round(x * scale), half away from zero: adding the double below a half and cutting off rounds the same.
struct F64 {
  static constexpr bool kPlain = false;
  __m512d low, high;
  F64(const Requant& q, int64_t c) : low(_mm512_loadu_pd(q.scale + c)), high(_mm512_loadu_pd(q.scale + c + 8)) {}
  static __m256i Round(__m256i x, __m512d scale) {
    const __m512d limit = _mm512_set1_pd(1e9), half = _mm512_set1_pd(0.49999999999999994), sign = _mm512_set1_pd(-0.0);
    const __m512d v = _mm512_min_pd(_mm512_mul_pd(_mm512_cvtepi32_pd(x), scale), limit);  // Below, the conversion itself gives INT_MIN.
    return _mm512_cvttpd_epi32(_mm512_add_pd(v, _mm512_or_pd(half, _mm512_and_pd(v, sign))));
  }
  __m512i operator()(__m512i x) const {
    return _mm512_inserti64x4(_mm512_castsi256_si512(Round(_mm512_castsi512_si256(x), low)), Round(_mm512_extracti64x4_epi64(x, 1), high), 1);
  }
};

inline __mmask64 Mask(int64_t n) { return n >= 64 ? ~0ull : n <= 0 ? 0 : (1ull << n) - 1; }

// 32-bit values to bytes between the bounds. kPlain: bytes that saturate are within them (Requant::plain).
template <bool kPlain> struct Clamp {
  __m512i zero, low, high;
  explicit Clamp(const Requant& q)
      : zero(_mm512_set1_epi16(static_cast<int16_t>(q.zero))),
        low(_mm512_set1_epi8(static_cast<char>(q.low))),
        high(_mm512_set1_epi8(static_cast<char>(q.high))) {}
  // Of four vectors: each 128-bit lane holds four bytes of every one.
  __m512i operator()(__m512i a, __m512i b, __m512i c, __m512i d) const {
    if constexpr (kPlain) return _mm512_packs_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
    const __m512i bytes = _mm512_packs_epi16(_mm512_adds_epi16(_mm512_packs_epi32(a, b), zero), _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero));
    return _mm512_min_epi8(_mm512_max_epi8(bytes, low), high);
  }
};
template <class Rescale> using ClampOf = Clamp<Rescale::kPlain>;

// Transposes 4 x 4 words: four bytes of four vectors per lane to 16 bytes of one vector per lane.
inline __m512i ByVector(__m512i v) { return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), v); }

// The first n bytes; whole registers without a mask, which costs.
inline void Put(int8_t* y, __m512i v, int64_t n) {
  if (n >= 64) _mm512_storeu_si512(y, v);
  else _mm512_mask_storeu_epi8(y, Mask(n), v);
}
inline void Put(int8_t* y, __m256i v, int64_t n) {
  if (n >= 32) _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), v);
  else _mm256_mask_storeu_epi8(y, static_cast<__mmask32>(Mask(n)), v);
}
inline void Put(int8_t* y, __m128i v, int64_t n) {
  if (n >= 16) _mm_storeu_si128(reinterpret_cast<__m128i*>(y), v);
  else _mm_mask_storeu_epi8(y, static_cast<__mmask16>(Mask(n)), v);
}

// One panel, four rows at a time. acc and y are at its first column; rows of acc are `pitch` apart. The sums
// of absent rows are there, but are not stored.
template <class Rescale> void FinishPanel(const int32_t* acc, int64_t pitch, int rows, const ProductS8& p, int64_t column, int8_t* y) {
  const Rescale rescale(p.requant, column);
  const ClampOf<Rescale> clamp(p.requant);
  const int64_t step = p.pitch, left = p.columns - column;  // In registers: bytes are stored meanwhile.
  for (int r = 0; r < rows; r += 4, acc += 4 * pitch, y += 4 * step) {
    const __m512i bytes = ByVector(clamp(rescale(Load(acc)), rescale(Load(acc + pitch)), rescale(Load(acc + 2 * pitch)), rescale(Load(acc + 3 * pitch))));
    if (step == kPanel && left >= kPanel) {  // The rows lie one behind the other.
      Put(y, bytes, (rows - r) * kPanel);
      continue;
    }
    Put(y, _mm512_castsi512_si128(bytes), left);
    if (r + 1 < rows) Put(y + step, _mm512_extracti32x4_epi32(bytes, 1), left);
    if (r + 2 < rows) Put(y + 2 * step, _mm512_extracti32x4_epi32(bytes, 2), left);
    if (r + 3 < rows) Put(y + 3 * step, _mm512_extracti32x4_epi32(bytes, 3), left);
  }
}

// Two panels and two rows at a time: constants of two panels stay in registers.
template <class Rescale> void FinishTwoPanels(const int32_t* acc, int64_t pitch, int rows, const ProductS8& p, int64_t column, int8_t* y) {
  const Rescale first(p.requant, column), second(p.requant, column + kPanel);
  const ClampOf<Rescale> clamp(p.requant);
  const int64_t left = p.columns - column;
  for (int r = 0; r < rows; r += 2, acc += 2 * pitch, y += 2 * p.pitch) {
    const int32_t* next = acc + pitch;
    const __m512i bytes = ByVector(clamp(first(Load(acc)), second(Load(acc + kPanel)), first(Load(next)), second(Load(next + kPanel))));
    Put(y, _mm512_castsi512_si256(bytes), left);
    if (r + 1 < rows) Put(y + p.pitch, _mm512_extracti64x4_epi64(bytes, 1), left);
  }
}

// acc[r][panels * 16] to bytes.
template <class Rescale> void Finish(const int32_t* acc, int rows, int panels, const ProductS8& p, int64_t column, int8_t* y) {
  const int64_t pitch = panels * kPanel;
  y += column;
  if (rows == 1 && panels > 1) {  // By four panels of the row. Of absent ones, the last is repeated.
    const auto at = [&](int c) { return (c < panels ? c : panels - 1) * kPanel; };
    const auto rescaled = [&](int c) { return Rescale(p.requant, column + at(c))(Load(acc + at(c))); };
    const ClampOf<Rescale> clamp(p.requant);
    const int64_t left = p.columns - column < pitch ? p.columns - column : pitch;
    for (int c = 0; c < panels; c += 4) Put(y + c * kPanel, ByVector(clamp(rescaled(c), rescaled(c + 1), rescaled(c + 2), rescaled(c + 3))), left - c * kPanel);
    return;
  }
  int c = 0;
  for (; c + 1 < panels; c += 2) FinishTwoPanels<Rescale>(acc + c * kPanel, pitch, rows, p, column + c * kPanel, y + c * kPanel);
  if (c < panels) FinishPanel<Rescale>(acc + c * kPanel, pitch, rows, p, column + c * kPanel, y + c * kPanel);
}

using FinishFn = void (*)(const int32_t* acc, int rows, int panels, const ProductS8& p, int64_t column, int8_t* y);
FinishFn FinishOf(const Requant& q) {
  return q.scale && q.floored == Floored::kNone ? Finish<F64> : ByForm(q, [](auto rescale) -> FinishFn { return Finish<typename decltype(rescale)::type>; });
}

}  // namespace
}  // namespace octet::kernels
