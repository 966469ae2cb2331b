// SPDX-License-Identifier: Apache-2.0
// How a product's rows are found and cut into tasks. Rows are output pixels (or batch rows).
#pragma once
#include <limits>

#include "base/thread_pool.h"
#include "ops/matrix_util.h"

namespace octet::ops {

using kernels::CeilDivide;

// Copies or gathers one row: inside(from, count) for runs of input elements in the order of the filter,
// outside(count) for padding.
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

// Blocks of rows, times groups of panels where rows are few. A value's bits do not depend on how its matrix is cut.
struct RowBlocks {
  int64_t rows = 0, rows_per_task = 0, panels = 0, panels_per_task = 0;
};
struct Block {
  int64_t first_row, rows, first_panel, end_panel;
};

inline RowBlocks CutRows(int64_t rows, int64_t columns, int64_t row_bytes, int64_t tile_rows) {
  constexpr int64_t kBlockBytes = 192 << 10;  // Of left operand per task: stays in a level-2 cache.
  constexpr int64_t kMostRows = 48;
  RowBlocks b;
  b.rows = rows;
  b.panels = b.panels_per_task = CeilDivide(columns, kernels::kPanel);
  const int64_t fit = std::clamp<int64_t>(kBlockBytes / std::max<int64_t>(1, row_bytes), tile_rows, std::max(kMostRows, tile_rows));
  // To the nearest number of blocks: a few rows more cost less than a block of a few rows, which reads all weights again.
  const int64_t wanted = std::max<int64_t>(1, (rows + fit / 2) / fit);
  b.rows_per_task = std::max<int64_t>(1, std::min(rows, kernels::RoundUp(CeilDivide(rows, wanted), tile_rows)));
  return b;
}

// Several threads and few blocks: panels are cut, too, so that the thread with most of them has few. What the matrix wants per task.
struct PanelCut {
  int64_t depth;
  int64_t together;  // Panels that rows are multiplied with at once: a task has a multiple.
  double before;     // What a task costs before its first panel, in panels.
};
inline constexpr int64_t kRowPanels = 8;  // That one row is multiplied with at once.
inline void CutPanels(const PanelCut& cut, int threads, RowBlocks& b) {
  constexpr int64_t kEnoughTasks = 8, kMostTasks = 16, kTaskMacs = 1 << 17;
  const int64_t blocks = CeilDivide(b.rows, b.rows_per_task), panel_macs = std::max<int64_t>(1, b.rows_per_task * cut.depth * kernels::kPanel);
  if (threads == 1 || blocks >= kEnoughTasks) return;
  double least = std::numeric_limits<double>::infinity();
  for (int64_t n = kernels::RoundUp(std::max(CeilDivide(b.panels * blocks, kMostTasks), CeilDivide(kTaskMacs, panel_macs)), cut.together); ; n += cut.together) {
    const double longest = static_cast<double>(CeilDivide(blocks * CeilDivide(b.panels, n), threads)) * (static_cast<double>(std::min(n, b.panels)) + cut.before);
    if (longest < least) least = longest, b.panels_per_task = std::min(n, b.panels);
    if (n >= b.panels) return;
  }
}

// Of several threads, each has a part of the larger operand to itself, and meets all of the other one.
template <class Body> void ForEachBlock(const RowBlocks& b, ThreadPool& pool, const Body& body) {
  const int64_t blocks = CeilDivide(b.rows, b.rows_per_task), groups = CeilDivide(b.panels, b.panels_per_task);
  const bool by_panels = pool.threads() > 1 && b.panels * kernels::kPanel > b.rows;
  pool.For(blocks * groups, [&](int64_t task, int thread) {
    const int64_t row = (by_panels ? task % blocks : task / groups) * b.rows_per_task, panel = (by_panels ? task / blocks : task % groups) * b.panels_per_task;
    body(Block{row, std::min(b.rows_per_task, b.rows - row), panel, std::min(b.panels, panel + b.panels_per_task)}, thread);
  });
}

}  // namespace octet::ops
