// SPDX-License-Identifier: Apache-2.0
// Weights as int8, whatever their storage form: int4 and int2 lie two or four to a byte, signed, the
// first value in the lowest bits.
#pragma once
#include "ops/op_def.h"

namespace octet::ops {

// `count` values of `bits` (8, 4 or 2) each.
void UnpackBits(const std::byte* from, int bits, int64_t count, int8_t* to);

struct ByteWeights {
  const int8_t* unpacked = nullptr;  // Constants: unpacked once, shared by all interpreters.
  int operand = 1;
  int bits = 8;
  int64_t count = 0;
  int64_t at = 0;  // Computed packed weights: where in the workspace each run unpacks them.

  const int8_t* of(const Run& run) const;
};

// Weights of 8, 4 or 2 bits. What computed packed ones need is added to *workspace (bytes so far).
Result<ByteWeights> PrepareByteWeights(Prepare& prepare, int operand, size_t* workspace);

}  // namespace octet::ops
