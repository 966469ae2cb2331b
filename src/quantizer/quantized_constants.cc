// SPDX-License-Identifier: Apache-2.0
#include "quantizer/quantized_constants.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/nibbles.h"
#include "quantizer/weight_scales.h"

namespace octet::quantizer {
namespace {

using graph::NodeId;
using graph::TensorId;

constexpr double kLargestBias = 1073741823.0;  // INT32_MAX / 2: sums on top must not overflow.

// A bias beyond INT32_MAX / 2 steps raises its channel's weight scale (dead channels after folding).
void RaiseForBias(std::span<const float> bias, float data_scale, std::vector<float>* weight_scales) {
  for (size_t c = 0; c < bias.size(); ++c) {
    const double least = std::abs(static_cast<double>(bias[c])) / kLargestBias / static_cast<double>(data_scale);
    if (static_cast<double>((*weight_scales)[c]) < least) (*weight_scales)[c] = static_cast<float>(least);
  }
}

}  // namespace

TensorId QuantizedConstants::Activation(TensorId t, DType type, const Quant& q) {
  return type == DType::kI8 ? Rounded<int8_t>(t, type, q) : Rounded<int16_t>(t, type, q);
}

template <class T> TensorId QuantizedConstants::Rounded(TensorId t, DType type, const Quant& q) {
  const graph::Tensor& source = g_.tensor(t);
  const Levels levels = LevelsOf(type);
  std::vector<T> values;
  for (float v : source.data<float>()) {
    const float x = std::round(v / q.scale0()) + static_cast<float>(q.zero0());
    values.push_back(static_cast<T>(std::clamp(std::isnan(x) ? 0.0f : x, levels.low, levels.high)));
  }
  return Add(t, {type, source.type.shape, q}, std::as_bytes(std::span(values)));
}

template <class T> TensorId QuantizedConstants::Symmetric(TensorId t, float scale) {
  constexpr double kMost = static_cast<double>(std::numeric_limits<T>::max());
  std::vector<T> values;
  for (float v : g_.tensor(t).data<float>())
    values.push_back(static_cast<T>(std::clamp(std::round(static_cast<double>(v) / static_cast<double>(scale)), -kMost, kMost)));
  return Add(t, {DTypeOf<T>, g_.tensor(t).type.shape, Quant::PerTensor(scale, 0)}, std::as_bytes(std::span(values)));
}
template TensorId QuantizedConstants::Symmetric<int8_t>(TensorId, float);
template TensorId QuantizedConstants::Symmetric<int16_t>(TensorId, float);
template TensorId QuantizedConstants::Symmetric<int32_t>(TensorId, float);

void QuantizedConstants::SetWeights(NodeId id, const WeightedOp& op, float data_scale, DType activation) {
  const TensorId weights = g_.node(id).inputs[op.weights], bias = op.bias >= 0 ? g_.node(id).inputs[op.bias] : graph::kNoTensor;
  const std::span<const float> values = g_.tensor(weights).data<float>();
  const Shape shape = g_.tensor(weights).type.shape;  // A copy: adding a tensor may move the others.
  const ChannelLayout layout(shape, op.output_axis);
  const bool per_tensor = options_.OneScale(shape), four = TakesInt4(g_, id, options_.int4, activation);
  std::vector<float> scales = WeightScales(values, layout, four);
  if (per_tensor) std::ranges::fill(scales, std::ranges::max(scales));
  if (bias != graph::kNoTensor && activation == DType::kI8) {  // 64 bits hold any bias.
    RaiseForBias(g_.tensor(bias).data<float>(), data_scale, &scales);
    if (per_tensor) std::ranges::fill(scales, std::ranges::max(scales));
  }
  std::vector<int8_t> steps = WeightSteps(values, layout, scales, four ? kInt4Steps : kInt8Steps);
  if (four) steps = graph::Pack4(steps);
  if (bias != graph::kNoTensor) {
    const BiasSteps of_bias{data_scale, scales, per_tensor};
    g_.SetInput(id, op.bias, activation == DType::kI8 ? Bias<int32_t>(bias, of_bias) : Bias<int64_t>(bias, of_bias));
  }
  const std::vector<int32_t> zeros(scales.size(), 0);
  const Quant stored = per_tensor ? Quant::PerTensor(scales[0], 0) : Quant{scales, zeros, op.output_axis, 0};
  g_.SetInput(id, op.weights, Add(weights, {four ? DType::kI4 : DType::kI8, shape, stored}, std::as_bytes(std::span(steps))));
}

template <class T> TensorId QuantizedConstants::Bias(TensorId t, const BiasSteps& steps) {
  constexpr double kMost = sizeof(T) == 4 ? 0x1p31 - 1 : 0x1p47;  // The 16x8 kernels sum in 48 bits.
  const std::span<const float> values = g_.tensor(t).data<float>();
  Quant q{std::vector<float>(values.size()), std::vector<int32_t>(values.size(), 0), 0, 0};
  std::vector<T> quantized(values.size());
  for (size_t c = 0; c < values.size(); ++c) {
    q.scale[c] = steps.data * steps.weights[c];
    const double rounded = std::round(static_cast<double>(values[c]) / (static_cast<double>(steps.data) * static_cast<double>(steps.weights[c])));
    quantized[c] = static_cast<T>(std::clamp(rounded, -kMost, kMost));
  }
  if (steps.per_tensor || q.scale.size() == 1) q = Quant::PerTensor(q.scale[0], 0);
  return Add(t, {DTypeOf<T>, g_.tensor(t).type.shape, q}, std::as_bytes(std::span(quantized)));
}

TensorId QuantizedConstants::Add(TensorId from, const TensorType& type, std::span<const std::byte> bytes) {
  const auto [it, fresh] = made_.try_emplace({from, {type.quant.scale.begin(), type.quant.scale.end()}, type.quant.zero0()}, graph::kNoTensor);
  if (fresh) it->second = g_.AddConstant(g_.tensor(from).name, type, graph::MakeBuffer(bytes));
  return it->second;
}

}  // namespace octet::quantizer
