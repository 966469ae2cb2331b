// SPDX-License-Identifier: Apache-2.0
// What the convolutions share: attributes by meaning, geometry, requantization per channel, hybrid inputs.
#pragma once
#include "kernels/kernels.h"
#include "ops/hybrid_util.h"
#include "ops/quant_util.h"
#include "ops/shape_util.h"

namespace octet::ops {

// One convolution, in elements; NHWC in and out. Filters are [out, h, w, in] or [1, h, w, channels].
struct ConvGeometry {
  int32_t batch = 0, in_h = 0, in_w = 0, in_c = 0, out_h = 0, out_w = 0, out_c = 0;
  int32_t filter_h = 0, filter_w = 0;
  int32_t stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int32_t pad_h = 0, pad_w = 0;  // Before the first row and column.
};

// Of a window with its dilation, in input pixels.
inline int64_t WindowHeight(const ConvGeometry& g) { return (g.filter_h - int64_t{1}) * g.dilation_h + 1; }
inline int64_t WindowWidth(const ConvGeometry& g) { return (g.filter_w - int64_t{1}) * g.dilation_w + 1; }
// That one output element of a convolution is made of.
inline int64_t WindowElements(const ConvGeometry& g) { return static_cast<int64_t>(g.filter_h) * g.filter_w * g.in_c; }

// Of an operator with these attributes; the filter is input 1.
template <class Attrs> ConvGeometry GeometryOf(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape &x = op.in(0)->shape, &w = op.in(1)->shape, &y = op.out(0)->shape;
  return {x[0], x[1], x[2], x[3], y[1], y[2], y[3], w[1], w[2], a.stride_h, a.stride_w, a.dilation_h, a.dilation_w,
          SlideWindow(a.padding, x[1], w[1], a.stride_h, a.dilation_h).pad_before,
          SlideWindow(a.padding, x[2], w[2], a.stride_w, a.dilation_w).pad_before};
}

// Of kernels that heed Run::rows. An image of one column may be taken as one row (AlongRows in int8_util.h).
template <class Attrs> std::optional<RowWindow> RowWindowOf(const OpView& op) {
  const ConvGeometry g = GeometryOf<Attrs>(op);
  if (g.batch != 1 || g.in_w == 1) return {};
  return RowWindow{WindowHeight(g), g.stride_h, g.pad_h};
}

// Output = clamp(requantize(acc[c]) + zero) for integer kernels.
struct IntegerOutput {
  const Multiplier* multiplier = nullptr;  // One per output channel.
  int32_t input_zero = 0, weights_zero = 0, output_zero = 0;
  Clamp32 clamp;
};

inline Status CheckStrides(const OpView& op, int32_t stride_h, int32_t stride_w, int32_t dilation_h, int32_t dilation_w, int rank_of_weights) {
  const Shape &x = op.in(0)->shape, &w = op.in(1)->shape;
  if (x.rank() != 4 || w.rank() != rank_of_weights)
    return op.Fail(Code::kInvalidModel, "expected an input and weights of rank 4, found %s and %s", x.text().c_str(), w.text().c_str());
  if (stride_h < 1 || stride_w < 1 || dilation_h < 1 || dilation_w < 1)
    return op.Fail(Code::kInvalidModel, "strides %dx%d and dilations %dx%d must be positive", stride_h, stride_w, dilation_h, dilation_w);
  if (w[1] < 1 || w[2] < 1) return op.Fail(Code::kInvalidModel, "the filter is empty: %s", w.text().c_str());
  return {};
}

// An empty image has no kernel; an empty batch does.
inline Status CheckConvOutput(const OpView& op, const Shape& y) {
  if (y[1] != 0 && y[2] != 0) return {};
  return op.Fail(Code::kInvalidModel, "the filter %s is larger than the input %s", op.in(1)->shape.text().c_str(), op.in(0)->shape.text().c_str());
}

inline Status CheckBias(const OpView& op, int i, int32_t channels) {
  if (!op.in(i)) return {};
  const Shape& b = op.in(i)->shape;
  if (b.elements() == channels) return {};
  return op.Fail(Code::kInvalidModel, "expected a bias of %d values, found %s", channels, b.text().c_str());
}

// Weight scales: per tensor or per output channel.
inline Status CheckWeightScales(const OpView& op, int operand, int32_t channels) {
  const Quant& quant = op.in(operand)->quant;
  const size_t n = quant.scale.size();
  if (quant.block_size == 0 && (n == 1 || n == static_cast<size_t>(channels))) return {};
  return op.Fail(Code::kInvalidModel, "expected 1 or %d weight scales, found %zu", channels, n);
}

// Scales of an operator with byte weights, input 1: activations per tensor where they are integers.
inline Status CheckScales(const OpView& op, int32_t channels) {
  if (op.in(1)->dtype == DType::kF32) return {};
  if (op.in(0)->dtype != DType::kF32) {
    OCTET_TRY(CheckPerTensor(op, *op.in(0), "input"));
    if (op.out(0)) OCTET_TRY(CheckPerTensor(op, *op.out(0), "output"));
  }
  return CheckWeightScales(op, 1, channels);
}

inline double WeightScale(const TensorType& weights, int32_t c) {
  return static_cast<double>(weights.quant.per_channel() ? weights.quant.scale[c] : weights.quant.scale0());
}

// Hybrid: one weight scale per output channel.
inline const float* HybridScales(Prepare& p, int operand, int32_t channels) {
  auto* scales = p.Array<float>(static_cast<size_t>(channels));
  for (int32_t c = 0; c < channels; ++c) scales[c] = static_cast<float>(WeightScale(*p.op.in(operand), c));
  return scales;
}

// Multipliers s_in * s_w[c] / s_out, one for each output channel, from products in double precision (single for legacy uint8). They must
// live as long as the output is used.
inline IntegerOutput IntegerOutputOf(const OpView& op, const TensorType& x, const TensorType& w, std::span<Multiplier> multipliers, Activation activation) {
  const TensorType& y = *op.out(0);
  const auto x_scale = static_cast<double>(x.quant.scale0()), y_scale = static_cast<double>(y.quant.scale0());
  const float legacy = x.quant.scale0() * w.quant.scale0(), *const scale = w.quant.scale.data();
  const bool per_channel = w.quant.per_channel();
  const int32_t most_shift = x.dtype == DType::kI16 ? 14 : 30;  // Beyond, no result fits.
  for (size_t c = 0; c < multipliers.size(); ++c) {
    const double product = x.dtype == DType::kU8 ? static_cast<double>(legacy) : x_scale * static_cast<double>(scale[per_channel ? c : 0]);
    Multiplier m = QuantizeMultiplier(product / y_scale);
    m.shift = std::min(m.shift, most_shift);
    multipliers[c] = m;
  }
  const int32_t weights_zero = w.dtype == DType::kU8 ? w.quant.zero0() : 0;
  return {multipliers.data(), x.quant.zero0(), weights_zero, y.quant.zero0(), QuantizedClamp(activation, y)};
}
inline IntegerOutput IntegerOutputOf(const OpView& op, std::span<Multiplier> multipliers, Activation activation) {
  return IntegerOutputOf(op, *op.in(0), *op.in(1), multipliers, activation);
}

// The same with the plan's memory.
inline IntegerOutput MakeIntegerOutput(Prepare& p, const TensorType& x, const TensorType& w, int32_t channels, Activation activation) {
  return IntegerOutputOf(p.op, x, w, {p.Array<Multiplier>(static_cast<size_t>(channels)), static_cast<size_t>(channels)}, activation);
}
inline IntegerOutput MakeIntegerOutput(Prepare& p, int32_t channels, Activation activation) {
  return MakeIntegerOutput(p, *p.op.in(0), *p.op.in(1), channels, activation);
}

}  // namespace octet::ops
