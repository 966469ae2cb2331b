// SPDX-License-Identifier: Apache-2.0
// What average, max and L2 pooling over [batch, height, width, channels] share.
#pragma once
#include "ops/import.h"
#include "ops/quant_util.h"
#include "ops/shape_util.h"

namespace octet::ops {

struct PoolAttrs {
  Padding padding = Padding::kSame;
  int32_t stride_w = 0;
  int32_t stride_h = 0;
  int32_t filter_width = 0;
  int32_t filter_height = 0;
  Activation fused_activation_function = Activation::kNone;
};
inline constexpr AttrRow kPoolRows[] = {
    Attr<&PoolAttrs::padding>("padding", 0),
    Attr<&PoolAttrs::stride_w>("stride_w", 1),
    Attr<&PoolAttrs::stride_h>("stride_h", 2),
    Attr<&PoolAttrs::filter_width>("filter_width", 3),
    Attr<&PoolAttrs::filter_height>("filter_height", 4),
    Attr<&PoolAttrs::fused_activation_function>("fused_activation_function", 5),
};
inline constexpr Operand kPoolInputs[] = {{.name = "input"}};
inline constexpr Operand kPoolOutputs[] = {{.name = "output"}};
inline constexpr QuantRow kPoolQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0}};

Status CheckPool(const OpView& op);
Status InferPool(const OpView& op, std::span<OutputType> out);

// Sizes, and per output row and column the input cells [begin, end) inside the image.
struct PoolPlan {
  int32_t batches, in_h, in_w, out_h, out_w, channels;
  int32_t stride_h, stride_w, filter_h, filter_w, pad_h, pad_w;
  Clamp32 clamp;
  ClampF32 clamp_f32;
  bool slides;            // Windows share their sums (pool_run_util.h).
  int64_t scratch_bytes;  // A thread's, for that.

  static constexpr int64_t kBlock = 64;  // Channels that share one thread's sums.

  struct Range {
    int32_t begin, end;
  };
  Range Rows(int32_t y) const { return Inside(y, stride_h, pad_h, filter_h, in_h); }
  Range Columns(int32_t x) const { return Inside(x, stride_w, pad_w, filter_w, in_w); }

 private:
  static Range Inside(int32_t o, int32_t stride, int32_t pad, int32_t filter, int32_t size) {
    const int64_t begin = int64_t{o} * stride - pad;
    return {static_cast<int32_t>(std::max<int64_t>(begin, 0)),
            static_cast<int32_t>(std::min<int64_t>(begin + filter, size))};
  }
};
// `sum_bytes`: of what one channel of a window comes to. Asks for the workspace.
const PoolPlan* PlanPool(Prepare& p, size_t sum_bytes);

// Keras' pooling layers of 1 and 2 dimensions as `op`; 1-D images become one row high.
Status PoolFromKeras(ImportContext& c, std::string_view op);
// Keras' 3-D pooling layers as two 2-D pools: first over height and width, then over depth.
Status Pool3DFromKeras(ImportContext& c, std::string_view op);
// Keras' adaptive pooling of 1 to 3 dimensions: output cell i covers [floor(i·in/out), ceil((i+1)·in/out)).
Status AdaptivePoolFromKeras(ImportContext& c, std::string_view op);

}  // namespace octet::ops
