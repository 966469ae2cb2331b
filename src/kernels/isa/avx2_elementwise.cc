// SPDX-License-Identifier: Apache-2.0
// Elementwise primitives, eight lanes.
#include "base/built.h"
#include "kernels/elementwise.h"
#include "kernels/isa/lanes_avx2.h"
#include "kernels/kernels.h"

namespace octet::kernels {
namespace {

#include "kernels/isa/elementwise_body.h"
#include "kernels/isa/transpose_avx2.h"

__m256i TwiceLow(const void* p) { return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(p))); }

// Sixteen shuffles of 16 entries each, at the index's low four bits. A shuffle answers 0 where its index is negative, so bits 4 and 5
// choose among four rows r by sums modulo 2:
//   r0 + [bit 4] (r0 + r1) + [bit 5] (r0 + r2) + [bits 4 and 5] (r0 + r1 + r2 + r3),
// which any unit adds; blends, by bits 6 and 7, share theirs with shuffles.
int64_t LookupEntries(const uint8_t* x, int64_t n, const uint8_t* table, uint8_t* y) {
  __m256i row[16];
  for (int k = 0; k < 16; ++k) row[k] = TwiceLow(table + 16 * k);
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
  return i;
}

// Seven shuffles, and products of 7 bits by the signed slopes: of even bytes and of odd ones, as the instruction adds both.
template <bool kOfDistance> int64_t LookupPieces(const uint8_t* x, int64_t n, const ByteTable& t, uint8_t* y) {
  const __m256i base[2] = {TwiceLow(t.base), TwiceLow(t.base + 16)}, slope[2] = {TwiceLow(t.slope), TwiceLow(t.slope + 16)};
  const __m256i more[2] = {TwiceLow(t.more), TwiceLow(t.more + 16)}, bits = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201));
  const __m256i low_bits = _mm256_set1_epi8(15), even = _mm256_set1_epi16(0x0007), odd = _mm256_set1_epi16(0x0700), odd_bytes = _mm256_set1_epi16(-256);
  const __m256i sign = _mm256_set1_epi8(-128), from = _mm256_set1_epi8(static_cast<char>(t.from ^ -128));
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
    if constexpr (kOfDistance) v = _mm256_subs_epu8(_mm256_xor_si256(v, sign), from);
    const __m256i piece = _mm256_and_si256(_mm256_srli_epi16(v, 3), low_bits);
    const auto of_piece = [&](const __m256i (&of)[2]) { return _mm256_blendv_epi8(_mm256_shuffle_epi8(of[0], piece), _mm256_shuffle_epi8(of[1], piece), v); };
    const __m256i by = of_piece(slope), bit = _mm256_shuffle_epi8(bits, _mm256_and_si256(v, low_bits));
    const __m256i of_even = _mm256_srli_epi16(_mm256_maddubs_epi16(_mm256_and_si256(v, even), by), ByteTable::kSlopeBits);
    const __m256i of_odd = _mm256_slli_epi16(_mm256_maddubs_epi16(_mm256_and_si256(v, odd), by), 8 - ByteTable::kSlopeBits);
    const __m256i line = _mm256_add_epi8(of_piece(base), _mm256_blendv_epi8(of_even, of_odd, odd_bytes));
    const __m256i less_one = _mm256_cmpeq_epi8(_mm256_and_si256(of_piece(more), bit), bit);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i), _mm256_sub_epi8(line, less_one));
  }
  return i;
}

void Lookup(const uint8_t* x, int64_t n, const ByteTable& t, uint8_t* y) {
  int64_t i = t.pieces == ByteTable::Pieces::kOfBits       ? LookupPieces<false>(x, n, t, y)
              : t.pieces == ByteTable::Pieces::kOfDistance ? LookupPieces<true>(x, n, t, y)
                                                           : LookupEntries(x, n, t.entry, y);
  for (; i < n; ++i) y[i] = t.entry[x[i]];
}

}  // namespace

constinit const Elementwise kAvx2Elementwise = [] {
  Elementwise e OCTET_ELEMENTWISE(Lookup, Transpose32);
  e.reads_pieces = true;
  return e;
}();

}  // namespace octet::kernels
