// SPDX-License-Identifier: Apache-2.0
// 8-bit products with ARMv8.6's matrix multiplication: smmla multiplies two rows of eight values with two columns of eight.
// A panel is brought once per block of rows from K4N16 to that form, K8N2.
#include <arm_neon.h>

#include "kernels/int8.h"
#include "kernels/isa/requant_neon.h"

namespace octet::kernels {
namespace {

constexpr int kPairs = 3, kRows = 2 * kPairs;  // Of rows: 24 sums, 3 activations, weights.
constexpr int64_t kFewRows = 4;                // Below it, changing a panel's form costs more than it saves.
constexpr int kPairRegisters = kPanel / 2;     // Of columns.

inline int32x4_t AsWords(int8x16_t v) { return vreinterpretq_s32_s8(v); }

// [segment][group][16][4] to [segment][group / 2][8][2 columns][8]; of an odd number, zeros at the end.
void ToPairs(const ProductS8& p, const int8_t* packed, int8_t* to) {
  const int64_t groups = p.groups();
  for (int64_t s = 0; s < p.segments; ++s)
    for (int64_t g = 0; g < groups; packed += g + 1 < groups ? 128 : 64, g += 2) {
      for (int q = 0; q < kQuarters; ++q, to += 32) {
        const int32x4_t first = AsWords(vld1q_s8(packed + 16 * q)), second = g + 1 < groups ? AsWords(vld1q_s8(packed + 64 + 16 * q)) : vdupq_n_s32(0);
        vst1q_s8(to, vreinterpretq_s8_s32(vzip1q_s32(first, second)));
        vst1q_s8(to + 16, vreinterpretq_s8_s32(vzip2q_s32(first, second)));
      }
    }
}

inline int8x8_t Four(const int8_t* a) { return vreinterpret_s8_s32(vld1_lane_s32(reinterpret_cast<const int32_t*>(a), vdup_n_s32(0), 0)); }

template <int kCount> inline void MultiplyPairs(const int8x16_t (&x)[kCount], const int8_t* w, int32x4_t (&sum)[kCount][kPairRegisters]) {
#pragma GCC unroll 8
  for (int c = 0; c < kPairRegisters; ++c) {
    const int8x16_t weights = vld1q_s8(w + 16 * c);
#pragma GCC unroll 3
    for (int r = 0; r < kCount; ++r) sum[r][c] = vmmlaq_s32(sum[r][c], x[r], weights);
  }
}

// kCount pairs of rows. A lane of sums: rows 0, 0, 1, 1 and columns 0, 1, 0, 1.
template <int kCount> void Tile(const ProductS8& p, const int8_t* const* a, const int8_t* w, const int32_t* bias, int32_t* acc) {
  int32x4_t sum[kCount][kPairRegisters];
#pragma GCC unroll 3
  for (int r = 0; r < kCount; ++r)
#pragma GCC unroll 8
    for (int c = 0; c < kPairRegisters; ++c) sum[r][c] = vdupq_n_s32(0);
  const int64_t groups = p.groups();
  for (int64_t s = 0; s < p.segments; ++s) {
    int64_t at = p.offset[s], g = 0;
    int8x16_t x[kCount];
    for (; g + 2 <= groups; g += 2, at += 8, w += 128) {
#pragma GCC unroll 3
      for (int r = 0; r < kCount; ++r) x[r] = vcombine_s8(vld1_s8(a[2 * r] + at), vld1_s8(a[2 * r + 1] + at));
      MultiplyPairs(x, w, sum);
    }
    if (g < groups) {  // What lies behind the last four is not to be read.
#pragma GCC unroll 3
      for (int r = 0; r < kCount; ++r) x[r] = vcombine_s8(Four(a[2 * r] + at), Four(a[2 * r + 1] + at));
      MultiplyPairs(x, w, sum);
      w += 128;
    }
  }
  const auto halves = [](int32x4_t v) { return vreinterpretq_s64_s32(v); };
#pragma GCC unroll 3
  for (int r = 0; r < kCount; ++r)
#pragma GCC unroll 4
    for (int q = 0; q < kQuarters; ++q) {
      const int64x2_t left = halves(sum[r][2 * q]), right = halves(sum[r][2 * q + 1]);
      const int32x4_t start = vld1q_s32(bias + 4 * q);
      vst1q_s32(acc + 2 * r * kPanel + 4 * q, vaddq_s32(vreinterpretq_s32_s64(vzip1q_s64(left, right)), start));
      vst1q_s32(acc + (2 * r + 1) * kPanel + 4 * q, vaddq_s32(vreinterpretq_s32_s64(vzip2q_s64(left, right)), start));
    }
}

using TileFn = void (*)(const ProductS8&, const int8_t* const*, const int8_t*, const int32_t*, int32_t*);
constexpr TileFn kTiles[kPairs] = {Tile<1>, Tile<2>, Tile<3>};

}  // namespace

constinit const int64_t kI8mmScratchPerGroup = 128;  // A single group is filled up to two.

void MultiplyI8mm(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  if (count < kFewRows) return kNeonDotprodInt8.multiply(p, rows, count, first_panel, end_panel, y, scratch);
  const FinishFn finish = FinishOf(p.requant);
  auto* pairs = static_cast<int8_t*>(scratch);
  for (int64_t panel = first_panel; panel < end_panel; ++panel) {
    ToPairs(p, p.packed + panel * p.panel_bytes(), pairs);
    InTiles<kRows>(p, finish, rows, count, panel, y, [&](const void* const* at, int n, int32_t* acc) {
      const int8_t* a[kRows];  // The last one again beside an odd one out.
      for (int r = 0; r < kRows; ++r) a[r] = static_cast<const int8_t*>(at[r < n ? r : n - 1]);
      kTiles[(n + 1) / 2 - 1](p, a, pairs, p.requant.bias + panel * kPanel, acc);
    });
  }
}

}  // namespace octet::kernels
