// SPDX-License-Identifier: Apache-2.0
// 8-bit products on AVX-512 VNNI. vpdpbusd adds four products of uint8 and int8 to each lane without
// saturation: activations are x + 128, packed weights are read as they are.
#include <immintrin.h>

#include "kernels/int8.h"
#include "kernels/isa/requant_avx512.h"

namespace octet::kernels {
namespace {

// --------------------------------------------------------------------------------- products

constexpr int kMostPanels = 4, kMostRows = 8;
constexpr int kRowPanels = 8;  // Of one row: half as many calls and ends of loops, which are what short rows wait for.
constexpr int kTileRows[kMostPanels + 1] = {0, 8, 8, 8, 6};  // 24 sums, 4 weights, one activation.

constexpr int64_t kLongPanel = 4096;  // Shorter ones are there before they are missed.
constexpr int kFewRows = 4;           // They wait for loads anyway.
constexpr int kSecondLevel = 2;       // For __builtin_prefetch.

inline __m512i Quad(const uint8_t* a) {
  int32_t v;
  __builtin_memcpy(&v, a, 4);
  return _mm512_set1_epi32(v);
}

// kAhead: weights of the next panels are asked for meanwhile, into the second-level cache.
template <int kRows, int kPanels, bool kAhead = false>
void Tile(const ProductS8& p, const void* const* rows, const int8_t* w, const int32_t* bias, int32_t* acc) {
  const uint8_t* a[kRows];
  __m512i sum[kRows][kPanels];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    a[r] = static_cast<const uint8_t*>(rows[r]);
#pragma GCC unroll 8
    for (int c = 0; c < kPanels; ++c) sum[r][c] = Load(bias + c * kPanel);
  }
  const int64_t panel_bytes = p.panel_bytes(), groups = p.groups();
  for (int64_t s = 0; s < p.segments; ++s) {
    int64_t at = p.offset[s];
    for (int64_t g = 0; g < groups; ++g, at += 4, w += 64) {
      __m512i weights[kPanels];
#pragma GCC unroll 8
      for (int c = 0; c < kPanels; ++c) weights[c] = Load(w + c * panel_bytes);
      if constexpr (kAhead)
#pragma GCC unroll 4
        for (int c = 0; c < kPanels; ++c) __builtin_prefetch(w + (c + kPanels) * panel_bytes, 0, kSecondLevel);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const __m512i x = Quad(a[r] + at);
#pragma GCC unroll 8
        for (int c = 0; c < kPanels; ++c) sum[r][c] = _mm512_dpbusd_epi32(sum[r][c], x, weights[c]);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int c = 0; c < kPanels; ++c) _mm512_store_si512(acc + (r * kPanels + c) * kPanel, sum[r][c]);
}

// Windows of neighbouring pixels, `step` bytes apart, whose segments are kTaps pixels: of one panel, a pixel's four
// channels are loaded once for all windows that they are in, and multiplied with the weights of each's tap. (A load
// for every product is what Tile waits for with one panel.)
constexpr int kTaps = 3, kMostAcross = 16;
template <int kRows> void TileAcross(const ProductS8& p, const uint8_t* first, int64_t step, const int8_t* w, const int32_t* bias, int32_t* acc) {
  __m512i sum[kRows];
  const __m512i start = Load(bias);
#pragma GCC unroll 18
  for (int r = 0; r < kRows; ++r) sum[r] = start;
  const int64_t groups = p.groups() / kTaps, tap = groups * 64;
  for (int64_t s = 0; s < p.segments; ++s, w += (kTaps - 1) * tap) {
    const uint8_t* x = first + p.offset[s];
    for (int64_t g = 0; g < groups; ++g, x += 4, w += 64) {
      const __m512i left = Load(w), middle = Load(w + tap), right = Load(w + 2 * tap);
#pragma GCC unroll 18
      for (int i = 0; i < kRows + kTaps - 1; ++i) {
        const __m512i v = Quad(x + i * step);
        if (i < kRows) sum[i] = _mm512_dpbusd_epi32(sum[i], v, left);
        if (i >= 1 && i <= kRows) sum[i - 1] = _mm512_dpbusd_epi32(sum[i - 1], v, middle);
        if (i >= 2) sum[i - 2] = _mm512_dpbusd_epi32(sum[i - 2], v, right);
      }
    }
  }
#pragma GCC unroll 18
  for (int r = 0; r < kRows; ++r) _mm512_store_si512(acc + r * kPanel, sum[r]);
}

using AcrossFn = void (*)(const ProductS8&, const uint8_t*, int64_t, const int8_t*, const int32_t*, int32_t*);
constexpr AcrossFn kAcross[kMostAcross + 1] = {nullptr,        TileAcross<1>,  TileAcross<2>,  TileAcross<3>,  TileAcross<4>,  TileAcross<5>,
                                               TileAcross<6>,  TileAcross<7>,  TileAcross<8>,  TileAcross<9>,  TileAcross<10>, TileAcross<11>,
                                               TileAcross<12>, TileAcross<13>, TileAcross<14>, TileAcross<15>, TileAcross<16>};

// How many of the rows are such windows, side by side; 0 where that does not help.
int64_t WindowsAcross(const ProductS8& p, const void* const* rows, int64_t count) {
  const int64_t step = p.length / kTaps;
  if (p.segments == 1 || p.length % (4 * kTaps) != 0) return 0;
  int64_t n = 1;
  while (n < count && static_cast<const uint8_t*>(rows[n]) == static_cast<const uint8_t*>(rows[n - 1]) + step) ++n;
  return n > 2 ? n : 0;
}

using TileFn = void (*)(const ProductS8&, const void* const*, const int8_t*, const int32_t*, int32_t*);
constexpr TileFn kTiles[kMostPanels][kMostRows] = {
    {Tile<1, 1>, Tile<2, 1>, Tile<3, 1>, Tile<4, 1>, Tile<5, 1>, Tile<6, 1>, Tile<7, 1>, Tile<8, 1>},
    {Tile<1, 2>, Tile<2, 2>, Tile<3, 2>, Tile<4, 2>, Tile<5, 2>, Tile<6, 2>, Tile<7, 2>, Tile<8, 2>},
    {Tile<1, 3>, Tile<2, 3>, Tile<3, 3>, Tile<4, 3>, Tile<5, 3>, Tile<6, 3>, Tile<7, 3>, Tile<8, 3>},
    {Tile<1, 4>, Tile<2, 4>, Tile<3, 4>, Tile<4, 4>, Tile<5, 4>, Tile<6, 4>, nullptr, nullptr}};
constexpr TileFn kAheadTiles[kTileRows[kMostPanels]] = {Tile<1, 4, true>, Tile<2, 4, true>, Tile<3, 4, true>,
                                                        Tile<4, 4, true>, Tile<5, 4, true>, Tile<6, 4, true>};

// The first of as few and as even parts of `all` as there are with at most `most` in each. (Two divisions: not for what is one.)
inline int64_t EvenCut(int64_t all, int64_t most) {
  if (all <= most) return all;
  const int64_t cuts = (all + most - 1) / most;
  return (all + cuts - 1) / cuts;
}

void FinishRows(const ProductS8& p, const int32_t* sums, int64_t rows, int64_t panel, int8_t* y) {
  FinishOf(p.requant)(sums, static_cast<int>(rows), 1, p, panel * kPanel, y);
}

void Multiply(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void*) {
  alignas(64) int32_t acc[(kMostRows + 3) * kMostPanels * kPanel];  // Rows are read by fours.
  static_assert(kMostAcross + 3 <= (kMostRows + 3) * kMostPanels);
  const FinishFn finish = FinishOf(p.requant);
  const auto give = [&](int64_t r, int tile, int64_t panel, int panels) {
    if (p.take) p.take(p.context, acc, r, tile, panel * kPanel, panels);
    else finish(acc, tile, panels, p, panel * kPanel, y + r * p.pitch);
  };
  const bool ahead = p.panel_bytes() >= kLongPanel && count > kFewRows;
  int64_t panel = first_panel;
  for (; count == 1 && end_panel - panel >= kRowPanels; panel += kRowPanels) {
    Tile<1, kRowPanels>(p, rows, p.packed + panel * p.panel_bytes(), p.requant.bias + panel * kPanel, acc);
    give(0, 1, panel, kRowPanels);
  }
  // Panels and rows are cut evenly: 5 panels are 3 and 2, 9 rows are 5 and 4.
  while (panel < end_panel) {
    const int panels = static_cast<int>(EvenCut(end_panel - panel, kMostPanels));
    const int8_t* w = p.packed + panel * p.panel_bytes();
    for (int64_t r = 0, across = 0; r < count;) {
      if (panels == 1 && across == 0) across = WindowsAcross(p, rows + r, count - r);
      if (across > 0) {
        const int tile = static_cast<int>(EvenCut(across, kMostAcross));
        kAcross[tile](p, static_cast<const uint8_t*>(rows[r]), p.length / kTaps, w, p.requant.bias + panel * kPanel, acc);
        give(r, tile, panel, panels);
        r += tile;
        across -= tile;
        continue;
      }
      const int tile = static_cast<int>(EvenCut(count - r, kTileRows[panels]));
      (ahead && panels == kMostPanels ? kAheadTiles : kTiles[panels - 1])[tile - 1](p, rows + r, w, p.requant.bias + panel * kPanel, acc);
      give(r, tile, panel, panels);
      r += tile;
    }
    panel += panels;
  }
}

// x + 128 as uint8 is x with the top bit flipped.
void LoadBytes(const int8_t* x, int64_t n, void* to) {
  auto* y = static_cast<uint8_t*>(to);
  const __m512i flip = _mm512_set1_epi8(-128);
  int64_t i = 0;
  for (; i + 64 <= n; i += 64) _mm512_storeu_si512(y + i, _mm512_xor_si512(Load(x + i), flip));
  if (i < n) _mm512_mask_storeu_epi8(y + i, Mask(n - i), _mm512_xor_si512(_mm512_maskz_loadu_epi8(Mask(n - i), x + i), flip));
}

// -------------------------------------------------------------------------------- Winograd
// vpdpwssd has half of vpdpbusd's rate, of which 4 x 4 tiles need a quarter.

using Shorts = __m256i;
using Words = __m512i;
using Loaded = uint8_t;
constexpr int kShorts = 16;
inline Shorts Add16(Shorts a, Shorts b) { return _mm256_add_epi16(a, b); }
inline Shorts Sub16(Shorts a, Shorts b) { return _mm256_sub_epi16(a, b); }
template <int kBits> inline Shorts Left16(Shorts v) { return _mm256_slli_epi16(v, kBits); }
inline Words Add(Words a, Words b) { return _mm512_add_epi32(a, b); }
inline Words Sub(Words a, Words b) { return _mm512_sub_epi32(a, b); }
template <int kBits> inline Words Left(Words v) { return _mm512_slli_epi32(v, kBits); }
template <int kBits> inline Words Right(Words v) { return _mm512_srai_epi32(v, kBits); }
inline Words Times(Words a, int32_t b) { return _mm512_mullo_epi32(a, _mm512_set1_epi32(b)); }
inline Shorts LoadShorts(const Loaded* p) { return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
inline void StoreShorts(int16_t* p, Shorts v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
inline Words LoadWords(const int32_t* p) { return Load(p); }

#include "kernels/isa/winograd_s8_body.h"

constexpr int kM = 4, kSide = kM + 2;
constexpr int64_t kPositions = kSide * kSide;

// kRows rows of int16, `channels` apart, times two panels `panel` values apart; sums of a panel are
// `sums_panel` values behind those of the other.
template <int kRows> void WideTile(const int16_t* a, int64_t channels, const int16_t* w, int64_t panel, int32_t* sums, int64_t sums_panel) {
  __m512i first[kRows], second[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) first[r] = second[r] = _mm512_setzero_si512();
  for (int64_t k = 0; k < channels; k += 2, w += 32) {
    const __m512i w0 = Load(w), w1 = Load(w + panel);
    __builtin_prefetch(w + channels * kPanel, 0, kSecondLevel);
    __builtin_prefetch(w + panel + channels * kPanel, 0, kSecondLevel);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const __m512i x = Quad(reinterpret_cast<const uint8_t*>(a + r * channels + k));
      first[r] = _mm512_dpwssd_epi32(first[r], x, w0);
      second[r] = _mm512_dpwssd_epi32(second[r], x, w1);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    _mm512_storeu_si512(sums + r * kPanel, first[r]);
    _mm512_storeu_si512(sums + sums_panel + r * kPanel, second[r]);
  }
}
using WideTileFn = void (*)(const int16_t*, int64_t, const int16_t*, int64_t, int32_t*, int64_t);
constexpr WideTileFn kWideTiles[8] = {WideTile<1>, WideTile<2>, WideTile<3>, WideTile<4>, WideTile<5>, WideTile<6>, WideTile<7>, WideTile<8>};

// Sums [position][tile][16] of one panel to outputs.
template <class Rescale>
void InverseTiles(const WinogradS8& p, const int32_t* sums, int64_t rows, int64_t across, int64_t first, int64_t count, int64_t column, int8_t* y) {
  const Rescale rescale(p.requant, column);
  const ClampOf<Rescale> clamp(p.requant);
  const __m512i bias = Bias<Rescale>(p.requant, column);
  for (int64_t t = 0; t < count; ++t) {
    __m512i out[kM * kM];
    InverseTile<Rescale, kM>(sums + t * kPanel, rescale, bias, out);
    const int64_t top = (first + t) / across * kM, left = (first + t) % across * kM;
    for (int i = 0; i < kM * kM; i += 4) {
      alignas(64) int8_t bytes[4][kPanel];
      _mm512_store_si512(bytes, ByVector(clamp(out[i], out[i + 1], out[i + 2], out[i + 3])));
      for (int k = 0; k < 4; ++k) {
        const int64_t row = top + (i + k) / kM, pixel = left + (i + k) % kM;
        if (row < rows && pixel < p.width)
          Put(y + (row * p.width + pixel) * p.columns + column, _mm_load_si128(reinterpret_cast<const __m128i*>(bytes[k])), p.columns - column);
      }
    }
  }
}

template <class Rescale>
void Winograd(const WinogradS8& p, const void* loaded, int64_t rows, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  constexpr int64_t kSums = kPositions * kPositionSums;
  const int64_t across = (p.width + kM - 1) / kM, tiles = across * ((rows + kM - 1) / kM), packed_panel = kPositions * p.channels * kPanel;
  auto* transformed = static_cast<int16_t*>(scratch);
  auto* sums = reinterpret_cast<int32_t*>(transformed + kPositions * p.position_values());
  for (int64_t first = 0; first < tiles; first += p.tiles) {
    const int64_t count = tiles - first < p.tiles ? tiles - first : p.tiles;
    TransformTiles<kM>(p, static_cast<const uint8_t*>(loaded), across, first, count, transformed);
    for (int64_t panel = first_panel; panel < end_panel; panel += 2) {
      const bool both = panel + 1 < end_panel;  // Of an odd one out, the second half repeats the first.
      for (int64_t position = 0; position < kPositions; ++position) {
        const int16_t* w = p.packed + panel * packed_panel + position * p.channels * kPanel;
        for (int64_t t = 0; t < count;) {
          const int64_t cuts = (count - t + 7) / 8, tile = (count - t + cuts - 1) / cuts;
          kWideTiles[tile - 1](transformed + position * p.position_values() + t * p.channels, p.channels, w, both ? packed_panel : 0,
                               sums + position * kPositionSums + t * kPanel, kSums);
          t += tile;
        }
      }
      InverseTiles<Rescale>(p, sums, rows, across, first, count, panel * kPanel, y);
      if (both) InverseTiles<Rescale>(p, sums + kSums, rows, across, first, count, (panel + 1) * kPanel, y);
    }
  }
}

void WinogradRows(const WinogradS8& p, const void* loaded, int64_t rows, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  Winograd<Floor<Floored::kSigned, true>>(p, loaded, rows, first_panel, end_panel, y, scratch);
}

// -------------------------------------------------------------------------------- depthwise
// A vector is 64 channels. Interleaving four rows byte by byte leaves channels 16 * lane + 4 * q + i in
// register q; four of them pack back into bytes in the channels' own order.

constexpr int kVector = 64, kPixelBytes = kVector * 4, kLineTaps = 4;

struct Column {
  __m512i q[4];
};
inline Column Interleaved(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i ab_low = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b), cd_low = _mm512_unpacklo_epi8(c, d),
                cd_high = _mm512_unpackhi_epi8(c, d);
  return {{_mm512_unpacklo_epi16(ab_low, cd_low), _mm512_unpackhi_epi16(ab_low, cd_low), _mm512_unpacklo_epi16(ab_high, cd_high),
           _mm512_unpackhi_epi16(ab_high, cd_high)}};
}
inline Column Interleaved(const uint8_t* const (&rows)[3], int64_t at) {
  const __m512i last = Load(rows[2] + at);
  return Interleaved(Load(rows[0] + at), Load(rows[1] + at), last, last);
}
inline void Interleave(const uint8_t* const* rows, int64_t at, uint8_t* to) {
  const Column column = Interleaved(Load(rows[0] + at), Load(rows[1] + at), Load(rows[2] + at), Load(rows[3] + at));
  for (int q = 0; q < 4; ++q) _mm512_store_si512(to + q * 64, column.q[q]);
}

// One register of kCount vectors: channels `q` of each.
template <class Rescale, int kCount> inline void Lanes(const DepthwiseS8& p, int64_t phase, int q, const uint8_t* line, __m512i* out) {
  const int64_t c = phase * kVector + q * 16;
  const auto* w = reinterpret_cast<const uint8_t*>(p.weights) + phase * p.steps * kPixelBytes + q * 64;
  line += q * 64;
  __m512i sum[kCount];
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) sum[i] = Bias<Rescale>(p.requant, c);
  for (int s = 0; s < p.steps; ++s, w += kPixelBytes) {
    const __m512i weights = Load(w);
    const uint8_t* x = line + p.step[s] * kPixelBytes;
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) sum[i] = _mm512_dpbusd_epi32(sum[i], Load(x + i * p.pixels * kPixelBytes), weights);
  }
  const Rescale rescale(p.requant, c);
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) out[i] = rescale(sum[i]);
}

