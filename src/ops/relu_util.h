// SPDX-License-Identifier: Apache-2.0
// The clamping activations: y = min(max(x, low), high). Integers: rescale to the output's scale (DOUBLE),
// then clamp.
#pragma once
#include "ops/unary_util.h"

namespace octet::ops {

Status PrepareClamp(Prepare& p, ClampF32 clamp);
Status PrepareClampVectors(Prepare& p, ClampF32 clamp);  // Of floats: TakesFunctionF32.

}  // namespace octet::ops
