// SPDX-License-Identifier: Apache-2.0
#include "passes/split_sums.h"

#include "passes/rewrites.h"

namespace octet::passes {

int SplitSums(graph::Graph& g) {
  const ops::OpDef *add_n = ops::Find("add_n"), *add = ops::Find("add");
  return ForEachNode(g, [&](graph::NodeId id) {
    const graph::Node n = g.node(id);
    if (n.op != add_n || n.inputs.size() < 2 || g.tensor(n.outputs[0]).type.dtype != DType::kF32) return false;
    const std::string name = g.tensor(n.outputs[0]).name;
    graph::TensorId sum = n.inputs[0];
    graph::NodeId last = -1;
    for (size_t i = 1; i < n.inputs.size(); ++i) {
      const bool whole = i + 1 == n.inputs.size();
      const graph::TensorId next = g.AddTensor(whole ? name : name + "/of_" + std::to_string(i + 1), g.tensor(n.outputs[0]).type);
      last = g.AddNode(*add, graph::Attributes(add->attrs), {sum, n.inputs[i]}, {next}, n.place, id);
      sum = next;
    }
    AbsorbConsumer(g, last, id);
    return true;
  });
}

}  // namespace octet::passes
