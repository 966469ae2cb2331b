// SPDX-License-Identifier: Apache-2.0
// Eight lanes.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "kernels/isa/greatest_x86.h"
#include "kernels/isa/round_down_x86.h"

namespace octet::kernels {
namespace {

struct Lanes {
  using Down = RoundDown;
  static constexpr int kCount = 8;
  using F = __m256;
  using I = __m256i;
  // Ones in the first `n` lanes.
  static I First(int64_t n) { return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }
  static F Load(const float* p) { return _mm256_loadu_ps(p); }
  static F LoadSome(const float* p, int64_t n) { return _mm256_maskload_ps(p, First(n)); }
  static void Store(float* p, F v) { _mm256_storeu_ps(p, v); }
  static void StoreSome(float* p, int64_t n, F v) { _mm256_maskstore_ps(p, First(n), v); }
  static F Set(float v) { return _mm256_set1_ps(v); }
  static F Add(F a, F b) { return _mm256_add_ps(a, b); }
  static F Sub(F a, F b) { return _mm256_sub_ps(a, b); }
  static F Mul(F a, F b) { return _mm256_mul_ps(a, b); }
  static F Div(F a, F b) { return _mm256_div_ps(a, b); }
  static F Fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  static F Max(F a, F b) { return _mm256_max_ps(a, b); }
  static F Min(F a, F b) { return _mm256_min_ps(a, b); }
  static F Sqrt(F a) { return _mm256_sqrt_ps(a); }
  static F Truncate(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
  static F Round(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static F CopySign(F a, F sign) {
    const F mask = _mm256_set1_ps(-0.0f);
    return _mm256_or_ps(_mm256_andnot_ps(mask, a), _mm256_and_ps(mask, sign));
  }
  // a * 2^n for |n| up to 254, in two steps: each half is a normal number.
  static F Power(F a, F n) {
    const I all = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(all, 1), bias = _mm256_set1_epi32(127);
    const auto power = [&](I e) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(e, bias), 23)); };
    return _mm256_mul_ps(_mm256_mul_ps(a, power(half)), power(_mm256_sub_epi32(all, half)));
  }
  // a * 2^n where both are normal numbers: n moves the exponent.
  static F Scaled(F a, F n) { return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23))); }
  static float Total(F a) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
  }
  static F Quotient(F a, F b) { return Div(a, b); }  // Of moderate numbers, within 2^-22.
  static float Least(F a) {
    __m128 s = _mm_min_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_min_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_min_ss(s, _mm_shuffle_ps(s, s, 1)));
  }
  static float Greatest(F a) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
  }

  static I LoadI(const int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void StoreI(int32_t* p, I v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  static I SetI(int32_t v) { return _mm256_set1_epi32(v); }
  static I LoadS8(const int8_t* p) { return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))); }
  static I LoadSomeS8(const int8_t* p, int64_t n) {
    int8_t all[8] = {};
    for (int64_t i = 0; i < n; ++i) all[i] = p[i];
    return LoadS8(all);
  }
  static __m128i Bytes(I v) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    return _mm_packs_epi16(words, words);
  }
  static void StoreS8(int8_t* p, I v) { _mm_storel_epi64(reinterpret_cast<__m128i*>(p), Bytes(v)); }
  static void StoreSomeS8(int8_t* p, int64_t n, I v) {
    int8_t all[8];
    StoreS8(all, v);
    for (int64_t i = 0; i < n; ++i) p[i] = all[i];
  }
  // Four after each other, clamped. Packing is by 128-bit lanes: each then holds four bytes of every one.
  static void StoreFourS8(int8_t* p, const I* v, int32_t low, int32_t high) {
    const I bytes = _mm256_packs_epi16(_mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]));
    const I clamped = _mm256_min_epi8(_mm256_max_epi8(bytes, _mm256_set1_epi8(static_cast<char>(low))), _mm256_set1_epi8(static_cast<char>(high)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permutevar8x32_epi32(clamped, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
  }
  // a * w[0] + b * w[1] of as many bytes as lanes; weights of 16 bits.
  static I Weights(int32_t a, int32_t b) { return SetI(static_cast<int32_t>(static_cast<uint32_t>(b) << 16 | (static_cast<uint32_t>(a) & 0xffff))); }
  static I WeighS8(const int8_t* a, const int8_t* b, I weights) {
    const auto load = [](const int8_t* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); };
    return _mm256_madd_epi16(_mm256_cvtepi8_epi16(_mm_unpacklo_epi8(load(a), load(b))), weights);
  }
  static I AddI(I a, I b) { return _mm256_add_epi32(a, b); }
  static I SubI(I a, I b) { return _mm256_sub_epi32(a, b); }
  static I MulI(I a, I b) { return _mm256_mullo_epi32(a, b); }
  static I MaxI(I a, I b) { return _mm256_max_epi32(a, b); }
  static I AndI(I a, I b) { return _mm256_and_si256(a, b); }
  static bool AnyBelow(I a, int32_t limit) { return _mm256_movemask_epi8(_mm256_cmpgt_epi32(_mm256_set1_epi32(limit), a)) != 0; }
  static I MinI(I a, I b) { return _mm256_min_epi32(a, b); }
  static I ShiftLeft(I a, int by) { return _mm256_sll_epi32(a, _mm_cvtsi32_si128(by)); }
  static I ShiftRight(I a, int by) { return _mm256_sra_epi32(a, _mm_cvtsi32_si128(by)); }
  static I HighMul(I a, I m) {  // The same multiplier in all lanes.
    const I half = _mm256_set1_epi64x(1ll << 30);
    const I even = _mm256_add_epi64(_mm256_mul_epi32(a, m), half), odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(a, 32), m), half);
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa);
  }
  static I HighHalf(I a, I m) {  // Of the products.
    return _mm256_blend_epi32(_mm256_srli_epi64(_mm256_mul_epi32(a, m), 32), _mm256_mul_epi32(_mm256_srli_epi64(a, 32), m), 0xaa);
  }
  static I ToInt(F a) { return _mm256_cvttps_epi32(a); }
  static I ToNearest(F a) { return _mm256_cvtps_epi32(a); }  // Halves to even.
  static F SelectNegative(F v, F yes, F no) { return _mm256_blendv_ps(no, yes, v); }
  static F ToFloat(I a) { return _mm256_cvtepi32_ps(a); }
  // Lanes that add up to kBytes bytes: 128 more each are what vpsadbw sums, eight to a sum.
  static constexpr int kBytes = 32;
  static I SumBytes(const int8_t* p) {
    const I above = _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)), _mm256_set1_epi8(-128));
    return _mm256_sub_epi32(_mm256_sad_epu8(above, _mm256_setzero_si256()), _mm256_set1_epi64x(8 * 128));
  }
  static int32_t TotalI(I a) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
  }
  static I Gather(const int32_t* table, I at) { return _mm256_i32gather_epi32(table, at, 4); }
  static I LoadS16(const int16_t* p) { return _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static void StoreS16(int16_t* p, I v) {  // Saturates.
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
  }
};

