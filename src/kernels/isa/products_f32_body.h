// SPDX-License-Identifier: Apache-2.0
// The float products over `Lanes` (lanes_*.h). Included once per instruction set, inside its unnamed
// namespace, with kTileRows and kTilePanels: the largest tile whose sums stay in registers.

using F = Lanes::F;
constexpr int kLanes = Lanes::kCount;
constexpr int kVectors = kPanel / kLanes;  // Per panel.

inline F Clamp(F v, F low, F high) { return Lanes::Min(high, Lanes::Max(low, v)); }

// What is left to do with a tile's sums: bias, clamp, and the columns that are there.
inline void Finish(const ProductF32& p, const float* sums, int rows, int panels, int64_t column, float* y) {
  const F low = Lanes::Set(p.low), high = Lanes::Set(p.high);
  for (int v = 0; v < panels * kPanel; v += kLanes) {
    const int64_t n = p.columns - column - v;
    if (n <= 0) return;
    const F bias = Lanes::Load(p.bias + column + v);
    float* to = y + v;
    for (int r = 0; r < rows; ++r, to += p.ldy) {
      const F out = Clamp(Lanes::Add(Lanes::Load(sums + r * panels * kPanel + v), bias), low, high);
      if (n >= kLanes) Lanes::Store(to, out);
      else Lanes::StoreSome(to, n, out);
    }
  }
}

// Rows in threes share a pointer: base, base + lda, base + 2 * lda are one addressing mode each.
template <int kRows, int kPanels> void Tile(const ProductF32& p, const float* a, int64_t column, float* y) {
  constexpr int kAcross = kPanels * kVectors, kGroups = (kRows + 2) / 3;
  F sum[kRows][kAcross];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < kAcross; ++v) sum[r][v] = Lanes::Set(0.0f);
  const int64_t lda = p.lda, panel = p.depth * kPanel, run = p.depth / p.segments;
  const float* w = p.w + column * p.depth;
  for (int64_t s = 0; s < p.segments; ++s, a += p.segment_step) {
    const float* group[kGroups];
#pragma GCC unroll 16
    for (int g = 0; g < kGroups; ++g) group[g] = a + 3 * g * lda;
    for (int64_t k = 0; k < run; ++k, w += kPanel) {
      F row[kAcross];
#pragma GCC unroll 16
      for (int v = 0; v < kAcross; ++v) row[v] = Lanes::Load(w + v / kVectors * panel + v % kVectors * kLanes);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const F x = Lanes::Set(group[r / 3][r % 3 * lda]);
#pragma GCC unroll 16
        for (int v = 0; v < kAcross; ++v) sum[r][v] = Lanes::Fma(x, row[v], sum[r][v]);
      }
#pragma GCC unroll 16
      for (int g = 0; g < kGroups; ++g) ++group[g];
    }
  }
  alignas(64) float sums[kRows * kPanels * kPanel];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < kAcross; ++v) Lanes::Store(sums + (r * kAcross + v) * kLanes, sum[r][v]);
  Finish(p, sums, kRows, kPanels, column, y);
}

template <int kRows, int kPanels> void TileOf(int64_t rows, const ProductF32& p, const float* a, int64_t column, float* y) {
  if (rows == kRows) return Tile<kRows, kPanels>(p, a, column, y);
  if constexpr (kRows > 1) TileOf<kRows - 1, kPanels>(rows, p, a, column, y);
}

// All rows against kPanels panels, in tiles as even as can be.
template <int kPanels> void Rows(const ProductF32& p, int64_t column) {
  const int64_t tiles = (p.rows + kTileRows - 1) / kTileRows;
  for (int64_t g = 0; g < p.groups; ++g) {
    for (int64_t t = 0, r = 0; t < tiles; ++t) {
      const int64_t n = (p.rows - r + tiles - t - 1) / (tiles - t);
      TileOf<kTileRows, kPanels>(n, p, p.a + g * p.group_step + r * p.lda, column, p.y + (g * p.rows + r) * p.ldy + column);
      r += n;
    }
  }
}

// One row: more panels at once, so that sums do not wait for each other.
constexpr int kRowPanels = kLanes == 1 ? 1 : 8 / kVectors;

void Product(const ProductF32& p) {
  const int64_t end = (p.columns + kPanel - 1) / kPanel * kPanel;
  int64_t column = 0;
  if (p.rows == 1 && p.groups == 1)
    for (; end - column >= kRowPanels * kPanel; column += kRowPanels * kPanel) Tile<1, kRowPanels>(p, p.a, column, p.y + column);
  for (; end - column >= kTilePanels * kPanel; column += kTilePanels * kPanel) Rows<kTilePanels>(p, column);
  for (; column < end; column += kPanel) Rows<1>(p, column);
}

// kOutputs neighbouring pixels share the loads of the weights.
template <int kOutputs> void Pixels(const WindowRowF32& p, int64_t j) {
  const F low = Lanes::Set(p.low), high = Lanes::Set(p.high), scale = Lanes::Set(p.scale);
  const float* const* first = p.cells + j * p.stride;
  for (int64_t c = 0; c < p.channels; c += kLanes) {
    const int64_t n = p.channels - c;
    const bool whole = n >= kLanes;
    F sum[kOutputs];
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) sum[o] = Lanes::Set(0.0f);
    const float* w = p.w + c;
    for (int32_t u = 0; u < p.rows; ++u) {
      const float* const* cell = first + u * p.pitch;
      for (int32_t v = 0; v < p.filter_w; ++v, w += p.channels, cell += p.dilation) {
        const F weight = whole ? Lanes::Load(w) : Lanes::LoadSome(w, n);
#pragma GCC unroll 8
        for (int o = 0; o < kOutputs; ++o) {
          const float* x = cell[o * p.stride] + c;
          sum[o] = Lanes::Fma(whole ? Lanes::Load(x) : Lanes::LoadSome(x, n), weight, sum[o]);
        }
      }
    }
    const F bias = whole ? Lanes::Load(p.bias + c) : Lanes::LoadSome(p.bias + c, n);
    const F column = !p.column_scale ? scale : whole ? Lanes::Load(p.column_scale + c) : Lanes::LoadSome(p.column_scale + c, n);
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) {
      const F v = p.column_scale ? Lanes::Mul(Lanes::Mul(sum[o], column), scale) : sum[o];
      const F out = Clamp(Lanes::Add(v, bias), low, high);
      float* y = p.y + (j + o) * p.channels + c;
      if (whole) Lanes::Store(y, out);
      else Lanes::StoreSome(y, n, out);
    }
  }
}

// Groups of four pixels; the last one reaches back over what is done already.
void WindowRow(const WindowRowF32& p) {
  constexpr int64_t kTogether = 4;
  if (p.outputs < kTogether) {
    for (int64_t j = 0; j < p.outputs; ++j) Pixels<1>(p, j);
    return;
  }
  for (int64_t j = 0; j < p.outputs; j += kTogether) Pixels<kTogether>(p, j < p.outputs - kTogether ? j : p.outputs - kTogether);
}
