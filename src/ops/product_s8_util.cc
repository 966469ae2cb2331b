// SPDX-License-Identifier: Apache-2.0
// Integer products. Contiguous rows are loaded a block at a time. Windows are read from a copy of a band of
// input rows with its padding: a filter row of a window is one stretch of filter_w * in_c values there.
#include <cstring>
#include <numeric>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "ops/int8_util.h"
#include "ops/matrix_util.h"
#include "ops/row_blocks.h"

namespace octet::ops {
namespace {

using kernels::Int8;
using kernels::kPanel;
using kernels::RoundUp;

constexpr int64_t kBlockValues = 96 << 10;         // Of loaded rows per task: they share a level-2 cache with weights.
constexpr int64_t kFewestRows = 24, kMostRows = 384;
constexpr int64_t kEnoughRows = 48;                // Per task: more share the widening of a panel no better.
constexpr double kMostBandBytes = 64 << 20;        // One output row's inputs.

struct Params {
  const Int8* kernel = nullptr;
  kernels::ProductS8 product;
  ColumnGroups groups;               // `product` is the first one's.
  ConvGeometry g;
  int64_t rows = 0, row_values = 0;  // Contiguous.
  int64_t rows_per_task = 0;         // Contiguous: rows. Windows: output rows.
  int64_t panels = 0, panels_per_task = 0;
  bool by_panels = false;
  int64_t pixels = 0, row_bytes = 0; // A padded input row.
  int32_t input_zero = 0;
  int64_t loaded_bytes = 0, pointer_bytes = 0, scratch_bytes = 0;  // Per thread.
};

struct Scratch {
  std::byte* loaded;
  const void** rows;
  std::byte* kernel;
};
Scratch ScratchOf(const Params& p, const Run& run, int thread) {
  std::byte* at = run.workspace + thread * p.scratch_bytes;
  return {at, reinterpret_cast<const void**>(at + p.loaded_bytes), at + p.loaded_bytes + p.pointer_bytes};
}

// Calls body(block, first panel, end panel, thread) for all tasks. Of several threads, each has a part of the larger operand to
// itself, and meets all of the other one.
template <class Body> void ForEachTask(const Params& p, const Run& run, int64_t blocks, const Body& body) {
  const int64_t groups = CeilDivide(p.panels, p.panels_per_task);
  run.pool->For(blocks * groups, [&](int64_t task, int thread) {
    const int64_t block = p.by_panels ? task % blocks : task / groups, first = (p.by_panels ? task / blocks : task % groups) * p.panels_per_task;
    body(block, first, std::min(p.panels, first + p.panels_per_task), thread);
  });
}

// The loaded rows times panels [first, end). Groups share panels' constants, but look at other channels.
void Multiply(const Params& p, const Scratch& s, int64_t count, int64_t first, int64_t end, int8_t* y) {
  p.groups.ForEach(first, end, [&](int64_t group, int64_t from, int64_t to) {
    kernels::ProductS8 product = p.product;
    product.offset += group * product.segments;
    product.columns += group * p.groups.packed();
    p.kernel->multiply(product, s.rows, count, from, to, y - p.groups.gaps(group), s.kernel);
  });
}

Status RunContiguous(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const Int8& k = *p.kernel;
  const int64_t pitch = p.row_values * k.value_bytes, line = p.g.out_w;
  const RowRange rows = run.rows ? RowRange{run.rows->first * line, run.rows->end * line} : RowRange{0, p.rows};
  const int64_t all = rows.end - rows.first, blocks = CeilDivide(all, p.rows_per_task);
  ForEachTask(p, run, blocks, [&](int64_t block, int64_t first, int64_t end, int thread) {
    const Scratch s = ScratchOf(p, run, thread);
    const RowRange part = EvenPart(all, kTileRowsS8, blocks, block);
    const int64_t row = rows.first + part.first, count = part.end - part.first;
    k.load(run.input<int8_t>(0) + row * p.row_values, count * p.row_values, s.loaded);
#pragma GCC unroll 4
    for (int64_t r = 0; r < count; ++r) s.rows[r] = s.loaded + r * pitch;
    Multiply(p, s, count, first, end, run.output<int8_t>(0) + row * p.product.pitch);
  });
  return {};
}

Status RunWindows(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const Int8& k = *p.kernel;
  const ConvGeometry& g = p.g;
  const int64_t image = int64_t{g.in_h} * g.in_w * g.in_c, across = int64_t{g.stride_w} * g.in_c * k.value_bytes;
  const RowRange rows = run.rows ? *run.rows : RowRange{0, g.out_h};
  const int64_t blocks = CeilDivide(rows.end - rows.first, p.rows_per_task);
  ForEachTask(p, run, g.batch * blocks, [&](int64_t block, int64_t first, int64_t end, int thread) {
    const Scratch s = ScratchOf(p, run, thread);
    const int64_t b = block / blocks, top = rows.first + block % blocks * p.rows_per_task, count = std::min<int64_t>(p.rows_per_task, rows.end - top);
    const int64_t start = top * g.stride_h - g.pad_h, height = (count - 1) * g.stride_h + WindowHeight(g);
    LoadPadded(k, g, p.input_zero, run.input<int8_t>(0) + b * image, start, height, p.pixels, s.loaded);
    const void** row = s.rows;
    const int64_t width = g.out_w, step = across;  // In registers: pointers are stored meanwhile.
    for (int64_t i = 0; i < count; ++i, row += width) {
      const std::byte* at = s.loaded + i * g.stride_h * p.row_bytes;
      for (int64_t j = 0; j < width; ++j) row[j] = at + j * step;
    }
    Multiply(p, s, count * g.out_w, first, end, run.output<int8_t>(0) + (b * g.out_h + top) * g.out_w * p.product.pitch);
  });
  return {};
}

// ---------------------------------------------------------------------------------- prepare

struct PackContext {
  const int8_t* weights;
  SegmentsS8 form;
  bool channels_last;
};

void Pack(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  PackSegmentsS8(c.weights, c.form, c.channels_last, reinterpret_cast<int8_t*>(packed));
}

// With fewer blocks of rows than tasks are wanted, panels are cut, too: the block is loaded for each cut. An only block is cut so that
// every thread has as many tasks: of three, one of two threads would have two.
void SetPanelsPerTask(Params* p, int64_t blocks, int64_t wanted, int threads) {
  int64_t cuts = std::clamp<int64_t>(CeilDivide(wanted, blocks), 1, CeilDivide(p->panels, 4));
  if (blocks == 1 && cuts > threads) cuts -= cuts % threads;
  p->panels_per_task = CeilDivide(p->panels, cuts);
}

// An even cut of `all` into blocks of at most `most`, and of few enough to give `wanted` where each keeps `enough`. How many these are.
int64_t SetRowsPerTask(Params* p, int64_t all, int64_t most, int64_t enough, int64_t wanted) {
  int64_t blocks = CeilDivide(all, std::clamp<int64_t>(most, 1, all));
  if (blocks < wanted) blocks = std::max(blocks, std::min(wanted, all / enough));
  p->rows_per_task = CeilDivide(all, blocks);
  return CeilDivide(all, p->rows_per_task);
}

void CutContiguous(Params* p, const Int8& k, int64_t wanted, int threads) {
  const int64_t fit = std::clamp<int64_t>(kBlockValues / std::max<int64_t>(1, p->row_values), kFewestRows, kMostRows);
  SetPanelsPerTask(p, SetRowsPerTask(p, p->rows, fit, kEnoughRows, wanted), wanted, threads);
  const int64_t most = std::min(p->rows, RoundUp(p->rows_per_task, kTileRowsS8));
  p->loaded_bytes = RoundUp(most * p->row_values * k.value_bytes + kReadAhead, 64);
  p->pointer_bytes = RoundUp(most * 8, 64);
}

void CutWindows(Params* p, const Int8& k, int64_t wanted, int threads) {
  const ConvGeometry& g = p->g;
  p->pixels = (g.out_w - int64_t{1}) * g.stride_w + WindowWidth(g);
  p->row_bytes = p->pixels * g.in_c * k.value_bytes;
  const int64_t fit = (kBlockValues * k.value_bytes / p->row_bytes - WindowHeight(g)) / g.stride_h + 1, most = CeilDivide(kMostRows, g.out_w);
  const int64_t enough = CeilDivide(kEnoughRows, g.out_w);
  const int64_t blocks = SetRowsPerTask(p, g.out_h, std::min(most, std::max(fit, enough)), enough, CeilDivide(wanted, g.batch));
  SetPanelsPerTask(p, blocks * g.batch, wanted, threads);
  p->loaded_bytes = RoundUp(((p->rows_per_task - 1) * g.stride_h + WindowHeight(g)) * p->row_bytes + kReadAhead, 64);
  p->pointer_bytes = RoundUp(p->rows_per_task * g.out_w * 8, 64);
}

// A window's stretches: its rows, or its cells where they, or a group's channels, lie apart.
void SetSegments(Prepare& prepare, Params* p, const ProductShape& shape, const Int8& k) {
  const ConvGeometry& g = shape.g;
  const bool apart = !shape.contiguous && g.filter_w > 1 && (g.dilation_w != 1 || shape.groups > 1);
  p->product.segments = shape.contiguous ? 1 : apart ? int64_t{g.filter_h} * g.filter_w : g.filter_h;
  p->product.length = shape.depth / p->product.segments;
  auto* offset = prepare.Array<int64_t>(static_cast<size_t>(shape.groups * p->product.segments));
  p->product.offset = offset;
  const int64_t across = apart ? g.filter_w : 1;
  for (int64_t i = 0; i < shape.groups * p->product.segments; ++i) {
    const int64_t group = i / p->product.segments, u = i % p->product.segments / across, v = i % across;
    offset[i] = u * g.dilation_h * p->row_bytes + (v * g.dilation_w * g.in_c + group * p->product.length) * k.value_bytes;
  }
}

void SetRequant(Prepare& prepare, Params* p, const ProductShape& shape, const Int8& k, const IntegerOutput& output, const double* scale, const int32_t* bias) {
  const auto* w = reinterpret_cast<const int8_t*>(prepare.op.constants[1]);
  const ChannelWeights weights = shape.channels_last ? ChannelWeights{w, 1, shape.depth, shape.columns} : ChannelWeights{w, shape.depth, shape.depth, 1};
  const std::vector<ChannelS8> channels = SumChannels(weights, shape.columns, bias, output.input_zero, k.offset);
  std::vector<int32_t> all(static_cast<size_t>(shape.columns)), channel(static_cast<size_t>(p->panels * kPanel), -1);
  std::iota(all.begin(), all.end(), 0);
  p->groups.Spread(all.data(), channel.data());
  p->product.requant = MakeRequantS8(prepare, output, channels, channel, shape.rows, scale);
}

}  // namespace

bool FitsProductS8(const ConvGeometry& geometry) {
  const ConvGeometry g = AlongRows(geometry);
  const double width = (g.out_w - 1.0) * g.stride_w + (g.filter_w - 1.0) * g.dilation_w + 1, height = (g.filter_h - 1.0) * g.dilation_h + 1;
  return width * height * g.in_c * 2 <= kMostBandBytes;
}

Status PrepareProductS8(Prepare& prepare, const ProductShape& given, const IntegerOutput& output, const double* scale, const int32_t* bias) {
  const Int8& k = kernels::BestInt8(given.rows);
  ProductShape shape = given;
  shape.g = AlongRows(given.g);
  auto* p = prepare.Params<Params>();
  p->kernel = &k;
  p->g = shape.g;
  p->rows = shape.rows;
  p->row_values = shape.depth * shape.groups;
  p->input_zero = output.input_zero;
  p->groups = {shape.groups, shape.columns / shape.groups};
  p->product.columns = p->groups.columns;
  p->product.pitch = shape.columns;
  p->product.narrow_range = NarrowRange(prepare.op.constants[1], shape.depth * shape.columns, shape.rows);
  p->panels = p->groups.all_panels();
  p->by_panels = prepare.threads > 1 && shape.columns > shape.rows;
  const int64_t wanted = WantedTasks(shape.rows * shape.depth * shape.columns, prepare.threads);
  shape.contiguous ? CutContiguous(p, k, wanted, prepare.threads) : CutWindows(p, k, wanted, prepare.threads);
  SetSegments(prepare, p, shape, k);
  SetRequant(prepare, p, shape, k, output, scale, bias);
  const SegmentsS8 form{p->product.segments, p->product.length, p->groups};
  const PackContext context{reinterpret_cast<const int8_t*>(prepare.op.constants[1]), form, shape.channels_last};
  OCTET_ASSIGN(const std::byte* packed, prepare.Pack(1, shape.channels_last ? "K4N16T" : "K4N16", PackedForm(form.length, shape.groups),
                                                     static_cast<size_t>(form.packed_bytes()), Pack, &context));
  p->product.packed = reinterpret_cast<const int8_t*>(packed);
  p->scratch_bytes = p->loaded_bytes + p->pointer_bytes + RoundUp(k.scratch_per_group * p->product.segments * p->product.groups(), 64);
  prepare.Workspace(static_cast<size_t>(p->scratch_bytes) * static_cast<size_t>(prepare.threads));
  prepare.SetRun(shape.contiguous ? RunContiguous : RunWindows, p);
  return {};
}

}  // namespace octet::ops
