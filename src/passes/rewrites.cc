// SPDX-License-Identifier: Apache-2.0
#include "passes/rewrites.h"

namespace octet::passes {

bool Bypass(graph::Graph& g, graph::NodeId node, int i) {
  const graph::TensorId from = g.node(node).outputs[0], to = g.node(node).inputs[i];
  if (!g.is_output(from)) {
    g.ReplaceUses(from, to);
    g.Erase(node);
    return true;
  }
  const graph::NodeId producer = g.tensor(to).producer;
  if (producer < 0 || g.is_output(to)) return false;
  const auto& outputs = g.node(producer).outputs;
  const int slot = static_cast<int>(std::ranges::find(outputs, to) - outputs.begin());
  g.tensor(from).type = g.tensor(to).type;
  g.Erase(node);
  g.ReplaceUses(to, from);
  g.SetOutput(producer, slot, from);
  return true;
}

void AbsorbConsumer(graph::Graph& g, graph::NodeId first, graph::NodeId second) {
  const graph::TensorId y = g.node(second).outputs[0];
  g.Erase(second);
  g.SetOutput(first, 0, y);
}

}  // namespace octet::passes
