// SPDX-License-Identifier: Apache-2.0
// How products of panels of 16 columns are cut into tiles of rows and become bytes, with AVX2's 16 registers. How a tile's sums come
// about is a `Sums`, made of a product once for all tiles (what a tile needs of it is so in registers, or one load away):
//   kTileRows   rows of a whole tile
//   kPaired     `terms`, one per row, are wanted
//   kCoarse     coarse floors have code of their own (ByPanel)
//   kOverlaps   the last tile is a whole one, too, or one of two rows, and makes some rows again
//   Sum<kCount>(rows, weights, bias, terms, low, high)   sums of kCount rows times columns 0 to 7 and 8 to 15 of a panel
#pragma once
#include <type_traits>

#include "kernels/isa/requant_avx2.h"

namespace octet::kernels {
namespace {

constexpr int64_t kFetchedBytes = 1536;  // Of a panel: smaller ones lie in a cache anyway.

// acc[r][16] to bytes.
template <class Rescale> void Finish(const int32_t* acc, int rows, const ProductS8& p, int64_t column, int8_t* y) {
  const Rescale low(p.requant, column), high(p.requant, column + 8);
  const ClampOf<Rescale> clamp(p.requant);
  for (int r = 0; r < rows; ++r, acc += kPanel) clamp.Put(low(Load(acc)), high(Load(acc + 8)), y + r * p.pitch + column, p.columns - column);
}

using FinishFn = void (*)(const int32_t* acc, int rows, const ProductS8& p, int64_t column, int8_t* y);
FinishFn FinishOf(const Requant& q) {
  return q.scale && q.floored == Floored::kNone ? Finish<F64> : ByForm(q, [](auto rescale) -> FinishFn { return Finish<typename decltype(rescale)::type>; });
}

template <int kCount> inline void StoreSums(const __m256i (&low)[kCount], const __m256i (&high)[kCount], int32_t* acc) {
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r) {
    Store(acc + r * kPanel, low[r]);
    Store(acc + r * kPanel + 8, high[r]);
  }
}

// acc[kCount][16] of a panel.
using TileFn = void (*)(const ProductS8&, const void* const* rows, const void* weights, const int32_t* bias, const int32_t* terms, int32_t* acc);
template <class Sums, int kCount>
void Tile(const ProductS8& p, const void* const* rows, const void* weights, const int32_t* bias, const int32_t* terms, int32_t* acc) {
  __m256i low[kCount], high[kCount];
  Sums(p).template Sum<kCount>(rows, weights, bias, terms, low, high);
  StoreSums(low, high, acc);
}

// The same to bytes, sums never leaving their registers: with a depth of 16 that is a quarter of the time.
template <class Rescale, class Sums, int kCount>
[[gnu::always_inline]] inline void WholeTile(const Sums& sums, const void* const* rows, const void* weights, const int32_t* bias, const int32_t* terms,
                                             const Rescale (&rescale)[2], const ClampOf<Rescale>& clamp, int8_t* y, int64_t pitch) {
  static_assert(kCount % 2 == 0);
  __m256i low[kCount], high[kCount];
  sums.template Sum<kCount>(rows, weights, bias, terms, low, high);
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r) low[r] = rescale[0](low[r]);
#pragma GCC unroll 8
  for (int r = 0; r < kCount; r += 2) clamp.PutTwo(low[r], rescale[1](high[r]), low[r + 1], rescale[1](high[r + 1]), y + r * pitch, pitch);
}

// Where the tiles of a panel go: to its place, or, of fewer columns than they have, beside it first.
template <int kColumns, int kRows> class PanelPlace {
 public:
  PanelPlace(int8_t* y, const ProductS8& p, int64_t column) : y_(y + column), pitch_(p.pitch), left_(p.columns - column) {}
  bool whole() const { return left_ >= kColumns; }
  int64_t pitch() const { return whole() ? pitch_ : kColumns; }
  // put(to) of the next rows.
  template <int kCount = kRows, class Put> [[gnu::always_inline]] void Next(const Put& put) {
    put(whole() ? y_ : part_);
    if (!whole()) Copy(kCount);
    y_ += kCount * pitch_;
  }
  void GoBack(int64_t rows) { y_ -= rows * pitch_; }

 private:
  [[gnu::noinline]] void Copy(int rows) const {
    for (int r = 0; r < rows; ++r) __builtin_memcpy(y_ + r * pitch_, part_ + r * kColumns, static_cast<unsigned>(left_));
  }
  int8_t* y_;
  const int64_t pitch_, left_;
  alignas(16) int8_t part_[kColumns * kRows];
};

