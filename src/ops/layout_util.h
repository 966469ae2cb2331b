// SPDX-License-Identifier: Apache-2.0
// Small steps that several import rules need: reshapes, and reading Keras' common keys.
#pragma once
#include "ops/import.h"

namespace octet::ops {

// The same elements as `shape`; at most one dimension may be unknown. The value itself when the shape
// is already so.
Result<Value> ReshapeTo(ImportContext& c, Value v, const Shape& shape);
// Removes dimension `axis`, which is 1. Works whatever else is unknown.
Result<Value> DropAxis(ImportContext& c, Value v, int axis);
// Inserts a dimension of 1 in front of `axis`.
Result<Value> InsertAxis(ImportContext& c, Value v, int axis);
// Takes before[i] slices off the front and after[i] off the end of axis `first` + i.
Result<Value> CropAxes(ImportContext& c, Value v, int first, std::span<const int32_t> before,
                       std::span<const int32_t> after);
// The layer's data_format: the first of the axes between batch and channels is 1, with channels_first 2.
int FirstSpatialAxis(const ImportContext& c);
// A layer with channels_first computes on a transposed image; the value itself otherwise.
Result<Value> ToChannelsLast(ImportContext& c, Value v);
Result<Value> FromChannelsLast(ImportContext& c, Value v);
// A key that holds one number for all `count` axes, or one per axis.
std::vector<int64_t> PerAxis(const ImportContext& c, std::string_view key, size_t count, int64_t fallback);

}  // namespace octet::ops
