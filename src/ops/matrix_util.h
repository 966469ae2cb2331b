// SPDX-License-Identifier: Apache-2.0
// Float matrix products over packed weights: what conv_2d and fully_connected run fast on. Rows are output
// pixels (or batch rows); a source hands out their inputs; columns are output channels.
#pragma once
#include <cstring>

#include "kernels/kernels.h"
#include "ops/conv_util.h"

namespace octet::ops {

// Where the rows of the left operand come from.
struct RowSource {
  ConvGeometry g;          // filter 1x1, stride 1, no padding: rows are contiguous pixels.
  bool contiguous = false; // Row r is x + r * depth.
};

// K4N16 of kernels.h: its bytes, and the form itself. Element (k, c) of the operand is w[k * depth_step + c * column_step].
inline int64_t PackedBytesS8(int64_t depth, int64_t columns) { return kernels::RoundUp(columns, kernels::kPanel) * kernels::RoundUp(depth, 4); }
bool NarrowRange(const std::byte* w, int64_t n, int64_t rows);  // No weight is -128; false where no kernel asks for so many rows.
void PackPanelsS8(const int8_t* w, int64_t column_step, int64_t depth_step, int64_t depth, int64_t columns, int8_t* to);

// [columns / 16][depth][16], zeros at the end.
void PackPanelsF32(const float* w, int64_t column_step, int64_t depth_step, int64_t depth, int64_t columns, float* to);
// Weights are constant input 1, [columns, depth] row-major in memory (OHWI is).
Status PrepareProductF32(Prepare& prepare, const RowSource& source, int64_t rows, int64_t depth, int32_t columns, ClampF32 clamp, const float* bias);

// 3x3 windows of stride 1 in a quarter of the multiplications, with other roundings (winograd_f32_util.cc). Weights as above.
bool TakesWinogradF32(const ConvGeometry& g);
Status PrepareWinogradF32(Prepare& prepare, const ConvGeometry& g, ClampF32 clamp, const float* bias);

}  // namespace octet::ops
