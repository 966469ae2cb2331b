// SPDX-License-Identifier: Apache-2.0
// Folds y = conv(x) * m + a, with m and a constant per output channel, into weights and bias:
//   W'[c] = W[c] * m[c]      b'[c] = b[c] * m[c] + a[c]
// This is how batch norms disappear. It holds for every operator with per-channel weights and a bias. A constant that is added to a sum goes to
// the part that has a bias, as in a recurrent cell's x W + h U + b.
#include <algorithm>

#include "passes/linear.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

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

bool Fold(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.inputs.size() != 2) return false;
  const int variable = g.is_constant(n.inputs[0]) ? 1 : 0;
  const TensorId mid = n.inputs[variable];
  const NodeId producer = g.tensor(mid).producer;
  if (producer < 0 || g.SoleConsumer(mid) != id) return false;
  graph::Node& p = g.node(producer);
  Linear linear;
  if (!FindLinear(g, producer, &linear)) return false;
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
  FoldInto(g, producer, linear, affine);
  AbsorbConsumer(g, producer, id);
  return true;
}

// conv(x) + y + a: the constant goes to the convolution, and the sum takes the node's place.
bool FoldPastSum(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.op->name != "add") return false;
  const int variable = g.is_constant(n.inputs[0]) ? 1 : 0;
  const TensorId mid = n.inputs[variable];
  const NodeId sum = g.tensor(mid).producer;
  if (sum < 0 || g.node(sum).op->name != "add" || g.SoleConsumer(mid) != id || !(g.tensor(mid).type.shape == g.tensor(n.outputs[0]).type.shape)) return false;
  auto& before = *FindAttr<ops::Activation>(g.node(sum), "fused_activation_function");
  if (before != ops::Activation::kNone) return false;
  for (const TensorId part : g.node(sum).inputs) {
    const NodeId producer = g.tensor(part).producer;
    Linear linear;
    if (producer < 0 || g.SoleConsumer(part) != sum || !FindLinear(g, producer, &linear)) continue;
    const auto* fused = FindAttr<ops::Activation>(g.node(producer), "fused_activation_function");
    const int32_t channels = g.tensor(g.node(producer).inputs[linear.weights]).type.shape[linear.channel_axis];
    Affine affine;
    const Shape &own = g.tensor(part).type.shape, &all = g.tensor(mid).type.shape;
    if ((fused && *fused != ops::Activation::kNone) || !(own == all) || all.back() != channels || !MatchAffine(g, id, variable, channels, &affine))
      continue;
    FoldInto(g, producer, linear, affine);
    before = *FindAttr<ops::Activation>(n, "fused_activation_function");
    AbsorbConsumer(g, sum, id);
    return true;
  }
  return false;
}

}  // namespace

Result<int> FoldAffine(Graph& g) {
  return ForEachNode(g, [&](NodeId id) { return Fold(g, id) || FoldPastSum(g, id); });
}

}  // namespace octet::passes
