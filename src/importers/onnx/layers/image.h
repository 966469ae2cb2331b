// SPDX-License-Identifier: Apache-2.0
// Images: ONNX has channels second, [N, C, spatial…]; the operators have them last. Passes move the transposes that
// are emitted here together, where they cancel.
#pragma once
#include <array>

#include "importers/onnx/context.h"

namespace octet::importers::onnx {

// [N, C, …] -> [N, …, C] and back.
Result<Value> ChannelsLast(NodeContext& c, Value v);
Result<Value> ChannelsSecond(NodeContext& c, Value v);
// The same, and one-dimensional images become one row high.
Result<Value> EnterImage(NodeContext& c, Value v);
Result<Value> LeaveImage(NodeContext& c, Value v, int spatial);
// The transpose of a constant keeps its grid of quantized values (see layers/quantization.cc).
Result<Value> PermuteWeights(NodeContext& c, Value v, std::span<const int32_t> order);

// The window of a convolution or pool: per spatial axis, at most three.
struct Window {
  int spatial = 2;
  std::array<int64_t, 3> size{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1}, before{}, after{};
  bool same_upper = false;  // auto_pad.
  bool ceil = false;

  int64_t reach(int i) const { return (size[static_cast<size_t>(i)] - 1) * dilation[static_cast<size_t>(i)] + 1; }
  // Whether the .tflite's SAME pads axis i of `in` cells as wanted.
  bool IsSame(int i, int32_t in) const;
  bool padded() const;
};
// Attributes kernel_shape (or that of the weights), strides, dilations, pads, auto_pad; `in` is [N, C, spatial…].
Result<Window> ReadWindow(NodeContext& c, const Shape& in, std::span<const int32_t> kernel);
// Whether one SAME serves all axes; `in` as above.
bool AllSame(const Window& w, const Shape& in);
// Paddings in the place of auto_pad SAME_UPPER; `in` as above.
Status ResolveSame(NodeContext& c, const Shape& in, Window* w);
// Pads an entered image by the window's paddings.
Result<Value> PadImage(NodeContext& c, Value image, const Window& w, float with);

// Between 0 and `most`.
Result<Value> Clamp(NodeContext& c, Value v, Value most);

}  // namespace octet::importers::onnx
