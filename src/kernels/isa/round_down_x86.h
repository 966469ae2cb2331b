// SPDX-License-Identifier: Apache-2.0
// The way floats round, as x86 has it: one setting for all arithmetic of a thread.
#pragma once
#include <immintrin.h>

namespace octet::kernels {
namespace {

// Arithmetic of floats rounds down where this is alive (Floored in kernels.h), and denormal numbers are numbers (Raised in
// tile_sums_avx2.h), whatever the program has set. Loads and stores do not move past its ends, nor does what is between them.
class RoundDown {
 public:
  RoundDown() : before_(_mm_getcsr()) { Set((before_ & ~(kRounding | kDenormalsAreZero | kFlushToZero)) | kDown | kNoDenormalTrap); }
  ~RoundDown() { Set(before_); }
  RoundDown(const RoundDown&) = delete;
  RoundDown& operator=(const RoundDown&) = delete;

 private:
  static constexpr unsigned kRounding = 3u << 13, kDown = 1u << 13, kDenormalsAreZero = 1u << 6, kFlushToZero = 1u << 15, kNoDenormalTrap = 1u << 8;
  static void Set(unsigned control) { asm volatile("ldmxcsr %0" : : "m"(control) : "memory"); }
  unsigned before_;
};

}  // namespace
}  // namespace octet::kernels
