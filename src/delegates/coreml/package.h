// SPDX-License-Identifier: Apache-2.0
// Core ML's package of a model: a folder with its specification and weights.
#pragma once
#include "base/status.h"
#include "delegates/coreml/program.h"

namespace octet::coreml {

// FOLDER/NAME.mlpackage, whose path is given back. What was there under this name is overwritten.
Result<std::string> WritePackage(const std::string& folder, const std::string& name, const Program& program);

}  // namespace octet::coreml
