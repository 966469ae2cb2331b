// SPDX-License-Identifier: Apache-2.0
// AVX-512 with VNNI: 16 columns are one register; products and their sum are one instruction.
#include <immintrin.h>

#include "kernels/kernels.h"

namespace octet::kernels {
namespace {

inline __m512i Load(const void* p) { return _mm512_loadu_si512(p); }

inline __m512i Quad(const uint8_t* a) {
  int32_t v;
  __builtin_memcpy(&v, a, 4);
  return _mm512_set1_epi32(v);
}

// vpdpbusd: four products of uint8 and int8 to each lane, no saturation. A packed panel is what it wants.
template <int kRows> void Tile(const uint8_t* a, int64_t lda, const int8_t* packed, int64_t k4, int32_t* acc) {
  __m512i sum[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) sum[r] = _mm512_setzero_si512();
  for (int64_t g = 0; g < k4; ++g) {
    const __m512i w = Load(packed + g * 64);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sum[r] = _mm512_dpbusd_epi32(sum[r], Quad(a + r * lda + g * 4), w);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) _mm512_storeu_si512(acc + r * kPanel, sum[r]);
}

void Product(const void* rows_at, int64_t lda, int rows, const int8_t* packed, const int16_t*, int64_t k4, int32_t* acc) {
  const auto* a = static_cast<const uint8_t*>(rows_at);
  switch (rows) {
    case 8: Tile<8>(a, lda, packed, k4, acc); break;
    case 7: Tile<7>(a, lda, packed, k4, acc); break;
    case 6: Tile<6>(a, lda, packed, k4, acc); break;
    case 5: Tile<5>(a, lda, packed, k4, acc); break;
    case 4: Tile<4>(a, lda, packed, k4, acc); break;
    case 3: Tile<3>(a, lda, packed, k4, acc); break;
    case 2: Tile<2>(a, lda, packed, k4, acc); break;
    default: Tile<1>(a, lda, packed, k4, acc); break;
  }
}

// The roundings: see avx2.cc.
inline __m512i RescaleDouble(__m512i x, const Requant& q, int64_t c) {
  const __m512i m = Load(q.mantissa + c), half = _mm512_set1_epi64(1ll << 30), right = Load(q.right + c);
  x = _mm512_sllv_epi32(x, Load(q.left + c));
  const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(x, m), half);
  const __m512i odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(x, 32), _mm512_srli_epi64(m, 32)), half);
  const __m512i v = _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 31), _mm512_slli_epi64(odd, 1));
  const __mmask16 shifts = _mm512_cmpgt_epi32_mask(right, _mm512_setzero_si512());
  const __m512i up = _mm512_srli_epi32(_mm512_sllv_epi32(_mm512_set1_epi32(1), right), 1);
  const __m512i nudge = _mm512_add_epi32(up, _mm512_srai_epi32(v, 31));
  return _mm512_srav_epi32(_mm512_mask_add_epi32(v, shifts, v, nudge), right);
}

inline __m256i RoundF64(__m256i x, const double* scale) {
  const __m512d limit = _mm512_set1_pd(1e9), one = _mm512_set1_pd(1.0);
  __m512d v = _mm512_mul_pd(_mm512_cvtepi32_pd(x), _mm512_loadu_pd(scale));
  v = _mm512_max_pd(_mm512_min_pd(v, limit), _mm512_sub_pd(_mm512_setzero_pd(), limit));
  const __m512d t = _mm512_roundscale_pd(v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC), d = _mm512_sub_pd(v, t);
  const __mmask8 up = _mm512_cmp_pd_mask(d, _mm512_set1_pd(0.5), _CMP_GE_OQ), down = _mm512_cmp_pd_mask(d, _mm512_set1_pd(-0.5), _CMP_LE_OQ);
  return _mm512_cvttpd_epi32(_mm512_mask_sub_pd(_mm512_mask_add_pd(t, up, t, one), down, t, one));
}
inline __m512i RescaleF64(__m512i x, const Requant& q, int64_t c) {
  const __m256i low = RoundF64(_mm512_castsi512_si256(x), q.scale + c), high = RoundF64(_mm512_extracti64x4_epi64(x, 1), q.scale + c + 8);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

void Requantize(const int32_t* acc, int rows, const Requant& q, int64_t first, int columns, int8_t* y, int64_t ldy) {
  const __mmask16 mask = static_cast<__mmask16>((1u << columns) - 1);
  for (int r = 0; r < rows; ++r, acc += kPanel, y += ldy) {
    const __m512i sum = _mm512_add_epi32(Load(acc), Load(q.bias + first));
    __m512i v = _mm512_add_epi32(q.scale ? RescaleF64(sum, q, first) : RescaleDouble(sum, q, first), _mm512_set1_epi32(q.zero));
    v = _mm512_min_epi32(_mm512_max_epi32(v, _mm512_set1_epi32(q.low)), _mm512_set1_epi32(q.high));
    _mm512_mask_cvtepi32_storeu_epi8(y, mask, v);
  }
}

// x + 128 as uint8 is x with the top bit flipped.
void LoadRow(const int8_t* x, int32_t, int64_t n, void* row) {
  auto* y = static_cast<uint8_t*>(row);
  const __m512i flip = _mm512_set1_epi8(-128);
  int64_t i = 0;
  for (; i + 64 <= n; i += 64) _mm512_storeu_si512(y + i, _mm512_xor_si512(Load(x + i), flip));
  if (i < n) {
    const __mmask64 mask = (1ull << (n - i)) - 1;
    _mm512_mask_storeu_epi8(y + i, mask, _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, x + i), flip));
  }
}
void PadRow(int32_t zero, int64_t n, void* row) { __builtin_memset(row, zero + 128, static_cast<unsigned long>(n)); }

