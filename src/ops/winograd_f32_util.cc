// SPDX-License-Identifier: Apache-2.0
// Float 3x3 convolutions of stride 1 by Winograd's F(m x m, 3 x 3): a quarter (m = 4) or four ninths (m = 2) of the
// multiplications. Sums are rounded elsewhere than by direct products: results differ by up to some 1e-5 of the largest sum.
// Dilated by d, they are d x d windows of neighbours, each over every d-th row and column (a phase).
// OCTET_WINOGRAD_F32=off in the environment keeps direct products.
#include <cstdlib>
#include <cstring>

#include "base/thread_pool.h"
#include "kernels/elementwise.h"
#include "kernels/products_f32.h"
#include "ops/matrix_util.h"

namespace octet::ops {
namespace {

using kernels::CeilDivide;
using kernels::kPanel;
using kernels::RoundUp;

constexpr int64_t kMostBytes4 = 10 << 20, kMostBytes2 = 20 << 20;  // Of transformed weights: 4 and 1.8 times the weights.
constexpr int64_t kSmallBytes4 = 4 << 20, kManyTiles4 = 32;  // More bytes need more tiles to be worth the memory.
constexpr int64_t kLeastTiles2 = 12;          // With fewer, reading those weights takes as long as direct products.
// Transformed inputs and sums of one task: so few that they share a cache, but so many tiles that reading the weights anew for each task
// is little beside multiplying with them, as long as they are not too many.
constexpr int64_t kTileValues = 40 << 10, kEnoughTiles = 36, kMostTileValues = 160 << 10;
constexpr int64_t kWorthSharing = 1 << 21;    // Multiply-adds: less than meeting three times costs.
constexpr int64_t kLeastChannels = 16;        // With fewer, transforms take as long as they save.

// Values from one position to the next: a cache line beyond a whole number of them, so that the positions of a tile do
// not all fall into the same few lines of the first-level cache.
int64_t PositionStep(int64_t tiles, int64_t channels) { return RoundUp(tiles * channels, 16) + 16; }

// How the outputs of an image are cut into tiles. Of phases with one output less, the last tiles may be empty.
struct TileGrid {
  int64_t step, side, down, across;  // step: the dilation. Tiles of a phase.
  TileGrid(const ConvGeometry& g, int64_t m)
      : step(g.dilation_h), side(m), down(CeilDivide(CeilDivide(g.out_h, step), m)), across(CeilDivide(CeilDivide(g.out_w, step), m)) {}
  int64_t tiles() const { return step * step * down * across; }
};
int64_t Tiles(const ConvGeometry& g, int64_t side) { return TileGrid(g, side).tiles(); }

int64_t Positions(int64_t side) { return (side + 2) * (side + 2); }
const kernels::WinogradF32& TransformOf(int64_t side) { return side == 4 ? kernels::FloatProducts().winograd4 : kernels::FloatProducts().winograd2; }

bool SwitchedOff() {
  const char* v = std::getenv("OCTET_WINOGRAD_F32");
  return v && std::strcmp(v, "off") == 0;
}

struct Params {
  ConvGeometry g;
  int64_t side = 0;                       // m.
  int64_t tiles = 0, tiles_per_task = 0;  // Of all images.
  const float* weights = nullptr;         // [position][panel][in_c][16], by the rows of G.
  const float *bias = nullptr, *zeros = nullptr;  // Padded to whole panels.
  ClampF32 clamp;
  int64_t sums_at = 0, window_at = 0, scratch_bytes = 0;  // Per thread; of few tiles, threads share all but the window.
};

// A thread's copy of a window, or of a tile of outputs.
int64_t WindowValues(const Params& p) { return RoundUp(Positions(p.side) * std::max(p.g.in_c, p.g.out_c), 16); }

// The `span` x `span` inputs, `step` apart, of the tile with outputs (top, left) on: in place, or copied with the zeros around the image.
const float* Window(const ConvGeometry& g, int64_t span, int64_t step, const float* image, int64_t top, int64_t left, float* copy, int64_t* row_step) {
  const int64_t c = g.in_c, line = g.in_w * c, y0 = top - g.pad_h, x0 = left - g.pad_w;
  *row_step = line;
  if (step == 1 && y0 >= 0 && x0 >= 0 && y0 + span <= g.in_h && x0 + span <= g.in_w) return image + y0 * line + x0 * c;
  *row_step = span * c;
  const int64_t first = CeilDivide(std::max<int64_t>(0, -x0), step),
                end = std::clamp<int64_t>(CeilDivide(std::max<int64_t>(0, g.in_w - x0), step), first, span);
  for (int64_t i = 0; i < span; ++i) {
    float* to = copy + i * span * c;
    const int64_t y = y0 + i * step;
    const bool inside = y >= 0 && y < g.in_h;
    std::fill_n(to, inside ? first * c : span * c, 0.0f);
    if (!inside) continue;
    const float* from = image + y * line + (x0 + first * step) * c;
    if (step == 1) std::copy_n(from, (end - first) * c, to + first * c);
    else
      for (int64_t k = first; k < end; ++k) std::copy_n(from + (k - first) * step * c, c, to + k * c);
    std::fill_n(to + end * c, (span - end) * c, 0.0f);
  }
  return copy;
}

// Tiles [first, first + count) of all images, on their way from inputs to outputs.
struct Tiled {
  const Params& p;
  const Run& run;
  int64_t first, count;
  float *inputs, *sums;
  const kernels::WinogradF32& transform;
  const TileGrid grid{p.g, p.side};
  const int64_t input_step = PositionStep(count, p.g.in_c), sum_step = PositionStep(count, p.g.out_c);

