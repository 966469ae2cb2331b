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

constexpr int kVector = 16, kPixelBytes = kVector * 4;

struct Column {
  int8x16_t q[4];
};
inline Column Interleaved(const uint8_t* const* rows, int64_t at) {
  const uint8x16_t a = vld1q_u8(rows[0] + at), b = vld1q_u8(rows[1] + at), c = vld1q_u8(rows[2] + at), d = vld1q_u8(rows[3] + at);
  const uint16x8_t ab_low = vreinterpretq_u16_u8(vzip1q_u8(a, b)), ab_high = vreinterpretq_u16_u8(vzip2q_u8(a, b));
  const uint16x8_t cd_low = vreinterpretq_u16_u8(vzip1q_u8(c, d)), cd_high = vreinterpretq_u16_u8(vzip2q_u8(c, d));
  return {{vreinterpretq_s8_u16(vzip1q_u16(ab_low, cd_low)), vreinterpretq_s8_u16(vzip2q_u16(ab_low, cd_low)), vreinterpretq_s8_u16(vzip1q_u16(ab_high, cd_high)),
           vreinterpretq_s8_u16(vzip2q_u16(ab_high, cd_high))}};
}
inline void Interleave(const uint8_t* const* rows, int64_t at, int8_t* to) {
  const Column column = Interleaved(rows, at);
  for (int q = 0; q < 4; ++q) vst1q_s8(to + q * 16, column.q[q]);
}

// Where a line's taps begin; of absent ones, the last is repeated.
inline void TapsOf(const TapLine& line, const uint8_t* const* rows, const uint8_t** from) {
  for (int t = 0; t < 4; ++t) {
    const int tap = t < line.count ? t : line.count - 1;
    from[t] = line.step ? rows[line.first] + tap * line.step : rows[line.first + tap];
  }
}

void FillLine(const DepthwiseS8& p, const TapLine& line, const uint8_t* const* rows, int64_t at, int64_t repeats, int8_t* to) {
  const uint8_t* from[4];
  TapsOf(line, rows, from);
  if (p.pixels <= p.columns) {
    for (int64_t t = 0; t < (repeats - 1) * p.pixels + p.columns; ++t) Interleave(from, at + t * p.channels, to + t * kPixelBytes);
    return;
  }
  for (int64_t n = 0; n < repeats; ++n)  // Pixels between two windows belong to no tap.
    for (int64_t t = n * p.pixels; t < n * p.pixels + p.columns; ++t) Interleave(from, at + t * p.channels, to + t * kPixelBytes);
}

template <class Rescale> int8x16_t Requantized(const Requant& q, const Clamp& clamp, int64_t c, const int32x4_t (&sum)[4]) {
  return clamp(Rescale(q, c)(sum[0]), Rescale(q, c + 4)(sum[1]), Rescale(q, c + 8)(sum[2]), Rescale(q, c + 12)(sum[3]));
}

// kCount vectors, from lines.
template <class Rescale, int kCount> void Vectors(const DepthwiseS8& p, int64_t phase, const int8_t* line, int8_t* y, int64_t left, int64_t pitch) {
  const int64_t apart = p.pixels * kPixelBytes, c = phase * kVector;
  const auto* w = reinterpret_cast<const int8_t*>(p.weights) + phase * p.steps * kPixelBytes;
  int32x4_t sum[kCount][4];
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i)
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) sum[i][q] = vld1q_s32(p.requant.bias + c + 4 * q);
  for (int s = 0; s < p.steps; ++s, w += kPixelBytes) {
    const int8_t* x = line + p.step[s] * kPixelBytes;
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

// Three columns of up to four rows, whose taps need no line: columns stay in registers. kNew: how many of them the next
// vector does not share.
template <class Rescale, int kNew> void ThreeColumns(const DepthwiseS8& given, const uint8_t* const (*given_rows)[4], const int64_t* given_offset, int64_t phase, int64_t repeats, int8_t* y) {
  const DepthwiseS8 p = given;  // Copies that y cannot alias.
  const uint8_t* rows[3][4];
  int64_t offset[3];
  for (int s = 0; s < 3; ++s) {
    offset[s] = given_offset[s];
    for (int t = 0; t < 4; ++t) rows[s][t] = given_rows[s][t];
  }
  const int64_t pitch = p.pixels * p.channels, at = phase * kVector;
  const auto* w = reinterpret_cast<const int8_t*>(p.weights) + phase * 3 * kPixelBytes;
  const Clamp clamp(p.requant);
  Column first = Interleaved(rows[0], at + offset[0]), second = Interleaved(rows[1], at + offset[1]);
  for (int64_t n = 0;; ++n) {
    const int64_t x = at + n * pitch;
    const Column third = Interleaved(rows[2], x + offset[2]);
    int32x4_t sum[4];
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) {
      sum[q] = vdotq_s32(vld1q_s32(p.requant.bias + at + 4 * q), first.q[q], vld1q_s8(w + 16 * q));
      sum[q] = vdotq_s32(sum[q], second.q[q], vld1q_s8(w + kPixelBytes + 16 * q));
      sum[q] = vdotq_s32(sum[q], third.q[q], vld1q_s8(w + 2 * kPixelBytes + 16 * q));
    }
    Put(y + x, Requantized<Rescale>(p.requant, clamp, at, sum), p.blocks ? p.channels - at : p.width * p.channels - x);
    if (n + 1 == repeats) return;
    first = kNew == 1 ? second : kNew == 2 ? third : Interleaved(rows[0], x + pitch + offset[0]);
    second = kNew == 1 ? third : Interleaved(rows[1], x + pitch + offset[1]);
  }
}

