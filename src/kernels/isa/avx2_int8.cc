// SPDX-License-Identifier: Apache-2.0
// 8-bit products on AVX2. vpmaddubsw would saturate, so both operands are widened to 16 bits: vpmaddwd adds
// two exact products to a lane. Weights stay 8-bit in memory; a panel is widened once per block of rows.
//
// Where rows meet several panels, half of the multiplications become additions (Winograd's inner product, 1968): of a
// group of four, with all sums modulo 2^32,
//   x0 w0 + x2 w2 = (x0 + w2) (x2 + w0) - x0 x2 - w0 w2,   and so x1, x3;
// what belongs to the row alone and to the column alone is summed once. Sums of two bytes fit 16 bits. vpmaddwd has two
// ports, vpaddw three or four: as many instructions, and all ports have work (2 to 5 % on Zen 4).
#include <immintrin.h>

#include "kernels/int8.h"
#include "kernels/isa/int8_panels_avx2.h"
#include "kernels/isa/tile_sums_avx2.h"

namespace octet::kernels {
namespace {

// --------------------------------------------------------------------------------- products

constexpr int kRows = Direct::kTileRows;
constexpr int64_t kFewRows = 4;      // Below it, widening a panel costs more than it saves.
constexpr int64_t kPairedPanels = 4, kPairedGroups = 16, kPairedSteps = 320;  // Below them, terms and smaller tiles cost more than they save.
constexpr int64_t kSignedGroups = 16; // Below it, few rows stay as they are.
constexpr int64_t kBlockRows = 512;  // Whose terms are held at a time.
constexpr int64_t kCoarseUses = 100; // Fewer sums save less in tens of inferences than their proof takes longer.

// Of 8 columns x 4 bytes: the pair (k0, k1) or (k2, k3) of each column as two int16.
inline __m256i LowPair(__m256i v) {
  const __m256i take = _mm256_setr_epi8(-1, 0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1, 0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13);
  return _mm256_srai_epi16(_mm256_shuffle_epi8(v, take), 8);
}
inline __m256i HighPair(__m256i v) {
  const __m256i take = _mm256_setr_epi8(-1, 2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1, 2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15);
  return _mm256_srai_epi16(_mm256_shuffle_epi8(v, take), 8);
}

// [group][16][4] int8 to [pair][16][2] int16, and the panel's bias beside it. kPaired: the bias less w0 w2 + w1 w3 of all groups (see
// Paired).
template <bool kPaired> void WidenPanel(const int8_t* packed, int64_t groups, int16_t* wide, const int32_t* bias, int32_t* wide_bias) {
  __m256i low = Load(bias), high = Load(bias + 8);
  for (int64_t g = 0; g < groups; ++g, packed += 64, wide += 64) {
    const __m256i a = Load(packed), b = Load(packed + 32);
    const __m256i w0 = LowPair(a), w1 = LowPair(b), w2 = HighPair(a), w3 = HighPair(b);
    Store(wide, w0);
    Store(wide + 16, w1);
    Store(wide + 32, w2);
    Store(wide + 48, w3);
    if constexpr (kPaired) low = _mm256_sub_epi32(low, _mm256_madd_epi16(w0, w2)), high = _mm256_sub_epi32(high, _mm256_madd_epi16(w1, w3));
  }
  Store(wide_bias, low);
  Store(wide_bias + 8, high);
}

using Pair [[gnu::may_alias, gnu::aligned(2)]] = int32_t;  // Two 16-bit values of a row: at any even address.

// x0 x2 + x1 x3 of all groups of a row.
int32_t RowTerm(const ProductS8& p, const void* row) {
  __m256i sum = _mm256_setzero_si256();
  const int64_t groups = p.groups();
  for (int64_t s = 0; s < p.segments; ++s) {
    const int16_t* x = static_cast<const int16_t*>(row) + p.offset[s] / 2;
    int64_t g = 0;
    for (; g + 4 <= groups; g += 4, x += 16) {
      const __m256i v = Load(x);
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(v, _mm256_srli_epi64(v, 32)));
    }
    for (; g < groups; ++g, x += 4) {
      const __m256i v = _mm256_zextsi128_si256(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x)));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(v, _mm256_srli_epi64(v, 32)));
    }
  }
  const __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_srli_si128(half, 8)));
}

