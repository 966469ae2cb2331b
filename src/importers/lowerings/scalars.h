// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "importers/lowering.h"

namespace octet::importers {

// A constant of no dimensions.
inline Value ScalarInt(Lowering& c, int32_t v) { return c.Constant<int32_t>(Shape{}, std::span<const int32_t>(&v, 1)); }

}  // namespace octet::importers
