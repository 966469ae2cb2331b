// SPDX-License-Identifier: Apache-2.0
// Elementwise primitives, sixteen lanes.
#include "base/built.h"
#include "kernels/elementwise.h"
#include "kernels/isa/lanes_avx512.h"
#include "kernels/kernels.h"

namespace octet::kernels {
namespace {

#include "kernels/isa/elementwise_body.h"
#include "kernels/isa/transpose_avx2.h"

// As in avx2_elementwise.cc, 64 bytes at a time.
void Lookup(const uint8_t* x, int64_t n, const ByteTable& t, uint8_t* y) {
  const uint8_t* table = t.entry;
  __m512i row[16];
  for (int k = 0; k < 16; ++k) row[k] = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table + 16 * k)));
  for (int k = 15; k > 0; --k)
    if (k != 8) row[k] = _mm512_xor_si512(row[k], row[k - 1]);
  const __m512i sixteen = _mm512_set1_epi8(16), flip = _mm512_set1_epi8(-128);
  for (int64_t i = 0; i < n; i += 64) {
    const __mmask64 mask = n - i >= 64 ? ~0ull : (1ull << (n - i)) - 1;
    __m512i low = _mm512_maskz_loadu_epi8(mask, x + i), high = _mm512_xor_si512(low, flip), out = _mm512_setzero_si512();
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) {
      out = _mm512_ternarylogic_epi64(out, _mm512_shuffle_epi8(row[k], low), _mm512_shuffle_epi8(row[k + 8], high), 0x96);  // a ^ b ^ c
      low = _mm512_subs_epi8(low, sixteen);
      high = _mm512_subs_epi8(high, sixteen);
    }
    _mm512_mask_storeu_epi8(y + i, mask, out);
  }
}

}  // namespace

constinit const Elementwise kAvx512Elementwise = OCTET_ELEMENTWISE(Lookup, Transpose32);

}  // namespace octet::kernels
