// SPDX-License-Identifier: Apache-2.0
// 8-bit products with vpdpbusd on 256 bits, which adds four products of uint8 and int8 to each lane without saturation:
// activations are x + 128, packed weights are read as they are. Included inside an unnamed namespace that has tile_sums_avx2.h and
//   OCTET_VPDPBUSD   the instruction in its encoding: lanes of four bytes

constexpr int64_t kBlockRows = 512;  // That meet a panel one after the other: they stay in the second-level cache.
constexpr int64_t kFewRows = 4;      // Less: a panel's two sums a row would wait for each other.

// In assembly because GCC otherwise copies sums to and fro in the inner loop.
inline void Dot(__m256i& sum, __m256i x, __m256i w) { asm(OCTET_VPDPBUSD " %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w)); }

inline __m256i Quad(const void* a) {
  int32_t v;
  __builtin_memcpy(&v, a, 4);
  return _mm256_set1_epi32(v);
}

// One group of row i against 16 columns.
#define OCTET_DOT(i, a) \
  "vpbroadcastd " #a "(%[a" #i "],%[at]), %%ymm14\n\t" OCTET_VPDPBUSD " %%ymm12, %%ymm14, %[low" #i "]\n\t" OCTET_VPDPBUSD " %%ymm13, %%ymm14, %[high" #i "]\n\t"
#define OCTET_DOTS(n) OCTET_FROM_BIAS(n, OCTET_DOT, 4, 64)

struct Dots {
  static constexpr bool kPaired = false, kOverlaps = false, kCoarse = true;
  static constexpr int kTileRows = 6;  // 12 sums, 2 weights, the activation.
  Depth depth;
  explicit Dots(const ProductS8& p) : depth(p, 4) {}
  template <int kCount>
  [[gnu::always_inline]] void Sum(const void* const* rows, const void* w, const int32_t* bias, const int32_t*, __m256i (&low)[kCount],
                                  __m256i (&high)[kCount]) const {
    const int64_t* offset = depth.offset;
    int64_t at, left;
    OCTET_UP_TO_6(OCTET_DOTS)
  }
};
constexpr TileFn kTiles[Dots::kTileRows] = {Tile<Dots, 1>, Tile<Dots, 2>, Tile<Dots, 3>, Tile<Dots, 4>, Tile<Dots, 5>, Tile<Dots, 6>};

// Few rows times kPanels panels: acc[panel][kCount][16].
template <int kCount, int kPanels> void FewTile(const ProductS8& p, const void* const* rows, int64_t panel, int32_t* acc) {
  const int64_t panel_bytes = p.panel_bytes(), groups = p.groups();
  const int8_t* w = p.packed + panel * panel_bytes;
  __m256i low[kPanels][kCount], high[kPanels][kCount];
#pragma GCC unroll 4
  for (int c = 0; c < kPanels; ++c)
#pragma GCC unroll 4
    for (int r = 0; r < kCount; ++r) low[c][r] = Load(p.requant.bias + (panel + c) * kPanel), high[c][r] = Load(p.requant.bias + (panel + c) * kPanel + 8);
  for (int64_t s = 0; s < p.segments; ++s) {
    int64_t at = p.offset[s];
    for (int64_t g = 0; g < groups; ++g, at += 4, w += 64) {
      __m256i x[kCount];
#pragma GCC unroll 4
      for (int r = 0; r < kCount; ++r) x[r] = Quad(static_cast<const uint8_t*>(rows[r]) + at);
#pragma GCC unroll 4
      for (int c = 0; c < kPanels; ++c) {
        // One half of the weights at a time: with both, three rows' sums are a register too many.
        const __m256i w0 = Load(w + c * panel_bytes);
#pragma GCC unroll 4
        for (int r = 0; r < kCount; ++r) Dot(low[c][r], x[r], w0);
        const __m256i w1 = Load(w + c * panel_bytes + 32);
#pragma GCC unroll 4
        for (int r = 0; r < kCount; ++r) Dot(high[c][r], x[r], w1);
      }
    }
  }
#pragma GCC unroll 4
  for (int c = 0; c < kPanels; ++c) StoreSums(low[c], high[c], acc + c * kCount * kPanel);
}
using FewFn = void (*)(const ProductS8&, const void* const*, int64_t panel, int32_t* acc);
constexpr int64_t kFewPanels[kFewRows] = {0, 4, 2, 2};
constexpr FewFn kFewTiles[kFewRows] = {nullptr, FewTile<1, 4>, FewTile<2, 2>, FewTile<3, 2>};

// Sums of `count` rows from `row` on and one panel on to where they go.
struct Give {
  const ProductS8& p;
  FinishFn finish;
  int8_t* y;
  void operator()(int32_t* acc, int64_t row, int count, int64_t panel) const {
    if (p.take) p.take(p.context, acc, row, count, panel * kPanel, 1);
    else finish(acc, count, p, panel * kPanel, y + row * p.pitch);
  }
};

void DotFewRows(const ProductS8& p, const void* const* rows, int64_t count, int64_t panel, int64_t end_panel, const Give& give) {
  alignas(32) int32_t acc[4 * kFewRows * kPanel];
  while (panel < end_panel) {
    const int64_t together = end_panel - panel >= kFewPanels[count] ? kFewPanels[count] : 1;
    if (together > 1) kFewTiles[count](p, rows, panel, acc);
    else kTiles[count - 1](p, rows, p.packed + panel * p.panel_bytes(), p.requant.bias + panel * kPanel, nullptr, acc);
    for (int64_t i = 0; i < together; ++i) give(acc + i * count * kPanel, 0, static_cast<int>(count), panel + i);
    panel += together;
  }
}

void DotBlock(const Block& b, int64_t panel, const Give& give) {
  alignas(32) int32_t acc[Dots::kTileRows * kPanel];
  const ProductS8& p = b.p;
  const bool whole = b.count >= kWholeRows && p.requant.floored != Floored::kNone;
  for (; panel < b.end_panel; ++panel) {
    const int8_t* w = p.packed + panel * p.panel_bytes();
    const int32_t* bias = p.requant.bias + panel * kPanel;
    if (whole) ByPanel<true>(p.requant, panel, [&](auto rescale) { WholePanel<typename decltype(rescale)::type, Dots>(b, panel, w, bias); });
    else
      InTiles(b.count, Dots::kTileRows, [&](int64_t r, int tile) {
        kTiles[tile - 1](p, b.rows + b.first + r, w, bias, nullptr, acc);
        give(acc, b.first + r, tile, panel);
      });
  }
}

void DotRows(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y) {
  const Give give{p, FinishOf(p.requant), y};
  if (count < kFewRows) return DotFewRows(p, rows, count, first_panel, end_panel, give);
  for (int64_t first = 0; first < count; first += kBlockRows)
    DotBlock({p, kTiles, give.finish, rows, nullptr, first, count - first < kBlockRows ? count - first : kBlockRows, end_panel, y}, first_panel, give);
}

// As Int8::multiply.
void DotProducts(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void*) {
  if (count <= 0) return;
  if (p.requant.floored == Floored::kNone) return DotRows(p, rows, count, first_panel, end_panel, y);
  const RoundDown mode;
  DotRows(p, rows, count, first_panel, end_panel, y);
}

// x + 128 as uint8 is x with the top bit flipped.
void LoadFlipped(const int8_t* x, int64_t n, void* to) {
  auto* y = static_cast<uint8_t*>(to);
  const __m256i flip = _mm256_set1_epi8(-128);
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) Store(y + i, _mm256_xor_si256(Load(x + i), flip));
  for (; i < n; ++i) y[i] = static_cast<uint8_t>(x[i] ^ -128);
}
