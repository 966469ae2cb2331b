// SPDX-License-Identifier: Apache-2.0
// How a product's rows are found and cut into tasks. Rows are output pixels (or batch rows).
#pragma once
#include "base/thread_pool.h"
#include "ops/matrix_util.h"

namespace octet::ops {

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

// Blocks of rows, times groups of panels where rows are few; from the shapes alone, never from threads.
struct RowBlocks {
  int64_t rows = 0, rows_per_task = 0, panels = 0, panels_per_task = 0;
};
struct Block {
  int64_t first_row, rows, first_panel, end_panel;
};

inline RowBlocks CutRows(int64_t rows, int64_t columns, int64_t row_bytes, int64_t tile_rows) {
  constexpr int64_t kBlockBytes = 192 << 10;  // Of left operand per task: stays in a level-2 cache.
  constexpr int64_t kMostRows = 48, kEnoughTasks = 8;
  constexpr int64_t kTogether = 8;            // Panels that one row is multiplied with at once.
  RowBlocks b;
  b.rows = rows;
  b.panels = kernels::RoundUp(columns, kernels::kPanel) / kernels::kPanel;
  const int64_t fit = std::clamp<int64_t>(kBlockBytes / std::max<int64_t>(1, row_bytes), tile_rows, std::max(kMostRows, tile_rows));
  // To the nearest number of blocks: a few rows more cost less than a block of a few rows, which reads all weights again.
  const int64_t wanted = std::max<int64_t>(1, (rows + fit / 2) / fit);
  b.rows_per_task = std::max<int64_t>(1, std::min(rows, kernels::RoundUp((rows + wanted - 1) / wanted, tile_rows)));
  const int64_t blocks = (rows + b.rows_per_task - 1) / b.rows_per_task;
  b.panels_per_task = b.panels;
  if (blocks < kEnoughTasks) b.panels_per_task = std::clamp<int64_t>(kernels::RoundUp(b.panels / kEnoughTasks, kTogether), kTogether, std::max(kTogether, b.panels));
  return b;
}

// Of several threads, each has a part of the larger operand to itself, and meets all of the other one.
template <class Body> void ForEachBlock(const RowBlocks& b, ThreadPool& pool, const Body& body) {
  const int64_t blocks = (b.rows + b.rows_per_task - 1) / b.rows_per_task, groups = (b.panels + b.panels_per_task - 1) / b.panels_per_task;
  const bool by_panels = pool.threads() > 1 && b.panels * kernels::kPanel > b.rows;
  pool.For(blocks * groups, [&](int64_t task, int thread) {
    const int64_t row = (by_panels ? task % blocks : task / groups) * b.rows_per_task, panel = (by_panels ? task / blocks : task % groups) * b.panels_per_task;
    body(Block{row, std::min(b.rows_per_task, b.rows - row), panel, std::min(b.panels, panel + b.panels_per_task)}, thread);
  });
}

}  // namespace octet::ops
