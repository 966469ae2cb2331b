// SPDX-License-Identifier: Apache-2.0
// Einstein summation of tensors as transpose, reshape and one matrix product for each pair.
#pragma once
#include <string>

#include "importers/lowering.h"

namespace octet::importers {

// "bhqd,bhkd->bhqk". A label that an operand has twice stands for its diagonal; "..." stands for leading dimensions of both.
Result<Value> Einsum(Lowering& c, std::string equation, std::span<const Value> inputs);

}  // namespace octet::importers
