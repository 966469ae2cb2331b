// SPDX-License-Identifier: Apache-2.0
// Exact 3x3 convolutions by Winograd's method: a quarter (m = 4) or four ninths (m = 2) of the multiplications.
#include <numeric>

#include "base/thread_pool.h"
#include "ops/int8_util.h"

namespace octet::ops {
namespace {

using kernels::Int8;
using kernels::kPanel;
using kernels::RoundUp;

constexpr int64_t kBandValues = 96 << 10;      // Of loaded rows per task.
constexpr int64_t kMostBytes4 = 2 << 20, kMostBytes2 = 4 << 20;  // Of transformed weights: 8 and 3.6 times the weights.
constexpr int64_t kLeastMap4 = 14, kLeastMap2 = 7;               // Smaller images waste tiles.

// The largest magnitude of a sum of products with loaded values: -128 to 127, or 0 to 255, which meet either the positive or the negative weights.
int64_t LargestSum(const int8_t* weights, int64_t count, int32_t offset) {
  const int64_t magnitude = Magnitude(weights, count);
  if (offset == 0) return magnitude * 128;
  return (magnitude + std::abs(SumOf(weights, count))) / 2 * 255;
}

// A tile's side in outputs, or 0 where direct products are better. |sums| must stay below 2^31 / 64 or / 4.
int64_t Side(const ConvGeometry& g, const int8_t* weights) {
  const Int8& k = kernels::BestInt8();
  if (!k.winograd2 && !k.winograd4) return 0;
  if (g.filter_h != 3 || g.filter_w != 3 || g.stride_h != 1 || g.stride_w != 1 || g.dilation_h != 1 || g.dilation_w != 1 || g.in_c % 16 != 0) return 0;
  if (std::min(g.in_c, g.out_c) < k.winograd_channels) return 0;
  int64_t largest = 0;
  for (int32_t c = 0; c < g.out_c; ++c) largest = std::max(largest, LargestSum(weights + c * int64_t{9} * g.in_c, int64_t{9} * g.in_c, k.offset));
  const int64_t weight_values = RoundUp(g.out_c, kPanel) * g.in_c, map = std::min(g.out_h, g.out_w);
  if (k.winograd4 && map >= kLeastMap4 && largest < (1 << 25) && weight_values * 36 * 2 <= kMostBytes4) return 4;
  if (k.winograd2 && map >= kLeastMap2 && largest < (1 << 29) && weight_values * 16 * 2 <= kMostBytes2) return 2;
  return 0;
}

struct Params {
  kernels::WinogradS8 kernel;
  ConvGeometry g;
  int64_t side = 0;
  int64_t rows_per_task = 0, bands = 0;  // Output rows, whole tiles; per image.
  int64_t panels = 0, panels_per_task = 0;
  int32_t input_zero = 0;
  int64_t loaded_bytes = 0, scratch_bytes = 0;  // Per thread.
};

Status RunTiles(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const Int8& k = kernels::BestInt8();
  const ConvGeometry& g = p.g;
  const int64_t groups = CeilDivide(p.panels, p.panels_per_task), image = int64_t{g.in_h} * g.in_w * g.in_c;
  run.pool->For(g.batch * p.bands * groups, [&](int64_t task, int thread) {
    std::byte* loaded = run.workspace + thread * p.scratch_bytes;
    const int64_t first = task % groups * p.panels_per_task, band = task / groups, b = band / p.bands, top = band % p.bands * p.rows_per_task;
    const int64_t rows = std::min<int64_t>(p.rows_per_task, g.out_h - top);
    LoadPadded(k, g, p.input_zero, run.input<int8_t>(0) + b * image, top - g.pad_h, RoundUp(rows, p.side) + 2, p.kernel.pixels, loaded);
    int8_t* y = run.output<int8_t>(0) + (b * g.out_h + top) * g.out_w * g.out_c;
    (p.side == 4 ? k.winograd4 : k.winograd2)(p.kernel, loaded, rows, first, std::min(p.panels, first + p.panels_per_task), y, loaded + p.loaded_bytes);
  });
  return {};
}

struct PackContext {
  const int8_t* weights;  // [columns][3][3][channels].
  int64_t columns, channels, side;
};

// Two channels of a panel's columns, as they are packed; at any address.
using Pairs [[gnu::vector_size(2 * kPanel * sizeof(int16_t)), gnu::aligned(alignof(int16_t)), gnu::may_alias]] = int16_t;

// G along one direction, times what makes it whole: m = 2 by 2, for m = 4 rows by 4, -6, -6, 24, 24, 1, which the inverse gives back. Of points
// 0, 1, -1 (, 2, -2) and infinity. Along both directions all fits 16 bits: at most 7 * 7 * 128.
void Combine2(const Pairs& a, const Pairs& b, const Pairs& c, Pairs* to) {
  const Pairs outer = a + c;
  to[0] = a + a;
  to[1] = outer + b;
  to[2] = outer - b;
  to[3] = c + c;
}
void Combine4(const Pairs& a, const Pairs& b, const Pairs& c, Pairs* to) {
  const Pairs outer = a + c, far = outer + c + c + c, twice = b + b;
  to[0] = a;
  to[1] = outer + b;
  to[2] = outer - b;
  to[3] = far + twice;
  to[4] = far - twice;
  to[5] = c;
}

constexpr int64_t kTogether = 16;  // Channels.

// The filters of a panel's columns and kTogether channels: [channel / 2][9]. The file has them hundreds of bytes apart, which
// falls into few lines of a cache: every line is read once.
void Gather(const PackContext& c, int64_t first, int64_t channel, Pairs* to) {
  const int64_t n = std::min<int64_t>(kPanel, c.columns - first);
  for (int64_t o = 0; o < n; ++o)
    for (int64_t i = 0; i < 9; ++i) {
      const int8_t* from = c.weights + ((first + o) * 9 + i) * c.channels + channel;
      for (int64_t k = 0; k < kTogether; ++k) to[k / 2 * 9 + i][2 * o + k % 2] = from[k];
    }
}

// G g G^T.
void PackTransformed(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  const int64_t span = c.side + 2, position = c.channels * kPanel;
  const auto combine = c.side == 4 ? Combine4 : Combine2;
  for (int64_t first = 0; first < c.columns; first += kPanel) {
    int16_t* panel = reinterpret_cast<int16_t*>(packed) + first * span * span * c.channels;
    Pairs filters[kTogether / 2 * 9] = {}, half[3][6], whole[6];
    for (int64_t k = 0; k < c.channels; k += 2, panel += 2 * kPanel) {
      if (k % kTogether == 0) Gather(c, first, k, filters);
      const Pairs* g = filters + k % kTogether / 2 * 9;
      for (int64_t v = 0; v < 3; ++v) combine(g[v], g[3 + v], g[6 + v], half[v]);
      for (int64_t i = 0; i < span; ++i) {
        combine(half[0][i], half[1][i], half[2][i], whole);
        for (int64_t j = 0; j < span; ++j) *reinterpret_cast<Pairs*>(panel + (i * span + j) * position) = whole[j];
      }
    }
  }
}

void SetRequant(Prepare& prepare, Params* p, const int8_t* weights, const IntegerOutput& output, const int32_t* bias) {
  const int64_t values = int64_t{9} * p->g.in_c;
  const std::vector<ChannelS8> channels = SumChannels({weights, values, values, 1}, p->g.out_c, bias, output.input_zero, kernels::BestInt8().offset);
  std::vector<int32_t> channel(static_cast<size_t>(p->panels * kPanel), -1);
  std::iota(channel.begin(), channel.begin() + p->g.out_c, 0);
  p->kernel.requant = MakeRequantS8(prepare, output, channels, channel, int64_t{p->g.batch} * p->g.out_h * p->g.out_w, nullptr, kernels::Floored::kSigned);
}

// Bands of whole tiles; columns are cut, too, where that gives too few tasks.
void Cut(Params* p, const Int8& k, int threads) {
  const ConvGeometry& g = p->g;
  p->kernel.pixels = RoundUp(g.out_w, p->side) + 2;
  const int64_t row_values = p->kernel.pixels * g.in_c;
  const int64_t wanted = WantedTasks(int64_t{g.batch} * g.out_h * g.out_w * 9 * g.in_c * g.out_c, threads), across = CeilDivide(g.out_w, p->side);
  const int64_t fit = std::max<int64_t>(1, (kBandValues / row_values - 2) / p->side), full = CeilDivide(kernels::WinogradS8::kMostTiles, across);
  const int64_t tile_rows = CeilDivide(g.out_h, p->side);
  p->rows_per_task = std::min(tile_rows, std::max(full, std::min(fit, CeilDivide(tile_rows * g.batch, wanted)))) * p->side;
  p->bands = CeilDivide(g.out_h, p->rows_per_task);
  p->panels_per_task = CeilDivide(p->panels, std::clamp<int64_t>(CeilDivide(wanted, p->bands * g.batch), 1, CeilDivide(p->panels, 4)));
  const int64_t tiles = across * p->rows_per_task / p->side;
  p->kernel.tiles = CeilDivide(tiles, CeilDivide(tiles, kernels::WinogradS8::kMostTiles));
  p->loaded_bytes = RoundUp((p->rows_per_task + 2) * row_values * k.value_bytes, 64);
  p->scratch_bytes = p->loaded_bytes + RoundUp(p->kernel.scratch_bytes(p->side, k.winograd_panels), 64);
}

}  // namespace

bool TakesWinogradS8(const ConvGeometry& g, const int8_t* weights) { return FitsProductS8(g) && Side(g, weights) != 0; }

Status PrepareWinogradS8(Prepare& prepare, const ConvGeometry& g, const IntegerOutput& output, const int32_t* bias) {
  const auto* weights = reinterpret_cast<const int8_t*>(prepare.op.constants[1]);
  auto* p = prepare.Params<Params>();
  p->g = g;
  p->side = Side(g, weights);
  p->input_zero = output.input_zero;
  p->panels = CeilDivide(g.out_c, kPanel);
  p->kernel.channels = g.in_c;
  p->kernel.columns = g.out_c;
  p->kernel.width = g.out_w;
  SetRequant(prepare, p, weights, output, bias);
  const kernels::Requant& q = p->kernel.requant;
  if (kernels::BestInt8().floor ? q.floored == kernels::Floored::kNone : !q.narrow)  // Scales above 1: rare, and kernels of their own are large.
    return PrepareProductS8(prepare, {.g = g, .rows = int64_t{g.batch} * g.out_h * g.out_w, .depth = int64_t{9} * g.in_c, .columns = g.out_c}, output,
                            nullptr, bias);
  Cut(p, kernels::BestInt8(), prepare.threads);
  const int64_t span = p->side + 2;
  const PackContext context{weights, g.out_c, g.in_c, p->side};
  OCTET_ASSIGN(const std::byte* packed,
               prepare.Pack(1, "winograd", static_cast<uint64_t>(p->side), static_cast<size_t>(p->panels * span * span * g.in_c * kPanel * 2),
                            PackTransformed, &context));
  p->kernel.packed = reinterpret_cast<const int16_t*>(packed);
  prepare.Workspace(static_cast<size_t>(p->scratch_bytes) * static_cast<size_t>(prepare.threads));
  prepare.SetRun(RunTiles, p);
  return {};
}

}  // namespace octet::ops
