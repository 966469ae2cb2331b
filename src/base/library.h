// SPDX-License-Identifier: Apache-2.0
// Shared libraries loaded at run time, for the rest of the process.
#pragma once
#include <string>

#include "base/status.h"

namespace octet {

// Loads the library (once) and finds a function in it.
Result<void*> LoadFunction(const std::string& path, const char* function);

}  // namespace octet
