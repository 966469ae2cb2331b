// SPDX-License-Identifier: Apache-2.0
// Float matrix products over packed weights: what conv_2d and fully_connected run fast on. Rows are output
// pixels (or batch rows); a source hands out their inputs; columns are output channels.
#pragma once
#include <cstring>

#include "kernels/kernels.h"
#include "ops/conv_util.h"

namespace octet::ops {

// Columns of a product in groups, each with panels and input channels of its own: grouped convolutions.
struct ColumnGroups {
  int64_t count = 1, columns = 0;  // Of each group.
  int64_t panels() const { return kernels::CeilDivide(columns, kernels::kPanel); }
  int64_t packed() const { return panels() * kernels::kPanel; }
  int64_t all_panels() const { return count * panels(); }
  // Calls body(group, first, end) for every group that has some of these panels.
  template <class Body> void ForEach(int64_t first, int64_t end, const Body& body) const {
    for (int64_t next = first; first < end; first = next) {
      const int64_t group = first / panels();
      next = std::min(end, (group + 1) * panels());
      body(group, first, next);
    }
  }
  // Columns that are not there before a group's panels: how much earlier it begins in y.
  int64_t gaps(int64_t group) const { return group * (packed() - columns); }
  // What all columns have, padded as panels are.
  template <class T> void Spread(const T* from, T* to) const {
    for (int64_t i = 0; i < count; ++i) std::copy_n(from + i * columns, columns, to + i * packed());
  }
};

// What Prepare::Pack is told of panels in groups; length: of a segment.
inline uint64_t PackedForm(int64_t length, int64_t groups) { return static_cast<uint64_t>(groups) << 32 | static_cast<uint64_t>(length); }

// Where the rows of the left operand come from.
struct RowSource {
  ConvGeometry g;          // filter 1x1, stride 1, no padding: rows are contiguous pixels.
  bool contiguous = false; // Row r is x + r * groups * depth.
  int32_t groups = 1;      // Of channels, in and out; a product's depth is that of one.
};

// K4N16 of kernels.h: its bytes, and the form itself. Element (k, c) of the operand is w[k * depth_step + c * column_step].
inline int64_t PackedBytesS8(int64_t depth, int64_t columns) { return kernels::RoundUp(columns, kernels::kPanel) * kernels::RoundUp(depth, 4); }
bool NarrowRange(const std::byte* w, int64_t n, int64_t rows);  // No weight is -128; false where no kernel asks for so many rows.
void PackPanelsS8(const int8_t* w, int64_t column_step, int64_t depth_step, int64_t depth, int64_t columns, int8_t* to);

// int8 columns in groups, each panel made of its segments in turn: groups of four end with each.
struct SegmentsS8 {
  int64_t count = 1, length = 0;
  ColumnGroups groups;
  int64_t depth() const { return count * length; }
  int64_t fours() const { return count * (kernels::RoundUp(length, 4) / 4); }
  int64_t packed_bytes() const { return fours() * 4 * groups.all_panels() * kernels::kPanel; }
};
// channels_last: weights are [segment][length][columns], of one group.
void PackSegmentsS8(const int8_t* w, const SegmentsS8& form, bool channels_last, int8_t* to);

// [columns / 16][depth][16], zeros at the end.
void PackPanelsF32(const float* w, int64_t column_step, int64_t depth_step, int64_t depth, int64_t columns, float* to);
// Weights are constant input 1, [columns, depth] row-major in memory (OHWI is). depth: of a group.
Status PrepareProductF32(Prepare& prepare, const RowSource& source, int64_t rows, int64_t depth, int32_t columns, ClampF32 clamp, const float* bias);

// 3x3 windows of stride 1 in a quarter of the multiplications, with other roundings (winograd_f32_util.cc). Weights as above.
bool TakesWinogradF32(const ConvGeometry& g);
Status PrepareWinogradF32(Prepare& prepare, const ConvGeometry& g, ClampF32 clamp, const float* bias);

}  // namespace octet::ops
