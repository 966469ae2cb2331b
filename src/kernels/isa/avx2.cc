// SPDX-License-Identifier: Apache-2.0
// AVX2 and FMA. Integer products go through vpmaddwd on 16-bit operands: vpmaddubsw would saturate.
#include <immintrin.h>

#include "kernels/kernels.h"

namespace octet::kernels {
namespace {

inline __m256i Load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline void Store(void* p, __m256i v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }

// Of 8 columns x 4 bytes: the pair (k0, k1) or (k2, k3) of each column as two int16.
inline __m256i LowPair(__m256i v) {
  const __m256i take = _mm256_setr_epi8(-1, 0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1, 0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13);
  return _mm256_srai_epi16(_mm256_shuffle_epi8(v, take), 8);
}
inline __m256i HighPair(__m256i v) {
  const __m256i take = _mm256_setr_epi8(-1, 2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1, 2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15);
  return _mm256_srai_epi16(_mm256_shuffle_epi8(v, take), 8);
}

void WidenPanel(const int8_t* packed, int16_t* wide, int64_t k4) {
  for (int64_t g = 0; g < k4; ++g, packed += 64, wide += 64) {
    const __m256i a = Load(packed), b = Load(packed + 32);
    Store(wide, LowPair(a));
    Store(wide + 16, LowPair(b));
    Store(wide + 32, HighPair(a));
    Store(wide + 48, HighPair(b));
  }
}

inline __m256i Pair(const int16_t* a) {
  int32_t v;
  __builtin_memcpy(&v, a, 4);
  return _mm256_set1_epi32(v);
}

// One tile of kRows x 16; two accumulators a row. kWide: the panel is int16 already.
template <int kRows, bool kWide> void Tile(const int16_t* a, int64_t lda, const void* weights, int64_t k4, int32_t* acc) {
  __m256i low[kRows], high[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) low[r] = high[r] = _mm256_setzero_si256();
  const auto* wide = static_cast<const int16_t*>(weights);
  const auto* packed = static_cast<const int8_t*>(weights);
  for (int64_t g = 0; g < k4; ++g) {
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      __m256i w0, w1;
      if constexpr (kWide) {
        w0 = Load(wide + g * 64 + half * 32);
        w1 = Load(wide + g * 64 + half * 32 + 16);
      } else {
        w0 = half ? HighPair(Load(packed + g * 64)) : LowPair(Load(packed + g * 64));
        w1 = half ? HighPair(Load(packed + g * 64 + 32)) : LowPair(Load(packed + g * 64 + 32));
      }
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const __m256i x = Pair(a + r * lda + g * 4 + half * 2);
        low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(x, w0));
        high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(x, w1));
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    Store(acc + r * kPanel, low[r]);
    Store(acc + r * kPanel + 8, high[r]);
  }
}

template <bool kWide> void Rows(const int16_t* a, int64_t lda, int rows, const void* w, int64_t k4, int32_t* acc) {
  switch (rows) {
    case 6: Tile<6, kWide>(a, lda, w, k4, acc); break;
    case 5: Tile<5, kWide>(a, lda, w, k4, acc); break;
    case 4: Tile<4, kWide>(a, lda, w, k4, acc); break;
    case 3: Tile<3, kWide>(a, lda, w, k4, acc); break;
    case 2: Tile<2, kWide>(a, lda, w, k4, acc); break;
    default: Tile<1, kWide>(a, lda, w, k4, acc); break;
  }
}
void Product(const void* rows_at, int64_t lda, int rows, const int8_t* packed, const int16_t* wide, int64_t k4, int32_t* acc) {
  const auto* a = static_cast<const int16_t*>(rows_at);
  if (wide) Rows<true>(a, lda, rows, wide, k4, acc);
  else Rows<false>(a, lda, rows, packed, k4, acc);
}

// DOUBLE rounding in wide lanes. The high-mul rounds x*m / 2^31 to nearest with ties up, which is what the
// reference's nudge and truncation amount to; the shift rounds ties away from zero.
inline __m256i RescaleDouble(__m256i x, const Requant& q, int64_t c) {
  const __m256i m = Load(q.mantissa + c), half = _mm256_set1_epi64x(1ll << 30), right = Load(q.right + c);
  x = _mm256_sllv_epi32(x, Load(q.left + c));
  const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(x, m), half);
  const __m256i odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(m, 32)), half);
  const __m256i v = _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa);
  // nudge = 2^(right-1) - (v < 0), and nothing at all for right = 0.
  const __m256i shifts = _mm256_cmpgt_epi32(right, _mm256_setzero_si256());
  const __m256i up = _mm256_srli_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), right), 1);
  const __m256i negative = _mm256_and_si256(_mm256_srai_epi32(v, 31), shifts);
  return _mm256_srav_epi32(_mm256_add_epi32(_mm256_add_epi32(v, _mm256_and_si256(up, shifts)), negative), right);
}

