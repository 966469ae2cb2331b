// SPDX-License-Identifier: Apache-2.0
// Elementwise primitives, eight lanes.
#include "kernels/elementwise.h"
#include "kernels/isa/lanes_avx2.h"
#include "kernels/kernels.h"

namespace octet::kernels {
namespace {

#include "kernels/isa/elementwise_body.h"
#include "kernels/isa/transpose_avx2.h"

// Sixteen shuffles of 16 entries each. A shuffle answers 0 where its index is negative, and else looks at the
// low four bits only: with the index lowered by 16 from row to row, the rows up to the right one answer, and
// as each holds its exclusive-or with the row before, their exclusive-or is the right row's entry. Bytes from
// 128 on are negative (and stay so: the subtraction saturates); the second half sees them with the bit flipped.
void Lookup(const uint8_t* x, int64_t n, const uint8_t* table, uint8_t* y) {
  __m256i row[16];
  for (int k = 0; k < 16; ++k) row[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table + 16 * k)));
  for (int k = 15; k > 0; --k)
    if (k != 8) row[k] = _mm256_xor_si256(row[k], row[k - 1]);
  const __m256i sixteen = _mm256_set1_epi8(16), flip = _mm256_set1_epi8(-128);
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i)), high = _mm256_xor_si256(low, flip);
    __m256i out = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) {
      out = _mm256_xor_si256(out, _mm256_xor_si256(_mm256_shuffle_epi8(row[k], low), _mm256_shuffle_epi8(row[k + 8], high)));
      low = _mm256_subs_epi8(low, sixteen);
      high = _mm256_subs_epi8(high, sixteen);
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i), out);
  }
  for (; i < n; ++i) y[i] = table[x[i]];
}

}  // namespace

constinit const Elementwise kAvx2Elementwise = OCTET_ELEMENTWISE(Lookup, Transpose32);

}  // namespace octet::kernels
