// SPDX-License-Identifier: Apache-2.0
// How products are cut into tasks: all of them once, as even as tiles allow.
#include "ops/row_blocks.h"

#include <gtest/gtest.h>

#include <vector>

namespace octet::ops {
namespace {

TEST(RowBlocks, PartsAreAllRowsInTurnAndEvenToATile) {
  for (int64_t all : {0, 1, 23, 24, 49, 196, 785})
    for (int64_t tile : {1, 6, 24})
      for (int64_t parts : {1, 2, 3, 8}) {
        int64_t next = 0, least = all, most = 0;
        for (int64_t i = 0; i < parts; ++i) {
          const RowRange part = EvenPart(all, tile, parts, i);
          EXPECT_EQ(next, part.first);
          const int64_t tiles = (part.end - part.first + tile - 1) / tile;
          least = std::min(least, tiles), most = std::max(most, tiles);
          next = part.end;
        }
        EXPECT_EQ(all, next);
        EXPECT_LE(most - least, 1) << all << " rows in " << parts << " parts of tiles of " << tile;
      }
}

TEST(RowBlocks, ScratchHoldsTheLargestBlockOfFewerRowsToo) {
  for (int64_t row_bytes : {1, 2000, 5000, 1 << 20}) {
    RowBlocks b = CutRows(1000, 64, row_bytes, 24);
    const int64_t most = b.most_rows();
    for (b.rows = 1; b.rows <= 1000; ++b.rows)
      for (int64_t i = 0; i < b.blocks(); ++i) {
        const RowRange rows = EvenPart(b.rows, b.tile_rows, b.blocks(), i);
        ASSERT_LE(rows.end - rows.first, most) << b.rows << " rows of " << row_bytes;
      }
  }
}

// What the thread with most of them has of `panels`, of one block of rows.
int64_t LongestThread(int64_t panels, int threads, const PanelCut& cut) {
  RowBlocks b = CutRows(49, panels * kernels::kPanel, 4000, 6);
  CutPanels(cut, threads, b);
  return CeilDivide(b.groups(), threads) * b.panels_per_task;
}

TEST(RowBlocks, ThreadsHaveAsManyPanels) {
  const PanelCut one{.depth = 960, .together = 1, .before = 0}, two{.depth = 960, .together = 2, .before = 0},
      loads{.depth = 960, .together = 2, .before = 0.5};
  for (int64_t panels : {2, 10, 20, 24, 60}) EXPECT_EQ(panels / 2, LongestThread(panels, 2, one)) << panels;
  EXPECT_EQ(4, LongestThread(7, 2, one));
  EXPECT_EQ(6, LongestThread(10, 2, two));
  EXPECT_EQ(10, LongestThread(20, 2, loads));
  EXPECT_EQ(10, LongestThread(10, 1, one));
}

TEST(RowBlocks, LittleWorkStaysTogether) {
  EXPECT_EQ(2, LongestThread(2, 2, {.depth = 8, .together = 1, .before = 0}));  // 49 x 8 x 32 multiply-adds.
  RowBlocks none = CutRows(0, 64, 100, 6);
  CutPanels({.depth = 100, .together = 1, .before = 0}, 2, none);
  EXPECT_EQ(0, none.blocks());
}

}  // namespace
}  // namespace octet::ops
