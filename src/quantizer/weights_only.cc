// SPDX-License-Identifier: Apache-2.0
// Schemes that need no data: dynamic range and float16.
#include <algorithm>
#include <cmath>

#include "base/float16.h"
#include "quantizer/quantize.h"
#include "quantizer/roles.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr int64_t kSmallestWeights = 1024;  // Elements; smaller ones gain nothing, as in TensorFlow Lite.

// Can this node run with int8 weights and float activations, by its definition?
bool HasHybridForm(const Graph& g, NodeId id, const WeightedOp& op) {
  const graph::NodeView lens(g, id);
  std::vector<const TensorType*> in(lens.view().inputs.begin(), lens.view().inputs.end());
  TensorType weights = *in[op.weights];
  weights.dtype = DType::kI8;
  in[op.weights] = &weights;
  ops::OpView view = lens.view();
  view.inputs = in;
  return ops::MatchTypes(view).ok();
}

// Symmetric, per channel for convolutions; one scale for dense layers, which is what every runtime takes.
void QuantizeWeights(Graph& g, NodeId id, const WeightedOp& op) {
  const graph::Tensor& w = g.tensor(g.node(id).inputs[op.weights]);
  const std::span<const float> values = w.data<float>();
  const Shape shape = w.type.shape;
  const bool per_channel = shape.rank() > 2;
  const int64_t inner = shape.elements(op.output_axis + 1, shape.rank()), channels = per_channel ? shape[op.output_axis] : 1;
  const auto channel = [&](size_t i) { return per_channel ? static_cast<int64_t>(i) / inner % channels : 0; };
  std::vector<float> scale(channels, 0.0f);
  for (size_t i = 0; i < values.size(); ++i) scale[channel(i)] = std::max(scale[channel(i)], std::abs(values[i]) / 127.0f);
  std::vector<int8_t> quantized(values.size(), 0);
  for (float& s : scale)
    if (s == 0.0f) s = 1.0f;
  for (size_t i = 0; i < values.size(); ++i) quantized[i] = static_cast<int8_t>(std::clamp(std::round(values[i] / scale[channel(i)]), -127.0f, 127.0f));
  Quant q{scale, std::vector<int32_t>(channels, 0), per_channel ? op.output_axis : 0, 0};
  const std::string name = w.name;
  g.SetInput(id, op.weights, g.AddConstant(name, {DType::kI8, shape, q}, graph::MakeBuffer(std::as_bytes(std::span(quantized)))));
}

}  // namespace

Status QuantizeDynamicRange(graph::Model& model) {
  for (Graph& g : model.subgraphs) {
    for (NodeId id : g.order()) {
      WeightedOp op;
      if (!FindWeights(g, id, &op) || g.tensor(g.node(id).inputs[op.weights]).type.shape.elements() < kSmallestWeights || !HasHybridForm(g, id, op)) continue;
      QuantizeWeights(g, id, op);
      for (const ops::AttrRow& row : g.node(id).op->attrs.rows)
        if (row.name == "asymmetric_quantize_inputs") *static_cast<bool*>(row.at(g.node(id).attrs.get())) = true;
    }
    g.RemoveDead();
  }
  return graph::Verify(model);
}

Status QuantizeFloat16(graph::Model& model) {
  const ops::OpDef& dequantize = *ops::Find("dequantize");
  for (Graph& g : model.subgraphs) {
    const size_t count = g.tensors().size();
    for (size_t i = 0; i < count; ++i) {
      const auto t = static_cast<TensorId>(i);
      if (!g.is_constant(t) || g.tensor(t).type.dtype != DType::kF32 || g.tensor(t).consumers.empty()) continue;
      std::vector<uint16_t> half;
      for (float v : g.tensor(t).data<float>()) half.push_back(F32ToF16(std::clamp(v, -65504.0f, 65504.0f)));
      const std::string name = g.tensor(t).name;
      const Shape shape = g.tensor(t).type.shape;
      const TensorId small = g.AddConstant(name + "/float16", {DType::kF16, shape, {}}, graph::MakeBuffer(std::as_bytes(std::span(half))));
      const TensorId wide = g.AddTensor(name, {DType::kF32, shape, {}});
      g.ReplaceUses(t, wide);
      g.AddNode(dequantize, graph::Attributes(dequantize.attrs), {small}, {wide}, name, g.order().front());
    }
    g.RemoveDead();
  }
  return graph::Verify(model);
}

}  // namespace octet::quantizer
