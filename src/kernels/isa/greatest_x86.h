// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <immintrin.h>

#include <cstdint>

namespace octet::kernels {
namespace {

// The greatest of sixteen bytes. The instruction finds the least of eight unsigned words: bytes turn around, and of each two the lesser
// stays in a word's lower half.
inline int8_t GreatestS8(__m128i v) {
  const __m128i turned = _mm_xor_si128(v, _mm_set1_epi8(127));
  return static_cast<int8_t>(_mm_cvtsi128_si32(_mm_minpos_epu16(_mm_min_epu8(turned, _mm_srli_epi16(turned, 8)))) ^ 127);
}

}  // namespace
}  // namespace octet::kernels