inline __m256i Spread(const int16_t* a) { return _mm256_set1_epi32(*reinterpret_cast<const Pair*>(a)); }

// The same for few rows, from packed bytes.
template <int kCount> void PackedTile(const ProductS8& p, const void* const* rows, const void* weights, const int32_t* bias, const int32_t*, int32_t* acc) {
  const auto* w = static_cast<const int8_t*>(weights);
  __m256i low[kCount], high[kCount];
#pragma GCC unroll 4
  for (int r = 0; r < kCount; ++r) low[r] = Load(bias), high[r] = Load(bias + 8);
  const int64_t groups = p.groups();
  for (int64_t s = 0; s < p.segments; ++s) {
    int64_t at = p.offset[s] / 2;
    for (int64_t g = 0; g < groups; ++g, at += 4, w += 64) {
      const __m256i first = Load(w), second = Load(w + 32);
      const __m256i w0 = LowPair(first), w1 = HighPair(first), w2 = LowPair(second), w3 = HighPair(second);
#pragma GCC unroll 4
      for (int r = 0; r < kCount; ++r) {
        const auto* a = static_cast<const int16_t*>(rows[r]) + at;
        const __m256i x0 = Spread(a), x1 = Spread(a + 2);
        low[r] = _mm256_add_epi32(low[r], _mm256_add_epi32(_mm256_madd_epi16(x0, w0), _mm256_madd_epi16(x1, w1)));
        high[r] = _mm256_add_epi32(high[r], _mm256_add_epi32(_mm256_madd_epi16(x0, w2), _mm256_madd_epi16(x1, w3)));
      }
    }
  }
  StoreSums(low, high, acc);
}

// Rows as groups of four bytes, what vpmaddubsw takes: |x| times w with x's sign. A pair of them is at most 2 * 128 * 127, as no
// weight is -128 (narrow_range).
const void* PackRow(const ProductS8& p, const void* row, int32_t* to) {
  const void* packed = to;
  const int64_t groups = p.groups();
  for (int64_t s = 0; s < p.segments; ++s) {
    const int16_t* x = static_cast<const int16_t*>(row) + p.offset[s] / 2;
    int64_t g = 0;
    for (; g + 4 <= groups; g += 4, x += 16, to += 4) _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_packs_epi16(Load16(x), Load16(x + 8)));
    for (; g < groups; ++g, x += 4, ++to) {
      const __m128i v = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(x));
      *to = _mm_cvtsi128_si32(_mm_packs_epi16(v, v));
    }
  }
  return packed;
}

// Few rows of such groups.
template <int kCount> void SignedTile(const ProductS8& p, const void* const* rows, const void* weights, const int32_t* bias, const int32_t*, int32_t* acc) {
  const auto* w = static_cast<const int8_t*>(weights);
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i low[kCount], high[kCount];
#pragma GCC unroll 4
  for (int r = 0; r < kCount; ++r) low[r] = Load(bias), high[r] = Load(bias + 8);
  const int64_t groups = p.segments * p.groups();
  for (int64_t g = 0; g < groups; ++g, w += 64) {
    const __m256i w0 = Load(w), w1 = Load(w + 32);
#pragma GCC unroll 4
    for (int r = 0; r < kCount; ++r) {
      const __m256i x = _mm256_set1_epi32(static_cast<const int32_t*>(rows[r])[g]), size = _mm256_abs_epi8(x);
      low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(_mm256_maddubs_epi16(size, _mm256_sign_epi8(w0, x)), ones));
      high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(_mm256_maddubs_epi16(size, _mm256_sign_epi8(w1, x)), ones));
    }
  }
  StoreSums(low, high, acc);
}

