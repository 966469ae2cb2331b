// SPDX-License-Identifier: Apache-2.0
// Float products: matrices against packed panels, and windows channel by channel. One body
// (isa/products_f32_body.h) over each instruction set's lanes. A sum runs over k in one order, whatever the
// tile it is computed in: results depend neither on threads nor on how rows are cut.
#pragma once
#include <cstdint>

namespace octet::kernels {

// y[r * ldy + c] = clamp(bias[c] + sum over k of a(r, k) * w[k][c]). Weights are panels of 16 columns,
// [columns / 16][depth][16], zeros at the end; bias is padded alike.
// Row r = group * rows + i begins at a + group * group_step + i * lda; it is `segments` runs of
// depth / segments values, each segment_step behind the one before: windows of an image, in place.
struct ProductF32 {
  const float* a = nullptr;
  int64_t lda = 0, rows = 0, groups = 1, group_step = 0, segments = 1, segment_step = 0;
  const float* w = nullptr;
  int64_t depth = 0, columns = 0;
  const float* bias = nullptr;
  float low = 0, high = 0;
  float* y = nullptr;
  int64_t ldy = 0;
};

// A row of output pixels of a depthwise convolution:
//   y[j][c] = clamp(bias[c] + scale * column_scale[c] * sum over u, v of x(u, j * stride + v * dilation)[c] * w[u][v][c])
struct WindowRowF32 {
  const float* const* cells = nullptr;  // Pixels of the input, [rows][pitch].
  int64_t pitch = 0;
  int32_t rows = 0, filter_w = 0, stride = 1, dilation = 1;
  const float* w = nullptr;
  int64_t channels = 0, outputs = 0;
  const float* bias = nullptr;
  const float* column_scale = nullptr;  // Null: none, and `scale` is not applied.
  float scale = 1, low = 0, high = 0;
  float* y = nullptr;
  int64_t ldy = 0;  // From a pixel to the next.
};

// The transforms of Winograd's F(m x m, 3 x 3): a tile of m x m outputs from (m + 2)^2 inputs.
struct WinogradF32 {
  // The pixels from `tile` on, rows `row_step` values apart, to one value per position and channel:
  // to[position * position_step + channel].
  void (*input)(const float* tile, int64_t row_step, int64_t channels, float* to, int64_t position_step);
  // The filters of 16 columns, g[tap * tap_step + column], to to[position * position_step + column]: G g G^T.
  void (*weights)(const float* g, int64_t tap_step, float* to, int64_t position_step);
  // Back from sums[position * position_step + channel] to rows x columns (at most m x m) pixels.
  void (*output)(const float* sums, int64_t position_step, int64_t channels, const float* bias, float low, float high, int64_t rows, int64_t columns,
                 float* y, int64_t row_step);
};

struct ProductsF32 {
  int rows, panels;  // Of the largest tile: blocks of rows and panels are best multiples of it.
  void (*product)(const ProductF32&);
  void (*window_row)(const WindowRowF32&);
  WinogradF32 winograd2, winograd4;
};

const ProductsF32& FloatProducts();  // For this processor (base/cpu.h); OCTET_ISA lowers it.

extern const ProductsF32 kScalarProductsF32, kAvx2ProductsF32, kAvx512ProductsF32, kNeonProductsF32;

}  // namespace octet::kernels
