// SPDX-License-Identifier: Apache-2.0
// What this processor can do, read once. OCTET_ISA=scalar|avx2|avx512|avx512_vnni|amx, or
// scalar|neon|dotprod|i8mm, lowers it.
#pragma once
#include <cstdint>
#include <string_view>

namespace octet {

// Levels of one architecture include the lower ones.
enum class Isa : uint8_t { kScalar = 0, kAvx2 = 1, kAvx512 = 2, kAvx512Vnni = 3, kAmx = 4, kNeon = 5, kDotprod = 6, kI8mm = 7 };

std::string_view Name(Isa);

struct Cpu {
  Isa isa = Isa::kScalar;
  bool has(Isa level) const { return level == Isa::kScalar || (isa >= level && (isa >= Isa::kNeon) == (level >= Isa::kNeon)); }
};

const Cpu& ThisCpu();

}  // namespace octet
