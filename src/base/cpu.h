// SPDX-License-Identifier: Apache-2.0
// What this processor can do, read once. OCTET_ISA=scalar|avx2|avx_vnni|avx512|avx512_vnni|amx, or
// scalar|neon|dotprod|i8mm, lowers it.
#pragma once
#include <cstdint>
#include <string_view>

namespace octet {

// Levels of one architecture include the lower ones; but kAvxVnni, of processors that have VNNI without AVX-512, is in none above it.
enum class Isa : uint8_t { kScalar = 0, kAvx2 = 1, kAvxVnni = 2, kAvx512 = 3, kAvx512Vnni = 4, kAmx = 5, kNeon = 6, kDotprod = 7, kI8mm = 8 };

std::string_view Name(Isa);

struct Cpu {
  Isa isa = Isa::kScalar;
  bool has(Isa level) const {
    if (level == Isa::kScalar || level == Isa::kAvxVnni) return level == Isa::kScalar || isa == level;
    return isa >= level && (isa >= Isa::kNeon) == (level >= Isa::kNeon);
  }
};

const Cpu& ThisCpu();

}  // namespace octet
