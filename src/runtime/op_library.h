// SPDX-License-Identifier: Apache-2.0
// Custom operators from shared libraries: include/octet/custom_op.h.
#pragma once
#include <string>

#include "base/status.h"

namespace octet::runtime {

// Adds the library's operators, for the rest of the process: before a model that needs them is opened.
Status LoadOps(const std::string& path);

}  // namespace octet::runtime
