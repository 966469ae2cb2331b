// SPDX-License-Identifier: Apache-2.0
// Functions of 16-bit fixed point numbers, sixteen lanes.
#include "kernels/fixed16.h"
#include "kernels/isa/lanes_avx2.h"

namespace octet::kernels {
namespace {

#include "kernels/isa/fixed16_body.h"

}  // namespace

constinit const Fixed16 kAvx2Fixed16 = {MapShorts<LogisticOf>, Tanh};

}  // namespace octet::kernels
