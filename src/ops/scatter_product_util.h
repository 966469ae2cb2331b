// SPDX-License-Identifier: Apache-2.0
// Transposed convolutions on the packed kernels: every input pixel times all taps is a product, whose sums are added to the output
// pixels that they reach. 16 output channels at a time: a panel of the product is one tap's.
#pragma once
#include "ops/conv_util.h"
#include "ops/op_def.h"

namespace octet::ops {

// The third axis of volumes; an image is one slice.
struct ScatterDepth {
  int64_t in = 1, out = 1, filter = 1, stride = 1, pad = 0;
};

// The product's operands in the node. g.in_*: the input; g.out_*: the output. Weights are constant, [out_c, h, w, in_c] or, of floats,
// [d, h, w, out_c, in_c].
struct ScatterOperands {
  ConvGeometry g;  // Of slices.
  ScatterDepth depth{};
  bool taps_first = false;
  int data = 0, weights = 1, bias = 2;
  ClampF32 clamp{};
  IntegerOutput integer{};
};
// A line's products, and sums of 16 channels of a slice, fit a sane amount of memory, also where there are fewer channels.
bool FitsScatter(const ConvGeometry& g);
Status PrepareScatterF32(Prepare& prepare, const ScatterOperands& operands);
Status PrepareScatterS8(Prepare& prepare, const ScatterOperands& operands);
Status PrepareScatterHybrid(Prepare& prepare, const ScatterOperands& operands);  // Dynamic range.

}  // namespace octet::ops
