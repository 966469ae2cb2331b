// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "kernels/elementwise.h"
#include "kernels/products_f32.h"
#include "ops/move_util.h"
#include "ops/row_blocks.h"

namespace octet::ops {
namespace {

using kernels::kPanel;

struct Params {
  RowSource source;
  RowBlocks blocks;
  ColumnGroups groups;
  int64_t depth = 0, columns = 0;  // Of a group; of all.
  const float* weights = nullptr;
  const float* bias = nullptr;  // Padded as panels are.
  ClampF32 clamp;
  int64_t scratch_bytes = 0;    // Per thread.
  // Windows in place: the image, or its copy with the padding around it.
  bool copied = false;  // Then channels of a group lie together: [group][line][pixel][channel].
  int64_t image_h = 0, image_w = 0, lines_per_task = 0;
};

// Rows from `first_row` on times some panels. `product` says where rows of the first group are, those of the next are group_step behind.
void Multiply(const Params& p, const Run& run, kernels::ProductF32 product, int64_t group_step, int64_t first_row, int64_t first_panel, int64_t end_panel) {
  const float* const a = product.a;
  float* const y = run.output<float>(0) + first_row * p.columns;
  product.depth = p.depth;
  product.low = p.clamp.low;
  product.high = p.clamp.high;
  product.ldy = p.columns;
  p.groups.ForEach(first_panel, end_panel, [&](int64_t group, int64_t first, int64_t end) {
    const int64_t column = first * kPanel, gaps = p.groups.gaps(group);
    product.a = a + group * group_step;
    product.w = p.weights + column * p.depth;
    product.columns = std::min((group + 1) * p.groups.columns + gaps, end * kPanel) - column;
    product.bias = p.bias + column;
    product.y = y + column - gaps;
    kernels::FloatProducts().product(product);
  });
}

// Calls body(block, thread) for all blocks of the rows that are wanted.
template <class Body> void ForEachWanted(const Params& p, const Run& run, const Body& body) {
  const int64_t line = p.source.g.out_w, first = run.rows ? run.rows->first * line : 0;
  RowBlocks blocks = p.blocks;
  if (run.rows) blocks.rows = run.rows->end * line - first;
  ForEachBlock(blocks, *run.pool, [&](Block block, int thread) {
    block.first_row += first;
    body(block, thread);
  });
}

Status RunContiguous(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  ForEachWanted(p, run, [&](const Block& block, int) {
    const int64_t row = p.depth * p.groups.count;
    const kernels::ProductF32 product{.a = run.input<float>(0) + block.first_row * row, .lda = row, .rows = block.rows};
    Multiply(p, run, product, p.depth, block.first_row, block.first_panel, block.end_panel);
  });
  return {};
}

// Dilated windows: every row is gathered. Of several groups, each has a segment of every tap.
Status RunGathered(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  ForEachWanted(p, run, [&](const Block& block, int thread) {
    auto* gathered = reinterpret_cast<float*>(run.workspace + thread * p.scratch_bytes);
    float* to = gathered;
    const auto inside = [&](const float* from, int64_t n) {
      std::memcpy(to, from, static_cast<size_t>(n) * 4);
      to += n;
    };
    const auto outside = [&](int64_t n) {
      std::memset(to, 0, static_cast<size_t>(n) * 4);
      to += n;
    };
    for (int64_t r = 0; r < block.rows; ++r) GatherRow(p.source, run.input<float>(0), block.first_row + r, inside, outside);
    const ConvGeometry& g = p.source.g;
    kernels::ProductF32 product{.a = gathered, .lda = p.depth * p.groups.count, .rows = block.rows};
    if (p.groups.count > 1) product.segments = int64_t{g.filter_h} * g.filter_w, product.segment_step = g.in_c;
    Multiply(p, run, product, g.in_c / p.groups.count, block.first_row, block.first_panel, block.end_panel);
  });
  return {};
}

// Lines of the padded image that rows `wanted` of the output are made of.
RowRange LinesOf(const ConvGeometry& g, const RowRange& wanted) { return {wanted.first * g.stride_h, (wanted.end - 1) * g.stride_h + WindowHeight(g)}; }

// Some channels of each of so many pixels.
void CopyPixels(const float* from, int64_t pixels, int64_t all_channels, int64_t channels, float* to) {
  if (channels == all_channels) return static_cast<void>(std::copy_n(from, pixels * channels, to));
  CopyRows(reinterpret_cast<const std::byte*>(from), all_channels * 4, reinterpret_cast<std::byte*>(to), channels * 4, pixels, channels * 4);
}

// Lines of the input with zeros around it, as wide and high as the windows reach.
void CopyPadded(const Params& p, const Run& run, const RowRange& lines, float* to) {
  const ConvGeometry& g = p.source.g;
  const int64_t channels = g.in_c / p.groups.count, line = p.image_w * channels, left = g.pad_w * channels;
  const int64_t pixels = std::min<int64_t>(g.in_w, p.image_w - g.pad_w), all = lines.end - lines.first;
  run.pool->For(all, [&](int64_t i, int) {
    const int64_t at = lines.first + i, y = at % p.image_h - g.pad_h;
    for (int64_t group = 0; group < p.groups.count; ++group) {
      float* row = to + (group * all + i) * line;
      if (y < 0 || y >= g.in_h) {
        std::fill_n(row, line, 0.0f);
        continue;
      }
      std::fill_n(row, left, 0.0f);
      CopyPixels(run.input<float>(0) + (at / p.image_h * g.in_h + y) * g.in_w * g.in_c + group * channels, pixels, g.in_c, channels, row + left);
      std::fill(row + left + pixels * channels, row + line, 0.0f);
    }
  });
}

// A filter's rows are segments of the image, neighbouring pixels are `stride` apart: nothing is gathered.
// Tasks are lines of output pixels of one image.
Status RunWindows(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const ConvGeometry& g = p.source.g;
  const RowRange wanted = run.rows ? *run.rows : RowRange{0, g.out_h};
  const float* image = run.input<float>(0);
  int64_t begin = 0, group_step = 0;  // Line at `image`.
  if (p.copied) {
    const RowRange lines = run.rows ? LinesOf(g, wanted) : RowRange{0, g.batch * p.image_h};
    CopyPadded(p, run, lines, reinterpret_cast<float*>(run.workspace));
    image = reinterpret_cast<const float*>(run.workspace);
    begin = lines.first;
    group_step = (lines.end - lines.first) * p.image_w * (g.in_c / p.groups.count);
  }
  const int64_t channels = g.in_c / p.groups.count, line = p.image_w * channels, blocks = (wanted.end - wanted.first + p.lines_per_task - 1) / p.lines_per_task;
  const int64_t groups = p.blocks.groups();
  run.pool->For(g.batch * blocks * groups, [&](int64_t task, int) {
    const int64_t panel = task % groups * p.blocks.panels_per_task, b = task / groups / blocks, i = wanted.first + task / groups % blocks * p.lines_per_task;
    kernels::ProductF32 product{.a = image + (b * p.image_h + i * g.stride_h - begin) * line, .lda = g.stride_w * channels, .rows = g.out_w,
                                .groups = std::min(p.lines_per_task, wanted.end - i), .group_step = g.stride_h * line,
                                .segments = g.filter_h, .segment_step = g.dilation_h * line};
    Multiply(p, run, product, group_step, (b * g.out_h + i) * g.out_w, panel, std::min(p.blocks.panels, panel + p.blocks.panels_per_task));
  });
  return {};
}

struct PackContext {
  const float* weights;
  int64_t depth;
  ColumnGroups groups;
};

void Pack(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  auto* to = reinterpret_cast<float*>(packed);
  for (int64_t i = 0; i < c.groups.count; ++i)
    PackPanelsF32(c.weights + i * c.groups.columns * c.depth, c.depth, 1, c.depth, c.groups.columns, to + i * c.groups.packed() * c.depth);
}

void PrepareGathered(Prepare& prepare, Params* p) {
  p->scratch_bytes = kernels::RoundUp(p->blocks.most_rows() * p->depth * p->groups.count * 4, 64);
  prepare.Workspace(static_cast<size_t>(p->scratch_bytes) * prepare.threads);
  prepare.SetRun(RunGathered, p);
}

void PrepareWindows(Prepare& prepare, Params* p) {
  const ConvGeometry& g = p->source.g;
  p->image_h = LinesOf(g, {0, g.out_h}).end;
  p->image_w = static_cast<int64_t>(g.out_w - 1) * g.stride_w + g.filter_w;
  p->copied = p->groups.count > 1 || g.pad_h > 0 || g.pad_w > 0 || p->image_h > g.in_h || p->image_w > g.in_w;
  const int64_t lines = prepare.most_rows > 0 ? LinesOf(g, {0, prepare.most_rows}).end : g.batch * p->image_h;
  if (p->copied) prepare.Workspace(static_cast<size_t>(lines * p->image_w * g.in_c) * 4);
  else p->image_h = g.in_h, p->image_w = g.in_w;
  p->lines_per_task = std::clamp<int64_t>(p->blocks.rows_per_block / std::max(1, g.out_w), 1, std::max(1, g.out_h));
  prepare.SetRun(RunWindows, p);
}

}  // namespace

void PackPanelsF32(const float* w, int64_t column_step, int64_t depth_step, int64_t depth, int64_t columns, float* to) {
  for (int64_t first = 0; first < columns; first += kPanel) {
    const int64_t n = std::min<int64_t>(kPanel, columns - first);
    const float* from = w + first * column_step;
    if (depth_step == 1 && n == kPanel) {
      kernels::Vectors().transpose_32(reinterpret_cast<const std::byte*>(from), column_step * 4, kPanel, depth, reinterpret_cast<std::byte*>(to), kPanel * 4);
      to += depth * kPanel;
      continue;
    }
    for (int64_t k = 0; k < depth; ++k, to += kPanel, from += depth_step) {
      if (column_step == 1 && n == kPanel) std::memcpy(to, from, kPanel * sizeof(float));  // Of known size: no call.
      else if (column_step == 1) std::copy_n(from, n, to);
      else
        for (int64_t c = 0; c < n; ++c) to[c] = from[c * column_step];
      for (int64_t c = n; c < kPanel; ++c) to[c] = 0.0f;
    }
  }
}

Status PrepareProductF32(Prepare& prepare, const RowSource& source, int64_t rows, int64_t depth, int32_t columns, ClampF32 clamp, const float* bias) {
  auto* p = prepare.Params<Params>();
  p->source = source;
  p->depth = depth;
  p->columns = columns;
  p->clamp = clamp;
  p->groups = {source.groups, columns / source.groups};
  const int64_t padded = p->groups.all_panels() * kPanel;
  float* sums = prepare.Array<float>(static_cast<size_t>(padded));
  if (bias) p->groups.Spread(bias, sums);
  p->bias = sums;
  const kernels::ProductsF32& k = kernels::FloatProducts();
  p->blocks = CutRows(rows, padded, depth * 4, k.rows);
  CutPanels({.depth = depth, .together = rows == 1 ? kRowPanels : k.panels, .before = 0}, prepare.threads, p->blocks);
  const PackContext context{reinterpret_cast<const float*>(prepare.op.constants[1]), depth, p->groups};
  OCTET_ASSIGN(const std::byte* packed, prepare.Pack(1, "N16F32", PackedForm(depth, source.groups), static_cast<size_t>(padded * depth) * 4, Pack, &context));
  p->weights = reinterpret_cast<const float*>(packed);
  if (source.contiguous) prepare.SetRun(RunContiguous, p);
  else if (source.g.dilation_w == 1) PrepareWindows(prepare, p);
  else PrepareGathered(prepare, p);
  return {};
}

}  // namespace octet::ops
