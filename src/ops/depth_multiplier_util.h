// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution with several outputs of an input channel (a depth multiplier) as one with a single output each: over an image that
// has every channel so often.
#pragma once
#include "ops/conv_util.h"

namespace octet::ops {

// The node over such an image. `from` and its operands must outlive it.
struct RepeatedChannels {
  OpView op;
  TensorType image;
  const TensorType* inputs[3];
  explicit RepeatedChannels(const OpView& from);
  RepeatedChannels(const RepeatedChannels&) = delete;
};

// Whether the image is of a sane size; without `op` having more inputs than there are here.
bool FitsRepeatedChannels(const OpView& op);
// Prepares the node by `prepare_single`, which meets that of RepeatedChannels. Its input is float32, or has one byte a value.
Status PrepareRepeatedChannels(Prepare& prepare, Status (*prepare_single)(Prepare&));

}  // namespace octet::ops
