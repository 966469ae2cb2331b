// SPDX-License-Identifier: Apache-2.0
// Functions of 16-bit fixed point numbers, thirty-two lanes.
#include "kernels/fixed16.h"
#include "kernels/isa/lanes_avx512.h"

namespace octet::kernels {
namespace {

#include "kernels/isa/fixed16_body.h"

}  // namespace

constinit const Fixed16 kAvx512Fixed16 = {MapShorts<LogisticOf>, Tanh};

}  // namespace octet::kernels