constexpr TileFn kTiles[kRows] = {Tile<Direct, 1>, Tile<Direct, 2>, Tile<Direct, 3>, Tile<Direct, 4>, Tile<Direct, 5>, Tile<Direct, 6>};
constexpr TileFn kPairedTiles[Paired::kTileRows] = {Tile<Paired, 1>, Tile<Paired, 2>, Tile<Paired, 3>, Tile<Paired, 4>};
constexpr TileFn kPackedTiles[kFewRows - 1] = {PackedTile<1>, PackedTile<2>, PackedTile<3>};
constexpr TileFn kSignedTiles[kFewRows - 1] = {SignedTile<1>, SignedTile<2>, SignedTile<3>};

template <class Rescale>
[[gnu::always_inline]] inline void HalfTile(const Depth& depth, const void* const* rows, const void* weights, const int32_t* bias, const Rescale& rescale, const ClampOf<Rescale>& clamp, int8_t* y, int64_t pitch) {
  __m256i sum[kRows];
  SumHalf(depth, rows, weights, bias, sum);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) sum[r] = rescale(sum[r]);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; r += 2) clamp.PutHalves(sum[r], sum[r + 1], y + r * pitch, pitch);
}

void HalfPanel(const Block& b, int64_t panel, const void* w, const int32_t* bias) {
  const ProductS8& p = b.p;
  const int64_t column = panel * kPanel, count = b.count;
  const Depth depth(p, 2);
  PanelPlace<kPanel / 2, kRows> place(b.y + b.first * p.columns, p.columns, column);
  const int64_t pitch = place.pitch();
  ByPanel<false>(p.requant, panel, [&](auto form) {
    using Rescale = typename decltype(form)::type;
    const Rescale rescale(p.requant, column);
    const ClampOf<Rescale> clamp(p.requant);
    int64_t r = 0;
    for (; r + kRows <= count; r += kRows)
      place.Next([&](int8_t* to) [[gnu::always_inline]] { HalfTile(depth, b.rows + b.first + r, w, bias, rescale, clamp, to, pitch); });
    if (r < count) LastTile(b, kTiles, r, panel, w, bias);
  });
}

// How a block's panels are made.
using WidenFn = void (*)(const int8_t* packed, int64_t groups, int16_t* wide, const int32_t* bias, int32_t* wide_bias);
using PanelFn = void (*)(const Block&, int64_t panel, const void* w, const int32_t* bias);
struct PanelWork {
  WidenFn widen, widen_half;
  PanelFn whole, half;  // Null: tile by tile.
  TileFn const* tiles;
  int most;             // Rows of such a tile.
};
template <class Sums> void FlooredPanelOf(const Block& b, int64_t panel, const void* w, const int32_t* bias) {
  ByPanel<!Sums::kPaired>(b.p.requant, panel, [&](auto form) { WholePanel<typename decltype(form)::type, Sums>(b, panel, w, bias); });
}
template <class Sums> constexpr PanelWork kWholeWork = {WidenPanel<Sums::kPaired>, WidenPanel<false>, FlooredPanelOf<Sums>, HalfPanel, Sums::kPaired ? kPairedTiles : kTiles, 0};
template <class Sums> constexpr PanelWork kTileWork = {WidenPanel<Sums::kPaired>, nullptr, nullptr, nullptr, Sums::kPaired ? kPairedTiles : kTiles, Sums::kTileRows};

template <class Sums> const PanelWork& WidenedWork(const ProductS8& p, int64_t count) {
  return count < kWholeRows || p.requant.floored == Floored::kNone ? kTileWork<Sums> : kWholeWork<Sums>;
}

