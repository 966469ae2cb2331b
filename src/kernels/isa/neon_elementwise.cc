// SPDX-License-Identifier: Apache-2.0
// Elementwise primitives on NEON.
#include "base/built.h"
#include "kernels/elementwise.h"
#include "kernels/isa/lanes_neon.h"
#include "kernels/kernels.h"

namespace octet::kernels {
namespace {

#include "kernels/isa/elementwise_body.h"

// Four tables of 64 entries: an index from 64 on leaves what is there already.
void Lookup(const uint8_t* x, int64_t n, const ByteTable& t, uint8_t* y) {
  const uint8_t* table = t.entry;
  uint8x16x4_t part[4];
  for (int k = 0; k < 4; ++k) part[k] = vld1q_u8_x4(table + 64 * k);
  const uint8x16_t step = vdupq_n_u8(64);
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    uint8x16_t at = vld1q_u8(x + i), out = vqtbl4q_u8(part[0], at);
#pragma GCC unroll 3
    for (int k = 1; k < 4; ++k) {
      at = vsubq_u8(at, step);
      out = vqtbx4q_u8(out, part[k], at);
    }
    vst1q_u8(y + i, out);
  }
  for (; i < n; ++i) y[i] = table[x[i]];
}

// 4 x 4 elements: pairs of rows, then pairs of pairs.
constexpr int64_t kSquare = 4;
inline void TransposeSquare(const std::byte* x, int64_t pitch_x, std::byte* y, int64_t pitch_y) {
  const auto row = [&](int i) { return vreinterpretq_u32_u8(vld1q_u8(reinterpret_cast<const uint8_t*>(x + i * pitch_x))); };
  const auto put = [&](int i, uint64x2_t v) { vst1q_u8(reinterpret_cast<uint8_t*>(y + i * pitch_y), vreinterpretq_u8_u64(v)); };
  const uint32x4_t a = row(0), b = row(1), c = row(2), d = row(3);
  const uint64x2_t ab = vreinterpretq_u64_u32(vtrn1q_u32(a, b)), cd = vreinterpretq_u64_u32(vtrn1q_u32(c, d));
  const uint64x2_t ab_odd = vreinterpretq_u64_u32(vtrn2q_u32(a, b)), cd_odd = vreinterpretq_u64_u32(vtrn2q_u32(c, d));
  put(0, vtrn1q_u64(ab, cd));
  put(1, vtrn1q_u64(ab_odd, cd_odd));
  put(2, vtrn2q_u64(ab, cd));
  put(3, vtrn2q_u64(ab_odd, cd_odd));
}

#include "kernels/isa/transpose_body.h"

}  // namespace

constinit const Elementwise kNeonElementwise = OCTET_ELEMENTWISE(Lookup, Transpose32);

}  // namespace octet::kernels
