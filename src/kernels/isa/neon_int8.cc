// SPDX-License-Identifier: Apache-2.0
// 8-bit products on ARMv8.0. smull and smlal multiply bytes into 16 bits, sadalp adds neighbours to sums of 32: with K4N16,
// two sums for every column, which meet at the end. Two products fit 16 bits where no weight is -128 (narrow_range).
#include <arm_neon.h>

#include "kernels/int8.h"
#include "kernels/isa/requant_neon.h"

namespace octet::kernels {
namespace {

// --------------------------------------------------------------------------------- products

constexpr int kRows = 2;          // 16 sums, four activations, two weights and products between.
constexpr int kBlockRows = 16;    // Share the constants of one requantization.

inline int8x16_t Spread(const int8_t* a) { return vreinterpretq_s8_s32(vld1q_dup_s32(reinterpret_cast<const int32_t*>(a))); }

// One or two groups of four of each row times a panel. Of a register's four columns, sum[r][2 * q] has the first two. What
// depends on each other is written apart: cores that wait in order wait less.
template <int kGroups, int kCount>
inline void MultiplyGroups(const int8_t* const (&a)[kCount], int64_t at, const int8_t* w, int32x4_t (&sum)[kCount][2 * kQuarters]) {
  int8x16_t x[kCount][kGroups];
#pragma GCC unroll 2
  for (int r = 0; r < kCount; ++r)
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) x[r][g] = Spread(a[r] + at + 4 * g);
#pragma GCC unroll 4
  for (int q = 0; q < kQuarters; ++q) {
    const int8x16_t first = vld1q_s8(w + 16 * q);
    int16x8_t low[kCount], high[kCount];
#pragma GCC unroll 2
    for (int r = 0; r < kCount; ++r) low[r] = vmull_s8(vget_low_s8(first), vget_low_s8(x[r][0])), high[r] = vmull_high_s8(first, x[r][0]);
    if constexpr (kGroups == 2) {
      const int8x16_t second = vld1q_s8(w + 64 + 16 * q);
#pragma GCC unroll 2
      for (int r = 0; r < kCount; ++r) low[r] = vmlal_s8(low[r], vget_low_s8(second), vget_low_s8(x[r][1])), high[r] = vmlal_high_s8(high[r], second, x[r][1]);
    }
#pragma GCC unroll 2
    for (int r = 0; r < kCount; ++r) sum[r][2 * q] = vpadalq_s16(sum[r][2 * q], low[r]), sum[r][2 * q + 1] = vpadalq_s16(sum[r][2 * q + 1], high[r]);
  }
}

template <int kCount, bool kNarrow> void Tile(const ProductS8& p, const void* const* rows, const int8_t* w, const int32_t* bias, int32_t* acc) {
  const int8_t* a[kCount];
  int32x4_t sum[kCount][2 * kQuarters];
#pragma GCC unroll 2
  for (int r = 0; r < kCount; ++r) {
    a[r] = static_cast<const int8_t*>(rows[r]);
#pragma GCC unroll 8
    for (int q = 0; q < 2 * kQuarters; ++q) sum[r][q] = vdupq_n_s32(0);
  }
  const int64_t groups = p.groups();
  for (int64_t s = 0; s < p.segments; ++s) {
    int64_t at = p.offset[s], g = 0;
    if constexpr (kNarrow)
      for (; g + 2 <= groups; g += 2, at += 8, w += 128) MultiplyGroups<2>(a, at, w, sum);
    for (; g < groups; ++g, at += 4, w += 64) MultiplyGroups<1>(a, at, w, sum);
  }
#pragma GCC unroll 2
  for (int r = 0; r < kCount; ++r)
#pragma GCC unroll 4
    for (int q = 0; q < kQuarters; ++q) vst1q_s32(acc + r * kPanel + 4 * q, vaddq_s32(vpaddq_s32(sum[r][2 * q], sum[r][2 * q + 1]), vld1q_s32(bias + 4 * q)));
}

template <bool kNarrow> void MultiplyPanel(const ProductS8& p, FinishFn finish, const void* const* rows, int64_t count, int64_t panel, int8_t* y) {
  const int8_t* w = p.packed + panel * p.panel_bytes();
  const int32_t* bias = p.requant.bias + panel * kPanel;
  InTiles<kBlockRows>(p, finish, rows, count, panel, y, [&](const void* const* at, int n, int32_t* acc) {
    int r = 0;
    for (; r + kRows <= n; r += kRows) Tile<kRows, kNarrow>(p, at + r, w, bias, acc + r * kPanel);
    if (r < n) Tile<1, kNarrow>(p, at + r, w, bias, acc + r * kPanel);
  });
}

void Multiply(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void*) {
  const FinishFn finish = FinishOf(p.requant);
  const auto multiply = p.narrow_range ? MultiplyPanel<true> : MultiplyPanel<false>;
  for (int64_t panel = first_panel; panel < end_panel; ++panel) multiply(p, finish, rows, count, panel, y);
}

void Load(const int8_t* x, int64_t n, void* to) { __builtin_memcpy(to, x, static_cast<unsigned long>(n)); }

// -------------------------------------------------------------------------------- Winograd
// Products of 16 bits have three quarters of the rate of those above, of which tiles need 1 / 4 or 4 / 9.

constexpr int kWideRows = 3;

using Shorts = int16x8_t;
using Words = int32x4_t;
using Loaded = int8_t;
constexpr int kShorts = 8;
inline Shorts Add16(Shorts a, Shorts b) { return vaddq_s16(a, b); }
inline Shorts Sub16(Shorts a, Shorts b) { return vsubq_s16(a, b); }
template <int kBits> inline Shorts Left16(Shorts v) { return vshlq_n_s16(v, kBits); }
inline Words Add(Words a, Words b) { return vaddq_s32(a, b); }
inline Words Sub(Words a, Words b) { return vsubq_s32(a, b); }
template <int kBits> inline Words Left(Words v) { return vshlq_n_s32(v, kBits); }
template <int kBits> inline Words Right(Words v) { return vshrq_n_s32(v, kBits); }
inline Words Times(Words a, int32_t b) { return vmulq_n_s32(a, b); }
inline Shorts LoadShorts(const Loaded* p) { return vmovl_s8(vld1_s8(p)); }
inline void StoreShorts(int16_t* p, Shorts v) { vst1q_s16(p, v); }
inline Words LoadWords(const int32_t* p) { return vld1q_s32(p); }

#include "kernels/isa/winograd_s8_body.h"

// kCount rows of int16, `channels` apart, times one panel of pairs: as Tile, two sums for every column.
template <int kCount> void WideTile(const int16_t* a, int64_t channels, const int16_t* w, int32_t* sums) {
  int32x4_t sum[kCount][2 * kQuarters];
#pragma GCC unroll 4
  for (int r = 0; r < kCount; ++r)
#pragma GCC unroll 8
    for (int q = 0; q < 2 * kQuarters; ++q) sum[r][q] = vdupq_n_s32(0);
  for (int64_t k = 0; k < channels; k += 2, w += 2 * kPanel) {
    int16x8_t x[kCount];
#pragma GCC unroll 4
    for (int r = 0; r < kCount; ++r) x[r] = vreinterpretq_s16_s8(Spread(reinterpret_cast<const int8_t*>(a + r * channels + k)));
#pragma GCC unroll 4
    for (int q = 0; q < kQuarters; ++q) {
      const int16x8_t weights = vld1q_s16(w + 8 * q);
#pragma GCC unroll 4
      for (int r = 0; r < kCount; ++r) {
        sum[r][2 * q] = vmlal_s16(sum[r][2 * q], vget_low_s16(weights), vget_low_s16(x[r]));
        sum[r][2 * q + 1] = vmlal_high_s16(sum[r][2 * q + 1], weights, x[r]);
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kCount; ++r)
#pragma GCC unroll 4
    for (int q = 0; q < kQuarters; ++q) vst1q_s32(sums + r * kPanel + 4 * q, vpaddq_s32(sum[r][2 * q], sum[r][2 * q + 1]));
}
using WideTileFn = void (*)(const int16_t*, int64_t, const int16_t*, int32_t*);
constexpr WideTileFn kWideTiles[kWideRows] = {WideTile<1>, WideTile<2>, WideTile<3>};

// Sums of one panel to outputs, for `count` tiles from `first` on.
template <class Rescale, int kM>
void InverseTiles(const WinogradS8& p, const int32_t* sums, int64_t rows, int64_t first, int64_t count, int64_t column, int8_t* y) {
  const int64_t across = (p.width + kM - 1) / kM;
  const Clamp clamp(p.requant);
  for (int64_t t = 0; t < count; ++t) {
    int32x4_t out[kQuarters][kM * kM];
    for (int q = 0; q < kQuarters; ++q) {
      const int64_t c = column + 4 * q;
      InverseTile<Rescale, kM>(sums + t * kPanel + 4 * q, Rescale(p.requant, c), vld1q_s32(p.requant.bias + c), out[q]);
    }
    const int64_t top = (first + t) / across * kM, left = (first + t) % across * kM;
    for (int64_t i = 0; i < kM && top + i < rows; ++i)
      for (int64_t j = 0; j < kM && left + j < p.width; ++j) {
        const int64_t k = i * kM + j;
        Put(y + ((top + i) * p.width + left + j) * p.columns + column, clamp(out[0][k], out[1][k], out[2][k], out[3][k]), p.columns - column);
      }
  }
}

template <class Rescale, int kM>
void Winograd(const WinogradS8& p, const void* loaded, int64_t rows, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  constexpr int kPositions = (kM + 2) * (kM + 2);
  const int64_t across = (p.width + kM - 1) / kM, tiles = across * ((rows + kM - 1) / kM);
  auto* transformed = static_cast<int16_t*>(scratch);
  auto* sums = reinterpret_cast<int32_t*>(transformed + kPositions * p.position_values());
  for (int64_t first = 0; first < tiles; first += p.tiles) {
    const int64_t count = tiles - first < p.tiles ? tiles - first : p.tiles;
    TransformTiles<kM>(p, static_cast<const int8_t*>(loaded), across, first, count, transformed);
    for (int64_t panel = first_panel; panel < end_panel; ++panel) {
      for (int64_t position = 0; position < kPositions; ++position) {
        const int16_t* w = p.packed + (panel * kPositions + position) * p.channels * kPanel;
        for (int64_t t = 0; t < count;) {
          const int64_t cuts = (count - t + kWideRows - 1) / kWideRows, tile = (count - t + cuts - 1) / cuts;
          kWideTiles[tile - 1](transformed + position * p.position_values() + t * p.channels, p.channels, w, sums + position * kPositionSums + t * kPanel);
          t += tile;
        }
      }
      InverseTiles<Rescale, kM>(p, sums, rows, first, count, panel * kPanel, y);
    }
  }
}

template <int kM> void WinogradRows(const WinogradS8& p, const void* loaded, int64_t rows, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  (p.requant.relu() ? Winograd<Double<false, true>, kM> : Winograd<Double<false, false>, kM>)(p, loaded, rows, first_panel, end_panel, y, scratch);
}

// -------------------------------------------------------------------------------- depthwise
// A vector is 16 channels. Taps are multiplied where they lie, in the loaded rows: there are no lines.

constexpr int kVector = 16;

// Two taps of 16 channels, or one. Pairs fit 16 bits where no weight is -128.
template <bool kNarrow> inline void AddTaps(int8x16_t w, int8x16_t x, int8x16_t next_w, int8x16_t next_x, int32x4_t* sum) {
  const auto add = [](int16x8_t v, int32x4_t* to) {
    to[0] = vaddw_s16(to[0], vget_low_s16(v));
    to[1] = vaddw_high_s16(to[1], v);
  };
  const int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(x)), high = vmull_high_s8(w, x);
  if constexpr (kNarrow) {
    add(vmlal_s8(low, vget_low_s8(next_w), vget_low_s8(next_x)), sum);
    add(vmlal_high_s8(high, next_w, next_x), sum + 2);
  } else {
    add(low, sum);
    add(high, sum + 2);
    add(vmull_s8(vget_low_s8(next_w), vget_low_s8(next_x)), sum);
    add(vmull_high_s8(next_w, next_x), sum + 2);
  }
}
inline void AddTap(int8x16_t w, int8x16_t x, int32x4_t* sum) {
  const int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(x)), high = vmull_high_s8(w, x);
  sum[0] = vaddw_s16(sum[0], vget_low_s16(low));
  sum[1] = vaddw_high_s16(sum[1], low);
  sum[2] = vaddw_s16(sum[2], vget_low_s16(high));
  sum[3] = vaddw_high_s16(sum[3], high);
}

inline int8x16_t LoadTap(const uint8_t* x) { return vreinterpretq_s8_u8(vld1q_u8(x)); }

// Constants of one vector.
template <class Rescale> struct Channels16 {
  Rescale rescale[4];
  int32x4_t bias[4];
  Channels16(const Requant& q, int64_t c)
      : rescale{{q, c}, {q, c + 4}, {q, c + 8}, {q, c + 12}},
        bias{vld1q_s32(q.bias + c), vld1q_s32(q.bias + c + 4), vld1q_s32(q.bias + c + 8), vld1q_s32(q.bias + c + 12)} {}
  int8x16_t operator()(const Clamp& clamp, const int32x4_t* sum) const {
    return clamp(rescale[0](sum[0]), rescale[1](sum[1]), rescale[2](sum[2]), rescale[3](sum[3]));
  }
};

// kCount vectors from the n-th of their phase on. tap: where each tap's row begins.
template <class Rescale, bool kNarrow, int kCount> void Vectors(const DepthwiseS8& p, const uint8_t* const* tap, int64_t phase, int64_t n, int8_t* y) {
  const int64_t in_pitch = p.in_pitch(), pitch = p.out_pitch(), from = (phase - p.first_phase) * kVector + n * in_pitch, at = phase * kVector + n * pitch;
  const int64_t left = p.blocks ? p.channels - phase * kVector : p.width * p.channels - at;
  const auto* w = reinterpret_cast<const uint8_t*>(p.weights) + phase * p.steps * kVector;
  const Channels16<Rescale> channels(p.requant, phase * kVector);
  int32x4_t sum[kCount][4];
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i)
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) sum[i][q] = channels.bias[q];
  int s = 0;
  for (; s + 2 <= p.steps; s += 2, w += 2 * kVector) {
    const int8x16_t first = LoadTap(w), second = LoadTap(w + kVector);
    const uint8_t *a = tap[s] + from, *b = tap[s + 1] + from;
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i, a += in_pitch, b += in_pitch) AddTaps<kNarrow>(first, LoadTap(a), second, LoadTap(b), sum[i]);
  }
  if (s < p.steps) {
    const int8x16_t last = LoadTap(w);
    const uint8_t* a = tap[s] + from;
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i, a += in_pitch) AddTap(last, LoadTap(a), sum[i]);
  }
  const Clamp clamp(p.requant);
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) Put(y + at + i * pitch, channels(clamp, sum[i]), left - (p.blocks ? 0 : i * pitch));
}

