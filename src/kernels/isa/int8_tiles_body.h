// SPDX-License-Identifier: Apache-2.0
// 8-bit products over matrix registers (`Tiles`: amx_tiles.h, or a model of it in the tests). Included inside an
// unnamed namespace that has requant_avx512.h.
//
// Eight registers of up to 16 rows of 64 bytes: four of sums (two of rows times two panels), two of rows, two of
// weights. K4N16 is the form the instruction wants: 16 groups of a panel are one register. The depth is cut evenly into
// pieces of at most 16 groups, the rows into tiles of at most 16.

constexpr int kTileGroups = 16, kTileRows = 16, kBlockPanels = 2;
constexpr int64_t kTilesScratchPerGroup = 136;  // Two tiles of rows, 128 bytes a group, and a piece filled up with zeros.

struct TileCut {
  int64_t groups, pieces, piece, rows;  // Groups in all; pieces of the depth and groups of one; rows of a tile.
  TileCut(const ProductS8& p, int64_t count)
      : groups(p.segments * p.groups()), pieces((groups + kTileGroups - 1) / kTileGroups), piece((groups + pieces - 1) / pieces) {
    const int64_t tiles = (count + kTileRows - 1) / kTileRows;
    rows = (count + tiles - 1) / tiles;
  }
  int64_t last() const { return groups - (pieces - 1) * piece; }  // Groups of the last piece.
  bool even() const { return last() == piece; }
};

// Two tiles of rows in memory: pieces `step` bytes apart, rows `pitch`.
struct TileRows {
  const uint8_t* first;
  const uint8_t* second;
  int64_t step, pitch;
};

// The distance of rows that are equally far from each other and can be read in place; 0 otherwise.
inline int64_t EvenPitch(const ProductS8& p, const void* const* rows, int64_t count, const TileCut& cut) {
  if (p.segments != 1 || !cut.even() || count < 2) return 0;
  const auto at = [&](int64_t r) { return static_cast<const uint8_t*>(rows[r]); };
  const int64_t pitch = at(1) - at(0);
  for (int64_t r = 2; r < count; ++r)
    if (at(r) - at(r - 1) != pitch) return 0;
  return pitch;
}

// Copies `rows` rows (the last one again for absent ones) to [piece][tile rows][bytes of a piece], zeros at the end.
inline void GatherTile(const ProductS8& p, const void* const* rows, int64_t count, const TileCut& cut, uint8_t* to) {
  const int64_t piece_bytes = cut.piece * 4, step = cut.rows * piece_bytes, groups = p.groups();
  if (!cut.even()) __builtin_memset(to + (cut.pieces - 1) * step, 0, static_cast<size_t>(step));
  for (int64_t at = 0, segment = 0, within = 0; at < cut.groups;) {
    const int64_t room = cut.piece - at % cut.piece, there = groups - within, n = room < there ? room : there;
    const __mmask64 mask = Mask(n * 4);
    const int64_t from = p.offset[segment] + within * 4;
    uint8_t* y = to + at / cut.piece * step + at % cut.piece * 4;
    for (int64_t r = 0; r < cut.rows; ++r) {
      const auto* x = static_cast<const uint8_t*>(rows[r < count ? r : count - 1]) + from;
      _mm512_mask_storeu_epi8(y + r * piece_bytes, mask, _mm512_maskz_loadu_epi8(mask, x));
    }
    at += n;
    within += n;
    if (within == groups) {
      ++segment;
      within = 0;
    }
  }
}

