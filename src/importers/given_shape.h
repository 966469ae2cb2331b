// SPDX-License-Identifier: Apache-2.0
// Shapes that ImportOptions gives in the place of the source's.
#pragma once
#include <string>

#include "base/status.h"
#include "base/types.h"

namespace octet::importers {

// It has as many dimensions as the source says.
Status CheckGiven(const std::string& input, size_t rank, const Shape& given);

}  // namespace octet::importers