struct Bytes {
  static constexpr int kCount = 32;
  using V = __m256i;
  static V Load(const int8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void Store(int8_t* p, V v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  static V Set(int8_t v) { return _mm256_set1_epi8(v); }
  static V Max(V a, V b) { return _mm256_max_epi8(a, b); }
  static int8_t Greatest(V v) { return GreatestS8(_mm_max_epi8(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1))); }
};

struct Shorts {
  static constexpr int kCount = 16;
  using V = __m256i;
  static V Load(const int16_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void Store(int16_t* p, V v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  static V LoadS8(const int8_t* p) { return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
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
  static Lanes::I SumPairs(V a, V b) { return _mm256_madd_epi16(a, b); }  // Of products, in Lanes::kCount lanes.
  static V Set(int16_t v) { return _mm256_set1_epi16(v); }
  static V Add(V a, V b) { return _mm256_add_epi16(a, b); }
  static V AddSaturated(V a, V b) { return _mm256_adds_epi16(a, b); }
  static V Sub(V a, V b) { return _mm256_sub_epi16(a, b); }
  static V And(V a, V b) { return _mm256_and_si256(a, b); }
  static V HighMul(V a, V b) { return _mm256_mulhrs_epi16(a, b); }  // (a * b + 2^14) >> 15
  static V ShiftRight(V a, int by) { return _mm256_srai_epi16(a, by); }
  static V Select(V mask, V yes, V no) { return _mm256_blendv_epi8(no, yes, mask); }
  static V SelectBit(V bits, int16_t bit, V yes, V no) { return Select(_mm256_cmpeq_epi16(_mm256_and_si256(bits, Set(bit)), Set(bit)), yes, no); }
  static V SelectLess(V a, V b, V yes, V no) { return Select(_mm256_cmpgt_epi16(b, a), yes, no); }
  static V SelectEqual(V a, V b, V yes, V no) { return Select(_mm256_cmpeq_epi16(a, b), yes, no); }
};

}  // namespace
}  // namespace octet::kernels