template <int kRows>
void TileF32(const float* a, int64_t lda, const float* w, int64_t k, const float* bias, float low, float high, int columns, float* y, int64_t ldy) {
  __m512 sum[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) sum[r] = _mm512_setzero_ps();
  for (int64_t i = 0; i < k; ++i) {
    const __m512 v = _mm512_loadu_ps(w + i * kPanel);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sum[r] = _mm512_fmadd_ps(_mm512_set1_ps(a[r * lda + i]), v, sum[r]);
  }
  const __mmask16 mask = static_cast<__mmask16>((1u << columns) - 1);
  const __m512 b = _mm512_maskz_loadu_ps(mask, bias);
  for (int r = 0; r < kRows; ++r)
    _mm512_mask_storeu_ps(y + r * ldy, mask, _mm512_min_ps(_mm512_max_ps(_mm512_add_ps(sum[r], b), _mm512_set1_ps(low)), _mm512_set1_ps(high)));
}

void ProductF32(const float* a, int64_t lda, int rows, const float* w, int64_t k, const float* bias, float low, float high, int columns, float* y, int64_t ldy) {
  switch (rows) {
    case 8: TileF32<8>(a, lda, w, k, bias, low, high, columns, y, ldy); break;
    case 7: TileF32<7>(a, lda, w, k, bias, low, high, columns, y, ldy); break;
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

// As in avx2.cc, with the addition inside the product.
void TapsS8(const int8_t* const* x, int taps, int16_t zero, const int16_t* w, int64_t groups, int32_t* acc) {
  const __m256i z = _mm256_set1_epi16(zero);
  for (int64_t c = 0; c < groups * kPanel; c += kPanel) {
    __m256i s0 = _mm256_setzero_si256(), s1 = s0;  // Channels 0-3, 8-11 and 4-7, 12-15.
    for (int t = 0; t < taps; t += 2, w += 32) {
      const __m256i a = Channels16(x[t] + c, z), b = t + 1 < taps ? Channels16(x[t + 1] + c, z) : _mm256_setzero_si256();
      // Weights are [16][2]: their halves in the order that unpacking gives the inputs.
      const __m256i w0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w)), w1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + 16));
      s0 = _mm256_dpwssd_epi32(s0, _mm256_unpacklo_epi16(a, b), _mm256_permute2x128_si256(w0, w1, 0x20));
      s1 = _mm256_dpwssd_epi32(s1, _mm256_unpackhi_epi16(a, b), _mm256_permute2x128_si256(w0, w1, 0x31));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(acc + c), _mm256_permute2x128_si256(s0, s1, 0x20));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(acc + c + 8), _mm256_permute2x128_si256(s0, s1, 0x31));
  }
}

void TapsF32(const float* const* x, int taps, const float* w, int64_t stride, const float* bias, float low, float high, int64_t n, float* y) {
  const __m512 lo = _mm512_set1_ps(low), hi = _mm512_set1_ps(high);
  for (int64_t c = 0; c < n; c += 16) {
    const __mmask16 mask = n - c >= 16 ? static_cast<__mmask16>(0xffff) : static_cast<__mmask16>((1u << (n - c)) - 1);
    __m512 sum = _mm512_maskz_loadu_ps(mask, bias + c);
    for (int t = 0; t < taps; ++t) sum = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, x[t] + c), _mm512_maskz_loadu_ps(mask, w + t * stride + c), sum);
    _mm512_mask_storeu_ps(y + c, mask, _mm512_min_ps(_mm512_max_ps(sum, lo), hi));
  }
}

}  // namespace

constinit const Table kAvx512Vnni = {"avx512_vnni", 8, true, 1, LoadRow, PadRow, nullptr, Product, Requantize, ProductF32, TapsS8, TapsF32};

}  // namespace octet::kernels
