// SPDX-License-Identifier: Apache-2.0
#include "delegates/builtin.h"

#include "delegates/gpu/gpu.h"

namespace octet::delegates {

namespace {

constexpr Builtin kBuiltins[] = {
#if OCTET_GPU
    {"gpu", gpu::Functions},
#endif
    {{}, nullptr},
};

}  // namespace

std::span<const Builtin> Builtins() { return std::span(kBuiltins).first(std::size(kBuiltins) - 1); }

}  // namespace octet::delegates
