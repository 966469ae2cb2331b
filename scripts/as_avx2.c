// SPDX-License-Identifier: Apache-2.0
// Preloaded beside libraries whose `cpuid` instructions were replaced by `ud2` (scripts/as_avx2.py): answers what the core
// answers, without AVX-512, AVX-VNNI, AMX and AVX10. x86-64 Linux; the handler touches only registers of the thread that trapped.
// Bits: Intel SDM volume 2A, CPUID, leaf 7.
#define _GNU_SOURCE  // REG_RAX and the like
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

#define BIT(n) (1u << (n))

static void Mask(uint32_t leaf, uint32_t subleaf, uint32_t* eax, uint32_t* ebx, uint32_t* ecx, uint32_t* edx) {
  if (leaf != 7) return;
  if (subleaf == 0) {
    *ebx &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));  // AVX512 F DQ IFMA PF ER CD BW VL
    *ecx &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));                                  // AVX512 VBMI VBMI2 VNNI BITALG VPOPCNTDQ
    *edx &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25));  // AVX512 4VNNIW 4FMAPS VP2INTERSECT, AMX BF16, AVX512 FP16, AMX TILE INT8
  } else if (subleaf == 1) {
    *eax &= ~(BIT(4) | BIT(5) | BIT(21) | BIT(23));      // AVX-VNNI, AVX512 BF16, AMX FP16, AVX-IFMA
    *edx &= ~(BIT(4) | BIT(5) | BIT(8) | BIT(10) | BIT(19));  // AVX-VNNI-INT8, AVX-NE-CONVERT, AMX COMPLEX, AVX-VNNI-INT16, AVX10
  }
}

static void OnIllegal(int number, siginfo_t* info, void* context) {
  (void)info;
  greg_t* r = ((ucontext_t*)context)->uc_mcontext.gregs;
  const uint8_t* code = (const uint8_t*)r[REG_RIP];
  if (code[0] != 0x0F || code[1] != 0x0B) {  // Not ours: as without this file.
    signal(number, SIG_DFL);
    return;
  }
  const uint32_t leaf = (uint32_t)r[REG_RAX], subleaf = (uint32_t)r[REG_RCX];
  uint32_t eax, ebx, ecx, edx;
  __cpuid_count(leaf, subleaf, eax, ebx, ecx, edx);
  Mask(leaf, subleaf, &eax, &ebx, &ecx, &edx);
  r[REG_RAX] = eax, r[REG_RBX] = ebx, r[REG_RCX] = ecx, r[REG_RDX] = edx;
  r[REG_RIP] += 2;
}

__attribute__((constructor)) static void Install(void) {
  struct sigaction action = {.sa_sigaction = OnIllegal, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGILL, &action, 0);
}
