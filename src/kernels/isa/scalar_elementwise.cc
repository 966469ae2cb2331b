// SPDX-License-Identifier: Apache-2.0
// Elementwise primitives, one lane: the same integer bits as the others.
#include "kernels/elementwise.h"
#include "kernels/isa/lanes_scalar.h"
#include "kernels/kernels.h"

namespace octet::kernels {
namespace {

#include "kernels/isa/elementwise_body.h"

void Lookup(const uint8_t* x, int64_t n, const uint8_t* table, uint8_t* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = table[x[i]];
}

}  // namespace

constinit const Elementwise kScalarElementwise = OCTET_ELEMENTWISE(Lookup);

}  // namespace octet::kernels
