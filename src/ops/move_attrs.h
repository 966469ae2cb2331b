// SPDX-License-Identifier: Apache-2.0
// Attributes of the movement operators. They are here, not in the operators' files, because import rules
// of other operators emit these too.
#pragma once
#include "ops/op_def.h"

namespace octet::ops {

struct ConcatenationAttrs {
  int32_t axis = 0;
  Activation fused_activation_function = Activation::kNone;
};
struct GatherAttrs {
  int32_t axis = 0;
  int32_t batch_dims = 0;
};
struct PackAttrs {
  int32_t values_count = 0;
  int32_t axis = 0;
};
struct UnpackAttrs {
  int32_t num = 0;
  int32_t axis = 0;
};
struct SplitAttrs {  // split and split_v
  int32_t num_splits = 0;
};
struct SqueezeAttrs {
  Ints squeeze_dims;
};
struct ShapeAttrs {
  DType out_type = DType::kF32;  // The schema's default; files say i32 or i64.
};
struct StridedSliceAttrs {  // Bit i speaks of entry i of begin, end and strides.
  int32_t begin_mask = 0;
  int32_t end_mask = 0;
  int32_t ellipsis_mask = 0;
  int32_t new_axis_mask = 0;
  int32_t shrink_axis_mask = 0;
  bool offset = false;
};
struct ResizeAttrs {  // resize_bilinear and resize_nearest_neighbor
  bool align_corners = false;
  bool half_pixel_centers = false;
};
struct BatchMatmulAttrs {
  bool adj_x = false;
  bool adj_y = false;
  bool asymmetric_quantize_inputs = false;
};

}  // namespace octet::ops