template <class Rescale, int kCount> void Vectors(const DepthwiseS8& p, int64_t phase, const uint8_t* line, int8_t* y, int64_t left, int64_t pitch) {
  __m512i v[4][kCount];
#pragma GCC unroll 4
  for (int q = 0; q < 4; ++q) Lanes<Rescale, kCount>(p, phase, q, line, v[q]);
  const ClampOf<Rescale> clamp(p.requant);
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) Put(y + i * pitch, clamp(v[0][i], v[1][i], v[2][i], v[3][i]), left - (p.blocks ? 0 : i * pitch));
}

struct ColumnWeights {
  Column column[3];
  ColumnWeights(const DepthwiseS8& p, int64_t phase) {
    const auto* w = reinterpret_cast<const uint8_t*>(p.weights) + phase * 3 * kPixelBytes;
#pragma GCC unroll 3
    for (int s = 0; s < 3; ++s)
#pragma GCC unroll 4
      for (int q = 0; q < 4; ++q) column[s].q[q] = Load(w + s * kPixelBytes + q * 64);
  }
};

template <class Rescale>
[[gnu::always_inline]] inline void PutThree(const DepthwiseS8& p, const ClampOf<Rescale>& clamp, int64_t at, const Column (&column)[3], const ColumnWeights& w,
                                            int8_t* y, int64_t left) {
  __m512i v[4];
#pragma GCC unroll 4
  for (int q = 0; q < 4; ++q) {
    const int64_t c = at + q * 16;
    const __m512i sum =
        _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(Bias<Rescale>(p.requant, c), column[0].q[q], w.column[0].q[q]), column[1].q[q], w.column[1].q[q]);
    v[q] = Rescale(p.requant, c)(_mm512_dpbusd_epi32(sum, column[2].q[q], w.column[2].q[q]));
  }
  Put(y, clamp(v[0], v[1], v[2], v[3]), left);
}

