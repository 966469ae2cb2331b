// SPDX-License-Identifier: Apache-2.0
#include "ops/matrix_util.h"

#include <cstring>

#include "base/thread_pool.h"

namespace octet::ops {
namespace {

using kernels::kPanel;
using kernels::RoundUp;

constexpr int64_t kBlockBytes = 192 << 10;  // Of left operand per task: stays in a level-2 cache.
constexpr int64_t kMostRows = 48;
constexpr int64_t kEnoughTasks = 8;         // With fewer blocks of rows, columns are cut, too.

// Copies or gathers one row: `n` input elements in the order of the filter. outside(count) fills padding.
template <class T, class Inside, class Outside>
void GatherRow(const RowSource& s, const T* x, int64_t row, const Inside& inside, const Outside& outside) {
  const ConvGeometry& g = s.g;
  const int64_t pixels = static_cast<int64_t>(g.out_h) * g.out_w, b = row / pixels, i = row % pixels / g.out_w, j = row % g.out_w;
  const T* image = x + b * g.in_h * g.in_w * g.in_c;
  const int64_t left = j * g.stride_w - g.pad_w;
  for (int32_t u = 0; u < g.filter_h; ++u) {
    const int64_t y = i * g.stride_h + static_cast<int64_t>(u) * g.dilation_h - g.pad_h;
    if (y < 0 || y >= g.in_h) {
      outside(static_cast<int64_t>(g.filter_w) * g.in_c);
    } else if (g.dilation_w == 1 && left >= 0 && left + g.filter_w <= g.in_w) {
      inside(image + (y * g.in_w + left) * g.in_c, static_cast<int64_t>(g.filter_w) * g.in_c);
    } else {
      for (int32_t v = 0; v < g.filter_w; ++v) {
        const int64_t at = left + static_cast<int64_t>(v) * g.dilation_w;
        if (at < 0 || at >= g.in_w) outside(g.in_c);
        else inside(image + (y * g.in_w + at) * g.in_c, g.in_c);
      }
    }
  }
}

struct Block {
  int64_t first_row, rows, first_panel, end_panel;
};

// Tasks are blocks of rows times groups of panels; cut from shapes alone.
template <class Body> void ForEachBlock(const PackedProduct& p, ThreadPool& pool, const Body& body) {
  const int64_t panels = RoundUp(p.columns, kPanel) / kPanel, row_blocks = (p.rows + p.rows_per_task - 1) / p.rows_per_task;
  const int64_t groups = (panels + p.panels_per_task - 1) / p.panels_per_task;
  pool.For(row_blocks * groups, [&](int64_t task, int thread) {
    const int64_t row = task / groups * p.rows_per_task, panel = task % groups * p.panels_per_task;
    body(Block{row, std::min(p.rows_per_task, p.rows - row), panel, std::min(panels, panel + p.panels_per_task)}, thread);
  });
}

Status RunF32(const void* params, const Run& run) {
  const auto& p = *static_cast<const PackedProduct*>(params);
  const kernels::Table& k = kernels::Best();
  const float* x = run.input<float>(0);
  const auto* packed = reinterpret_cast<const float*>(p.weights);
  ForEachBlock(p, *run.pool, [&](const Block& block, int thread) {
    const float* a = x + block.first_row * p.depth;
    if (!p.source.contiguous) {
      auto* gathered = reinterpret_cast<float*>(run.workspace + thread * p.scratch_bytes);
      for (int64_t r = 0; r < block.rows; ++r) {
        float* to = gathered + r * p.depth;
        GatherRow(p.source, x, block.first_row + r, [&](const float* from, int64_t n) { std::memcpy(to, from, n * 4), to += n; },
                  [&](int64_t n) { std::memset(to, 0, n * 4), to += n; });
      }
      a = gathered;
    }
    for (int64_t panel = block.first_panel; panel < block.end_panel; ++panel) {
      const int64_t column = panel * kPanel;
      const int columns = static_cast<int>(std::min<int64_t>(kPanel, p.columns - column));
      for (int64_t r = 0; r < block.rows; r += k.rows) {
        const int rows = static_cast<int>(std::min<int64_t>(k.rows, block.rows - r));
        k.product_f32(a + r * p.depth, p.depth, rows, packed + panel * p.depth * kPanel, p.depth, p.bias + column, p.clamp.low, p.clamp.high, columns,
                      run.output<float>(0) + (block.first_row + r) * p.columns + column, p.columns);
      }
    }
  });
  return {};
}

struct PackContext {
  const std::byte* weights;
  int64_t depth;
  int32_t columns;
};

void PackF32(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  const auto* w = reinterpret_cast<const float*>(c.weights);
  auto* to = reinterpret_cast<float*>(packed);
  for (int64_t o = 0; o < c.columns; ++o)
    for (int64_t k = 0; k < c.depth; ++k) to[(o / kPanel * c.depth + k) * kPanel + o % kPanel] = w[o * c.depth + k];
}

// Rows and panels per task, from the shapes alone.
void Cut(PackedProduct* p, int64_t row_bytes, int tile_rows) {
  const int64_t fit = std::clamp<int64_t>(kBlockBytes / std::max<int64_t>(1, row_bytes), tile_rows, kMostRows);
  p->rows_per_task = std::max<int64_t>(1, std::min(p->rows, fit / tile_rows * tile_rows));
  const int64_t panels = RoundUp(p->columns, kPanel) / kPanel, blocks = (p->rows + p->rows_per_task - 1) / p->rows_per_task;
  p->panels_per_task = blocks >= kEnoughTasks ? panels : std::max<int64_t>(1, (panels + kEnoughTasks - 1) / kEnoughTasks);
  // Rows are gathered anew for every group of panels, which pays only where that is cheap.
  if (!p->source.contiguous) p->panels_per_task = std::max<int64_t>(p->panels_per_task, std::min<int64_t>(panels, 4));
}

PackedProduct* Begin(Prepare& prepare, const RowSource& source, int64_t rows, int64_t depth, int32_t columns) {
  auto* p = prepare.Params<PackedProduct>();
  p->source = source;
  p->rows = rows;
  p->depth = depth;
  p->columns = columns;
  return p;
}

}  // namespace

Status PrepareProductF32(Prepare& prepare, const RowSource& source, int64_t rows, int64_t depth, int32_t columns, ClampF32 clamp, const float* bias) {
  PackedProduct* p = Begin(prepare, source, rows, depth, columns);
  const auto padded = static_cast<size_t>(RoundUp(columns, kPanel));
  float* sums = prepare.Array<float>(padded);
  for (int32_t c = 0; bias && c < columns; ++c) sums[c] = bias[c];
  p->bias = sums;
  p->clamp = clamp;
  Cut(p, depth * 4, kernels::Best().rows);
  p->scratch_bytes = source.contiguous ? 0 : RoundUp(p->rows_per_task * depth * 4, 64);
  const PackContext context{prepare.op.constants[1], depth, columns};
  OCTET_ASSIGN(p->weights, prepare.Pack(1, "N16F32", static_cast<uint64_t>(depth), padded * static_cast<size_t>(depth) * 4, PackF32, &context));
  prepare.Workspace(static_cast<size_t>(p->scratch_bytes) * prepare.threads);
  prepare.SetRun(RunF32, p);
  return {};
}

}  // namespace octet::ops