// round(x * scale), half away from zero, in double precision: the fraction is exact.
inline __m128i RoundF64(__m128i x, const double* scale) {
  const __m256d limit = _mm256_set1_pd(1e9);
  __m256d v = _mm256_mul_pd(_mm256_cvtepi32_pd(x), _mm256_loadu_pd(scale));
  v = _mm256_max_pd(_mm256_min_pd(v, limit), _mm256_sub_pd(_mm256_setzero_pd(), limit));
  const __m256d t = _mm256_round_pd(v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC), d = _mm256_sub_pd(v, t), half = _mm256_set1_pd(0.5), one = _mm256_set1_pd(1.0);
  const __m256d up = _mm256_and_pd(_mm256_cmp_pd(d, half, _CMP_GE_OQ), one);
  const __m256d down = _mm256_and_pd(_mm256_cmp_pd(d, _mm256_sub_pd(_mm256_setzero_pd(), half), _CMP_LE_OQ), one);
  return _mm256_cvttpd_epi32(_mm256_sub_pd(_mm256_add_pd(t, up), down));
}
inline __m256i RescaleF64(__m256i x, const Requant& q, int64_t c) {
  const __m128i low = RoundF64(_mm256_castsi256_si128(x), q.scale + c), high = RoundF64(_mm256_extracti128_si256(x, 1), q.scale + c + 4);
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

inline __m256i Finish(const int32_t* acc, const Requant& q, int64_t c) {
  const __m256i sum = _mm256_add_epi32(Load(acc), Load(q.bias + c));
  const __m256i v = _mm256_add_epi32(q.scale ? RescaleF64(sum, q, c) : RescaleDouble(sum, q, c), _mm256_set1_epi32(q.zero));
  return _mm256_min_epi32(_mm256_max_epi32(v, _mm256_set1_epi32(q.low)), _mm256_set1_epi32(q.high));
}

void Requantize(const int32_t* acc, int rows, const Requant& q, int64_t first, int columns, int8_t* y, int64_t ldy) {
  for (int r = 0; r < rows; ++r, acc += kPanel, y += ldy) {
    const __m256i wide = _mm256_permute4x64_epi64(_mm256_packs_epi32(Finish(acc, q, first), Finish(acc + 8, q, first + 8)), 0xd8);
    const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
    if (columns == kPanel) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y), bytes);
    } else {
      int8_t out[16];
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
      __builtin_memcpy(y, out, static_cast<unsigned>(columns));
    }
  }
}

void LoadRow(const int8_t* x, int32_t zero, int64_t n, void* row) {
  auto* y = static_cast<int16_t*>(row);
  const __m256i z = _mm256_set1_epi16(static_cast<int16_t>(zero));
  int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    Store(y + i, _mm256_sub_epi16(_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i))), z));
  for (; i < n; ++i) y[i] = static_cast<int16_t>(x[i] - zero);
}
void PadRow(int32_t, int64_t n, void* row) { __builtin_memset(row, 0, static_cast<unsigned long>(n) * 2); }

template <int kRows>
void TileF32(const float* a, int64_t lda, const float* w, int64_t k, const float* bias, float low, float high, int columns, float* y, int64_t ldy) {
  __m256 s0[kRows], s1[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) s0[r] = s1[r] = _mm256_setzero_ps();
  for (int64_t i = 0; i < k; ++i) {
    const __m256 w0 = _mm256_loadu_ps(w + i * kPanel), w1 = _mm256_loadu_ps(w + i * kPanel + 8);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const __m256 x = _mm256_broadcast_ss(a + r * lda + i);
      s0[r] = _mm256_fmadd_ps(x, w0, s0[r]);
      s1[r] = _mm256_fmadd_ps(x, w1, s1[r]);
    }
  }
  const __m256 lo = _mm256_set1_ps(low), hi = _mm256_set1_ps(high);
  for (int r = 0; r < kRows; ++r) {
    const __m256 v0 = _mm256_min_ps(_mm256_max_ps(_mm256_add_ps(s0[r], _mm256_loadu_ps(bias)), lo), hi);
    const __m256 v1 = _mm256_min_ps(_mm256_max_ps(_mm256_add_ps(s1[r], _mm256_loadu_ps(bias + 8)), lo), hi);
    if (columns == kPanel) {
      _mm256_storeu_ps(y + r * ldy, v0);
      _mm256_storeu_ps(y + r * ldy + 8, v1);
    } else {
      float out[16];
      _mm256_storeu_ps(out, v0);
      _mm256_storeu_ps(out + 8, v1);
      __builtin_memcpy(y + r * ldy, out, static_cast<unsigned>(columns) * 4);
    }
  }
}

