// SPDX-License-Identifier: Apache-2.0
//   x -> transpose -> transpose -> y   becomes   x -> transpose -> y, which goes where nothing moves
//   a transpose that only moves dimensions of 1 becomes a reshape, which is no work
//   x -> transpose(last two swapped) -> batch_matmul   becomes   x -> batch_matmul(adj)
#include <algorithm>

#include "passes/permutation.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

bool MergePair(Graph& g, NodeId id, const Permutation& second) {
  const NodeId before = TransposeBefore(g, g.node(id).inputs[0]);
  if (before < 0) return false;
  const Permutation p = Compose(*PermutationOf(g, before), second);
  const TensorId x = g.node(before).inputs[0];
  g.SetInput(id, 0, x);
  if (IsIdentity(p) && Bypass(g, id)) return true;  // Else a copy stays: x and y are both inputs or outputs of the graph.
  g.SetInput(id, 1, g.AddConstant<int32_t>(g.node(id).place + "/order", Shape{static_cast<int32_t>(p.size())}, p));
  return true;
}

bool OnlyMovesOnes(Graph& g, NodeId id, const Permutation& p) {
  const Shape& in = g.tensor(g.node(id).inputs[0]).type.shape;
  int32_t last = -1;
  for (const int32_t axis : p) {
    if (in[axis] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  const Shape out = Permuted(in, p);
  if (std::ranges::count(out.dims(), kUnknown) > 1) return false;
  const TensorId x = g.node(id).inputs[0], y = g.node(id).outputs[0];
  const ops::OpDef* op = ops::Find("reshape");
  const TensorId shape = g.AddConstant<int32_t>(g.node(id).place + "/shape", Shape{out.rank()}, out.dims());
  const std::string place = g.node(id).place;
  const NodeId reshape = g.AddNode(*op, graph::Attributes(op->attrs), {x, shape}, {g.AddTensor(g.tensor(y).name, g.tensor(y).type)}, place, id);
  const TensorId made = g.node(reshape).outputs[0];
  g.Erase(id);
  if (g.is_output(y)) g.SetOutput(reshape, 0, y);
  else g.ReplaceUses(y, made);
  return true;
}

bool Adjoin(Graph& g, NodeId id) {
  graph::Node& n = g.node(id);
  if (n.op->name != "batch_matmul" || !IsFloat(g.tensor(n.inputs[0]).type.dtype)) return false;
  for (int i = 0; i < 2; ++i) {
    const NodeId t = TransposeBefore(g, n.inputs[static_cast<size_t>(i)]);
    if (t < 0) continue;
    Permutation p = *PermutationOf(g, t);
    if (p.size() < 2) continue;
    std::swap(p[p.size() - 1], p[p.size() - 2]);
    auto* adjoint = FindAttr<bool>(n, i == 0 ? "adj_x" : "adj_y");
    if (!IsIdentity(p) || !adjoint) continue;
    *adjoint = !*adjoint;
    g.SetInput(id, i, g.node(t).inputs[0]);
    return true;
  }
  return false;
}

}  // namespace

Result<int> MergeTransposes(Graph& g) {
  return ForEachNode(g, [&](NodeId id) {
    const std::optional<Permutation> p = PermutationOf(g, id);
    if (!p) return Adjoin(g, id);
    return MergePair(g, id, *p);
  });
}

Result<int> ReshapeOnes(Graph& g) {
  return ForEachNode(g, [&](NodeId id) {
    const std::optional<Permutation> p = PermutationOf(g, id);
    return p && OnlyMovesOnes(g, id, *p);
  });
}

}  // namespace octet::passes
