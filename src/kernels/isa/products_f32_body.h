// SPDX-License-Identifier: Apache-2.0
// The float products over `Lanes` (lanes_*.h). Included once per instruction set, inside its unnamed
// namespace, with kTileRows and kTilePanels: the largest tile whose sums stay in registers; and HalfPanel(product), which
// computes products of at most half a panel's columns, where kHalfColumns is not 0.

using F = Lanes::F;
constexpr int kLanes = Lanes::kCount;
constexpr int kVectors = kPanel / kLanes;  // Per panel.

inline F Clamp(F v, F low, F high) { return Lanes::Min(high, Lanes::Max(low, v)); }

// What is left to do with a tile's sums where its last columns are not there: bias, clamp, and those that are.
inline void FinishSome(const ProductF32& p, const float* sums, int rows, int across, int64_t column, float* y) {
  const F low = Lanes::Set(p.low), high = Lanes::Set(p.high);
  for (int v = 0; v < across * kLanes; v += kLanes) {
    const int64_t n = p.columns - column - v;
    if (n <= 0) return;
    const F bias = Lanes::Load(p.bias + column + v);
    float* to = y + v;
    for (int r = 0; r < rows; ++r, to += p.ldy) {
      const F out = Clamp(Lanes::Add(Lanes::Load(sums + r * across * kLanes + v), bias), low, high);
      if (n >= kLanes) Lanes::Store(to, out);
      else Lanes::StoreSome(to, n, out);
    }
  }
}

// One k of every row, from element kAt of what lies in registers.
template <class L, int kAt, int kRows, int kAcross>
inline void MultiplyElement(const typename L::Run (&x)[kRows], const float* w, int64_t panel, F (&sum)[kRows][kAcross]) {
#pragma GCC unroll 16
  for (int v = 0; v < kAcross; ++v) {
    const F row = Lanes::Load(w + v / kVectors * panel + v % kVectors * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) sum[r][v] = L::template FmaElement<kAt>(x[r], row, sum[r][v]);
  }
}

// Weights of the next panels are asked for while these are multiplied: they are a stream of their own for the processor, which finds it
// only after some lines. Into the second-level cache: the first holds these. Fewer rows wait for memory anyway.
constexpr int kFewRows = 4, kSecondLevel = 2;

// kAcross vectors of columns. Rows in threes share a pointer: base, base + lda, base + 2 * lda are one addressing mode each.
// (Inlined into each other, tiles lack registers.)
template <int kRows, int kAcross, class L = Lanes> [[gnu::noinline]] void Tile(const ProductF32& p, const float* a, int64_t column, float* y) {
  constexpr int kPanels = (kAcross + kVectors - 1) / kVectors, kGroups = (kRows + 2) / 3;
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
    int64_t k = 0;
    if constexpr (requires { typename L::Run; }) {
      for (; k + 4 <= run; k += 4, w += 4 * kPanel) {
        typename L::Run x[kRows];
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) x[r] = L::LoadRun(group[r / 3] + r % 3 * lda);
        MultiplyElement<L, 0>(x, w, panel, sum);
        MultiplyElement<L, 1>(x, w + kPanel, panel, sum);
        MultiplyElement<L, 2>(x, w + 2 * kPanel, panel, sum);
        MultiplyElement<L, 3>(x, w + 3 * kPanel, panel, sum);
#pragma GCC unroll 16
        for (int g = 0; g < kGroups; ++g) group[g] += 4;
      }
    }
    for (; k < run; ++k, w += kPanel) {
      F row[kAcross];
#pragma GCC unroll 16
      for (int v = 0; v < kAcross; ++v) row[v] = Lanes::Load(w + v / kVectors * panel + v % kVectors * kLanes);
      if constexpr (kRows > kFewRows)
#pragma GCC unroll 16
        for (int v = 0; v < kPanels; ++v) __builtin_prefetch(w + (v + kPanels) * panel, 0, kSecondLevel);
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
  if (p.columns - column >= kAcross * kLanes) {
    const F low = Lanes::Set(p.low), high = Lanes::Set(p.high);
#pragma GCC unroll 16
    for (int v = 0; v < kAcross; ++v) {
      const F bias = Lanes::Load(p.bias + column + v * kLanes);
      float* to = y + v * kLanes;
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r, to += p.ldy) Lanes::Store(to, Clamp(Lanes::Add(sum[r][v], bias), low, high));
    }
    return;
  }
  alignas(64) float sums[kRows * kAcross * kLanes];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < kAcross; ++v) Lanes::Store(sums + (r * kAcross + v) * kLanes, sum[r][v]);
  FinishSome(p, sums, kRows, kAcross, column, y);
}

