// SPDX-License-Identifier: Apache-2.0
// Tables from whole numbers to anything that is no text; for those with text there are operators (lowerings/resource.h).
#pragma once
#include "importers/lowering.h"

namespace octet::importers {

// values[i] where x (int64) is keys[i], else `otherwise`. values: a constant vector; otherwise: a constant of one element.
// The first of equal keys counts. By GATHER where the keys lie close together, else by comparison with each.
Result<Value> FindNumbers(Lowering& c, Value x, std::span<const int64_t> keys, Value values, Value otherwise);

}  // namespace octet::importers
