// SPDX-License-Identifier: Apache-2.0
// logistic and tanh of int16: one table of sigmoid(i / 24), i = 0 … 255, interpolated; tanh(x) is
// 2 sigmoid(2x) - 1. Output scale: 2^-15.
#pragma once
#include "ops/unary_util.h"

namespace octet::ops {

// int16 at both ends: zero points of 0 and that output scale.
Status CheckSigmoid(const OpView& op);
Status PrepareLogistic16(Prepare& p);
Status PrepareTanh16(Prepare& p);

}  // namespace octet::ops
