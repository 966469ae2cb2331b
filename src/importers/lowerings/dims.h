// SPDX-License-Identifier: Apache-2.0
// Reshapes to dimensions of which some are known only when the model runs.
#pragma once
#include "importers/lowering.h"

namespace octet::importers {

// One dimension: its size, or kUnknown and the tensor whose axis tells it; without such a tensor it is what remains.
struct Dim {
  int32_t size = kUnknown;
  Value from = {};
  int axis = 0;
};
inline Dim DimOf(const Lowering& c, Value v, int axis) { return {c.shape(v)[axis], v, axis}; }

Result<Value> Reshape(Lowering& c, Value v, std::span<const Dim> dims);

}  // namespace octet::importers
