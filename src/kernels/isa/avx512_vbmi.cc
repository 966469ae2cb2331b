// SPDX-License-Identifier: Apache-2.0
// vpermi2b looks 64 bytes up in a table of 128: twice makes 256.
#include <immintrin.h>

#include "kernels/elementwise.h"

namespace octet::kernels {

void LookupAvx512Vbmi(const uint8_t* x, int64_t n, const ByteTable& t, uint8_t* y) {
  const uint8_t* table = t.entry;
  const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64), t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
  for (int64_t i = 0; i < n; i += 64) {
    const __mmask64 mask = n - i >= 64 ? ~0ull : (1ull << (n - i)) - 1;
    const __m512i v = _mm512_maskz_loadu_epi8(mask, x + i);
    const __m512i low = _mm512_permutex2var_epi8(t0, v, t1), high = _mm512_permutex2var_epi8(t2, v, t3);
    _mm512_mask_storeu_epi8(y + i, mask, _mm512_mask_blend_epi8(_mm512_movepi8_mask(v), low, high));
  }
}

}  // namespace octet::kernels