void MultiplyBlock(const ProductS8& p, const void* const* rows, int64_t first, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  alignas(32) int32_t acc[kRows * kPanel];
  alignas(32) int32_t bias[kPanel];
  int32_t terms[kBlockRows];
  const int64_t groups = p.segments * p.groups();
  const int64_t panels = end_panel - first_panel;
  const bool paired = panels >= kPairedPanels && groups >= kPairedGroups && panels * groups >= kPairedSteps;
  const PanelWork& work = paired ? WidenedWork<Paired>(p, count) : WidenedWork<Direct>(p, count);
  const FinishFn finish = FinishOf(p.requant);
  if (paired)
    for (int64_t r = 0; r < count; ++r) terms[r] = RowTerm(p, rows[first + r]);
  const Block block{p, work.tiles, finish, rows, paired ? terms : nullptr, first, count, end_panel, y};
  auto* w = static_cast<int16_t*>(scratch);
  for (int64_t panel = first_panel; panel < end_panel; ++panel) {
    const bool half = work.half && p.columns - panel * kPanel <= kPanel / 2;
    (half ? work.widen_half : work.widen)(p.packed + panel * p.panel_bytes(), groups, w, p.requant.bias + panel * kPanel, bias);
    if (work.whole) {
      (half ? work.half : work.whole)(block, panel, w, bias);
      continue;
    }
    InTiles(count, work.most, [&](int64_t r, int tile) {
      work.tiles[tile - 1](p, rows + first + r, w, bias, terms + r, acc);
      if (p.take) p.take(p.context, acc, first + r, tile, panel * kPanel, 1);
      else finish(acc, tile, p, panel * kPanel, y + (first + r) * p.columns);
    });
  }
}

// Less than kFewRows rows. Panels are finished by fours: one alone is a chain of latencies.
constexpr int64_t kFewPanels = 4;
void MultiplyFew(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  alignas(32) int32_t acc[kFewPanels][(kFewRows - 1) * kPanel];
  const int64_t groups = p.segments * p.groups();
  const FinishFn finish = FinishOf(p.requant);
  const bool as_signed = p.narrow_range && groups >= kSignedGroups;
  const void* packed_rows[kFewRows - 1];
  if (as_signed)
    for (int64_t r = 0; r < count; ++r) packed_rows[r] = PackRow(p, rows[r], static_cast<int32_t*>(scratch) + r * groups);
  const TileFn tile = (as_signed ? kSignedTiles : kPackedTiles)[count - 1];
  const auto n = static_cast<int>(count);
  for (int64_t panel = first_panel; panel < end_panel; panel += kFewPanels) {
    const int64_t together = end_panel - panel < kFewPanels ? end_panel - panel : kFewPanels;
    for (int64_t i = 0; i < together; ++i) tile(p, as_signed ? packed_rows : rows, p.packed + (panel + i) * p.panel_bytes(), p.requant.bias + (panel + i) * kPanel, nullptr, acc[i]);
    for (int64_t i = 0; i < together; ++i) {
      if (p.take) p.take(p.context, acc[i], 0, n, (panel + i) * kPanel, 1);
      else finish(acc[i], n, p, (panel + i) * kPanel, y);
    }
  }
}

void MultiplyRows(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  if (count < kFewRows) return MultiplyFew(p, rows, count, first_panel, end_panel, y, scratch);
  for (int64_t first = 0; first < count; first += kBlockRows)
    MultiplyBlock(p, rows, first, count - first < kBlockRows ? count - first : kBlockRows, first_panel, end_panel, y, scratch);
}

void Multiply(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  if (count <= 0) return;
  if (p.requant.floored == Floored::kNone) return MultiplyRows(p, rows, count, first_panel, end_panel, y, scratch);
  const RoundDown mode;
  MultiplyRows(p, rows, count, first_panel, end_panel, y, scratch);
}

void LoadWide(const int8_t* x, int64_t n, void* to) {
  auto* y = static_cast<int16_t*>(to);
  int64_t i = 0;
#pragma GCC unroll 4
  for (; i + 16 <= n; i += 16) Store(y + i, _mm256_cvtepi8_epi16(Load16(x + i)));
  for (; i < n; ++i) y[i] = x[i];
}

