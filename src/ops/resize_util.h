// SPDX-License-Identifier: Apache-2.0
// What both resize operators share: [batch, height, width, channels] to the height and width in operand 1.
#pragma once
#include "kernels/elementwise.h"
#include "ops/import.h"
#include "ops/move_attrs.h"
#include "ops/operand_util.h"

namespace octet::ops {

Status CheckResize(const OpView& op);
Status InferResize(const OpView& op, std::span<OutputType> out);

// The two neighbours of one output coordinate.
using kernels::Between;
Between<float> PlaceBetween(const ResizeAttrs& a, int32_t i, int32_t in, int32_t out, float);
Between<int32_t> PlaceBetween(const ResizeAttrs& a, int32_t i, int32_t in, int32_t out, int32_t);

// [height, width] as an operand. Computed from the input's own size when that is unknown.
Result<Value> ScaledSize(ImportContext& c, Value image, int32_t times_h, int32_t times_w);
// The middle of the image with the aspect ratio of height x width.
Result<Value> CropToAspect(ImportContext& c, Value image, int64_t height, int64_t width);

}  // namespace octet::ops