#include "kernels/isa/depthwise_s8_body.h"
#include "kernels/isa/depthwise_s8_columns_body.h"

void Depthwise(const DepthwiseS8& p, const uint8_t* const* rows, int64_t count, int8_t* y, void* lines) {
  ByForm(p.requant, [&](auto rescale) { DepthwiseRows<typename decltype(rescale)::type>(p, rows, count, y, lines); });
}

// x + 128.
template <int kBytes> struct Flip {
  static constexpr int kSize = kBytes;
  static void Move(const int8_t* x, uint8_t* to) {
    if constexpr (kBytes == 64)
      _mm512_storeu_si512(to, _mm512_xor_si512(Load(x), _mm512_set1_epi8(-128)));
    else if constexpr (kBytes == 32)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)), _mm256_set1_epi8(-128)));
    else
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)), _mm_set1_epi8(-128)));
  }
};

void LoadPixels(const int8_t* x, int64_t n, int64_t count, int64_t stride, uint8_t* to, int64_t pitch) {
  if (count == 1) LoadBytes(x, n, to);
  else if (n >= 64) LoadWholePixels<Flip<64>>(x, n, count, stride, to, pitch);
  else if (n >= 32) LoadWholePixels<Flip<32>>(x, n, count, stride, to, pitch);
  else if (n >= 16) LoadWholePixels<Flip<16>>(x, n, count, stride, to, pitch);
  else
    for (int64_t i = 0; i < count; ++i)
      for (int64_t k = 0; k < n; ++k) to[i * pitch + k] = static_cast<uint8_t>(x[i * stride + k] ^ -128);
}

constexpr uint8_t kOrder[kVector] = {0,  1,  2,  3,  16, 17, 18, 19, 32, 33, 34, 35, 48, 49, 50, 51, 4,  5,  6,  7,  20, 21,
                                     22, 23, 36, 37, 38, 39, 52, 53, 54, 55, 8,  9,  10, 11, 24, 25, 26, 27, 40, 41, 42, 43,
                                     56, 57, 58, 59, 12, 13, 14, 15, 28, 29, 30, 31, 44, 45, 46, 47, 60, 61, 62, 63};

}  // namespace

constinit const Int8 kAvx512VnniInt8 = {"avx512_vnni", 128, 1, LoadBytes, Multiply, FinishRows, 0, kVector, 4, 1, 128, kOrder, LoadPixels, Depthwise, 64, 2, nullptr, WinogradRows, 0, FloorAvx2};

}  // namespace octet::kernels