// -------------------------------------------------------------------------------- Winograd

using Shorts = __m256i;
using Words = __m256i;
using Loaded = int16_t;
constexpr int kShorts = 16;
inline Shorts Add16(Shorts a, Shorts b) { return _mm256_add_epi16(a, b); }
inline Shorts Sub16(Shorts a, Shorts b) { return _mm256_sub_epi16(a, b); }
template <int kBits> inline Shorts Left16(Shorts v) { return _mm256_slli_epi16(v, kBits); }
inline Words Add(Words a, Words b) { return _mm256_add_epi32(a, b); }
inline Words Sub(Words a, Words b) { return _mm256_sub_epi32(a, b); }
template <int kBits> inline Words Left(Words v) { return _mm256_slli_epi32(v, kBits); }
template <int kBits> inline Words Right(Words v) { return _mm256_srai_epi32(v, kBits); }
inline Words Times(Words a, int32_t b) { return _mm256_mullo_epi32(a, _mm256_set1_epi32(b)); }
inline Shorts LoadShorts(const Loaded* p) { return Load(p); }
inline void StoreShorts(int16_t* p, Shorts v) { Store(p, v); }
inline Words LoadWords(const int32_t* p) { return Load(p); }

#include "kernels/isa/winograd_s8_body.h"

template <class Rescale, int kM> void Winograd(const WinogradS8& p, const void* loaded, int64_t rows, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  constexpr int kPositions = (kM + 2) * (kM + 2);
  const int64_t across = (p.width + kM - 1) / kM, tiles = across * ((rows + kM - 1) / kM), offset = 0;
  auto* transformed = static_cast<int16_t*>(scratch);
  auto* sums = reinterpret_cast<int32_t*>(transformed + kPositions * p.position_values());
  const ProductS8 product{&offset, 1, p.channels, nullptr, {}, 0};
  const int32_t zeros[kPanel] = {};
  const ClampOf<Rescale> clamp(p.requant);
  for (int64_t first = 0; first < tiles; first += kWinogradTiles) {
    const int64_t count = tiles - first < kWinogradTiles ? tiles - first : kWinogradTiles;
    TransformTiles<kM>(p, static_cast<const int16_t*>(loaded), across, first, count, transformed);
    for (int64_t panel = first_panel; panel < end_panel; ++panel) {
      for (int64_t position = 0; position < kPositions; ++position) {
        const int16_t* w = p.packed + (panel * kPositions + position) * p.channels * kPanel;
        for (int64_t t = 0; t < count;) {
          const int tile = NextTile(count - t, kRows);
          const void* at[kRows];
          for (int r = 0; r < tile; ++r) at[r] = transformed + position * p.position_values() + (t + r) * p.channels;
          kTiles[tile - 1](product, at, w, zeros, nullptr, sums + position * kPositionSums + t * kPanel);
          t += tile;
        }
      }
      const int64_t column = panel * kPanel;
      const Rescale low(p.requant, column), high(p.requant, column + 8);
      const __m256i bias_low = Bias<Rescale>(p.requant, column), bias_high = Bias<Rescale>(p.requant, column + 8);
      for (int64_t t = 0; t < count; ++t) {
        __m256i a[kM * kM], b[kM * kM];
        InverseTile<Rescale, kM>(sums + t * kPanel, low, bias_low, a);
        InverseTile<Rescale, kM>(sums + t * kPanel + 8, high, bias_high, b);
        const int64_t top = (first + t) / across * kM, left = (first + t) % across * kM;
        for (int64_t i = 0; i < kM && top + i < rows; ++i)
          for (int64_t j = 0; j < kM && left + j < p.width; ++j)
            clamp.Put(a[i * kM + j], b[i * kM + j], y + ((top + i) * p.width + left + j) * p.columns + column, p.columns - column);
      }
    }
  }
}

