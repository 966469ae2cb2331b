// SPDX-License-Identifier: Apache-2.0
#include "passes/multiply_negations.h"

#include "passes/rewrites.h"

namespace octet::passes {

bool MultiplyNegation(graph::Graph& g, graph::NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.op->name != "neg" || g.tensor(n.outputs[0]).type.dtype != DType::kF32) return false;
  const graph::TensorId x = n.inputs[0];
  const float minus = -1;
  Replace(g, id, "mul", {x, g.AddConstant<float>(n.place + "/minus", Shape{}, std::span(&minus, 1))});
  return true;
}

int MultiplyNegations(graph::Graph& g) {
  return ForEachNode(g, [&](graph::NodeId id) { return MultiplyNegation(g, id); });
}

}  // namespace octet::passes
