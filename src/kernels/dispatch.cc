// SPDX-License-Identifier: Apache-2.0
#include "base/cpu.h"
#include "kernels/elementwise.h"
#include "kernels/int8.h"
#include "kernels/kernels.h"
#include "kernels/products_f32.h"

namespace octet::kernels {

const Table& Best() {
#if defined(__x86_64__)
  static const Table& best = ThisCpu().has(Isa::kAvx512Vnni) ? kAvx512Vnni : ThisCpu().has(Isa::kAvx2) ? kAvx2 : kScalar;
#else
  static const Table& best = kScalar;
#endif
  return best;
}

const Elementwise& Vectors() {
#if defined(__x86_64__)
  static const Elementwise best = [] {
    if (!ThisCpu().has(Isa::kAvx512)) return ThisCpu().has(Isa::kAvx2) ? kAvx2Elementwise : kScalarElementwise;
    Elementwise e = kAvx512Elementwise;
    if (__builtin_cpu_supports("avx512vbmi")) e.lookup = LookupAvx512Vbmi;
    return e;
  }();
#else
  static const Elementwise& best = kScalarElementwise;
#endif
  return best;
}

const ProductsF32& FloatProducts() {
#if defined(__x86_64__)
  static const ProductsF32& best = ThisCpu().has(Isa::kAvx512) ? kAvx512ProductsF32 : ThisCpu().has(Isa::kAvx2) ? kAvx2ProductsF32 : kScalarProductsF32;
#else
  static const ProductsF32& best = kScalarProductsF32;
#endif
  return best;
}

const Int8& BestInt8() {
#if defined(__x86_64__)
  static const Int8& best = ThisCpu().has(Isa::kAvx512Vnni) ? kAvx512VnniInt8 : ThisCpu().has(Isa::kAvx2) ? kAvx2Int8 : kScalarInt8;
#else
  static const Int8& best = kScalarInt8;
#endif
  return best;
}

}  // namespace octet::kernels
