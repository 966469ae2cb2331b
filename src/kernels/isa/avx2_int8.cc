// SPDX-License-Identifier: Apache-2.0
// 8-bit products on AVX2. vpmaddubsw would saturate, so both operands are widened to 16 bits: vpmaddwd adds
// two exact products to a lane. Weights stay 8-bit in memory; a panel is widened once per block of rows.
//
// Where rows meet several panels, half of the multiplications become additions (Winograd's inner product, 1968): of a
// group of four, with all sums modulo 2^32,
//   x0 w0 + x2 w2 = (x0 + w2) (x2 + w0) - x0 x2 - w0 w2,   and so x1, x3;
// what belongs to the row alone and to the column alone is summed once. Sums of two bytes fit 16 bits. vpmaddwd has two
// ports, vpaddw three or four: as many instructions, and all ports have work (2 to 5 % on Zen 4).
//
// On AMD's Zen 4, whose adders of floats are apart from the multipliers, sums of many rows are floats (dispatch.cc; Raised in
// tile_sums_avx2.h). For these, rows are loaded raised by 128, which the other ways take as well.
#include <immintrin.h>

#include "kernels/int8.h"
#include "kernels/isa/int8_panels_avx2.h"
#include "kernels/isa/tile_sums_avx2.h"

namespace octet::kernels {
namespace {

// --------------------------------------------------------------------------------- products

constexpr int kRows = Direct::kTileRows;
constexpr int16_t kRaise = 128;      // What makes bytes non-negative.
constexpr int64_t kFewRows = 4;      // Below it, widening a panel costs more than it saves.
constexpr int64_t kFewestPaired = 4, kPairedGroups = 16, kPairedSteps = 320;  // Below them, terms and smaller tiles cost more than they save.
constexpr int64_t kFewestRaised = 3, kRaisedDepth = 32, kMostStretches = 8;  // Fewer panels, or a shallow row, save less than terms cost.
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
template <bool kPaired> void WidenPanel(const ProductS8& p, const int8_t* packed, int16_t* wide, const int32_t* bias, int32_t* wide_bias) {
  __m256i low = Load(bias), high = Load(bias + 8);
  for (int64_t left = p.segments * p.groups(); left > 0; --left, packed += 64, wide += 64) {
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

// To [pair][16][2] int16 raised by 128, but for what pads the row, and the panel's bias less the most that a row takes off (see Raised).
void WidenRaised(const ProductS8& p, const int8_t* packed, int16_t* wide, const int32_t* bias, int32_t* wide_bias) {
  const __m256i up = _mm256_set1_epi16(kRaise), most = _mm256_set1_epi32(static_cast<int32_t>(p.length * kRaise * 255));
  int16_t* to = wide;
  for (int64_t g = 0; g < p.groups(); ++g, packed += 64, to += 64) {
    const __m256i a = Load(packed), b = Load(packed + 32);
    Store(to, _mm256_add_epi16(LowPair(a), up));
    Store(to + 16, _mm256_add_epi16(LowPair(b), up));
    Store(to + 32, _mm256_add_epi16(HighPair(a), up));
    Store(to + 48, _mm256_add_epi16(HighPair(b), up));
  }
  if (p.length % 2 != 0)
    for (int16_t* last = wide + p.length / 2 * 2 * kPanel; last < wide + (p.length / 2 + 1) * 2 * kPanel; last += 2) last[1] = 0;
  Store(wide_bias, _mm256_sub_epi32(Load(bias), most));
  Store(wide_bias + 8, _mm256_sub_epi32(Load(bias + 8), most));
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

void PairedTerms(const ProductS8& p, const void* const* rows, int64_t count, int32_t* terms) {
  for (int64_t r = 0; r < count; ++r) terms[r] = RowTerm(p, rows[r]);
}

// Sums of n bytes in 16 bits, in four parts of 64.
inline __m256i SumBytes(const int16_t* x, int64_t n) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i sum = zero;
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) sum = _mm256_add_epi64(sum, _mm256_sad_epu8(Load(x + i), zero));
  if (i + 8 <= n) sum = _mm256_add_epi64(sum, _mm256_sad_epu8(_mm256_zextsi128_si256(Load16(x + i)), zero)), i += 8;
  for (; i < n; ++i) sum = _mm256_add_epi64(sum, _mm256_zextsi128_si256(_mm_cvtsi32_si128(x[i])));
  return sum;
}

// What each row takes off, by stretches: raised 255 less its values, times the weights' raise.
void RaisedTerms(const ProductS8& p, const void* const* rows, int64_t count, int32_t* terms) {
  for (int64_t first = 0; first < p.length; first += Raised::kStretch, terms += Raised::kTerms) {
    const int64_t n = p.length - first < Raised::kStretch ? p.length - first : Raised::kStretch;
    const __m128i most = _mm_set1_epi32(static_cast<int32_t>(n * 255));
    for (int64_t r = 0; r < count; r += 4) {  // Four rows at a time, the last one again where there are fewer.
      const auto sum = [&](int64_t i) { return SumBytes(static_cast<const int16_t*>(rows[r + i < count ? r + i : count - 1]) + p.offset[0] / 2 + first, n); };
      const __m256i ab = _mm256_or_si256(sum(0), _mm256_slli_epi64(sum(1), 32)), cd = _mm256_or_si256(sum(2), _mm256_slli_epi64(sum(3), 32));
      const __m256i abcd = _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
      const __m128i sums = _mm_add_epi32(_mm256_castsi256_si128(abcd), _mm256_extracti128_si256(abcd, 1));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(terms + r), _mm_mullo_epi32(_mm_sub_epi32(most, sums), _mm_set1_epi32(kRaise)));
    }
  }
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

// One row of such groups against two panels: what is the row's is done once for both, and a cache is asked for two streams at a time
// (MLPerf's anomaly detection takes 12 % less time).
void SignedPanels(const ProductS8& p, const void* row, const int8_t* w, const int32_t* bias, int32_t* acc, int64_t acc_pitch) {
  const __m256i ones = _mm256_set1_epi16(1);
  const int64_t groups = p.segments * p.groups(), panel = p.panel_bytes();
  __m256i sum[4] = {Load(bias), Load(bias + 8), Load(bias + kPanel), Load(bias + kPanel + 8)};
  for (int64_t g = 0; g < groups; ++g, w += 64) {
    const __m256i x = _mm256_set1_epi32(static_cast<const int32_t*>(row)[g]), size = _mm256_abs_epi8(x);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
      sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(_mm256_maddubs_epi16(size, _mm256_sign_epi8(Load(w + i / 2 * panel + i % 2 * 32), x)), ones));
  }
  Store(acc, sum[0]), Store(acc + 8, sum[1]), Store(acc + acc_pitch, sum[2]), Store(acc + acc_pitch + 8, sum[3]);
}

constexpr TileFn kTiles[kRows] = {Tile<Direct, 1>, Tile<Direct, 2>, Tile<Direct, 3>, Tile<Direct, 4>, Tile<Direct, 5>, Tile<Direct, 6>};
constexpr TileFn kPairedTiles[Paired::kTileRows] = {Tile<Paired, 1>, Tile<Paired, 2>, Tile<Paired, 3>, Tile<Paired, 4>};
constexpr TileFn kPackedTiles[kFewRows - 1] = {PackedTile<1>, PackedTile<2>, PackedTile<3>};
constexpr TileFn kSignedTiles[kFewRows - 1] = {SignedTile<1>, SignedTile<2>, SignedTile<3>};

template <class Rescale>
[[gnu::always_inline]] inline void HalfTile(const Depth& depth, const void* const* rows, const void* weights, const int32_t* bias, const Rescale& rescale,
                                            const ClampOf<Rescale>& clamp, int8_t* y, int64_t pitch) {
  __m256i sum[kRows];
  SumHalf(depth, rows, weights, bias, sum);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) sum[r] = rescale(sum[r]);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; r += 2) clamp.PutHalves(sum[r], sum[r + 1], y + r * pitch, pitch);
}

