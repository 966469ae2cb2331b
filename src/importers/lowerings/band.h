// SPDX-License-Identifier: Apache-2.0
// Which elements of a matrix lie in a band around its diagonal.
#pragma once
#include "importers/lowering.h"

namespace octet::importers {

// bool [rows, columns] of the last two axes of `matrices`: i - j <= lower and j - i <= upper, where a negative number means no limit.
// A constant where the sizes are known.
Result<Value> Band(Lowering& c, Value matrices, int64_t lower, int64_t upper);

}  // namespace octet::importers