template <class Rescale, bool kNarrow> void DepthwiseRow(const DepthwiseS8& p, const uint8_t* const* rows, int8_t* y, void* lines) {
  auto** tap = static_cast<const uint8_t**>(lines);
  for (int s = 0; s < p.steps; ++s) tap[s] = rows[p.line[p.step[s] / p.line_pixels].first] + p.step[s] % p.line_pixels * p.pixel_pitch;
  const int64_t vectors = p.vectors(kVector);
  for (int64_t phase = p.first_phase; phase < p.end_phase && phase < vectors; ++phase) {
    const int64_t repeats = (vectors - phase + p.period - 1) / p.period;
    int64_t n = 0;
    for (; n + 4 <= repeats; n += 4) Vectors<Rescale, kNarrow, 4>(p, tap, phase, n, y);
    for (; n + 2 <= repeats; n += 2) Vectors<Rescale, kNarrow, 2>(p, tap, phase, n, y);
    if (n < repeats) Vectors<Rescale, kNarrow, 1>(p, tap, phase, n, y);
  }
}

template <bool kNarrow> void DepthwiseAs(const DepthwiseS8& p, const uint8_t* const* rows, int64_t count, int8_t* y, void* lines) {
  const auto row = !p.requant.narrow  ? DepthwiseRow<Double<true, false>, kNarrow>
                   : p.requant.relu() ? DepthwiseRow<Double<false, true>, kNarrow>
                                      : DepthwiseRow<Double<false, false>, kNarrow>;
  for (int64_t i = 0; i < count; ++i) row(p, rows + i * p.window_rows, y + i * p.row_bytes(), lines);
}
void Depthwise(const DepthwiseS8& p, const uint8_t* const* rows, int64_t count, int8_t* y, void* lines) {
  (p.narrow_range ? DepthwiseAs<true> : DepthwiseAs<false>)(p, rows, count, y, lines);
}

constexpr uint8_t kOrder[kVector] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

}  // namespace

constinit const Int8 kNeonInt8 = {"neon", 0, 1, Load, Multiply, FinishRows, 0, kVector, 1, 1, 0, kOrder, LoadPixels, Depthwise, 16, 1, WinogradRows<2>, WinogradRows<4>, INT64_MAX};

}  // namespace octet::kernels