void ProductF32(const float* a, int64_t lda, int rows, const float* w, int64_t k, const float* bias, float low, float high, int columns, float* y, int64_t ldy) {
  switch (rows) {
    case 6: TileF32<6>(a, lda, w, k, bias, low, high, columns, y, ldy); break;
    case 5: TileF32<5>(a, lda, w, k, bias, low, high, columns, y, ldy); break;
    case 4: TileF32<4>(a, lda, w, k, bias, low, high, columns, y, ldy); break;
    case 3: TileF32<3>(a, lda, w, k, bias, low, high, columns, y, ldy); break;
    case 2: TileF32<2>(a, lda, w, k, bias, low, high, columns, y, ldy); break;
    default: TileF32<1>(a, lda, w, k, bias, low, high, columns, y, ldy); break;
  }
}

inline __m256i Channels16(const int8_t* x, __m256i zero) {
  return _mm256_sub_epi16(_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x))), zero);
}

// Two taps at a time: their channels are interleaved, so that vpmaddwd adds the two products.
void TapsS8(const int8_t* const* x, int taps, int16_t zero, const int16_t* w, int64_t groups, int32_t* acc) {
  const __m256i z = _mm256_set1_epi16(zero);
  for (int64_t c = 0; c < groups * kPanel; c += kPanel) {
    __m256i s0 = _mm256_setzero_si256(), s1 = s0;  // Channels 0-3, 8-11 and 4-7, 12-15.
    for (int t = 0; t < taps; t += 2, w += 32) {
      const __m256i a = Channels16(x[t] + c, z), b = t + 1 < taps ? Channels16(x[t + 1] + c, z) : _mm256_setzero_si256();
      // Weights are [16][2]: their halves in the order that unpacking gives the inputs.
      const __m256i w0 = Load(w), w1 = Load(w + 16);
      s0 = _mm256_add_epi32(s0, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), _mm256_permute2x128_si256(w0, w1, 0x20)));
      s1 = _mm256_add_epi32(s1, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), _mm256_permute2x128_si256(w0, w1, 0x31)));
    }
    Store(acc + c, _mm256_permute2x128_si256(s0, s1, 0x20));
    Store(acc + c + 8, _mm256_permute2x128_si256(s0, s1, 0x31));
  }
}

void TapsF32(const float* const* x, int taps, const float* w, int64_t stride, const float* bias, float low, float high, int64_t n, float* y) {
  const __m256 lo = _mm256_set1_ps(low), hi = _mm256_set1_ps(high);
  int64_t c = 0;
  for (; c + 16 <= n; c += 16) {
    __m256 s0 = _mm256_loadu_ps(bias + c), s1 = _mm256_loadu_ps(bias + c + 8);
    for (int t = 0; t < taps; ++t) {
      s0 = _mm256_fmadd_ps(_mm256_loadu_ps(x[t] + c), _mm256_loadu_ps(w + t * stride + c), s0);
      s1 = _mm256_fmadd_ps(_mm256_loadu_ps(x[t] + c + 8), _mm256_loadu_ps(w + t * stride + c + 8), s1);
    }
    _mm256_storeu_ps(y + c, _mm256_min_ps(_mm256_max_ps(s0, lo), hi));
    _mm256_storeu_ps(y + c + 8, _mm256_min_ps(_mm256_max_ps(s1, lo), hi));
  }
  for (; c < n; ++c) {
    float sum = bias[c];
    for (int t = 0; t < taps; ++t) sum = __builtin_fmaf(x[t][c], w[t * stride + c], sum);
    y[c] = sum < low ? low : sum > high ? high : sum;
  }
}

}  // namespace

constinit const Table kAvx2 = {"avx2", 6, false, 2, LoadRow, PadRow, WidenPanel, Product, Requantize, ProductF32, TapsS8, TapsF32};

}  // namespace octet::kernels