// How many of `count` rows the next tile of at most `most` takes: an even cut.
inline int NextTile(int64_t count, int64_t most) {
  const int64_t cuts = (count + most - 1) / most;
  return static_cast<int>((count + cuts - 1) / cuts);
}

// A panel against a block of rows.
constexpr int64_t kWholeRows = 20;  // With fewer, tiles of an even cut are faster than whole ones and a rest.
template <class Tiles> void InTiles(int64_t count, int most, const Tiles& tiles) {
  for (int64_t r = 0; r < count;) {
    const int tile = NextTile(count - r, most);
    tiles(r, tile);
    r += tile;
  }
}

struct Block {
  const ProductS8& p;
  const TileFn* tiles;      // Of 1, 2 ... rows; they look at terms where those are wanted.
  FinishFn finish;
  const void* const* rows;  // Of the whole product.
  const int32_t* terms;     // Of the block's rows, where wanted.
  int64_t first, count, end_panel;
  int8_t* y;
};

// The rows from `row` on, fewer than a whole tile.
[[gnu::noinline]] void LastTile(const Block& b, const TileFn* tiles, int64_t row, int64_t panel, const void* w, const int32_t* bias) {
  alignas(32) int32_t acc[6 * kPanel];
  const auto count = static_cast<int>(b.count - row);
  tiles[count - 1](b.p, b.rows + b.first + row, w, bias, b.terms ? b.terms + row : nullptr, acc);
  b.finish(acc, count, b.p, panel * kPanel, b.y + (b.first + row) * b.p.pitch);
}

template <class Rescale, class Sums> void WholePanel(const Block& b, int64_t panel, const void* w, const int32_t* bias) {
  const ProductS8& p = b.p;
  const int64_t column = panel * kPanel, count = b.count;
  constexpr int kMost = Sums::kTileRows;
  const void* const* rows = b.rows + b.first;
  const Sums sums(p);
  PanelPlace<kPanel, kMost> place(b.y + b.first * p.pitch, p, column);
  const int64_t pitch = place.pitch();
  const Rescale rescale[2] = {Rescale(p.requant, column), Rescale(p.requant, column + 8)};
  const ClampOf<Rescale> clamp(p.requant);
  // The next panel's bytes come nearer meanwhile: each is read once for all these rows.
  const int8_t* next = p.packed + (panel + 1 < b.end_panel ? panel + 1 : panel) * p.panel_bytes();
  const int64_t ahead = p.panel_bytes() >= kFetchedBytes ? RoundUp(p.panel_bytes() * kMost / count, 64) : 0;
  const auto tile = [&]<int kCount>(std::integral_constant<int, kCount>, int64_t r) [[gnu::always_inline]] {
    place.template Next<kCount>([&](int8_t* to) [[gnu::always_inline]] {
      WholeTile<Rescale, Sums, kCount>(sums, rows + r, w, bias, Sums::kPaired ? b.terms + r : nullptr, rescale, clamp, to, pitch);
    });
  };
  for (int64_t r = 0;;) {
    for (int64_t i = 0; i < ahead; i += 64) _mm_prefetch(reinterpret_cast<const char*>(next + i), _MM_HINT_T0);
    next += ahead;
    tile(std::integral_constant<int, kMost>(), r);
    r += kMost;
    const int64_t left = count - r;
    if (left == 0) return;
    if (left >= kMost) continue;
    if constexpr (!Sums::kOverlaps) return LastTile(b, b.tiles, r, panel, w, bias);
    else if (!kSmall && left <= 2) {
      place.GoBack(2 - left);
      return tile(std::integral_constant<int, 2>(), count - 2);
    }
    place.GoBack(kMost - left);
    r = count - kMost;
  }
}

}  // namespace
}  // namespace octet::kernels
