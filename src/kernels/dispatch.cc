// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "base/cpu.h"
#include "kernels/elementwise.h"
#include "kernels/fixed16.h"
#include "kernels/int8.h"
#include "kernels/products_f32.h"

namespace octet::kernels {

// The table of that kind for this processor. A macro: a build has no tables of other architectures to name.
#if defined(__x86_64__) && !defined(OCTET_AVX2_ONLY)
#define OCTET_BEST(Table) (ThisCpu().has(Isa::kAvx512) ? kAvx512##Table : ThisCpu().has(Isa::kAvx2) ? kAvx2##Table : kScalar##Table)
#elif defined(__x86_64__)
#define OCTET_BEST(Table) (ThisCpu().has(Isa::kAvx2) ? kAvx2##Table : kScalar##Table)
#elif defined(__aarch64__)
#define OCTET_BEST(Table) (ThisCpu().has(Isa::kNeon) ? kNeon##Table : kScalar##Table)
#else
#define OCTET_BEST(Table) kScalar##Table
#endif

const Elementwise& Vectors() {
#if defined(__x86_64__) && !defined(OCTET_AVX2_ONLY)
  static const Elementwise best = [] {
    Elementwise e = OCTET_BEST(Elementwise);
    if (ThisCpu().has(Isa::kAvx512) && __builtin_cpu_supports("avx512vbmi")) e.lookup = LookupAvx512Vbmi;
    return e;
  }();
#else
  static const Elementwise& best = OCTET_BEST(Elementwise);
#endif
  return best;
}

const Fixed16& FixedPoint16() {
  static const Fixed16& best = OCTET_BEST(Fixed16);
  return best;
}

const ProductsF32& FloatProducts() {
  static const ProductsF32& best = OCTET_BEST(ProductsF32);
  return best;
}

#if defined(__x86_64__) && !defined(OCTET_AVX2_ONLY)
Int8 WithDots(const char* name, decltype(Int8::load) load, decltype(Int8::multiply) multiply) {
  Int8 k = kAvx2Int8;
  k.name = name;
  k.offset = 128;
  k.value_bytes = 1;
  k.load = load;
  k.multiply = multiply;
  k.scratch_per_group = k.narrow_range_rows = 0;
  k.winograd2 = k.winograd4 = nullptr;
  return k;
}

Int8 WithTiles(const char* name, decltype(Int8::multiply) multiply) {
  Int8 k = kAvx512VnniInt8;
  k.name = name;
  k.multiply = multiply;
  k.scratch_per_group = kAmxScratchPerGroup;
  k.winograd2 = k.winograd4 = nullptr;
  return k;
}
#endif

const Int8& BestInt8() {
#if defined(__x86_64__) && !defined(OCTET_AVX2_ONLY)
  static const Int8 best = [] {
    if (ThisCpu().has(Isa::kAmx)) return WithTiles("amx", MultiplyAmx);
    if (ThisCpu().has(Isa::kAvx512Vnni)) return kAvx512VnniInt8;
    if (ThisCpu().has(Isa::kAvxVnni)) return WithDots("avx_vnni", LoadAvxVnni, MultiplyAvxVnni);
    return ThisCpu().has(Isa::kAvx2) ? kAvx2Int8 : kScalarInt8;
  }();
#elif defined(__x86_64__)
  static const Int8& best = ThisCpu().has(Isa::kAvx2) ? kAvx2Int8 : kScalarInt8;
#elif defined(__aarch64__)
  static const Int8 best = [] {
    if (!ThisCpu().has(Isa::kDotprod)) return ThisCpu().has(Isa::kNeon) ? kNeonInt8 : kScalarInt8;
    Int8 k = kNeonDotprodInt8;
    if (!ThisCpu().has(Isa::kI8mm)) return k;
    k.name = "i8mm";
    k.multiply = MultiplyI8mm;
    k.scratch_per_group = kI8mmScratchPerGroup;
    return k;
  }();
#else
  static const Int8& best = kScalarInt8;
#endif
  return best;
}

const Int8& BestInt8([[maybe_unused]] int64_t rows) {
#ifdef __x86_64__
  constexpr int64_t kRaisedRows = 20;  // Of fewer, none is summed by floats.
  // Zen 4 where AVX-512 is not to be used. On Zen 3, which has none, networks take 1.15 to 1.4 times as long with float sums as with integers
  // (`octet bench`, MobileNetV2 and BERT int8): see Raised.
  static const bool raised = std::string_view(BestInt8().name) == "avx2" && __builtin_cpu_is("amdfam19h") && __builtin_cpu_supports("avx512f");
  if (raised && rows >= kRaisedRows) return kAvx2RaisedInt8;
#endif
  return BestInt8();
}

}  // namespace octet::kernels
