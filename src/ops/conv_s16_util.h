// SPDX-License-Identifier: Apache-2.0
// Convolution of int16 activations by int8 weights, without groups: every window is copied once and meets all filters.
#pragma once
#include "ops/conv_util.h"

namespace octet::ops {

// Weights are input 1, [out, h, w, in]; zero points of both inputs are 0. Sums, and with them the bias, input 2, have 32 bits if they are
// narrow, otherwise 64. The multipliers of `output` live as long as the plan.
Status PrepareConvS16(Prepare& prepare, const ConvGeometry& g, const IntegerOutput& output, bool narrow_sums);

}  // namespace octet::ops
