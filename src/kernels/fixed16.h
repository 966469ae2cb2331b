// SPDX-License-Identifier: Apache-2.0
// Functions of 16-bit fixed point numbers with the reference's roundings, the same bits on every instruction set. A table of its own:
// small runtimes whose operators want none have no code for it. n may be anything, pointers need no alignment; x may be y.
#pragma once
#include <cstdint>

namespace octet::kernels {

// Q`integer_bits` in, Q0 out.
struct Fixed16 {
  void (*logistic)(const int16_t* x, int64_t n, int16_t* y);  // Of Q3.
  void (*tanh)(int integer_bits, const int16_t* x, int64_t n, int16_t* y);  // 0 to 6.
};

const Fixed16& FixedPoint16();  // For this processor (base/cpu.h); OCTET_ISA lowers it.

extern const Fixed16 kScalarFixed16, kAvx2Fixed16, kAvx512Fixed16, kNeonFixed16;

}  // namespace octet::kernels