// Sums of one or two tiles of rows and one or two panels: acc[r][panels * 16].
template <bool kTwoTiles, bool kTwoPanels>
void TileSums(const TileRows& a, const TileCut& cut, const int8_t* w, int64_t panel_bytes, const int8_t* end, const int32_t* bias, int32_t* acc) {
  constexpr int64_t kPitch = (kTwoPanels ? 2 : 1) * kPanel * 4;
  Tiles::Load<0>(bias, 0);  // The same row again and again.
  if constexpr (kTwoPanels) Tiles::Load<1>(bias + kPanel, 0);
  if constexpr (kTwoTiles) Tiles::Load<2>(bias, 0);
  if constexpr (kTwoTiles && kTwoPanels) Tiles::Load<3>(bias + kPanel, 0);
  for (int64_t i = 0; i < cut.pieces; ++i) {
    const int8_t* weights = w + i * cut.piece * 64;
    const int8_t* second = weights + panel_bytes;
    if (end && i + 1 == cut.pieces) (kTwoPanels ? second : weights) = end;
    Tiles::Load<4>(a.first + i * a.step, a.pitch);
    Tiles::Load<6>(weights, 64);
    Tiles::Dot<0, 4, 6>();
    if constexpr (kTwoPanels) {
      Tiles::Load<7>(second, 64);
      Tiles::Dot<1, 4, 7>();
    }
    if constexpr (kTwoTiles) {
      Tiles::Load<5>(a.second + i * a.step, a.pitch);
      Tiles::Dot<2, 5, 6>();
    }
    if constexpr (kTwoTiles && kTwoPanels) Tiles::Dot<3, 5, 7>();
  }
  auto* to = reinterpret_cast<uint8_t*>(acc);
  Tiles::Store<0>(to, kPitch);
  if constexpr (kTwoPanels) Tiles::Store<1>(to + kPanel * 4, kPitch);
  if constexpr (kTwoTiles) Tiles::Store<2>(to + cut.rows * kPitch, kPitch);
  if constexpr (kTwoTiles && kTwoPanels) Tiles::Store<3>(to + cut.rows * kPitch + kPanel * 4, kPitch);
}

// Whether the products outweigh what gathering rows and configuring registers costs, as measured.
inline bool FillsTiles(const ProductS8& p, int64_t count, int64_t panels) { return count >= 6 && p.groups() * panels >= 12; }

// As Int8::multiply.
inline void MultiplyTiles(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  alignas(64) int32_t acc[(2 * kTileRows + 3) * kBlockPanels * kPanel];  // Rows are read by fours.
  alignas(64) int8_t end[kTileGroups * 64] = {};
  const FinishFn finish = FinishOf(p.requant);
  const TileCut cut(p, count);
  const int64_t panel_bytes = p.panel_bytes(), all_panels = RoundUp(p.columns, kPanel) / kPanel, block = 2 * cut.rows, piece_bytes = cut.piece * 4;
  // A last piece that is filled up reads on into the next panel's weights, which meet zeros. The last panel has no next.
  const bool copies_end = !cut.even() && end_panel == all_panels;
  if (copies_end) __builtin_memcpy(end, p.packed + all_panels * panel_bytes - cut.last() * 64, static_cast<size_t>(cut.last() * 64));
  Tiles::Configure(static_cast<int>(cut.rows), static_cast<int>(cut.piece));
  const int64_t even = EvenPitch(p, rows, count, cut);
  auto* gathered = static_cast<uint8_t*>(scratch);
  for (int64_t r = 0; r < count; r += block) {
    const int64_t here = count - r < block ? count - r : block;
    const bool two = here > cut.rows, whole = here == block || here == cut.rows;
    TileRows a{gathered, gathered + cut.pieces * cut.rows * piece_bytes, cut.rows * piece_bytes, piece_bytes};
    if (even && whole) {
      const auto* x = static_cast<const uint8_t*>(rows[r]) + p.offset[0];
      a = {x, x + cut.rows * even, piece_bytes, even};
    } else {
      GatherTile(p, rows + r, two ? cut.rows : here, cut, gathered);
      if (two) GatherTile(p, rows + r + cut.rows, here - cut.rows, cut, gathered + cut.pieces * cut.rows * piece_bytes);
    }
    for (int64_t panel = first_panel; panel < end_panel; panel += kBlockPanels) {
      const bool both = panel + 1 < end_panel;
      const int panels = both ? 2 : 1;
      const int8_t* last = copies_end && panel + panels == all_panels ? end : nullptr;
      const auto sums = two ? (both ? TileSums<true, true> : TileSums<true, false>) : (both ? TileSums<false, true> : TileSums<false, false>);
      sums(a, cut, p.packed + panel * panel_bytes, panel_bytes, last, p.requant.bias + panel * kPanel, acc);
      if (p.take) p.take(p.context, acc, r, static_cast<int>(here), panel * kPanel, panels);
      else finish(acc, static_cast<int>(here), panels, p, panel * kPanel, y + r * p.pitch);
    }
  }
  Tiles::Release();
}
