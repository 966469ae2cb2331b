// SPDX-License-Identifier: Apache-2.0
// Sixteen lanes; what is left at the end of a row goes through masks.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "kernels/isa/greatest_x86.h"
#include "kernels/isa/round_down_x86.h"

namespace octet::kernels {
namespace {

struct Lanes {
  using Down = RoundDown;
  static constexpr int kCount = 16;
  using F = __m512;
  using I = __m512i;
  static __mmask16 First(int64_t n) { return static_cast<__mmask16>((1u << n) - 1); }
  static F Load(const float* p) { return _mm512_loadu_ps(p); }
  static F LoadSome(const float* p, int64_t n) { return _mm512_maskz_loadu_ps(First(n), p); }
  static void Store(float* p, F v) { _mm512_storeu_ps(p, v); }
  static void StoreSome(float* p, int64_t n, F v) { _mm512_mask_storeu_ps(p, First(n), v); }
  static F Set(float v) { return _mm512_set1_ps(v); }
  static F Add(F a, F b) { return _mm512_add_ps(a, b); }
  static F Sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F Mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F Div(F a, F b) { return _mm512_div_ps(a, b); }
  static F Fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F Max(F a, F b) { return _mm512_max_ps(a, b); }
  static F Min(F a, F b) { return _mm512_min_ps(a, b); }
  static F Sqrt(F a) { return _mm512_sqrt_ps(a); }
  static F Truncate(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
  static F Round(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static F CopySign(F a, F sign) {
    const F mask = _mm512_set1_ps(-0.0f);
    return _mm512_or_ps(_mm512_andnot_ps(mask, a), _mm512_and_ps(mask, sign));
  }
  static F Power(F a, F n) { return _mm512_scalef_ps(a, n); }
  // a * 2^n where both are normal numbers: n moves the exponent.
  static F Scaled(F a, F n) { return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), _mm512_slli_epi32(_mm512_cvtps_epi32(n), 23))); }
  static float Total(F a) { return _mm512_reduce_add_ps(a); }
  // Of moderate numbers, within 2^-22: a division takes three times as long.
  static F Quotient(F a, F b) {
    const F guess = _mm512_rcp14_ps(b), q = _mm512_mul_ps(a, guess);
    return _mm512_fmadd_ps(_mm512_fnmadd_ps(b, q, a), guess, q);
  }
  static float Least(F a) { return _mm512_reduce_min_ps(a); }
  static float Greatest(F a) { return _mm512_reduce_max_ps(a); }

  static I LoadI(const int32_t* p) { return _mm512_loadu_si512(p); }
  static void StoreI(int32_t* p, I v) { _mm512_storeu_si512(p, v); }
  static I SetI(int32_t v) { return _mm512_set1_epi32(v); }
  static I LoadS8(const int8_t* p) { return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static I LoadSomeS8(const int8_t* p, int64_t n) { return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(First(n), p)); }
  static void StoreS8(int8_t* p, I v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(v)); }
  static void StoreSomeS8(int8_t* p, int64_t n, I v) { _mm512_mask_cvtepi32_storeu_epi8(p, First(n), v); }
  // Four after each other, clamped. Packing is by 128-bit lanes: each then holds four bytes of every one.
  static void StoreFourS8(int8_t* p, const I* v, int32_t low, int32_t high) {
    const I bytes = _mm512_packs_epi16(_mm512_packs_epi32(v[0], v[1]), _mm512_packs_epi32(v[2], v[3]));
    const I clamped = _mm512_min_epi8(_mm512_max_epi8(bytes, _mm512_set1_epi8(static_cast<char>(low))), _mm512_set1_epi8(static_cast<char>(high)));
    _mm512_storeu_si512(p, _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), clamped));
  }
  // a * w[0] + b * w[1] of as many bytes as lanes; weights of 16 bits.
  static I Weights(int32_t a, int32_t b) { return SetI(static_cast<int32_t>(static_cast<uint32_t>(b) << 16 | (static_cast<uint32_t>(a) & 0xffff))); }
  static I WeighS8(const int8_t* a, const int8_t* b, I weights) {
    const __m128i va = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a)), vb = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b));
    return _mm512_madd_epi16(_mm512_cvtepi8_epi16(_mm256_set_m128i(_mm_unpackhi_epi8(va, vb), _mm_unpacklo_epi8(va, vb))), weights);
  }
  static I AddI(I a, I b) { return _mm512_add_epi32(a, b); }
  static I SubI(I a, I b) { return _mm512_sub_epi32(a, b); }
  static I MulI(I a, I b) { return _mm512_mullo_epi32(a, b); }
  static I MaxI(I a, I b) { return _mm512_max_epi32(a, b); }
  static I AndI(I a, I b) { return _mm512_and_si512(a, b); }
  static bool AnyBelow(I a, int32_t limit) { return _mm512_cmplt_epi32_mask(a, _mm512_set1_epi32(limit)) != 0; }
  static I MinI(I a, I b) { return _mm512_min_epi32(a, b); }
  static I ShiftLeft(I a, int by) { return _mm512_sll_epi32(a, _mm_cvtsi32_si128(by)); }
  static I ShiftRight(I a, int by) { return _mm512_sra_epi32(a, _mm_cvtsi32_si128(by)); }
  static I HighMul(I a, I m) {  // The same multiplier in all lanes.
    const I half = _mm512_set1_epi64(1ll << 30);
    const I even = _mm512_add_epi64(_mm512_mul_epi32(a, m), half), odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(a, 32), m), half);
    return _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 31), _mm512_slli_epi64(odd, 1));
  }
  static I HighHalf(I a, I m) {  // Of the products.
    return _mm512_mask_shuffle_epi32(_mm512_mul_epi32(_mm512_srli_epi64(a, 32), m), 0x5555, _mm512_mul_epi32(a, m), _MM_PERM_DDBB);
  }
  static I ToInt(F a) { return _mm512_cvttps_epi32(a); }
  static I ToNearest(F a) { return _mm512_cvtps_epi32(a); }  // Halves to even.
  static F SelectNegative(F v, F yes, F no) { return _mm512_mask_blend_ps(_mm512_movepi32_mask(_mm512_castps_si512(v)), no, yes); }
  static F ToFloat(I a) { return _mm512_cvtepi32_ps(a); }
  // Lanes that add up to kBytes bytes, as in lanes_avx2.h.
  static constexpr int kBytes = 64;
  static I SumBytes(const int8_t* p) {
    const I above = _mm512_xor_si512(_mm512_loadu_si512(p), _mm512_set1_epi8(-128));
    return _mm512_sub_epi32(_mm512_sad_epu8(above, _mm512_setzero_si512()), _mm512_set1_epi64(8 * 128));
  }
  static int32_t TotalI(I a) { return _mm512_reduce_add_epi32(a); }
  static I Gather(const int32_t* table, I at) { return _mm512_i32gather_epi32(at, table, 4); }
  static I LoadS16(const int16_t* p) { return _mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static void StoreS16(int16_t* p, I v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtsepi32_epi16(v)); }  // Saturates.
};

