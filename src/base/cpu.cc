// SPDX-License-Identifier: Apache-2.0
#include "base/cpu.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace octet {
namespace {

constexpr std::string_view kNames[] = {"scalar", "avx2", "avx512", "avx512_vnni", "neon", "neon_dot"};

Isa Detect() {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return Isa::kScalar;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq"))
    return Isa::kAvx2;
  return __builtin_cpu_supports("avx512vnni") ? Isa::kAvx512Vnni : Isa::kAvx512;
#elif defined(__aarch64__)
  return Isa::kNeon;
#else
  return Isa::kScalar;
#endif
}

Isa Lowered(Isa detected) {
  const char* wanted = std::getenv("OCTET_ISA");
  if (!wanted) return detected;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == wanted && Cpu{detected}.has(static_cast<Isa>(i))) return static_cast<Isa>(i);
  }
  return detected;
}

}  // namespace

std::string_view Name(Isa isa) { return kNames[static_cast<size_t>(isa)]; }

const Cpu& ThisCpu() {
  static const Cpu cpu{Lowered(Detect())};
  return cpu;
}

}  // namespace octet
