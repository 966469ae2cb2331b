// SPDX-License-Identifier: Apache-2.0
// Transposed convolutions on the packed kernels: every input pixel times all taps is a product, whose sums are added to the output
// pixels that they reach. 16 output channels at a time: a panel of the product is one tap's.
#pragma once
#include "ops/conv_util.h"
#include "ops/op_def.h"

namespace octet::ops {

// The product's operands in the node. g.in_*: the input; g.out_*: the output. Weights are constant, [out_c, h, w, in_c].
struct ScatterOperands {
  ConvGeometry g;
  int data = 0, weights = 1, bias = 2;
  ClampF32 clamp{};
  IntegerOutput integer{};
};
Status PrepareScatterF32(Prepare& prepare, const ScatterOperands& operands);
Status PrepareScatterS8(Prepare& prepare, const ScatterOperands& operands);
Status PrepareScatterHybrid(Prepare& prepare, const ScatterOperands& operands);  // Dynamic range.

}  // namespace octet::ops
