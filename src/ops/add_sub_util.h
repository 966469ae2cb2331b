// SPDX-License-Identifier: Apache-2.0
// add and sub: y = act(a + sign * b). Integers: both inputs are rescaled to 2 * max(s_a, s_b) with a left
// shift of 20 bits (15 for i16), added, and rescaled to the output; all roundings DOUBLE.
#pragma once
#include "ops/binary_vector_util.h"

namespace octet::ops {

inline constexpr AttrRow kAddRows[] = {Attr<&ActivationAttrs::activation>("fused_activation_function", 0)};

// sign = +1 or -1.
Status PrepareAdd(Prepare& prepare, int sign);
Status PrepareAddVectors(Prepare& prepare, int sign);  // float and int8.
Cost CostOfElementwise(const OpView& op);

}  // namespace octet::ops
