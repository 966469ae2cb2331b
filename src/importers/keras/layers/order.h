// SPDX-License-Identifier: Apache-2.0
// Numbers in order along the last axis, whose size only the running model may know.
#pragma once
#include "importers/keras/context.h"

namespace octet::importers::keras {

constexpr int kMostOrdered = 1 << 20;

// Rising.
Result<Value> Sorted(LayerContext& c, Value x);
// Where those were, int32; of equal numbers the first one first.
Result<Value> SortedPlaces(LayerContext& c, Value x);

}  // namespace octet::importers::keras