template <int kM> void WinogradRows(const WinogradS8& p, const void* loaded, int64_t rows, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  const RoundDown mode;
  Winograd<Floor<Floored::kSigned, true>, kM>(p, loaded, rows, first_panel, end_panel, y, scratch);
}

// -------------------------------------------------------------------------------- depthwise
// A vector is 16 channels; a line holds pairs of taps as int16.

constexpr int kVector = 16, kPixelBytes = kVector * 4, kLineTaps = 2;

// Two taps of a vector side by side, as 16 bits.
struct Pairs {
  __m256i half[2];
  Pairs(const uint8_t* a, const uint8_t* b) {
    const __m128i x = Load16(a), y = Load16(b);
    half[0] = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(x, y));
    half[1] = _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(x, y));
  }
};

inline void Interleave(const uint8_t* const* from, int64_t at, uint8_t* to) {
  const Pairs pairs(from[0] + at, from[1] + at);
  Store(to, pairs.half[0]);
  Store(to + 32, pairs.half[1]);
}

template <class Rescale, int kCount> void Vectors(const DepthwiseS8& p, int64_t phase, const uint8_t* line, int8_t* y, int64_t left, int64_t pitch) {
  const int64_t apart = p.pixels * kPixelBytes;
  const auto* w = reinterpret_cast<const uint8_t*>(p.weights) + phase * p.steps * kPixelBytes;
  const int64_t c = phase * kVector;
  __m256i low[kCount], high[kCount];
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) low[i] = Bias<Rescale>(p.requant, c), high[i] = Bias<Rescale>(p.requant, c + 8);
  for (int s = 0; s < p.steps; ++s, w += kPixelBytes) {
    const __m256i w0 = Load(w), w1 = Load(w + 32);
    const uint8_t* x = line + p.step[s] * kPixelBytes;
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) {
      low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(w0, Load(x + i * apart)));
      high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(w1, Load(x + i * apart + 32)));
    }
  }
  const Rescale first(p.requant, c);
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) low[i] = first(low[i]);
  const Rescale second(p.requant, c + 8);
  const ClampOf<Rescale> clamp(p.requant);
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) clamp.Put(low[i], second(high[i]), y + i * pitch, left - (p.blocks ? 0 : i * pitch));
}

// Windows of which the next shares two columns or one: two outputs at a time. Rows 0 and 1 are a pair of each column; row 2 is paired
// along the row: five vpmaddwd of eight channels instead of six. The four sums go through every step side by side: one after the
// other they are chains of some 40 cycles, of which the schedulers see too little at once.
// The weights of a vector of channels: rows 0 and 1, a column each; row 2 as (w0, w1), (w2, 0), (0, w0), (w1, w2).
enum SlideTaps { kColumn0, kColumn1, kColumn2, kRow01, kRow2X, kRowX0, kRow12, kSlideTaps };
struct SlideWeights {
  __m256i taps[kSlideTaps][2];
  SlideWeights(const DepthwiseS8& p, int64_t phase) {
#pragma GCC unroll 2
    for (int h = 0; h < 2; ++h) {
      const uint8_t* from = reinterpret_cast<const uint8_t*>(p.weights) + phase * 6 * kPixelBytes + h * 32;
      const __m256i w0 = Load(from + 3 * kPixelBytes), w1 = Load(from + 4 * kPixelBytes), w2 = Load(from + 5 * kPixelBytes);
#pragma GCC unroll 3
      for (int s = 0; s < 3; ++s) taps[kColumn0 + s][h] = Load(from + s * kPixelBytes);
      taps[kRow01][h] = _mm256_or_si256(w0, _mm256_slli_epi32(w1, 16));
      taps[kRow2X][h] = w2;
      taps[kRowX0][h] = _mm256_slli_epi32(w0, 16);
      taps[kRow12][h] = _mm256_or_si256(w1, _mm256_slli_epi32(w2, 16));
    }
  }
};

