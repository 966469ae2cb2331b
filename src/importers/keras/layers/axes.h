// SPDX-License-Identifier: Apache-2.0
// Axes that a function's arguments name.
#pragma once
#include <vector>

#include "importers/keras/context.h"

namespace octet::importers::keras {

// An axis of `rank`, counted from the front.
Result<int> AxisOf(LayerContext& c, int64_t axis, int rank);
// The axes that config or call name, as they stand there; all where none.
std::vector<int32_t> AxesOf(const LayerContext& c, int rank, int position = 1);
// Whether reduced axes stay, as 1.
int64_t Keeps(const LayerContext& c);
// `axis` and the last one change places: for what works along the last one only, and back.
Result<Value> Exchanged(LayerContext& c, Value x, int axis);

}  // namespace octet::importers::keras
