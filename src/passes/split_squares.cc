// SPDX-License-Identifier: Apache-2.0
#include "passes/split_squares.h"

#include "passes/rewrites.h"

namespace octet::passes {

int SplitSquares(graph::Graph& g) {
  const ops::OpDef *sub = ops::Find("sub"), *mul = ops::Find("mul");
  return ForEachNode(g, [&](graph::NodeId id) {
    const graph::Node n = g.node(id);
    if (n.op->name != "squared_difference") return false;
    const graph::TensorId y = n.outputs[0], d = g.AddTensor(g.tensor(y).name + "/difference", g.tensor(y).type);
    g.AddNode(*sub, graph::Attributes(sub->attrs), n.inputs, {d}, n.place, id);
    const graph::NodeId square = g.AddNode(*mul, graph::Attributes(mul->attrs), {d, d}, {g.AddTensor(g.tensor(y).name, g.tensor(y).type)}, n.place, id);
    AbsorbConsumer(g, square, id);
    return true;
  });
}

int MultiplySquares(graph::Graph& g) {
  return ForEachNode(g, [&](graph::NodeId id) {
    const graph::Node& n = g.node(id);
    if (n.op->name != "square" || g.tensor(n.outputs[0]).type.dtype != DType::kF32) return false;
    const graph::TensorId x = n.inputs[0];
    Replace(g, id, "mul", {x, x});
    return true;
  });
}

}  // namespace octet::passes
