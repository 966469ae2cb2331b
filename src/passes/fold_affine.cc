// SPDX-License-Identifier: Apache-2.0
// Folds y = conv(x) * m + a, with m and a constant per output channel, into weights and bias:
//   W'[c] = W[c] * m[c]      b'[c] = b[c] * m[c] + a[c]
// This is how batch norms disappear. It holds for every operator with per-channel weights and a bias.
#include <algorithm>
#include <cmath>

#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

// Where an operator keeps its weights and bias, from its definition.
struct Linear {
  int weights = -1, bias = -1;
  int channel_axis = 0;  // Of the weights: one slice per output channel.
};

// Not of operators with several: an LSTM's gates are no affine function of its output.
bool FindLinear(const ops::OpDef& op, Linear* linear) {
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    if (op.inputs[i].role == ops::Role::kWeights) {
      if (linear->weights >= 0) return false;
      linear->weights = static_cast<int>(i);
    }
    if (op.inputs[i].role == ops::Role::kBias) linear->bias = static_cast<int>(i);
  }
  for (const ops::QuantRow& row : op.quantization)
    if (row.operand == linear->weights && row.kind == ops::QuantKind::kPerChannel) linear->channel_axis = row.axis;
  return linear->weights >= 0 && linear->bias >= 0;
}

// A float constant with one value per channel, or one for all. Empty when it varies otherwise.
std::vector<float> PerChannel(const Graph& g, TensorId t, int32_t channels) {
  if (!g.is_constant(t) || g.tensor(t).type.dtype != DType::kF32) return {};
  const Shape& s = g.tensor(t).type.shape;
  const std::span<const float> v = g.tensor(t).data<float>();
  const bool one = v.size() == 1;
  if (!one && (s.rank() < 1 || s.back() != channels || static_cast<int32_t>(v.size()) != channels)) return {};
  std::vector<float> values(static_cast<size_t>(channels));
  for (size_t c = 0; c < values.size(); ++c) values[c] = v[one ? 0 : c];
  return values;
}

struct Affine {
  std::vector<float> factor, offset;
};

// What the node does to its variable input, when that is one factor and offset per channel.
bool MatchAffine(const Graph& g, NodeId id, int variable, int32_t channels, Affine* affine) {
  const graph::Node& n = g.node(id);
  const std::vector<float> v = PerChannel(g, n.inputs[1 - variable], channels);
  if (v.empty()) return false;
  affine->factor.assign(channels, 1.0f);
  affine->offset.assign(channels, 0.0f);
  if (n.op->name == "mul") {
    affine->factor = v;
  } else if (n.op->name == "add") {
    affine->offset = v;
  } else if (n.op->name == "sub" && variable == 0) {
    std::ranges::transform(v, affine->offset.begin(), std::negate<float>());
  } else if (n.op->name == "div" && variable == 0 && std::ranges::find(v, 0.0f) == v.end()) {
    std::ranges::transform(v, affine->factor.begin(), [](float f) { return 1.0f / f; });
  } else {
    return false;
  }
  return true;
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

// Constants may be shared with other layers, so new ones are made.
void Scale(Graph& g, NodeId producer, const Linear& linear, const Affine& affine) {
  const TensorId old = g.node(producer).inputs[linear.weights];
  const graph::Tensor& weights = g.tensor(old);
  std::vector<std::byte> bytes(*weights.constant);
  auto* const w = reinterpret_cast<float*>(bytes.data());
  const Shape s = weights.type.shape;
  const int64_t inner = s.elements(linear.channel_axis + 1, s.rank()), channels = s[linear.channel_axis];
  for (int64_t row = 0; row * inner < s.elements(); ++row) {
    const float factor = affine.factor[static_cast<size_t>(row % channels)];
    for (int64_t i = row * inner; i < (row + 1) * inner; ++i) w[i] *= factor;
  }

  std::vector<float> b(channels, 0.0f);
  const TensorId bias = g.node(producer).inputs[linear.bias];
  if (bias != graph::kNoTensor) std::ranges::copy(g.tensor(bias).data<float>(), b.begin());
  for (int64_t c = 0; c < channels; ++c) b[c] = b[c] * affine.factor[c] + affine.offset[c];

  const Quant grid = ScaledGrid(weights.type.quant, affine.factor, linear.channel_axis);
  const std::string place = g.node(producer).place;
  const TensorId new_weights = g.AddConstant(place + "/weights", {DType::kF32, s, grid}, std::make_shared<const std::vector<std::byte>>(std::move(bytes)));
  const TensorId new_bias = g.AddConstant<float>(place + "/bias", Shape{static_cast<int32_t>(channels)}, b);
  g.SetInput(producer, linear.weights, new_weights);
  if (g.uses(old) == 0) g.Release(old);
  g.SetInput(producer, linear.bias, new_bias);
}

bool Foldable(const Graph& g, const graph::Node& p, Linear* linear) {
  if (!FindLinear(*p.op, linear) || static_cast<int>(p.inputs.size()) <= std::max(linear->weights, linear->bias)) return false;
  const TensorId weights = p.inputs[linear->weights], bias = p.inputs[linear->bias];
  return g.is_constant(weights) && g.tensor(weights).type.dtype == DType::kF32 &&
         (bias == graph::kNoTensor || (g.is_constant(bias) && g.tensor(bias).type.dtype == DType::kF32));
}

bool Fold(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.inputs.size() != 2) return false;
  const int variable = g.is_constant(n.inputs[0]) ? 1 : 0;
  const TensorId mid = n.inputs[variable];
  const NodeId producer = g.tensor(mid).producer;
  if (producer < 0 || g.SoleConsumer(mid) != id) return false;
  graph::Node& p = g.node(producer);
  Linear linear;
  if (!Foldable(g, p, &linear)) return false;
  const auto* before = FindAttr<ops::Activation>(p, "fused_activation_function");
  if (before && *before != ops::Activation::kNone) return false;
  // The result must keep its shape: a constant of higher rank would have stretched it.
  if (!(g.tensor(mid).type.shape == g.tensor(n.outputs[0]).type.shape)) return false;
  Affine affine;
  const int32_t channels = g.tensor(p.inputs[linear.weights]).type.shape[linear.channel_axis];
  if (g.tensor(mid).type.shape.rank() < 1 || g.tensor(mid).type.shape.back() != channels) return false;
  if (!MatchAffine(g, id, variable, channels, &affine)) return false;
  const auto* after = FindAttr<ops::Activation>(g.node(id), "fused_activation_function");
  auto* fused = FindAttr<ops::Activation>(p, "fused_activation_function");
  if (after && *after != ops::Activation::kNone) {
    if (!fused) return false;
    *fused = *after;
  }
  Scale(g, producer, linear, affine);
  AbsorbConsumer(g, producer, id);
  return true;
}

}  // namespace

Result<int> FoldAffine(Graph& g) {
  return ForEachNode(g, [&](NodeId id) { return Fold(g, id); });
}

}  // namespace octet::passes
