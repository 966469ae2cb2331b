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

inline constexpr int64_t kTileRowsS8 = 8;  // Integer products' tiles have 4 to 16 rows, as even as can be.

// Part i of `parts` of `all` rows, as even as whole tiles allow: the parts of two threads' tasks are the same to a tile.
inline RowRange EvenPart(int64_t all, int64_t tile_rows, int64_t parts, int64_t i) {
  const int64_t tiles = CeilDivide(all, tile_rows);
  return {tiles * i / parts * tile_rows, std::min(all, tiles * (i + 1) / parts * tile_rows)};
}

// Blocks of rows, times groups of panels where rows are few. A value's bits do not depend on how its matrix is cut.
struct RowBlocks {
  int64_t rows = 0, tile_rows = 1, rows_per_block = 1;  // A block has about so many.
  int64_t panels = 0, panels_per_task = 0;
  // To the nearest number of blocks: a few rows more cost less than a block of a few rows, which reads all weights again.
  int64_t blocks() const { return std::max(std::min<int64_t>(rows, 1), (rows + rows_per_block / 2) / rows_per_block); }
  int64_t groups() const { return CeilDivide(panels, panels_per_task); }
  // Of a block, of these or of fewer rows.
  int64_t most_rows() const { return std::min(rows, kernels::RoundUp(rows_per_block + rows_per_block / 2, tile_rows)); }
};
struct Block {
  int64_t first_row, rows, first_panel, end_panel;
};

inline RowBlocks CutRows(int64_t rows, int64_t columns, int64_t row_bytes, int64_t tile_rows) {
  constexpr int64_t kBlockBytes = 192 << 10;  // Of left operand per task: stays in a level-2 cache.
  constexpr int64_t kFewestRows = 12, kMostRows = 48;
  const int64_t fit = std::clamp<int64_t>(kBlockBytes / std::max<int64_t>(1, row_bytes), std::max(kFewestRows, tile_rows), std::max(kMostRows, tile_rows));
  const int64_t panels = CeilDivide(columns, kernels::kPanel);
  return {rows, tile_rows, fit, panels, std::max<int64_t>(1, panels)};
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
  const int64_t blocks = b.blocks();
  if (threads == 1 || blocks == 0 || blocks >= kEnoughTasks) return;
  const int64_t panel_macs = std::max<int64_t>(1, b.rows / blocks * cut.depth * kernels::kPanel);
  double least = std::numeric_limits<double>::infinity();
  const int64_t fewest = std::max(CeilDivide(b.panels * blocks, kMostTasks), CeilDivide(kTaskMacs, panel_macs));
  for (int64_t n = kernels::RoundUp(fewest, cut.together); ; n += cut.together) {
    const auto turns = static_cast<double>(CeilDivide(blocks * CeilDivide(b.panels, n), threads));
    const double longest = turns * (static_cast<double>(std::min(n, b.panels)) + cut.before);
    if (longest < least) least = longest, b.panels_per_task = std::min(n, b.panels);
    if (n >= b.panels) return;
  }
}

// Of several threads, each has a part of the larger operand to itself, and meets all of the other one.
template <class Body> void ForEachBlock(const RowBlocks& b, ThreadPool& pool, const Body& body) {
  const int64_t blocks = b.blocks(), groups = b.groups();
  const bool by_panels = pool.threads() > 1 && b.panels * kernels::kPanel > b.rows;
  pool.For(blocks * groups, [&](int64_t task, int thread) {
    const RowRange rows = EvenPart(b.rows, b.tile_rows, blocks, by_panels ? task % blocks : task / groups);
    const int64_t panel = (by_panels ? task / blocks : task % groups) * b.panels_per_task;
    body(Block{rows.first, rows.end - rows.first, panel, std::min(b.panels, panel + b.panels_per_task)}, thread);
  });
}

}  // namespace octet::ops