// Whether the window is three such columns; if so, one row of output.
template <class Rescale> bool ThreeColumnsRow(const DepthwiseS8& p, const uint8_t* const* rows, int8_t* y) {
  if (p.steps != 3 || p.lines > 3) return false;
  const uint8_t* column[3][4];
  int64_t offset[3];
  for (int s = 0; s < 3; ++s) {
    const TapLine& line = p.line[p.step[s] / p.line_pixels];
    if (line.step) return false;
    TapsOf(line, rows, column[s]);
    offset[s] = p.step[s] % p.line_pixels * p.channels;
  }
  const auto shared = [&](int a, int b) { return p.step[a] == p.step[b] + p.pixels; };  // Column a is the next vector's b.
  const auto run = shared(1, 0) && shared(2, 1) ? ThreeColumns<Rescale, 1> : shared(2, 0) ? ThreeColumns<Rescale, 2> : ThreeColumns<Rescale, 3>;
  const int64_t vectors = p.vectors(kVector);
  for (int64_t phase = 0; phase < p.period && phase < vectors; ++phase) run(p, column, offset, phase, (vectors - phase + p.period - 1) / p.period, y);
  return true;
}

template <class Rescale> void DepthwiseRow(const DepthwiseS8& p, const uint8_t* const* rows, int8_t* y, void* lines) {
  if (ThreeColumnsRow<Rescale>(p, rows, y)) return;
  auto* line = static_cast<int8_t*>(lines);
  const int64_t vectors = p.vectors(kVector), pitch = p.pixels * p.channels, end = p.width * p.channels;
  for (int64_t phase = 0; phase < p.period && phase < vectors; ++phase) {
    const int64_t repeats = (vectors - phase + p.period - 1) / p.period;
    for (int l = 0; l < p.lines; ++l) FillLine(p, p.line[l], rows, phase * kVector, repeats, line + l * p.line_pixels * kPixelBytes);
    for (int64_t n = 0; n < repeats; n += 4) {
      const int64_t at = phase * kVector + n * pitch, left = p.blocks ? p.channels - phase * kVector : end - at;
      const int8_t* x = line + n * p.pixels * kPixelBytes;
      switch (repeats - n) {
        case 1: Vectors<Rescale, 1>(p, phase, x, y + at, left, pitch); break;
        case 2: Vectors<Rescale, 2>(p, phase, x, y + at, left, pitch); break;
        case 3: Vectors<Rescale, 3>(p, phase, x, y + at, left, pitch); break;
        default: Vectors<Rescale, 4>(p, phase, x, y + at, left, pitch); break;
      }
    }
  }
}

void Depthwise(const DepthwiseS8& p, const uint8_t* const* rows, int8_t* y, void* lines) {
  const auto row = !p.requant.narrow ? DepthwiseRow<Double<true, false>> : p.requant.relu() ? DepthwiseRow<Double<false, true>> : DepthwiseRow<Double<false, false>>;
  row(p, rows, y, lines);
}

constexpr uint8_t kOrder[kVector] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

}  // namespace

constinit const Int8 kNeonDotprodInt8 = {"dotprod", 0, 1, Load, Multiply, 0, kVector, 4, 1, 0, kOrder, LoadPixels, Depthwise, 0, nullptr, nullptr};

}  // namespace octet::kernels