template <int kRows, int kAcross> void TileOf(int64_t rows, const ProductF32& p, const float* a, int64_t column, float* y) {
  if (rows == kRows) return Tile<kRows, kAcross>(p, a, column, y);
  if constexpr (kRows > 1) TileOf<kRows - 1, kAcross>(rows, p, a, column, y);
}

// All rows against kAcross vectors of columns, in tiles of at most kRows, as even as can be.
template <int kRows, int kAcross> void Rows(const ProductF32& p, int64_t column) {
  const int64_t tiles = (p.rows + kRows - 1) / kRows;
  for (int64_t g = 0; g < p.groups; ++g) {
    for (int64_t t = 0, r = 0; t < tiles; ++t) {
      const int64_t n = (p.rows - r + tiles - t - 1) / (tiles - t);
      TileOf<kRows, kAcross>(n, p, p.a + g * p.group_step + r * p.lda, column, p.y + (g * p.rows + r) * p.ldy + column);
      r += n;
    }
  }
}

// One row: more panels at once, so that sums do not wait for each other.
constexpr int kRowPanels = kLanes == 1 ? 1 : 8 / kVectors;

void Product(const ProductF32& p) {
  const int64_t left = p.columns % kPanel,
                half = p.rows > 1 && left <= kHalfColumns ? left : 0;  // Columns of half a panel, the last ones. (One row waits for its sums.)
  const int64_t end = (p.columns - half + kPanel - 1) / kPanel * kPanel;
  int64_t column = 0;
  if (p.rows == 1 && p.groups == 1)
    for (; end - column >= kRowPanels * kPanel; column += kRowPanels * kPanel) Tile<1, kRowPanels * kVectors>(p, p.a, column, p.y + column);
  for (; end - column >= kTilePanels * kPanel; column += kTilePanels * kPanel) Rows<kTileRows, kTilePanels * kVectors>(p, column);
  for (; column < end; column += kPanel) Rows<kTileRows, kVectors>(p, column);
  if (half == 0) return;
  ProductF32 last = p;
  last.w += end * p.depth;
  last.columns = half;
  last.bias += end;
  last.y += end;
  HalfPanel(last);
}

// Of the sums of kOutputs pixels, kAcross vectors of channels: scale, bias, clamp. whole: no vector is cut off.
template <int kOutputs, int kAcross> inline void FinishChannels(const WindowRowF32& p, F (&sum)[kOutputs][kAcross], int64_t c, bool whole, float* y) {
  const int64_t n = p.channels - c;
  const auto load = [&](const float* from) { return whole ? Lanes::Load(from) : Lanes::LoadSome(from, n); };
  const F low = Lanes::Set(p.low), high = Lanes::Set(p.high);
  const float* column_scale = p.column_scale;
  const int64_t ldy = p.ldy;  // Known to be the same behind a store.
#pragma GCC unroll 2
  for (int i = 0; i < kAcross; ++i) {
    const F bias = load(p.bias + c + i * kLanes);
    if (column_scale) {
      const F column = load(column_scale + c + i * kLanes), scale = Lanes::Set(p.scale);
#pragma GCC unroll 8
      for (int o = 0; o < kOutputs; ++o) sum[o][i] = Lanes::Mul(Lanes::Mul(sum[o][i], column), scale);
    }
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) {
      const F out = Clamp(Lanes::Add(sum[o][i], bias), low, high);
      float* to = y + o * ldy + c + i * kLanes;
      if (whole) Lanes::Store(to, out);
      else Lanes::StoreSome(to, n, out);
    }
  }
}

// kOutputs neighbouring pixels share the loads of the weights, kAcross vectors of channels those of the
// pixels' addresses. A vector that is not whole is alone.
template <int kOutputs, int kAcross> void Channels(const WindowRowF32& p, const float* const* first, int64_t c, float* y) {
  const int64_t n = p.channels - c;
  const bool whole = n >= kLanes;
  const auto load = [&](const float* from) { return whole ? Lanes::Load(from) : Lanes::LoadSome(from, n); };
  F sum[kOutputs][kAcross];
#pragma GCC unroll 8
  for (int o = 0; o < kOutputs; ++o)
#pragma GCC unroll 2
    for (int i = 0; i < kAcross; ++i) sum[o][i] = Lanes::Set(0.0f);
  const float* w = p.w + c;
  for (int32_t u = 0; u < p.rows; ++u) {
    const float* const* cell = first + u * p.pitch;
    for (int32_t v = 0; v < p.filter_w; ++v, w += p.channels, cell += p.dilation) {
      F weight[kAcross];
#pragma GCC unroll 2
      for (int i = 0; i < kAcross; ++i) weight[i] = load(w + i * kLanes);
#pragma GCC unroll 8
      for (int o = 0; o < kOutputs; ++o) {
        const float* x = cell[o * p.stride] + c;
#pragma GCC unroll 2
        for (int i = 0; i < kAcross; ++i) sum[o][i] = Lanes::Fma(load(x + i * kLanes), weight[i], sum[o][i]);
      }
    }
  }
  FinishChannels<kOutputs, kAcross>(p, sum, c, whole, y);
}