  Tiled(const Params& params, const Run& r, int64_t from, int64_t n, float* scratch)
      : p(params), run(r), first(from), count(n), inputs(scratch), sums(scratch + params.sums_at), transform(TransformOf(params.side)) {}

  struct Place {
    int64_t image, top, left;  // Of the tile's first output.
  };
  Place place(int64_t t) const {
    const int64_t at = first + t, in_phase = at % (grid.down * grid.across), phase = at / (grid.down * grid.across) % (grid.step * grid.step);
    return {at / grid.tiles(), in_phase / grid.across * grid.side * grid.step + phase / grid.step,
            in_phase % grid.across * grid.side * grid.step + phase % grid.step};
  }
  void TransformInput(int64_t t, float* copy) const {
    const Place at = place(t);
    int64_t row_step = 0;
    const float* window = Window(p.g, p.side + 2, grid.step, run.input<float>(0) + at.image * p.g.in_h * p.g.in_w * p.g.in_c, at.top, at.left, copy, &row_step);
    transform.input(window, row_step, p.g.in_c, inputs + t * p.g.in_c, input_step);
  }
  void Multiply(int64_t position) const {
    const float* weights = p.weights + position * RoundUp(p.g.out_c, kPanel) * p.g.in_c;
    const kernels::ProductF32 product{.a = inputs + position * input_step, .lda = p.g.in_c, .rows = count, .w = weights, .depth = p.g.in_c,
                                      .columns = p.g.out_c, .bias = p.zeros, .low = -HUGE_VALF, .high = HUGE_VALF,
                                      .y = sums + position * sum_step, .ldy = p.g.out_c};
    kernels::FloatProducts().product(product);
  }
  void TransformOutput(int64_t t, float* copy) const {
    const Place at = place(t);
    const ConvGeometry& g = p.g;
    const int64_t c = g.out_c, rows = std::min(p.side, CeilDivide(g.out_h - at.top, grid.step)),
                  columns = std::min(p.side, CeilDivide(g.out_w - at.left, grid.step));
    if (rows <= 0 || columns <= 0) return;
    float* y = run.output<float>(0) + ((at.image * g.out_h + at.top) * g.out_w + at.left) * c;
    const bool in_place = grid.step == 1;
    transform.output(sums + t * c, sum_step, c, p.bias, p.clamp.low, p.clamp.high, rows, columns, in_place ? y : copy, in_place ? g.out_w * c : columns * c);
    for (int64_t i = 0; !in_place && i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) std::copy_n(copy + (i * columns + j) * c, c, y + (i * g.out_w + j) * grid.step * c);
  }
};

Status RunTiles(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  run.pool->For((p.tiles + p.tiles_per_task - 1) / p.tiles_per_task, [&](int64_t task, int thread) {
    auto* scratch = reinterpret_cast<float*>(run.workspace + thread * p.scratch_bytes);
    const int64_t first = task * p.tiles_per_task;
    const Tiled tiled(p, run, first, std::min(p.tiles_per_task, p.tiles - first), scratch);
    for (int64_t t = 0; t < tiled.count; ++t) tiled.TransformInput(t, scratch + p.window_at);
    for (int64_t i = 0; i < Positions(p.side); ++i) tiled.Multiply(i);
    for (int64_t t = 0; t < tiled.count; ++t) tiled.TransformOutput(t, scratch + p.window_at);
  });
  return {};
}

// Few tiles, much weight: threads share the positions, each of which has weights of its own.
Status RunPositions(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  auto* scratch = reinterpret_cast<float*>(run.workspace);
  const Tiled tiled(p, run, 0, p.tiles, scratch);
  const auto copy = [&](int thread) { return scratch + p.window_at + thread * WindowValues(p); };
  run.pool->For(p.tiles, [&](int64_t t, int thread) { tiled.TransformInput(t, copy(thread)); });
  run.pool->For(Positions(p.side), [&](int64_t i, int) { tiled.Multiply(i); });
  run.pool->For(p.tiles, [&](int64_t t, int thread) { tiled.TransformOutput(t, copy(thread)); });
  return {};
}

struct PackContext {
  const float* weights;  // [columns][3][3][channels].
  int64_t columns, channels, side;
};

constexpr int64_t kTogether = 16;  // Channels: a cache line of the file's weights, which lie far apart.

void PackTransformed(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  const kernels::WinogradF32& transform = TransformOf(c.side);
  const int64_t position = RoundUp(c.columns, kPanel) * c.channels, tap = kTogether * kPanel;
  for (int64_t first = 0; first < c.columns; first += kPanel) {
    float* panel = reinterpret_cast<float*>(packed) + first * c.channels;
    alignas(64) float filters[9 * kTogether * kPanel] = {};  // [9][channel][16].
    for (int64_t k = 0; k < c.channels; ++k, panel += kPanel) {
      if (k % kTogether == 0)
        for (int64_t i = 0; i < 9; ++i) {
          const float* from = c.weights + (first * 9 + i) * c.channels + k;
          kernels::Vectors().transpose_32(reinterpret_cast<const std::byte*>(from), 9 * c.channels * 4, std::min<int64_t>(kPanel, c.columns - first),
                                          std::min(kTogether, c.channels - k), reinterpret_cast<std::byte*>(filters + i * tap), kPanel * 4);
        }
      transform.weights(filters + k % kTogether * kPanel, tap, panel, position);
    }
  }
}

// m, or 0 where direct products are better. Whatever the batch: another one must not need other weights.
int64_t Side(const ConvGeometry& g) {
  static const bool off = SwitchedOff();
  if (off || g.filter_h != 3 || g.filter_w != 3 || g.stride_h != 1 || g.stride_w != 1 || g.dilation_h != g.dilation_w) return 0;
  if (std::min(g.in_c, g.out_c) < kLeastChannels) return 0;
  const int64_t weights = RoundUp(g.out_c, kPanel) * g.in_c * 4, outputs = int64_t{g.out_h} * g.out_w;
  // Of the tiles, at least half must be outputs: 36 multiplications are then at most half of 9 each.
  const int64_t bytes = Positions(4) * weights, most = Tiles(g, 4) < kManyTiles4 ? kSmallBytes4 : kMostBytes4;
  if (bytes <= most && Tiles(g, 4) * 16 <= 2 * outputs) return 4;
  // Two thirds: 16 multiplications are then at most two thirds of 9 each.
  if (Positions(2) * weights <= kMostBytes2 && Tiles(g, 2) * 4 * 2 <= 3 * outputs && Tiles(g, 2) >= kLeastTiles2) return 2;
  return 0;
}

}  // namespace

bool TakesWinogradF32(const ConvGeometry& g) { return Side(g) != 0; }

Status PrepareWinogradF32(Prepare& prepare, const ConvGeometry& g, ClampF32 clamp, const float* bias) {
  auto* p = prepare.Params<Params>();
  p->g = g;
  p->clamp = clamp;
  p->side = Side(g);
  p->tiles = g.batch * Tiles(g, p->side);
  const int64_t positions = Positions(p->side), tile_rows = kernels::FloatProducts().rows, values = positions * (int64_t{g.in_c} + g.out_c);
  const int64_t fit = std::max(kTileValues / values, std::min(kEnoughTiles, kMostTileValues / values));
  const int64_t most = std::max(tile_rows, fit / tile_rows * tile_rows), wanted = std::max<int64_t>(1, (p->tiles + most / 2) / most);
  p->tiles_per_task = (p->tiles + wanted - 1) / wanted;
  const auto padded = static_cast<size_t>(RoundUp(g.out_c, kPanel));
  float *offsets = prepare.Array<float>(padded), *zeros = prepare.Array<float>(padded);
  if (bias) std::copy_n(bias, g.out_c, offsets);
  p->bias = offsets;
  p->zeros = zeros;
  const PackContext context{reinterpret_cast<const float*>(prepare.op.constants[1]), g.out_c, g.in_c, p->side};
  OCTET_ASSIGN(const std::byte* packed,
               prepare.Pack(1, "winograd_f32", static_cast<uint64_t>(p->side),
                            static_cast<size_t>(positions) * padded * static_cast<size_t>(g.in_c) * 4, PackTransformed, &context));
  p->weights = reinterpret_cast<const float*>(packed);
  p->sums_at = positions * PositionStep(p->tiles_per_task, g.in_c);
  p->window_at = p->sums_at + positions * PositionStep(p->tiles_per_task, g.out_c);
  const bool one_task = p->tiles <= p->tiles_per_task && p->tiles * positions * g.in_c * g.out_c >= kWorthSharing;
  const auto threads = static_cast<size_t>(prepare.threads);
  p->scratch_bytes = (p->window_at + WindowValues(*p)) * 4;
  prepare.Workspace(static_cast<size_t>(p->scratch_bytes) + (threads - 1) * static_cast<size_t>(one_task ? WindowValues(*p) * 4 : p->scratch_bytes));
  prepare.SetRun(one_task ? RunPositions : RunTiles, p);
  return {};
}

}  // namespace octet::ops
