// SPDX-License-Identifier: Apache-2.0
// Products of two computed operands: the right one is packed anew at every call, then multiplied by the packed
// kernels. The batches of both are given as lists of matrices.
#pragma once
#include "ops/matrix_util.h"

namespace octet::ops {

struct MatmulShape {
  int64_t batches = 0, m = 0, k = 0, n = 0, y_matrices = 0;
  bool adj_x = false, adj_y = false;  // Stored transposed.
  const int64_t* x_at = nullptr;      // Per batch: which matrix of x and y.
  const int64_t* y_at = nullptr;
};

Status PrepareMatmulF32(Prepare& prepare, const MatmulShape& shape);

struct MatmulQuant {
  int32_t x_zero = 0, y_zero = 0, out_zero = 0;
  Multiplier multiplier;
};
Status PrepareMatmulS8(Prepare& prepare, const MatmulShape& shape, const MatmulQuant& q);

}  // namespace octet::ops
