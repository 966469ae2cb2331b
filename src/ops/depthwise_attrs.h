// SPDX-License-Identifier: Apache-2.0
// Attributes of depthwise_conv_2d, also emitted by the rules of separable layers.
#pragma once
#include "ops/op_def.h"

namespace octet::ops {

struct DepthwiseAttrs {
  Padding padding = Padding::kSame;
  int32_t stride_w = 1, stride_h = 1;
  int32_t depth_multiplier = 1;  // Informative: the kernels take it from the shapes.
  Activation activation = Activation::kNone;
  int32_t dilation_w = 1, dilation_h = 1;
};

}  // namespace octet::ops
