// SPDX-License-Identifier: Apache-2.0
// 8-bit products with ARMv8.2's dot product: sdot adds four products to each lane. A register of K4N16 is four columns, and
// four groups of a row lie in another, of which each is used in place.
#include <arm_neon.h>

#include "kernels/int8.h"
#include "kernels/isa/requant_neon.h"

namespace octet::kernels {
namespace {

// --------------------------------------------------------------------------------- products

constexpr int kRows = 5;         // 20 sums, 5 activations, 4 weights.
constexpr int kBlockRows = 20;   // Share the constants of one requantization.

inline int8x16_t Spread(const int8_t* a) { return vreinterpretq_s8_s32(vld1q_dup_s32(reinterpret_cast<const int32_t*>(a))); }

// Group kAt of each row times a panel.
template <int kAt, int kCount> inline void MultiplyGroup(const int8x16_t (&x)[kCount], const int8_t* w, int32x4_t (&sum)[kCount][kQuarters]) {
#pragma GCC unroll 4
  for (int q = 0; q < kQuarters; ++q) {
    const int8x16_t weights = vld1q_s8(w + 16 * q);
#pragma GCC unroll 5
    for (int r = 0; r < kCount; ++r) sum[r][q] = vdotq_laneq_s32(sum[r][q], weights, x[r], kAt);
  }
}

template <int kCount> void Tile(const ProductS8& p, const void* const* rows, const int8_t* w, const int32_t* bias, int32_t* acc) {
  const int8_t* a[kCount];
  int32x4_t sum[kCount][kQuarters];
#pragma GCC unroll 5
  for (int r = 0; r < kCount; ++r) {
    a[r] = static_cast<const int8_t*>(rows[r]);
#pragma GCC unroll 4
    for (int q = 0; q < kQuarters; ++q) sum[r][q] = vld1q_s32(bias + 4 * q);
  }
  const int64_t groups = p.groups();
  for (int64_t s = 0; s < p.segments; ++s) {
    int64_t at = p.offset[s], g = 0;
    int8x16_t x[kCount];
    for (; g + 4 <= groups; g += 4, at += 16, w += 256) {
#pragma GCC unroll 5
      for (int r = 0; r < kCount; ++r) x[r] = vld1q_s8(a[r] + at);
      MultiplyGroup<0>(x, w, sum);
      MultiplyGroup<1>(x, w + 64, sum);
      MultiplyGroup<2>(x, w + 128, sum);
      MultiplyGroup<3>(x, w + 192, sum);
    }
    for (; g < groups; ++g, at += 4, w += 64) {
#pragma GCC unroll 5
      for (int r = 0; r < kCount; ++r) x[r] = Spread(a[r] + at);
      MultiplyGroup<0>(x, w, sum);
    }
  }
#pragma GCC unroll 5
  for (int r = 0; r < kCount; ++r)
#pragma GCC unroll 4
    for (int q = 0; q < kQuarters; ++q) vst1q_s32(acc + r * kPanel + 4 * q, sum[r][q]);
}

using TileFn = void (*)(const ProductS8&, const void* const*, const int8_t*, const int32_t*, int32_t*);
constexpr TileFn kTiles[kRows] = {Tile<1>, Tile<2>, Tile<3>, Tile<4>, Tile<5>};

void Multiply(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void*) {
  const FinishFn finish = FinishOf(p.requant);
  for (int64_t panel = first_panel; panel < end_panel; ++panel) {
    const int8_t* w = p.packed + panel * p.panel_bytes();
    const int32_t* bias = p.requant.bias + panel * kPanel;
    InTiles<kBlockRows>(p, finish, rows, count, panel, y, [&](const void* const* at, int n, int32_t* acc) {
      for (int r = 0; r < n;) {
        const int cuts = (n - r + kRows - 1) / kRows, tile = (n - r + cuts - 1) / cuts;
        kTiles[tile - 1](p, at + r, w, bias, acc + r * kPanel);
        r += tile;
      }
    });
  }
}

void Load(const int8_t* x, int64_t n, void* to) { __builtin_memcpy(to, x, static_cast<unsigned long>(n)); }

// -------------------------------------------------------------------------------- depthwise
// A vector is 16 channels. Interleaving four rows byte by byte leaves channels 4 * q to 4 * q + 3 in register q.

constexpr int kVector = 16, kPixelBytes = kVector * 4, kLineTaps = 4;

struct Column {
  int8x16_t q[4];
};
inline Column Interleaved(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d) {
  const uint16x8_t ab_low = vreinterpretq_u16_u8(vzip1q_u8(a, b)), ab_high = vreinterpretq_u16_u8(vzip2q_u8(a, b));
  const uint16x8_t cd_low = vreinterpretq_u16_u8(vzip1q_u8(c, d)), cd_high = vreinterpretq_u16_u8(vzip2q_u8(c, d));
  return {{vreinterpretq_s8_u16(vzip1q_u16(ab_low, cd_low)), vreinterpretq_s8_u16(vzip2q_u16(ab_low, cd_low)),
           vreinterpretq_s8_u16(vzip1q_u16(ab_high, cd_high)), vreinterpretq_s8_u16(vzip2q_u16(ab_high, cd_high))}};
}
inline Column Interleaved(const uint8_t* const (&rows)[3], int64_t at) {
  const uint8x16_t last = vld1q_u8(rows[2] + at);
  return Interleaved(vld1q_u8(rows[0] + at), vld1q_u8(rows[1] + at), last, last);
}
inline void Interleave(const uint8_t* const* rows, int64_t at, uint8_t* to) {
  const Column column = Interleaved(vld1q_u8(rows[0] + at), vld1q_u8(rows[1] + at), vld1q_u8(rows[2] + at), vld1q_u8(rows[3] + at));
  for (int q = 0; q < 4; ++q) vst1q_s8(reinterpret_cast<int8_t*>(to) + q * 16, column.q[q]);
}

template <class Rescale> int8x16_t Requantized(const Requant& q, const Clamp& clamp, int64_t c, const int32x4_t (&sum)[4]) {
  return clamp(Rescale(q, c)(sum[0]), Rescale(q, c + 4)(sum[1]), Rescale(q, c + 8)(sum[2]), Rescale(q, c + 12)(sum[3]));
}

// kCount vectors, from lines.
template <class Rescale, int kCount> void Vectors(const DepthwiseS8& p, int64_t phase, const uint8_t* line, int8_t* y, int64_t left, int64_t pitch) {
  const int64_t apart = p.pixels * kPixelBytes, c = phase * kVector;
  const auto* w = reinterpret_cast<const int8_t*>(p.weights) + phase * p.steps * kPixelBytes;
  int32x4_t sum[kCount][4];
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i)
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) sum[i][q] = vld1q_s32(p.requant.bias + c + 4 * q);
  for (int s = 0; s < p.steps; ++s, w += kPixelBytes) {
    const auto* x = reinterpret_cast<const int8_t*>(line) + p.step[s] * kPixelBytes;
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) {
      const int8x16_t weights = vld1q_s8(w + 16 * q);
#pragma GCC unroll 4
      for (int i = 0; i < kCount; ++i) sum[i][q] = vdotq_s32(sum[i][q], weights, vld1q_s8(x + i * apart + 16 * q));
    }
  }
  const Clamp clamp(p.requant);
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) Put(y + i * pitch, Requantized<Rescale>(p.requant, clamp, c, sum[i]), left - (p.blocks ? 0 : i * pitch));
}

