// SPDX-License-Identifier: Apache-2.0
//   while (n, k): n < k + 1   becomes   k1 = k + 1, while (n, k, k1): n < k1    where the body hands k on as it is
// What a loop's condition computes of values that no round changes is computed once, before the loop. A condition always runs,
// so nothing is computed that would not have been.
#include "passes/loops.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

// What the loop gives for a tensor of its condition that no round changes: its own input, or the constant. kNoTensor for others.
TensorId Outside(const Graph& condition, const Graph& body, const graph::Node& loop, TensorId t, Graph& g) {
  if (condition.is_constant(t)) return g.AddConstant(condition.tensor(t).name, condition.tensor(t).type, condition.tensor(t).constant);
  for (size_t i = 0; i < condition.inputs.size(); ++i)
    if (condition.inputs[i] == t) return body.outputs[i] == body.inputs[i] ? loop.inputs[i] : graph::kNoTensor;
  return graph::kNoTensor;
}

bool NeverChanges(const Graph& condition, const Graph& body, const graph::Node& n) {
  if ((n.op->traits & (ops::kSideEffects | ops::kRandom)) || !n.callees.empty() || !n.intermediates.empty() || n.inputs.empty() || n.outputs.size() != 1)
    return false;
  return std::ranges::all_of(n.inputs, [&](TensorId t) {
    if (t == graph::kNoTensor) return false;
    if (condition.is_constant(t)) return true;
    const auto at = std::ranges::find(condition.inputs, t);
    if (at == condition.inputs.end()) return false;
    const auto i = static_cast<size_t>(at - condition.inputs.begin());
    return body.outputs[i] == body.inputs[i];
  });
}

// One more value, which every round hands on.
void Carry(Graph& g, NodeId id, Graph& condition, Graph& body, TensorId value, TensorId inside) {
  const TensorType type = g.tensor(value).type;
  const std::string name = condition.tensor(inside).name;
  const TensorId to_condition = condition.AddTensor(name, type), to_body = body.AddTensor(name, type), out = g.AddTensor(name + "/out", type);
  condition.ReplaceUses(inside, to_condition);
  condition.inputs.push_back(to_condition);
  body.inputs.push_back(to_body);
  body.outputs.push_back(to_body);
  ReplaceLoop(g, id, [&](std::vector<TensorId>* inputs, std::vector<TensorId>* outputs) {
    inputs->push_back(value);
    outputs->push_back(out);
  });
}

bool Hoist(const Loop& loop, Graph& g, NodeId id) {
  Graph &condition = *loop.condition, &body = *loop.body;
  for (const NodeId inner : condition.order()) {
    const graph::Node n = condition.node(inner);
    if (!NeverChanges(condition, body, n) || condition.is_output(n.outputs[0])) continue;
    std::vector<TensorId> inputs;
    const graph::Node around = g.node(id);
    for (const TensorId t : n.inputs) inputs.push_back(Outside(condition, body, around, t, g));
    const TensorId value = g.AddTensor(condition.tensor(n.outputs[0]).name, condition.tensor(n.outputs[0]).type);
    g.AddNode(*n.op, n.attrs, std::move(inputs), {value}, n.place, id);
    Carry(g, id, condition, body, value, n.outputs[0]);
    condition.Erase(inner);
    return true;
  }
  return false;
}

}  // namespace

Result<int> HoistConditions(graph::Model& model) {
  return ForEachLoop(model, Hoist);
}

}  // namespace octet::passes
