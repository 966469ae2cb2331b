// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "octet/delegate.h"
#include "runtime/delegate.h"

namespace octet::gpu {

// The delegate "gpu": OpenCL, or OpenGL ES 3.1 where there is none. Nothing is loaded before it is created.
const OctetDelegate* Functions();
Status CheckOptions(const runtime::Delegate::Settings& settings);

}  // namespace octet::gpu
