// SPDX-License-Identifier: Apache-2.0
// The page of `octet diagnose`, which `octet quantize --report` writes, too.
#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"

namespace octet::cli {

// `name`: of the model, in the page's title.
Status WriteDiagnosis(const std::string& name, const std::string& reference, const std::vector<std::string>& models, const data::Dataset& data,
                      const std::string& report);

}  // namespace octet::cli
