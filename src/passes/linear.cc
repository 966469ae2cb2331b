// SPDX-License-Identifier: Apache-2.0
#include "passes/linear.h"

#include <algorithm>
#include <cmath>

namespace octet::passes {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

namespace {

// Not of operators with several: an LSTM's gates are no affine function of its output.
bool FindOperands(const ops::OpDef& op, Linear* linear) {
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    if (op.inputs[i].role == ops::Role::kWeights) {
      if (linear->weights >= 0) return false;
      linear->weights = static_cast<int>(i);
    }
    if (op.inputs[i].role == ops::Role::kBias) linear->bias = static_cast<int>(i);
  }
  bool told = false;  // Which axis the channels are.
  for (const ops::QuantRow& row : op.quantization) {
    if (row.operand != linear->weights || row.kind != ops::QuantKind::kPerChannel) continue;
    linear->channel_axis = row.axis;
    told = true;
  }
  return linear->weights >= 0 && linear->bias >= 0 && told;
}

// kNoTensor where the layer has none, or the source left it out.
TensorId BiasOf(const graph::Node& n, const Linear& linear) {
  return linear.bias < static_cast<int>(n.inputs.size()) ? n.inputs[static_cast<size_t>(linear.bias)] : graph::kNoTensor;
}

// Weights on a grid stay on one: scale[c] * |m[c]| around zero.
Quant ScaledGrid(const Quant& quant, std::span<const float> factor, int axis) {
  Quant out;
  if (quant.empty() || (quant.per_channel() && quant.axis != axis)) return out;
  for (const int32_t z : quant.zero_point)
    if (z != 0) return out;
  for (size_t c = 0; c < factor.size(); ++c) {
    if (factor[c] == 0.0f) return {};
    out.scale.push_back(quant.scale[quant.per_channel() ? c : 0] * std::fabs(factor[c]));
    out.zero_point.push_back(0);
  }
  out.axis = axis;
  return out;
}

void Scale(Graph& g, NodeId producer, const Linear& linear, const std::vector<float>& factor) {
  const TensorId old = g.node(producer).inputs[linear.weights];
  const graph::Tensor& weights = g.tensor(old);
  std::vector<std::byte> bytes(weights.constant->begin(), weights.constant->end());
  auto* const w = reinterpret_cast<float*>(bytes.data());
  const Shape s = weights.type.shape;
  const int64_t inner = s.elements(linear.channel_axis + 1, s.rank()), channels = s[linear.channel_axis];
  for (int64_t row = 0; row * inner < s.elements(); ++row)
    for (int64_t i = row * inner; i < (row + 1) * inner; ++i) w[i] *= factor[static_cast<size_t>(row % channels)];
  const Quant grid = ScaledGrid(weights.type.quant, factor, linear.channel_axis);
  const TensorId scaled = g.AddConstant(g.node(producer).place + "/weights", {DType::kF32, s, grid}, graph::MakeBuffer(std::move(bytes)));
  g.SetInput(producer, linear.weights, scaled);
  if (g.uses(old) == 0) g.Release(old);
}

}  // namespace

bool FindLinear(const Graph& g, NodeId id, Linear* linear) {
  const graph::Node& p = g.node(id);
  if (!FindOperands(*p.op, linear) || static_cast<int>(p.inputs.size()) <= linear->weights) return false;
  const TensorId weights = p.inputs[linear->weights], bias = BiasOf(p, *linear);
  return g.is_constant(weights) && g.tensor(weights).type.dtype == DType::kF32 &&
         (bias == graph::kNoTensor || (g.is_constant(bias) && g.tensor(bias).type.dtype == DType::kF32));
}

void FoldInto(Graph& g, NodeId producer, const Linear& linear, const Affine& affine) {
  const auto channels = static_cast<int64_t>(affine.factor.size());
  std::vector<float> b(affine.factor.size(), 0.0f);
  const TensorId bias = BiasOf(g.node(producer), linear);
  if (bias != graph::kNoTensor) std::ranges::copy(g.tensor(bias).data<float>(), b.begin());
  for (int64_t c = 0; c < channels; ++c) b[c] = b[c] * affine.factor[c] + affine.offset[c];
  // Weights that nothing scales stay the same constant, which other layers, or the other rounds of a loop, may share.
  if (std::ranges::any_of(affine.factor, [](float f) { return f != 1.0f; })) Scale(g, producer, linear, affine.factor);
  const TensorId new_bias = g.AddConstant<float>(g.node(producer).place + "/bias", Shape{static_cast<int32_t>(channels)}, b);
  while (static_cast<int>(g.node(producer).inputs.size()) <= linear.bias) g.AddInput(producer, graph::kNoTensor);
  g.SetInput(producer, linear.bias, new_bias);
}

}  // namespace octet::passes
