// SPDX-License-Identifier: Apache-2.0
#include "delegates/builtin.h"

namespace octet::delegates {

// Defined in the delegates' folders.
const OctetDelegate* NnapiDelegate();

std::span<const Builtin> Builtins() {
  static constexpr Builtin kBuiltins[] = {{"nnapi", NnapiDelegate}};
  return kBuiltins;
}

}  // namespace octet::delegates
