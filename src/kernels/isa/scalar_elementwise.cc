// SPDX-License-Identifier: Apache-2.0
// Elementwise primitives, one lane: the same integer bits as the others.
#include "base/built.h"
#include "kernels/elementwise.h"
#include "kernels/isa/lanes_scalar.h"
#include "kernels/kernels.h"

namespace octet::kernels {
namespace {

#include "kernels/isa/elementwise_body.h"

void Lookup(const uint8_t* x, int64_t n, const ByteTable& t, uint8_t* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = t.entry[x[i]];
}

void Transpose32(const std::byte* x, int64_t pitch_x, int64_t rows, int64_t columns, std::byte* y, int64_t pitch_y) {
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t r = 0; r < rows; ++r) __builtin_memcpy(y + c * pitch_y + r * 4, x + r * pitch_x + c * 4, 4);
}

}  // namespace

constinit const Elementwise kScalarElementwise = OCTET_ELEMENTWISE(Lookup, Transpose32);

}  // namespace octet::kernels
