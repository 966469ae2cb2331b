// SPDX-License-Identifier: Apache-2.0
// add and sub: y = act(a + sign * b). Integers: both inputs are rescaled to 2 * max(s_a, s_b) with a left
// shift of 20 bits (15 for i16), added, and rescaled to the output; all roundings DOUBLE. int16 of which
// every scale is a power of two is shifted instead (pot_scale_int16).
#pragma once
#include "ops/binary_vector_util.h"

namespace octet::ops {

struct AddAttrs : ActivationAttrs {
  bool pot_scale_int16 = true;
};
inline constexpr AttrRow kAddRows[] = {Attr<&AddAttrs::activation>("fused_activation_function", 0), Attr<&AddAttrs::pot_scale_int16>("pot_scale_int16", 1)};

// sign = +1 or -1.
Status PrepareAdd(Prepare& prepare, int sign);
Status PrepareAddVectors(Prepare& prepare, int sign);  // float and int8; a sum of quantized int16, too.
Cost CostOfElementwise(const OpView& op);

}  // namespace octet::ops
