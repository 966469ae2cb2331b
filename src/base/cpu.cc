// SPDX-License-Identifier: Apache-2.0
#include "base/cpu.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace octet {
namespace {

constexpr std::string_view kNames[] = {"scalar", "avx2", "avx_vnni", "avx512", "avx512_vnni", "amx", "neon", "dotprod", "i8mm"};

#if defined(__x86_64__)
// The matrix registers are 8 kB that the system saves only for processes that asked: ARCH_REQ_XCOMP_PERM, XTILEDATA.
bool MayUseTiles() {
#if defined(__linux__)
  return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
#else
  return false;
#endif
}
#endif

#if defined(__aarch64__)
// What the system says of the processor (asm/hwcap.h, whose older versions lack the names): ASIMDDP is bit 20 of the
// first word, I8MM bit 13 of the second. Where it cannot be asked, the baseline.
Isa DetectArm() {
#if defined(__linux__)
  if (!(getauxval(AT_HWCAP) >> 20 & 1)) return Isa::kNeon;
  return getauxval(AT_HWCAP2) >> 13 & 1 ? Isa::kI8mm : Isa::kDotprod;
#else
  return Isa::kNeon;
#endif
}
#endif

#if defined(__x86_64__)
// Leaf 7, subleaf 1: EAX has AVX-VNNI in bit 4.
bool HasAvxVnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  __cpuid_count(7, 1, a, b, c, d);
  return a >> 4 & 1;
}

// Intel SDM volume 2A, CPUID: what instructions there are, and (XCR0) which registers the system saves. Of our own, as the compiler's
// __builtin_cpu_supports brings 5 kB of other processors' names into a runtime of 400. Each leaf is asked for once: a virtual machine's
// host answers, in some 3 us. Whoever saves registers by XSAVE (leaf 13) has leaf 7.
Isa DetectX86() {
  constexpr unsigned kFma = 1u << 12, kOsXsave = 1u << 27;                                                           // Leaf 1, ECX.
  constexpr unsigned kAvx2 = 1u << 5, kAvx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31, kAvx512Vnni = 1u << 11;  // Leaf 7: EBX, EBX (F, DQ, BW, VL), ECX,
  constexpr unsigned kTiles = 3u << 24;                                                                                 // EDX (AMX-TILE, AMX-INT8).
  constexpr unsigned kYmm = 1u << 1 | 1u << 2, kZmm = kYmm | 1u << 5 | 1u << 6 | 1u << 7;                         // XCR0.
  unsigned a = 0, b = 0, c = 0, d = 0;
  __cpuid(1, a, b, c, d);
  if ((c & (kFma | kOsXsave)) != (kFma | kOsXsave)) return Isa::kScalar;
  unsigned saved = 0, high = 0;
  asm volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  __cpuid_count(7, 0, a, b, c, d);
  if ((saved & kYmm) != kYmm || !(b & kAvx2)) return Isa::kScalar;
  if ((saved & kZmm) != kZmm || (b & kAvx512) != kAvx512) return HasAvxVnni() ? Isa::kAvxVnni : Isa::kAvx2;
  if (!(c & kAvx512Vnni)) return Isa::kAvx512;
  return (d & kTiles) == kTiles && MayUseTiles() ? Isa::kAmx : Isa::kAvx512Vnni;
}
#endif

Isa Detect() {
#if defined(__x86_64__)
  return DetectX86();
#elif defined(__aarch64__)
  return DetectArm();
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
