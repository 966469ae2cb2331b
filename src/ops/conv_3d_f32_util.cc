// SPDX-License-Identifier: Apache-2.0
// A window is segments of the volume's lines. The cells of a segment are copied once for all windows along an output line, with zeros
// outside of the volume; windows that overlap share them.
#include "ops/conv_3d_f32_util.h"

#include "base/thread_pool.h"
#include "kernels/products_f32.h"
#include "ops/row_blocks.h"

namespace octet::ops {
namespace {

struct Params {
  Conv3dGeometry g;
  ClampF32 clamp;
  const float *weights = nullptr, *bias = nullptr;  // Panels, and a bias for each of their columns.
  int64_t segment_taps = 0, segments = 0;           // Dilated taps are no neighbours: a segment each.
  int64_t step = 0;                                 // From window to window, in copied cells.
  bool in_place = false;                            // Windows are the cells themselves: nothing is copied.
  RowBlocks blocks;
  int64_t lines_per_task = 0, parts = 0;            // A task has several lines, or one of the parts of one.
  int64_t scratch_bytes = 0;                        // Per thread.

  int64_t lines() const { return g.batch * g.small[0] * g.small[1]; }
  int64_t depth() const { return segments * segment_taps * g.in_c; }
  int64_t segment_values(int64_t windows) const { return ((windows - 1) * step + segment_taps) * g.in_c; }
};

struct Task {
  int64_t line, lines;
  RowRange cells;  // Of each line.
  int64_t column, end_column;
  int64_t windows() const { return cells.end - cells.first; }
};

// Cells [first, first + count) of a line, zeros outside of it.
float* CopyCells(const Conv3dGeometry& g, const float* line, int64_t first, int64_t count, float* to) {
  const int64_t begin = std::clamp<int64_t>(-first, 0, count), end = std::clamp<int64_t>(g.large[2] - first, begin, count);
  to = std::fill_n(to, begin * g.in_c, 0.0f);
  to = std::copy_n(line + (first + begin) * g.in_c, (end - begin) * g.in_c, to);
  return std::fill_n(to, (count - end) * g.in_c, 0.0f);
}

// Segment `s` of windows `cells` of an output line.
void CopySegment(const Params& p, const float* x, int64_t line, int64_t s, const RowRange& cells, float* to) {
  const Conv3dGeometry& g = p.g;
  const int64_t across = g.filter[2] / p.segment_taps, plane = line / g.small[1], image = plane / g.small[0], windows = cells.end - cells.first;
  const int64_t d = plane % g.small[0] * g.stride[0] + s / across / g.filter[1] * g.dilation[0] - g.pad[0];
  const int64_t h = line % g.small[1] * g.stride[1] + s / across % g.filter[1] * g.dilation[1] - g.pad[1];
  if (d < 0 || d >= g.large[0] || h < 0 || h >= g.large[1]) return static_cast<void>(std::fill_n(to, p.segment_values(windows), 0.0f));
  const float* from = x + ((image * g.large[0] + d) * g.large[1] + h) * g.large[2] * g.in_c;
  const int64_t first = cells.first * g.stride[2] + s % across * g.dilation[2] - g.pad[2];
  if (p.step == g.stride[2]) return static_cast<void>(CopyCells(g, from, first, (windows - 1) * p.step + p.segment_taps, to));
  for (int64_t i = 0; i < windows; ++i) to = CopyCells(g, from, first + i * g.stride[2], p.segment_taps, to);
}

Task TaskOf(const Params& p, int64_t task) {
  const int64_t groups = p.blocks.groups(), block = task / groups, line = block / p.parts * p.lines_per_task;
  const int64_t width = p.blocks.panels_per_task * kernels::kPanel, column = task % groups * width;
  return {.line = line,
          .lines = std::min(p.lines_per_task, p.lines() - line),
          .cells = EvenPart(p.g.small[2], p.blocks.tile_rows, p.parts, block % p.parts),
          .column = column,
          .end_column = std::min(p.g.out_c, column + width)};
}

void MultiplyWindows(const Params& p, const Task& t, const float* windows, float* y) {
  const int64_t segment = p.segment_values(t.windows());
  kernels::FloatProducts().product({.a = windows, .lda = p.step * p.g.in_c, .rows = t.windows(),
                                    .groups = t.lines, .group_step = p.segments * segment, .segments = p.segments, .segment_step = segment,
                                    .w = p.weights + t.column * p.depth(), .depth = p.depth(), .columns = t.end_column - t.column,
                                    .bias = p.bias + t.column, .low = p.clamp.low, .high = p.clamp.high,
                                    .y = y + (t.line * p.g.small[2] + t.cells.first) * p.g.out_c + t.column, .ldy = p.g.out_c});
}

Status RunPacked(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float* x = run.input<float>(0);
  run.pool->For(CeilDivide(p.lines(), p.lines_per_task) * p.parts * p.blocks.groups(), [&](int64_t task, int thread) {
    const Task t = TaskOf(p, task);
    if (p.in_place) return MultiplyWindows(p, t, x + t.cells.first * p.g.in_c, run.output<float>(0));
    auto* windows = reinterpret_cast<float*>(run.workspace + thread * p.scratch_bytes);
    const int64_t segment = p.segment_values(t.windows());
    for (int64_t i = 0; i < t.lines * p.segments; ++i) CopySegment(p, x, t.line + i / p.segments, i % p.segments, t.cells, windows + i * segment);
    MultiplyWindows(p, t, windows, run.output<float>(0));
  });
  return {};
}

void CutSegments(Params* p) {
  Conv3dGeometry& g = p->g;
  p->segment_taps = g.dilation[2] == 1 ? g.filter[2] : 1;
  p->segments = g.filter[0] * g.filter[1] * (g.filter[2] / p->segment_taps);
  p->step = std::min(p->segment_taps, g.stride[2]);
  const auto one = [](const int64_t (&sides)[3]) { return sides[0] == 1 && sides[1] == 1 && sides[2] == 1; };
  p->in_place = one(g.filter) && one(g.stride);
  if (!p->in_place) return;
  const int64_t cells = p->lines() * g.small[2];  // One line: a window knows no others.
  g.batch = g.small[0] = g.small[1] = 1, g.small[2] = cells;
}

void CutTasks(Prepare& prepare, Params* p) {
  const int64_t line = p->g.small[2];
  const kernels::ProductsF32& k = kernels::FloatProducts();
  p->blocks = CutRows(p->lines() * line, p->g.out_c, p->segments * p->step * p->g.in_c * 4, k.rows);
  CutPanels({.depth = p->depth(), .together = k.panels, .before = 0}, prepare.threads, p->blocks);
  p->lines_per_task = std::clamp<int64_t>(p->blocks.rows_per_block / line, 1, p->lines());
  p->parts = RowBlocks{line, k.rows, p->blocks.rows_per_block}.blocks();
  const int64_t most = std::min(line, kernels::RoundUp(CeilDivide(line, p->parts), k.rows));
  p->scratch_bytes = p->in_place ? 0 : kernels::RoundUp(p->lines_per_task * p->segments * p->segment_values(most) * 4, 64);
}

struct PackContext {
  const float* weights;
  int64_t depth, columns;
};

void Pack(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  PackPanelsF32(c.weights, 1, c.columns, c.depth, c.columns, reinterpret_cast<float*>(packed));
}

Status PackOperands(Prepare& prepare, Params* p) {
  const auto floats = [&](int i) { return reinterpret_cast<const float*>(prepare.op.constants[i]); };
  const auto columns = static_cast<size_t>(kernels::RoundUp(p->g.out_c, kernels::kPanel)), depth = static_cast<size_t>(p->depth());
  auto* bias = prepare.Array<float>(columns);
  if (prepare.op.has_const(2)) std::copy_n(floats(2), p->g.out_c, bias);
  p->bias = bias;
  const PackContext context{floats(1), p->depth(), p->g.out_c};
  OCTET_ASSIGN(const std::byte* packed, prepare.Pack(1, "N16F32T", depth, columns * depth * 4, Pack, &context));
  p->weights = reinterpret_cast<const float*>(packed);
  return {};
}

}  // namespace

Status PrepareConv3dF32(Prepare& prepare, const Conv3dGeometry& g, ClampF32 clamp) {
  auto* p = prepare.Params<Params>();
  p->g = g;
  p->clamp = clamp;
  CutSegments(p);
  CutTasks(prepare, p);
  OCTET_TRY(PackOperands(prepare, p));
  prepare.Workspace(static_cast<size_t>(p->scratch_bytes) * prepare.threads);
  prepare.SetRun(RunPacked, p);
  return {};
}

}  // namespace octet::ops
