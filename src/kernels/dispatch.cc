// SPDX-License-Identifier: Apache-2.0
#include "base/cpu.h"
#include "kernels/int8.h"
#include "kernels/kernels.h"

namespace octet::kernels {

const Table& Best() {
#if defined(__x86_64__)
  static const Table& best = ThisCpu().has(Isa::kAvx512Vnni) ? kAvx512Vnni : ThisCpu().has(Isa::kAvx2) ? kAvx2 : kScalar;
#else
  static const Table& best = kScalar;
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
