// SPDX-License-Identifier: Apache-2.0
// How users write down what to serve: NAME[:VERSION]=MODEL[,key=value...].
#pragma once
#include <string>

#include "base/status.h"
#include "serve/served_model.h"

namespace octet::serve {

Result<ModelConfig> ParseModelSpec(const std::string& text, const ModelConfig& defaults);

}  // namespace octet::serve