struct ColumnWeights {
  const int8_t* at;
  ColumnWeights(const DepthwiseS8& p, int64_t phase) : at(reinterpret_cast<const int8_t*>(p.weights) + phase * 3 * kPixelBytes) {}
};

template <class Rescale>
[[gnu::always_inline]] inline void PutThree(const DepthwiseS8& p, const Clamp& clamp, int64_t at, const Column (&column)[3], const ColumnWeights& w, int8_t* y,
                                            int64_t left) {
  int32x4_t sum[4];
#pragma GCC unroll 4
  for (int q = 0; q < 4; ++q) {
    sum[q] = vdotq_s32(vld1q_s32(p.requant.bias + at + 4 * q), column[0].q[q], vld1q_s8(w.at + 16 * q));
    sum[q] = vdotq_s32(sum[q], column[1].q[q], vld1q_s8(w.at + kPixelBytes + 16 * q));
    sum[q] = vdotq_s32(sum[q], column[2].q[q], vld1q_s8(w.at + 2 * kPixelBytes + 16 * q));
  }
  Put(y, Requantized<Rescale>(p.requant, clamp, at, sum), left);
}

#include "kernels/isa/depthwise_s8_body.h"
#include "kernels/isa/depthwise_s8_columns_body.h"

void Depthwise(const DepthwiseS8& p, const uint8_t* const* rows, int64_t count, int8_t* y, void* lines) {
  const auto run = !p.requant.narrow  ? DepthwiseRows<Double<true, false>>
                   : p.requant.relu() ? DepthwiseRows<Double<false, true>>
                                      : DepthwiseRows<Double<false, false>>;
  run(p, rows, count, y, lines);
}

constexpr uint8_t kOrder[kVector] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

}  // namespace

constinit const Int8 kNeonDotprodInt8 = {"dotprod", 0, 1, Load, Multiply, FinishRows, 0, kVector, 4, 1, 0, kOrder, LoadPixels, Depthwise, 0, 0, nullptr, nullptr};

}  // namespace octet::kernels
