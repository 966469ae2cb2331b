// SPDX-License-Identifier: Apache-2.0
// Float 3x3 convolutions of stride 1 by Winograd's F(4 x 4, 3 x 3): a quarter of the multiplications. Sums are
// rounded elsewhere than by direct products: results differ by up to some 1e-5 of the largest sum.
// OCTET_WINOGRAD_F32=off in the environment keeps direct products.
#include <array>
#include <cstdlib>
#include <cstring>

#include "base/thread_pool.h"
#include "kernels/products_f32.h"
#include "ops/matrix_util.h"

namespace octet::ops {
namespace {

using kernels::kPanel;
using kernels::RoundUp;

constexpr int64_t kM = 4, kSide = 6, kPositions = kSide * kSide;
constexpr int64_t kMostBytes = 10 << 20;      // Of transformed weights, four times the weights.
constexpr int64_t kTileValues = 160 << 10;    // Transformed inputs and sums of one task.
constexpr int64_t kLeastChannels = 16;        // With fewer, transforms take as long as they save.

// Values from one position to the next: a cache line beyond a whole number of them, so that the positions of a tile do
// not all fall into the same few lines of the first-level cache.
int64_t PositionStep(int64_t tiles, int64_t channels) { return RoundUp(tiles * channels, 16) + 16; }

int64_t Tiles(int64_t outputs) { return (outputs + kM - 1) / kM; }

bool SwitchedOff() {
  const char* v = std::getenv("OCTET_WINOGRAD_F32");
  return v && std::strcmp(v, "off") == 0;
}

struct Params {
  ConvGeometry g;
  int64_t tiles = 0, tiles_per_task = 0;  // Of all images.
  const float* weights = nullptr;         // [position][panel][in_c][16], by the rows of G.
  const float *bias = nullptr, *zeros = nullptr;  // Padded to whole panels.
  ClampF32 clamp;
  int64_t sums_at = 0, window_at = 0, scratch_bytes = 0;  // Per thread.
};

// The 6 x 6 inputs of the tile with outputs (top, left) on: in place, or copied with the zeros around the image.
const float* Window(const ConvGeometry& g, const float* image, int64_t top, int64_t left, float* copy, int64_t* row_step) {
  const int64_t c = g.in_c, line = g.in_w * c, y0 = top - g.pad_h, x0 = left - g.pad_w;
  *row_step = line;
  if (y0 >= 0 && x0 >= 0 && y0 + kSide <= g.in_h && x0 + kSide <= g.in_w) return image + y0 * line + x0 * c;
  *row_step = kSide * c;
  const int64_t first = std::max<int64_t>(0, -x0), end = std::clamp<int64_t>(g.in_w - x0, first, kSide);
  for (int64_t i = 0; i < kSide; ++i) {
    float* to = copy + i * kSide * c;
    const int64_t y = y0 + i;
    const bool inside = y >= 0 && y < g.in_h;
    std::fill_n(to, inside ? first * c : kSide * c, 0.0f);
    if (!inside) continue;
    std::copy_n(image + y * line + (x0 + first) * c, (end - first) * c, to + first * c);
    std::fill_n(to + end * c, (kSide - end) * c, 0.0f);
  }
  return copy;
}

Status RunTiles(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const kernels::ProductsF32& k = kernels::FloatProducts();
  const ConvGeometry& g = p.g;
  const int64_t across = Tiles(g.out_w), per_image = across * Tiles(g.out_h), panel_bytes = RoundUp(g.out_c, kPanel) * g.in_c;
  run.pool->For((p.tiles + p.tiles_per_task - 1) / p.tiles_per_task, [&](int64_t task, int thread) {
    const int64_t first = task * p.tiles_per_task, count = std::min(p.tiles_per_task, p.tiles - first);
    auto* inputs = reinterpret_cast<float*>(run.workspace + thread * p.scratch_bytes);
    float *sums = inputs + p.sums_at, *copy = inputs + p.window_at;
    const auto place = [&](int64_t t, int64_t* b, int64_t* top, int64_t* left) { *b = t / per_image, *top = t % per_image / across * kM, *left = t % across * kM; };
    const int64_t input_step = PositionStep(count, g.in_c), sum_step = PositionStep(count, g.out_c);
    int64_t b = 0, top = 0, left = 0;
    for (int64_t t = 0; t < count; ++t) {
      place(first + t, &b, &top, &left);
      int64_t row_step = 0;
      const float* window = Window(g, run.input<float>(0) + b * g.in_h * g.in_w * g.in_c, top, left, copy, &row_step);
      k.winograd_input(window, row_step, g.in_c, inputs + t * g.in_c, input_step);
    }
    for (int64_t i = 0; i < kPositions; ++i) {
      const kernels::ProductF32 product{.a = inputs + i * input_step, .lda = g.in_c, .rows = count, .w = p.weights + i * panel_bytes, .depth = g.in_c, .columns = g.out_c,
                                        .bias = p.zeros, .low = -HUGE_VALF, .high = HUGE_VALF, .y = sums + i * sum_step, .ldy = g.out_c};
      k.product(product);
    }
    for (int64_t t = 0; t < count; ++t) {
      place(first + t, &b, &top, &left);
      float* y = run.output<float>(0) + ((b * g.out_h + top) * g.out_w + left) * g.out_c;
      k.winograd_output(sums + t * g.out_c, sum_step, g.out_c, p.bias, p.clamp.low, p.clamp.high, std::min<int64_t>(kM, g.out_h - top), std::min<int64_t>(kM, g.out_w - left), y,
                        int64_t{g.out_w} * g.out_c);
    }
  });
  return {};
}

struct PackContext {
  const float* weights;  // [columns][3][3][channels].
  int64_t columns, channels;
};

// A panel's columns side by side, in double: it is done once.
using Columns = std::array<double, kPanel>;

// G along one direction: rows (1/4, 0, 0), (-1/6, -1/6, -1/6), (-1/6, 1/6, -1/6), (1/24, 1/12, 1/6), (1/24, -1/12, 1/6), (0, 0, 1).
void Combine(const Columns& a, const Columns& b, const Columns& c, int64_t step, Columns* __restrict to) {
  constexpr double kSixth = 1.0 / 6, kTwelfth = 1.0 / 12, kTwentyFourth = 1.0 / 24;
  for (size_t k = 0; k < a.size(); ++k) {
    const double outer = (a[k] + c[k]) * -kSixth, middle = b[k] * kSixth, far = a[k] * kTwentyFourth + c[k] * kSixth, near = b[k] * kTwelfth;
    to[0][k] = a[k] * 0.25;
    to[step][k] = outer - middle;
    to[2 * step][k] = outer + middle;
    to[3 * step][k] = far + near;
    to[4 * step][k] = far - near;
    to[5 * step][k] = c[k];
  }
}

// G g G^T.
void PackTransformed(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  const int64_t position = RoundUp(c.columns, kPanel) * c.channels;
  for (int64_t first = 0; first < c.columns; first += kPanel) {
    const auto n = static_cast<size_t>(std::min<int64_t>(kPanel, c.columns - first));
    float* panel = reinterpret_cast<float*>(packed) + first * c.channels;
    for (int64_t k = 0; k < c.channels; ++k, panel += kPanel) {
      Columns g[3 * 3] = {}, half[kSide * 3], whole[kSide];
      for (size_t o = 0; o < n; ++o)
        for (int64_t i = 0; i < 9; ++i) g[i][o] = static_cast<double>(c.weights[((first + static_cast<int64_t>(o)) * 9 + i) * c.channels + k]);
      for (int64_t v = 0; v < 3; ++v) Combine(g[v], g[3 + v], g[6 + v], 3, half + v);
      for (int64_t i = 0; i < kSide; ++i) {
        Combine(half[i * 3], half[i * 3 + 1], half[i * 3 + 2], 1, whole);
        for (int64_t j = 0; j < kSide; ++j) std::copy(whole[j].begin(), whole[j].end(), panel + (i * kSide + j) * position);
      }
    }
  }
}

}  // namespace

bool TakesWinogradF32(const ConvGeometry& g) {
  static const bool off = SwitchedOff();
  if (off || g.filter_h != 3 || g.filter_w != 3 || g.stride_h != 1 || g.stride_w != 1 || g.dilation_h != 1 || g.dilation_w != 1) return false;
  if (std::min(g.in_c, g.out_c) < kLeastChannels || kPositions * RoundUp(g.out_c, kPanel) * g.in_c * 4 > kMostBytes) return false;
  // Of the tiles, at least half must be outputs: 36 multiplications are then at most half of 9 each.
  return Tiles(g.out_h) * Tiles(g.out_w) * kM * kM <= int64_t{2} * g.out_h * g.out_w;
}

Status PrepareWinogradF32(Prepare& prepare, const ConvGeometry& g, ClampF32 clamp, const float* bias) {
  auto* p = prepare.Params<Params>();
  p->g = g;
  p->clamp = clamp;
  p->tiles = g.batch * Tiles(g.out_h) * Tiles(g.out_w);
  const int64_t tile_rows = kernels::FloatProducts().rows, fit = kTileValues / (kPositions * (int64_t{g.in_c} + g.out_c));
  const int64_t wanted = std::max<int64_t>(1, p->tiles / std::max(tile_rows, fit / tile_rows * tile_rows));
  p->tiles_per_task = RoundUp((p->tiles + wanted - 1) / wanted, std::min(tile_rows, p->tiles));
  const auto padded = static_cast<size_t>(RoundUp(g.out_c, kPanel));
  float *offsets = prepare.Array<float>(padded), *zeros = prepare.Array<float>(padded);
  if (bias) std::copy_n(bias, g.out_c, offsets);
  p->bias = offsets;
  p->zeros = zeros;
  const PackContext context{reinterpret_cast<const float*>(prepare.op.constants[1]), g.out_c, g.in_c};
  OCTET_ASSIGN(const std::byte* packed, prepare.Pack(1, "winograd_f32", 0, static_cast<size_t>(kPositions) * padded * static_cast<size_t>(g.in_c) * 4, PackTransformed, &context));
  p->weights = reinterpret_cast<const float*>(packed);
  p->sums_at = kPositions * PositionStep(p->tiles_per_task, g.in_c);
  p->window_at = p->sums_at + kPositions * PositionStep(p->tiles_per_task, g.out_c);
  p->scratch_bytes = (p->window_at + RoundUp(kPositions * g.in_c, 16)) * 4;
  prepare.Workspace(static_cast<size_t>(p->scratch_bytes) * static_cast<size_t>(prepare.threads));
  prepare.SetRun(RunTiles, p);
  return {};
}

}  // namespace octet::ops