template <int kOutputs> void Pixels(const WindowRowF32& p, int64_t j) {
  const float* const* first = p.cells + j * p.stride;
  float* y = p.y + j * p.ldy;
  int64_t c = 0;
  for (; p.channels - c >= 2 * kLanes; c += 2 * kLanes) Channels<kOutputs, 2>(p, first, c, y);
  for (; c < p.channels; c += kLanes) Channels<kOutputs, 1>(p, first, c, y);
}

// Filters three wide: a pixel is loaded once for all windows that it is in. The sums are those of Channels, in its order. Whole vectors only.
template <int kOutputs, int kStride, int kAcross> void ThreeWide(const WindowRowF32& p, const float* const* first, int64_t c, float* y) {
  F sum[kOutputs][kAcross];
#pragma GCC unroll 8
  for (int o = 0; o < kOutputs; ++o)
#pragma GCC unroll 2
    for (int i = 0; i < kAcross; ++i) sum[o][i] = Lanes::Set(0.0f);
  const float* w = p.w + c;
  for (int32_t u = 0; u < p.rows; ++u, w += 3 * p.channels) {
    const float* const* cell = first + u * p.pitch;
    F weight[3][kAcross];
#pragma GCC unroll 3
    for (int v = 0; v < 3; ++v)
#pragma GCC unroll 2
      for (int i = 0; i < kAcross; ++i) weight[v][i] = Lanes::Load(w + v * p.channels + i * kLanes);
#pragma GCC unroll 17
    for (int k = 0; k < (kOutputs - 1) * kStride + 3; ++k) {
      const float* x = cell[k] + c;
#pragma GCC unroll 2
      for (int i = 0; i < kAcross; ++i) {
        const F value = Lanes::Load(x + i * kLanes);
#pragma GCC unroll 3
        for (int v = 0; v < 3; ++v)
          if (k >= v && (k - v) % kStride == 0 && (k - v) / kStride < kOutputs)
            sum[(k - v) / kStride][i] = Lanes::Fma(value, weight[v][i], sum[(k - v) / kStride][i]);
      }
    }
  }
  FinishChannels<kOutputs, kAcross>(p, sum, c, true, y);
}

// Of as many channels as a vector has; the last vector reaches back over what is done already.
template <int kOutputs, int kStride> void PixelsOfThree(const WindowRowF32& p, int64_t j) {
  constexpr int kMost = kLanes == 16 ? 2 : 1;  // Vectors of channels whose weights and sums stay in registers.
  const float* const* first = p.cells + j * kStride;
  float* y = p.y + j * p.ldy;
  int64_t c = 0;
  for (; p.channels - c >= kMost * kLanes; c += kMost * kLanes) ThreeWide<kOutputs, kStride, kMost>(p, first, c, y);
  for (; c < p.channels; c += kLanes) ThreeWide<kOutputs, kStride, 1>(p, first, c < p.channels - kLanes ? c : p.channels - kLanes, y);
}

// Groups of pixels; the last one reaches back over what is done already.
template <class Group> void InGroups(int64_t outputs, int64_t together, const Group& group) {
  for (int64_t j = 0; j < outputs; j += together) group(j < outputs - together ? j : outputs - together);
}

// Maps are often multiples of seven or six wide.
template <int kStride> void RowOfThree(const WindowRowF32& p) {
  if (p.outputs % 7 == 0) InGroups(p.outputs, 7, [&](int64_t j) { PixelsOfThree<7, kStride>(p, j); });
  else if (p.outputs % 6 == 0) InGroups(p.outputs, 6, [&](int64_t j) { PixelsOfThree<6, kStride>(p, j); });
  else InGroups(p.outputs, 4, [&](int64_t j) { PixelsOfThree<4, kStride>(p, j); });
}

void WindowRow(const WindowRowF32& p) {
  constexpr int64_t kTogether = 4;
  if (p.outputs < kTogether) {
    for (int64_t j = 0; j < p.outputs; ++j) Pixels<1>(p, j);
    return;
  }
  const bool three = p.filter_w == 3 && p.dilation == 1 && p.channels >= kLanes;
  if (three && p.stride == 1) RowOfThree<1>(p);
  else if (three && p.stride == 2) RowOfThree<2>(p);
  else InGroups(p.outputs, kTogether, [&](int64_t j) { Pixels<kTogether>(p, j); });
}
