// SPDX-License-Identifier: Apache-2.0
// Elementwise primitives, eight lanes.
#include "kernels/elementwise.h"
#include "kernels/isa/lanes_avx2.h"
#include "kernels/kernels.h"

namespace octet::kernels {
namespace {

#include "kernels/isa/elementwise_body.h"
#include "kernels/isa/transpose_avx2.h"

// Sixteen shuffles of 16 entries each, at the index's low four bits. A shuffle answers 0 where its index is negative, so bits 4 and 5
// choose among four rows r by sums modulo 2:
//   r0 + [bit 4] (r0 + r1) + [bit 5] (r0 + r2) + [bits 4 and 5] (r0 + r1 + r2 + r3),
// which any unit adds; blends, by bits 6 and 7, share theirs with shuffles.
void Lookup(const uint8_t* x, int64_t n, const uint8_t* table, uint8_t* y) {
  __m256i row[16];
  for (int k = 0; k < 16; ++k) row[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table + 16 * k)));
  for (int k = 0; k < 16; k += 4) {
    row[k + 3] = _mm256_xor_si256(_mm256_xor_si256(row[k], row[k + 1]), _mm256_xor_si256(row[k + 2], row[k + 3]));
    row[k + 1] = _mm256_xor_si256(row[k], row[k + 1]);
    row[k + 2] = _mm256_xor_si256(row[k], row[k + 2]);
  }
  const __m256i low_bits = _mm256_set1_epi8(15), negative = _mm256_set1_epi8(-128);
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i)), any = _mm256_and_si256(v, low_bits);
    const __m256i no_bit4 = _mm256_andnot_si256(_mm256_slli_epi16(v, 3), negative), no_bit5 = _mm256_andnot_si256(_mm256_slli_epi16(v, 2), negative);
    const __m256i bit4 = _mm256_or_si256(any, no_bit4), bit5 = _mm256_or_si256(any, no_bit5), both = _mm256_or_si256(bit4, no_bit5);
    const auto of_four = [&](int k) {
      return _mm256_xor_si256(_mm256_xor_si256(_mm256_shuffle_epi8(row[k], any), _mm256_shuffle_epi8(row[k + 1], bit4)),
                              _mm256_xor_si256(_mm256_shuffle_epi8(row[k + 2], bit5), _mm256_shuffle_epi8(row[k + 3], both)));
    };
    const __m256i bit6 = _mm256_add_epi8(v, v);  // A blend looks at the highest bit.
    const __m256i first = _mm256_blendv_epi8(of_four(0), of_four(4), bit6), second = _mm256_blendv_epi8(of_four(8), of_four(12), bit6);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i), _mm256_blendv_epi8(first, second, v));
  }
  for (; i < n; ++i) y[i] = table[x[i]];
}

}  // namespace

constinit const Elementwise kAvx2Elementwise = OCTET_ELEMENTWISE(Lookup, Transpose32);

}  // namespace octet::kernels
