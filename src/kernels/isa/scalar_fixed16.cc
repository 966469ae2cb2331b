// SPDX-License-Identifier: Apache-2.0
// Functions of 16-bit fixed point numbers, one lane.
#include "kernels/fixed16.h"
#include "kernels/isa/lanes_scalar.h"

namespace octet::kernels {
namespace {

#include "kernels/isa/fixed16_body.h"

}  // namespace

constinit const Fixed16 kScalarFixed16 = {MapShorts<LogisticOf>, Tanh};

}  // namespace octet::kernels
