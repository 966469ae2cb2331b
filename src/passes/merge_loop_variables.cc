// SPDX-License-Identifier: Apache-2.0
//   while (n, k): n < 6 and k < 6, (n + 1, k + 1)   becomes   while (n): n < 6, (n + 1)   where both begin with the same
// Two values that begin alike and that every round makes alike are one: TensorFlow's loops count their rounds beside the steps of a sequence.
#include "passes/loops.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

bool SameConstant(const Graph& g, TensorId a, TensorId b) {
  if (!g.is_constant(a) || !g.is_constant(b)) return false;
  const graph::Tensor &x = g.tensor(a), &y = g.tensor(b);
  return x.type.dtype == y.type.dtype && x.type.shape == y.type.shape && x.type.quant == y.type.quant && std::ranges::equal(*x.constant, *y.constant);
}

bool SameType(const TensorType& a, const TensorType& b) { return a.dtype == b.dtype && a.shape == b.shape && a.quant == b.quant; }

// Does a round make both values alike where they were alike before it?
bool MadeAlike(const Graph& body, size_t i, size_t k) {
  const TensorId x = body.inputs[i], y = body.inputs[k], made_x = body.outputs[i], made_y = body.outputs[k];
  const auto alike = [&](TensorId a, TensorId b) { return a == b || (a == x && b == y) || SameConstant(body, a, b); };
  if (alike(made_x, made_y)) return true;
  const NodeId by_x = body.tensor(made_x).producer, by_y = body.tensor(made_y).producer;
  if (by_x < 0 || by_y < 0) return false;
  const graph::Node &n = body.node(by_x), &m = body.node(by_y);
  return n.op == m.op && !(n.op->traits & (ops::kSideEffects | ops::kRandom)) && n.callees.empty() && n.outputs.size() == 1 && m.outputs.size() == 1 &&
         n.attrs == m.attrs && n.custom_options == m.custom_options && std::ranges::equal(n.inputs, m.inputs, alike);
}

bool Merge(const Loop& loop, Graph& g, NodeId id) {
  Graph &condition = *loop.condition, &body = *loop.body;
  const graph::Node& node = g.node(id);
  const auto is_read = [&](size_t k) { return condition.uses(condition.inputs[k]) + body.uses(body.inputs[k]) + g.uses(node.outputs[k]) > 0; };
  const auto same = [&](size_t i, size_t k) {
    const TensorId a = node.inputs[i], b = node.inputs[k];
    return (a == b || SameConstant(g, a, b)) && SameType(body.tensor(body.inputs[i]).type, body.tensor(body.inputs[k]).type) && MadeAlike(body, i, k);
  };
  bool merged = false;
  for (size_t k = 1; k < node.inputs.size(); ++k) {
    for (size_t i = 0; i < k && is_read(k) && !g.is_output(node.outputs[k]); ++i) {
      if (!same(i, k)) continue;
      condition.ReplaceUses(condition.inputs[k], condition.inputs[i]);
      body.ReplaceUses(body.inputs[k], body.inputs[i]);
      g.ReplaceUses(node.outputs[k], node.outputs[i]);
      merged = true;
    }
  }
  return merged;
}

}  // namespace

Result<int> MergeLoopVariables(graph::Model& model) { return ForEachLoop(model, Merge); }

}  // namespace octet::passes
