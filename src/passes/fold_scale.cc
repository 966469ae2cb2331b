// SPDX-License-Identifier: Apache-2.0
//   s * batch_matmul(q, k), with q from a dense layer through transposes and reshapes   becomes   batch_matmul(q', k)
// with s in the weights and bias of that layer, s being one constant: attention divides by the root of its heads' size so.
#include "passes/linear.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr std::string_view kMoves[] = {"transpose", "reshape", "squeeze", "expand_dims"};

// The layer that makes t for this reader alone, all that stands between only moving elements, or -1.
NodeId LayerBefore(Graph& g, TensorId t) {
  for (;;) {
    const NodeId maker = g.tensor(t).producer;
    if (maker < 0 || g.tensor(t).consumers.size() != 1 || g.is_output(t)) return -1;
    if (std::ranges::find(kMoves, g.node(maker).op->name) == std::end(kMoves)) {
      const auto* fused = FindAttr<ops::Activation>(g.node(maker), "fused_activation_function");
      Linear linear;
      return FindLinear(g, maker, &linear) && (!fused || *fused == ops::Activation::kNone) ? maker : -1;
    }
    t = g.node(maker).inputs[0];
  }
}

bool Fold(Graph& g, NodeId id) {
  graph::Node& n = g.node(id);
  if (n.op->name != "mul" && n.op->name != "div") return false;
  if (*FindAttr<ops::Activation>(n, "fused_activation_function") != ops::Activation::kNone) return false;
  for (size_t i = 0; i < (n.op->name == "mul" ? 2u : 1u); ++i) {
    const std::optional<float> s = UniformValue(g, n.inputs[1 - i]);
    const TensorId product = n.inputs[i];
    const NodeId matmul = g.tensor(product).producer;
    if (!s || (n.op->name == "div" && *s == 0) || matmul < 0 || g.node(matmul).op->name != "batch_matmul" || g.SoleConsumer(product) != id) continue;
    if (!(g.tensor(product).type.shape == g.tensor(n.outputs[0]).type.shape)) continue;
    for (const TensorId operand : std::vector<TensorId>(g.node(matmul).inputs)) {
      const NodeId layer = LayerBefore(g, operand);
      if (layer < 0) continue;
      Linear linear;
      FindLinear(g, layer, &linear);
      const auto channels = static_cast<size_t>(g.tensor(g.node(layer).inputs[static_cast<size_t>(linear.weights)]).type.shape[linear.channel_axis]);
      const std::vector<float> factor(channels, n.op->name == "mul" ? *s : 1.0f / *s), offset(channels, 0.0f);
      FoldInto(g, layer, linear, {factor, offset});
      AbsorbConsumer(g, matmul, id);
      return true;
    }
  }
  return false;
}

}  // namespace

Result<int> FoldScale(Graph& g) {
  return ForEachNode(g, [&](NodeId id) { return Fold(g, id); });
}

}  // namespace octet::passes
