// SPDX-License-Identifier: Apache-2.0
// Element-wise operators on whole numbers of widths that have no kernel.
#pragma once
#include "importers/lowering.h"

namespace octet::importers {

// `op` on inputs of one element type. Narrow numbers are computed in 32 bits (uint32 in 64) and wrap around when they are put back;
// int64 is computed by the operators that have it.
Result<Value> Elementwise(Lowering& c, std::string_view op, std::span<const Value> inputs);

}  // namespace octet::importers