// kRows rows against them; acc is as Tile's.
void HalfSums(const ProductS8& p, const void* const* rows, const void* weights, const int32_t* bias, int32_t* acc) {
  __m256i sum[kRows];
  SumHalf(Depth(p, 2), rows, weights, bias, sum);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) Store(acc + r * kPanel, sum[r]);
}

void HalfPanel(const Block& b, int64_t panel, const void* w, const int32_t* bias) {
  const ProductS8& p = b.p;
  const int64_t column = panel * kPanel, count = b.count;
  const Depth depth(p, 2);
  PanelPlace<kPanel / 2, kRows> place(b.y + b.first * p.pitch, p, column);
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
using WidenFn = void (*)(const ProductS8&, const int8_t* packed, int16_t* wide, const int32_t* bias, int32_t* wide_bias);
using PanelFn = void (*)(const Block&, int64_t panel, const void* w, const int32_t* bias);
struct PanelWork {
  void (*terms)(const ProductS8&, const void* const* rows, int64_t count, int32_t* terms);  // Null: none.
  WidenFn widen, widen_half;
  PanelFn whole, half;  // Null: tile by tile.
  TileFn const* tiles;
  int most;             // Rows of such a tile.
};
template <class Sums> void FlooredPanelOf(const Block& b, int64_t panel, const void* w, const int32_t* bias) {
  ByPanel<Sums::kCoarse>(b.p.requant, panel, [&](auto form) { WholePanel<typename decltype(form)::type, Sums>(b, panel, w, bias); });
}
constexpr PanelWork kDirectTiles = {nullptr, WidenPanel<false>, nullptr, nullptr, nullptr, kTiles, kRows};
constexpr PanelWork kDirectPanels = {nullptr, WidenPanel<false>, WidenPanel<false>, FlooredPanelOf<Direct>, HalfPanel, kTiles, 0};
constexpr PanelWork kPairedWork = {PairedTerms, WidenPanel<true>, nullptr, nullptr, nullptr, kPairedTiles, Paired::kTileRows};
constexpr PanelWork kPairedPanels = {PairedTerms, WidenPanel<true>, WidenPanel<false>, FlooredPanelOf<Paired>, HalfPanel, kPairedTiles, 0};
constexpr PanelWork kRaisedPanels = {RaisedTerms, WidenRaised, WidenPanel<false>, FlooredPanelOf<Raised>, HalfPanel, nullptr, 0};

const PanelWork& WorkOf(const ProductS8& p, int64_t count, int64_t panels, bool raised) {
  const int64_t groups = p.segments * p.groups();
  const bool whole = count >= kWholeRows && p.requant.floored != Floored::kNone;
  if (raised && whole && p.segments == 1 && panels >= kFewestRaised && p.length >= kRaisedDepth && p.length <= kMostStretches * Raised::kStretch)
    return kRaisedPanels;
  // Of a group that ends behind the row, whatever 16 bits lie there meet weights of zero; with a weight added to them, they may overflow.
  const bool may_pair = !kSmall && p.length % 4 == 0;
  if (may_pair && panels >= kFewestPaired && groups >= kPairedGroups && panels * groups >= kPairedSteps) return whole ? kPairedPanels : kPairedWork;
  return whole ? kDirectPanels : kDirectTiles;
}

void MultiplyBlock(const ProductS8& p, bool raised, const void* const* rows, int64_t first, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y,
                   void* scratch) {
  alignas(32) int32_t acc[kRows * kPanel] = {};  // Half tiles leave the other half as it is.
  alignas(32) int32_t bias[kPanel];
  int32_t terms[kMostStretches * Raised::kTerms];
  static_assert(Raised::kTerms >= kBlockRows + 3);
  const PanelWork& work = WorkOf(p, count, end_panel - first_panel, raised);
  const FinishFn finish = FinishOf(p.requant);
  if (work.terms) work.terms(p, rows + first, count, terms);
  const Block block{p, work.tiles, finish, rows, work.terms ? terms : nullptr, first, count, end_panel, y};
  auto* w = static_cast<int16_t*>(scratch);
  for (int64_t panel = first_panel; panel < end_panel; ++panel) {
    const bool few = p.columns - panel * kPanel <= kPanel / 2, half = few && work.half;
    (half ? work.widen_half : work.widen)(p, p.packed + panel * p.panel_bytes(), w, p.requant.bias + panel * kPanel, bias);
    if (work.whole) {
      (half ? work.half : work.whole)(block, panel, w, bias);
      continue;
    }
    InTiles(count, work.most, [&](int64_t r, int tile) {
      if (few && tile == kRows) HalfSums(p, rows + first + r, w, bias, acc);
      else work.tiles[tile - 1](p, rows + first + r, w, bias, terms + r, acc);
      if (p.take) p.take(p.context, acc, first + r, tile, panel * kPanel, 1);
      else finish(acc, tile, p, panel * kPanel, y + (first + r) * p.pitch);
    });
  }
}

// Less than kFewRows rows. Panels are finished by fours: one alone is a chain of latencies.
constexpr int64_t kFewPanels = 4;
void MultiplyFew(const ProductS8& p, bool raised, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  alignas(32) int32_t acc[kFewPanels][(kFewRows - 1) * kPanel];
  const int64_t groups = p.segments * p.groups();
  const FinishFn finish = FinishOf(p.requant);
  const bool as_signed = !raised && p.narrow_range && groups >= kSignedGroups;
  const void* packed_rows[kFewRows - 1];
  if (as_signed)
    for (int64_t r = 0; r < count; ++r) packed_rows[r] = PackRow(p, rows[r], static_cast<int32_t*>(scratch) + r * groups);
  const bool by_twos = as_signed && count == 1;
  const TileFn tile = (as_signed ? kSignedTiles : kPackedTiles)[count - 1];
  const auto n = static_cast<int>(count);
  for (int64_t panel = first_panel; panel < end_panel; panel += kFewPanels) {
    const int64_t together = end_panel - panel < kFewPanels ? end_panel - panel : kFewPanels;
    int64_t i = 0;
    for (; by_twos && i + 2 <= together; i += 2)
      SignedPanels(p, packed_rows[0], p.packed + (panel + i) * p.panel_bytes(), p.requant.bias + (panel + i) * kPanel, acc[i], acc[1] - acc[0]);
    for (; i < together; ++i)
      tile(p, as_signed ? packed_rows : rows, p.packed + (panel + i) * p.panel_bytes(), p.requant.bias + (panel + i) * kPanel, nullptr, acc[i]);
    for (int64_t k = 0; k < together; ++k) {
      if (p.take) p.take(p.context, acc[k], 0, n, (panel + k) * kPanel, 1);
      else finish(acc[k], n, p, (panel + k) * kPanel, y);
    }
  }
}

void MultiplyRows(const ProductS8& p, bool raised, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  if (count < kFewRows) return MultiplyFew(p, raised, rows, count, first_panel, end_panel, y, scratch);
  for (int64_t first = 0; first < count; first += kBlockRows)
    MultiplyBlock(p, raised, rows, first, count - first < kBlockRows ? count - first : kBlockRows, first_panel, end_panel, y, scratch);
}

template <bool kRaised>
void Multiply(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  if (count <= 0) return;
  if (p.requant.floored == Floored::kNone) return MultiplyRows(p, kRaised, rows, count, first_panel, end_panel, y, scratch);
  const RoundDown mode;
  MultiplyRows(p, kRaised, rows, count, first_panel, end_panel, y, scratch);
}

void FinishRows(const ProductS8& p, const int32_t* sums, int64_t rows, int64_t panel, int8_t* y) {
  const FinishFn finish = FinishOf(p.requant);
  if (p.requant.floored == Floored::kNone) return finish(sums, static_cast<int>(rows), p, panel * kPanel, y);
  const RoundDown mode;
  finish(sums, static_cast<int>(rows), p, panel * kPanel, y);
}

template <int16_t kRaised> void LoadWide(const int8_t* x, int64_t n, void* to) {
  auto* y = static_cast<int16_t*>(to);
  int64_t i = 0;
#pragma GCC unroll 4
  for (; i + 16 <= n; i += 16) {
    const __m256i v = _mm256_cvtepi8_epi16(Load16(x + i));
    Store(y + i, kRaised ? _mm256_add_epi16(v, _mm256_set1_epi16(kRaised)) : v);
  }
  for (; i < n; ++i) y[i] = static_cast<int16_t>(x[i] + kRaised);
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

template <class Rescale, int kM>
void Winograd(const WinogradS8& p, const void* loaded, int64_t rows, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  constexpr int kPositions = (kM + 2) * (kM + 2);
  const int64_t across = (p.width + kM - 1) / kM, tiles = across * ((rows + kM - 1) / kM), offset = 0;
  auto* transformed = static_cast<int16_t*>(scratch);
  auto* sums = reinterpret_cast<int32_t*>(transformed + kPositions * p.position_values());
  const ProductS8 product{&offset, 1, p.channels, nullptr, {}, 0};
  const int32_t zeros[kPanel] = {};
  const ClampOf<Rescale> clamp(p.requant);
  for (int64_t first = 0; first < tiles; first += p.tiles) {
    const int64_t count = tiles - first < p.tiles ? tiles - first : p.tiles;
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
      const Rescale rescale[2] = {Rescale(p.requant, column), Rescale(p.requant, column + 8)};
      const __m256i bias[2] = {Bias<Rescale>(p.requant, column), Bias<Rescale>(p.requant, column + 8)};
      for (int64_t t = 0; t < count; ++t) {
        __m256i out[2][kM * kM];
#pragma GCC unroll 1
        for (int h = 0; h < 2; ++h) InverseTile<Rescale, kM>(sums + t * kPanel + 8 * h, rescale[h], bias[h], out[h]);  // One copy of much code.
        const int64_t top = (first + t) / across * kM, left = (first + t) % across * kM;
        for (int64_t i = 0; i < kM && top + i < rows; ++i)
          for (int64_t j = 0; j < kM && left + j < p.width; ++j)
            clamp.Put(out[0][i * kM + j], out[1][i * kM + j], y + ((top + i) * p.width + left + j) * p.columns + column, p.columns - column);
      }
    }
  }
}

template <int kM> void WinogradRows(const WinogradS8& p, const void* loaded, int64_t rows, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  const RoundDown mode;
  Winograd<Floor<Floored::kSigned, true>, kM>(p, loaded, rows, first_panel, end_panel, y, scratch);
}

constexpr uint8_t kOrder[kAvx2Vector] = {0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15};

}  // namespace

constinit const Int8 kAvx2Int8 = {"avx2", 0, 2, LoadWide<0>, Multiply<false>, FinishRows, 128, kAvx2Vector, 2, 2, 0, kOrder, LoadPixelsAvx2, DepthwiseAvx2, 16, 1, WinogradRows<2>, WinogradRows<4>, kFewRows - 1, FloorAvx2, kCoarseUses, SlideAvx2};
constinit const Int8 kAvx2RaisedInt8 = [] {
  Int8 k = kAvx2Int8;
  k.offset = kRaise;
  k.load = LoadWide<kRaise>;
  k.multiply = Multiply<true>;
  return k;
}();

}  // namespace octet::kernels
