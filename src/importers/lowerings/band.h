// SPDX-License-Identifier: Apache-2.0
// Which elements of a matrix lie in a band around its diagonal.
#pragma once
#include <optional>

#include "importers/lowering.h"

namespace octet::importers {

// The row's number minus the column's is at most `lower`, the other way round at most `upper`.
struct BandLimits {
  std::optional<int64_t> lower, upper;
};
// bool [rows, columns] of the last two axes of `matrices`: a constant where the sizes are known.
Result<Value> Band(Lowering& c, Value matrices, const BandLimits& limits);
// The matrices with zeros beside the band.
Result<Value> Banded(Lowering& c, Value matrices, const BandLimits& limits);
// With limits that the running model knows, single whole numbers: negative ones are none.
Result<Value> BandedBy(Lowering& c, Value matrices, Value lower, Value upper);

}  // namespace octet::importers
