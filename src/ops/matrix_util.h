// SPDX-License-Identifier: Apache-2.0
// Float matrix products over packed weights: what conv_2d and fully_connected run fast on. Rows are output
// pixels (or batch rows); a source hands out their inputs; columns are output channels.
#pragma once
#include "kernels/kernels.h"
#include "ops/conv_util.h"

namespace octet::ops {

// Where the rows of the left operand come from.
struct RowSource {
  ConvGeometry g;          // filter 1x1, stride 1, no padding: rows are contiguous pixels.
  bool contiguous = false; // Row r is x + r * depth.
};

struct PackedProduct {
  RowSource source;
  int64_t rows = 0, depth = 0;      // depth: filter_h * filter_w * in_c.
  int32_t columns = 0;
  int64_t rows_per_task = 0, panels_per_task = 0;
  const std::byte* weights = nullptr;
  const float* bias = nullptr;      // Padded to whole panels.
  ClampF32 clamp;
  int64_t scratch_bytes = 0;        // Per thread.
};

// Weights are constant input 1, [columns, depth] row-major in memory (OHWI is).
Status PrepareProductF32(Prepare& prepare, const RowSource& source, int64_t rows, int64_t depth, int32_t columns, ClampF32 clamp, const float* bias);

}  // namespace octet::ops
