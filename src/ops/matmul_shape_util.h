// SPDX-License-Identifier: Apache-2.0
// Where the matrices of a product lie whose batch dimensions are broadcast, and whose operands may lie transposed.
#pragma once
#include "ops/matmul_util.h"

namespace octet::ops {

// All dimensions but the matrix's own two.
Shape BatchOf(const Shape& s);

// For every batch of the output, the index of the matrix that `in` contributes: broadcast axes stay at 0. No batches: nothing is looked at.
// The list lives as long as the plan.
const int64_t* MatrixIndices(Prepare& p, const Shape& in, const Shape& out, int64_t batches);

// Of inputs 0 and 1 and the output, in the orders of Prepare. adj_x, adj_y: the matrix is the transposed one. Not for empty operands: of
// those, any number of batches takes no memory, and a list of them does.
MatmulShape MatmulShapeOf(Prepare& p, bool adj_x, bool adj_y);

}  // namespace octet::ops
