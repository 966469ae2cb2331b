// SPDX-License-Identifier: Apache-2.0
// Grouped convolutions of few output channels: products have at least 8 columns, so that several groups take as long as one. They are
// multiplied as one larger group, whose filters have zeros where a channel is another group's. (Of floats, an infinite input makes the
// outputs of groups beside its own NaN.)
#pragma once
#include "ops/op_def.h"

namespace octet::ops {

// How many of the groups, a divisor of them, are one: with so many columns each, as many as fill half a panel. (With a whole panel, float
// and int8 layers took 0.84 to 1.7 times as long on AVX2, 1.15 in the geometric mean of 18; with more groups than that, always longer.)
int32_t GroupsTogether(int32_t groups, int32_t columns);
// Prepares the node by `prepare_product`, which meets weights [out, h, w, in] of larger groups. The node's own, input 1, are constant,
// and so is a bias, input 2. The other ones are gone afterwards: what `prepare_product` keeps of them it packs.
Status PrepareTogether(Prepare& prepare, int32_t together, Status (*prepare_product)(Prepare&));

}  // namespace octet::ops
