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
// Takes before[i] slices off the front and after[i] off the end of the axes between batch and channels.
Result<Value> CropAxes(ImportContext& c, Value v, std::span<const int32_t> before, std::span<const int32_t> after);
// Fails when the layer asks for channels_first.
Status RequireChannelsLast(ImportContext& c);
// A key that holds one number for all `count` axes, or one per axis.
std::vector<int64_t> PerAxis(const ImportContext& c, std::string_view key, size_t count, int64_t fallback);

}  // namespace octet::ops