// sum += x w of both halves. In assembly because GCC otherwise adds products up in a tree and spills them.
[[gnu::always_inline]] inline void AddProducts(__m256i* sum, const Pairs& x, const __m256i (&w)[2]) {
#pragma GCC unroll 2
  for (int h = 0; h < 2; ++h) {
    __m256i t;
    asm("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(sum[h]), "=&x"(t) : "x"(x.half[h]), "m"(w[h]));
  }
}

// The rows of outputs of a vector of channels.
template <class Rescale, int kNew> void Slide(const DepthwiseS8& p, const ColumnsS8& columns, const uint8_t* const* rows, int64_t count, int64_t phase, int64_t repeats, int8_t* y) {
  const int64_t channel = phase * kVector, in_pitch = p.in_pitch(), pitch = p.out_pitch(), row_bytes = p.row_bytes(), window_rows = p.window_rows;
  const SlideWeights w(p, phase);
  const Rescale rescale[2] = {Rescale(p.requant, channel), Rescale(p.requant, channel + 8)};
  const __m256i bias[2] = {Bias<Rescale>(p.requant, channel), Bias<Rescale>(p.requant, channel + 8)};
  const ClampOf<Rescale> clamp(p.requant);
  // Bytes of a vector that are there: of the last pixel's, or of the row's.
  const int64_t there = (p.blocks ? p.channels : p.width * p.channels) - channel, less = p.blocks ? 0 : pitch;
  // Column 2 of a window is column 0 of the next, or column 1; with kNew = 2, what was column 1 has lines of its own.
  const int64_t from = channel - p.first_phase * kVector, even = from + columns.offset[0], odd = from + columns.offset[1];
  for (int64_t i = 0; i < count; ++i, rows += window_rows) {
    const auto at = [&](int s, int t) { return rows[columns.row[s][t]] + (s ? odd : even); };
    const uint8_t *even0 = at(0, 0), *even1 = at(0, 1), *even2 = at(0, 2), *odd0 = at(1, 0), *odd1 = at(1, 1), *odd2 = at(1, 2);
    Pairs c0(even0, even1), c1(odd0, odd1), q0(even2, odd2);
    int8_t* to = y + i * row_bytes + channel;
    for (int64_t n = 0; n < repeats; n += 2, to += 2 * pitch) {
      const bool two = n + 1 < repeats;
      __m256i sum[4] = {bias[0], bias[1], bias[0], bias[1]};
      if constexpr (kNew == 1) {
        const int64_t x = (n + 2) * in_pitch, next = two ? x + in_pitch : x;  // Past the last window, its last column again.
        AddProducts(sum, c0, w.taps[kColumn0]), AddProducts(sum + 2, c1, w.taps[kColumn0]);
        AddProducts(sum, c1, w.taps[kColumn1]), AddProducts(sum, q0, w.taps[kRow01]), AddProducts(sum + 2, q0, w.taps[kRowX0]);
        c0 = Pairs(even0 + x, even1 + x), c1 = Pairs(even0 + next, even1 + next), q0 = Pairs(even2 + x, even2 + next);
        AddProducts(sum, c0, w.taps[kColumn2]), AddProducts(sum + 2, c0, w.taps[kColumn1]), AddProducts(sum + 2, c1, w.taps[kColumn2]);
        AddProducts(sum, q0, w.taps[kRow2X]), AddProducts(sum + 2, q0, w.taps[kRow12]);
      } else {
        const int64_t x = (n + 1) * in_pitch, next = two ? x + in_pitch : x;
        AddProducts(sum, c0, w.taps[kColumn0]), AddProducts(sum, c1, w.taps[kColumn1]), AddProducts(sum, q0, w.taps[kRow01]);
        c0 = Pairs(even0 + x, even1 + x), q0 = Pairs(even2 + x, two ? odd2 + x : even2 + x);
        AddProducts(sum, c0, w.taps[kColumn2]), AddProducts(sum + 2, c0, w.taps[kColumn0]);
        AddProducts(sum, q0, w.taps[kRow2X]), AddProducts(sum + 2, q0, w.taps[kRow01]);
        const bool more = n + 2 < repeats;
        c1 = two ? Pairs(odd0 + x, odd1 + x) : c0;
        AddProducts(sum + 2, c1, w.taps[kColumn1]);
        c0 = Pairs(even0 + next, even1 + next), q0 = Pairs(even2 + next, more ? odd2 + next : even2 + next);
        AddProducts(sum + 2, c0, w.taps[kColumn2]), AddProducts(sum + 2, q0, w.taps[kRow2X]);
        if (more) c1 = Pairs(odd0 + next, odd1 + next);
      }
      Rescale::Each(rescale, sum);
      const int64_t left = there - n * less;
      if (two && left - less >= kVector) {
        clamp.PutTwo(sum[0], sum[1], sum[2], sum[3], to, pitch);
      } else {
        clamp.Put(sum[0], sum[1], to, left);
        if (two) clamp.Put(sum[2], sum[3], to + pitch, left - less);
      }
    }
  }
}

template <class Rescale> bool RowsOfThree(const DepthwiseS8& p, const ColumnsS8& columns, const uint8_t* const* rows, int64_t count, int8_t* y) {
  if constexpr (Rescale::kWide) {
    return false;  // Rare: lines will do.
  } else {
    // Column a is the next vector's b. A line of one vector is so short that another line's column could be where it would go on.
    const auto shared = [&](int a, int b) { return p.step[a] == p.step[b] + p.pixels && p.step[a] / p.line_pixels == p.step[b] / p.line_pixels; };
    const bool one = shared(1, 0) && shared(2, 1);
    if (!one && !shared(2, 0)) return false;
    const int64_t vectors = p.vectors(kVector);
    for (int64_t phase = p.first_phase; phase < p.end_phase && phase < vectors; ++phase)
      ByPanel<true>(p.requant, phase, [&](auto form) {
        using Form = typename decltype(form)::type;
        (one ? Slide<Form, 1> : Slide<Form, 2>)(p, columns, rows, count, phase, (vectors - phase + p.period - 1) / p.period, y);
      });
    return true;
  }
}

#include "kernels/isa/depthwise_s8_body.h"

void Depthwise(const DepthwiseS8& p, const uint8_t* const* rows, int64_t count, int8_t* y, void* lines) {
  const RoundDown mode;
  ByForm(p.requant, [&](auto rescale) { DepthwiseRows<typename decltype(rescale)::type>(p, rows, count, y, lines); });
}

template <int kBytes> struct Copy {
  static constexpr int kSize = kBytes;
  static void Move(const int8_t* x, uint8_t* to) { __builtin_memcpy(to, x, kBytes); }
};

void LoadPixels(const int8_t* x, int64_t n, int64_t count, int64_t stride, uint8_t* to, int64_t pitch) {
  if (count == 1) __builtin_memcpy(to, x, static_cast<unsigned long>(n));
  else if (n >= 32) LoadWholePixels<Copy<32>>(x, n, count, stride, to, pitch);
  else if (n >= 16) LoadWholePixels<Copy<16>>(x, n, count, stride, to, pitch);
  else if (n >= 8) LoadWholePixels<Copy<8>>(x, n, count, stride, to, pitch);
  else
    for (int64_t i = 0; i < count; ++i)
      for (int64_t k = 0; k < n; ++k) to[i * pitch + k] = static_cast<uint8_t>(x[i * stride + k]);
}

constexpr uint8_t kOrder[kVector] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

}  // namespace

constinit const Int8 kAvx2Int8 = {"avx2", 0, 2, LoadWide, Multiply, 128, kVector, 2, 2, 0, kOrder, LoadPixels, Depthwise, 16, WinogradRows<2>, WinogradRows<4>, kFewRows - 1, FloorAvx2, kCoarseUses};

}  // namespace octet::kernels
