// SPDX-License-Identifier: Apache-2.0
#include "delegates/builtin.h"

#include <vector>

#include "delegates/gpu/gpu.h"

namespace octet::delegates {

// Defined in the delegates' folders.
const OctetDelegate* NnapiDelegate();
const OctetDelegate* CoremlDelegate();

std::span<const Builtin> Builtins() {
  static const std::vector<Builtin> builtins = {
#if OCTET_GPU
      {"gpu", gpu::Functions},
#endif
#if OCTET_NNAPI
      {"nnapi", NnapiDelegate},
#endif
#if OCTET_COREML
      {"coreml", CoremlDelegate},
#endif
  };
  return builtins;
}

}  // namespace octet::delegates
