// SPDX-License-Identifier: Apache-2.0
//   x -> reshape -> reshape -> y            becomes  x -> reshape -> y
//   x -> reshape -> fully_connected -> y    becomes  x -> fully_connected -> y
// The second where the last dimension stays: fully_connected flattens the others itself.
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

// The reshape (or squeeze, expand_dims) that makes t, when its wanted shape does not matter to anyone else.
NodeId ReshapeBefore(const Graph& g, TensorId t) {
  const NodeId producer = g.tensor(t).producer;
  if (producer < 0) return -1;
  const std::string_view op = g.node(producer).op->name;
  return op == "reshape" || op == "squeeze" || op == "expand_dims" ? producer : -1;
}

bool Merge(Graph& g, NodeId id) {
  graph::Node& n = g.node(id);
  const NodeId before = n.inputs.empty() || n.inputs[0] == graph::kNoTensor ? -1 : ReshapeBefore(g, n.inputs[0]);
  if (before < 0) return false;
  const TensorId x = g.node(before).inputs[0];
  if (n.op->name == "reshape") {
    g.SetInput(id, 0, x);
    return true;
  }
  if (n.op->name != "fully_connected") return false;
  const auto* keep = FindAttr<bool>(n, "keep_num_dims");
  const Shape &from = g.tensor(x).type.shape, &to = g.tensor(n.inputs[0]).type.shape;
  if (!keep || *keep || from.rank() < 2 || to.rank() != 2 || from.back() == kUnknown || from.back() != to.back()) return false;
  g.SetInput(id, 0, x);
  return true;
}

}  // namespace

Result<int> MergeReshapes(Graph& g) {
  return ForEachNode(g, [&](NodeId id) { return Merge(g, id); });
}

}  // namespace octet::passes
