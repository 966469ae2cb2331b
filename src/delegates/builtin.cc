// SPDX-License-Identifier: Apache-2.0
#include "delegates/builtin.h"

#include "delegates/gpu/gpu.h"

namespace octet::delegates {

// Defined in the delegates' folders.
const OctetDelegate* NnapiDelegate();
const OctetDelegate* CoremlDelegate();

std::span<const Builtin> Builtins() {
  static constexpr Builtin kBuiltins[] = {
#if OCTET_GPU
      {"gpu", gpu::Functions},
#endif
      {"nnapi", NnapiDelegate},
      {"coreml", CoremlDelegate},
  };
  return kBuiltins;
}

}  // namespace octet::delegates