struct Bytes {
  static constexpr int kCount = 64;
  using V = __m512i;
  static V Load(const int8_t* p) { return _mm512_loadu_si512(p); }
  static void Store(int8_t* p, V v) { _mm512_storeu_si512(p, v); }
  static V Set(int8_t v) { return _mm512_set1_epi8(v); }
  static V Max(V a, V b) { return _mm512_max_epi8(a, b); }
  static int8_t Greatest(V v) {
    const __m256i half = _mm256_max_epi8(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    return GreatestS8(_mm_max_epi8(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1)));
  }
};

struct Shorts {
  static constexpr int kCount = 32;
  using V = __m512i;
  static V Load(const int16_t* p) { return _mm512_loadu_si512(p); }
  static void Store(int16_t* p, V v) { _mm512_storeu_si512(p, v); }
  static V LoadS8(const int8_t* p) { return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static V LoadSome(const int16_t* p, int64_t n) { return _mm512_maskz_loadu_epi16(First(n), p); }  // Zeros behind.
  static V LoadSomeS8(const int8_t* p, int64_t n) { return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(First(n), p)); }
  static __mmask32 First(int64_t n) { return static_cast<__mmask32>((uint64_t{1} << n) - 1); }
  static Lanes::I SumPairs(V a, V b) { return _mm512_madd_epi16(a, b); }  // Of products, in Lanes::kCount lanes.
  static V Set(int16_t v) { return _mm512_set1_epi16(v); }
  static V Add(V a, V b) { return _mm512_add_epi16(a, b); }
  static V AddSaturated(V a, V b) { return _mm512_adds_epi16(a, b); }
  static V Sub(V a, V b) { return _mm512_sub_epi16(a, b); }
  static V And(V a, V b) { return _mm512_and_si512(a, b); }
  static V HighMul(V a, V b) { return _mm512_mulhrs_epi16(a, b); }  // (a * b + 2^14) >> 15
  static V ShiftRight(V a, int by) { return _mm512_srai_epi16(a, static_cast<unsigned>(by)); }
  static V SelectBit(V bits, int16_t bit, V yes, V no) { return _mm512_mask_blend_epi16(_mm512_test_epi16_mask(bits, Set(bit)), no, yes); }
  static V SelectLess(V a, V b, V yes, V no) { return _mm512_mask_blend_epi16(_mm512_cmplt_epi16_mask(a, b), no, yes); }
  static V SelectEqual(V a, V b, V yes, V no) { return _mm512_mask_blend_epi16(_mm512_cmpeq_epi16_mask(a, b), no, yes); }
};

}  // namespace
}  // namespace octet::kernels
