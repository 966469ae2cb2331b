// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution by rows of output pixels, channels in vector lanes; one output channel per input
// channel. Weights are input 1, [filter_h, filter_w, channels].
#pragma once
#include "ops/conv_util.h"

namespace octet::ops {

Status PrepareDepthwiseF32(Prepare& prepare, const ConvGeometry& g, ClampF32 clamp, const float* bias);
// int8 weights: each image is quantized with a zero point of its own. Differences of 8-bit values times 8-bit
// weights, summed over fewer than 512 cells, stay below 2^24: floats carry them exactly.
Status PrepareDepthwiseHybrid(Prepare& prepare, const ConvGeometry& g, ClampF32 clamp, const float* bias);
inline constexpr int64_t kMostHybridCells = 512;

}  // namespace octet::ops
