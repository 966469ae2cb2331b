// SPDX-License-Identifier: Apache-2.0
// Products of two operands: the right one is packed, where it is computed anew at every call, then multiplied by the vector
// kernels. Where their matrices lie is given as lists, so that operands may be broadcast or lie transposed.
#pragma once
#include "ops/matrix_util.h"

namespace octet::ops {

// Distances and places are in elements.
struct MatmulShape {
  int64_t batches = 0, m = 0, k = 0, n = 0, y_matrices = 0;
  int64_t x_row = 0, x_depth = 1;     // From a row of x to the next, and along the depth.
  int64_t y_depth = 0, y_column = 1;
  int64_t out_row = 0;
  const int64_t* x_at = nullptr;      // Per batch: where its x lies, which matrix of y it takes, where its output lies.
  const int64_t* y_of = nullptr;
  const int64_t* out_at = nullptr;
  const int64_t* y_at = nullptr;      // Per matrix of y.
};

Status PrepareMatmulF32(Prepare& prepare, const MatmulShape& shape);

struct MatmulQuant {
  int32_t x_zero = 0, y_zero = 0, out_zero = 0;
  Multiplier multiplier;
};
Status PrepareMatmulS8(Prepare& prepare, const MatmulShape& shape, const MatmulQuant& q);
// int16 times int8 in 64-bit sums. Zero points of x and y are 0, x_depth is 1, and y lies as its type says.
Status PrepareMatmulS16(Prepare& prepare, const MatmulShape& shape, const MatmulQuant& q);

}  // namespace octet::ops
