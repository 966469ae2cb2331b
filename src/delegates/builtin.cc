// SPDX-License-Identifier: Apache-2.0
#include "delegates/builtin.h"

#include <vector>

#include "delegates/gpu/gpu.h"

namespace octet::delegates {

// Defined in the delegates' folders.
const OctetDelegate* NnapiDelegate();
const OctetDelegate* CoremlDelegate();
Status CheckNnapiOptions(const runtime::Delegate::Settings& settings);
Status CheckCoremlOptions(const runtime::Delegate::Settings& settings);

std::span<const Builtin> Builtins() {
  static const std::vector<Builtin> builtins = {
#if OCTET_GPU
      {"gpu", gpu::Functions, gpu::CheckOptions},
#endif
#if OCTET_NNAPI
      {"nnapi", NnapiDelegate, CheckNnapiOptions},
#endif
#if OCTET_COREML
      {"coreml", CoremlDelegate, CheckCoremlOptions},
#endif
  };
  return builtins;
}

}  // namespace octet::delegates
