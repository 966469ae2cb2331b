// SPDX-License-Identifier: Apache-2.0
#include "delegates/builtin.h"

namespace octet::delegates {

// Declared here and defined in the delegate's folder: gpu/ has GpuDelegate(), and so on.

std::span<const Builtin> Builtins() { return {}; }

}  // namespace octet::delegates
