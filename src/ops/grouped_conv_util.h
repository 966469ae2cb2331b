// SPDX-License-Identifier: Apache-2.0
// Grouped convolution as a dense one: every filter over all input channels, with zeros where its group has none. That is as many times the
// multiplications as there are groups, at some hundred times the rate of the reference. (Of floats, an infinite input makes other groups'
// outputs NaN.)
#pragma once
#include "ops/conv_util.h"

namespace octet::ops {

// Weights grow by the number of groups, too: whether they stay few enough.
bool FitsDenseFilter(const ConvGeometry& g);
// Prepares the node by `prepare_dense`, which meets weights [out, h, w, in] of one group. The node's own, input 1, are constant, and so is
// a bias, input 2. The dense ones are gone afterwards: what `prepare_dense` keeps of them it packs.
Status PrepareGroupedConv(Prepare& prepare, const ConvGeometry& g, Status (*prepare_dense)(Prepare&));

}  // namespace octet::ops
