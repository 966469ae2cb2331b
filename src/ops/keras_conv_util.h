// SPDX-License-Identifier: Apache-2.0
// Keras convolution layers: configuration, weight layouts, and one-dimensional layers as images of height 1.
#pragma once
#include "ops/import.h"

namespace octet::ops {

// A layer's window in two dimensions; rank 1 layers use the second one.
struct KerasWindow {
  int rank = 2;
  int32_t stride[2] = {1, 1}, dilation[2] = {1, 1};
  Padding padding = Padding::kSame;
  int32_t causal_pad = 0;  // Rows of zeros before the sequence (padding="causal", rank 1).
};

// strides, dilation_rate, padding, data_format; kernel_size for causal padding. The rank comes from the class name.
Result<KerasWindow> ReadKerasWindow(ImportContext& c);

// Weight i as a .tflite filter: HWIO -> OHWI; (H,W,C,M) -> 1HWC*M; (H,W,O,I) -> OHWI. Rank 1 has H = 1.
Result<Value> FilterOhwi(ImportContext& c, int i, int rank);
Result<Value> FilterDepthwise(ImportContext& c, int i, int rank);
Result<Value> FilterTransposed(ImportContext& c, int i, int rank);

// A constant filter [O, h, w, I] with zeros between its taps: what a dilation means to a transposed convolution.
Result<Value> SpreadTaps(ImportContext& c, Value filter, int64_t dilation_h, int64_t dilation_w);

Result<Value> Zeros(ImportContext& c, int32_t count);
// Weight i, or zeros where use_bias is false: the operators want a bias.
Result<Value> BiasOrZeros(ImportContext& c, int i, int32_t channels);

// Sequences become images of height 1 (and are padded when causal); images stay.
Result<Value> EnterImage(ImportContext& c, Value x, const KerasWindow& w);
// Back to a sequence, then the layer's activation; sets output 0.
Status LeaveImage(ImportContext& c, Value y, const KerasWindow& w);

// A transposed convolution's length. same: in * stride; valid: in * stride + max(kernel - stride, 0).
int32_t TransposedLength(int32_t in, int32_t kernel, int32_t stride, Padding padding);
// With output_padding: (in - 1) * stride + kernel + more, less what padding "same" takes off.
int32_t PaddedTransposedLength(int32_t in, int32_t kernel, int32_t stride, Padding padding, int64_t more);
// The operand that tells a transposed convolution its result's shape: `out`, where an unknown dimension i > 0 is strides[i - 1] times
// x's and rests[i - 1] more.
Result<Value> TransposedShape(ImportContext& c, Value x, const Shape& out, std::span<const int32_t> strides, std::span<const int32_t> rests);
// A dimension of x as a scalar: a constant where it is known.
Result<Value> DimensionOf(ImportContext& c, Value x, int axis);

Result<Value> EmitDepthwise(ImportContext& c, Value x, const KerasWindow& w, Value filter, Value bias);

}  // namespace octet::ops
