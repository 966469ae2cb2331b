// SPDX-License-Identifier: Apache-2.0
// Convolution over volumes with constant weights and bias (inputs 1 and 2) as a product of windows and packed weights.
#pragma once
#include "ops/conv_3d_util.h"

namespace octet::ops {

Status PrepareConv3dF32(Prepare& prepare, const Conv3dGeometry& g, ClampF32 clamp);

}  // namespace octet::ops
