// SPDX-License-Identifier: Apache-2.0
#include "passes/loops.h"

#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

// Who calls each subgraph, signatures included.
std::vector<int> CallersOf(const graph::Model& model) {
  std::vector<int> callers(model.subgraphs.size(), 0);
  const auto call = [&](int32_t subgraph) {
    if (subgraph >= 0 && static_cast<size_t>(subgraph) < callers.size()) ++callers[static_cast<size_t>(subgraph)];
  };
  for (const graph::Signature& s : model.signatures) call(s.subgraph);
  for (const Graph& g : model.subgraphs)
    for (const NodeId id : g.order())
      for (const int32_t subgraph : ops::CalledSubgraphs(g.node(id).op->attrs, g.node(id).attrs.get())) call(subgraph);
  return callers;
}

bool FindLoop(graph::Model& model, const std::vector<int>& callers, Graph& g, NodeId id, Loop* loop) {
  const graph::Node& n = g.node(id);
  if (n.op != ops::Find("while")) return false;
  const std::vector<int32_t> called = ops::CalledSubgraphs(n.op->attrs, n.attrs.get());
  for (const int32_t subgraph : called)
    if (subgraph <= 0 || static_cast<size_t>(subgraph) >= callers.size() || callers[static_cast<size_t>(subgraph)] != 1) return false;
  *loop = {&model.subgraphs[static_cast<size_t>(called[0])], &model.subgraphs[static_cast<size_t>(called[1])]};
  const size_t values = n.inputs.size();
  return loop->body != &g && loop->condition != &g && n.outputs.size() == values && loop->condition->inputs.size() == values && loop->body->inputs.size() == values && loop->body->outputs.size() == values;
}

}  // namespace

Result<int> ForEachLoop(graph::Model& model, bool (*rewrite)(const Loop& loop, Graph& g, NodeId node)) {
  const std::vector<int> callers = CallersOf(model);
  int rewrites = 0;
  for (Graph& g : model.subgraphs) {
    rewrites += ForEachNode(g, [&](NodeId id) {
      Loop loop{};
      return FindLoop(model, callers, g, id, &loop) && rewrite(loop, g, id);
    });
  }
  if (rewrites > 0) OCTET_TRY(graph::LinkCallees(model));
  return rewrites;
}

void ReplaceLoop(Graph& g, NodeId id, const std::function<void(std::vector<TensorId>*, std::vector<TensorId>*)>& change) {
  const graph::Node old = g.node(id);
  const auto next = std::ranges::find(g.order(), id) + 1;
  const NodeId before = next == g.order().end() ? -1 : *next;
  std::vector<TensorId> inputs = old.inputs, outputs = old.outputs;
  change(&inputs, &outputs);
  g.Erase(id);
  g.AddNode(*old.op, old.attrs, std::move(inputs), std::move(outputs), old.place, before);
}

}  // namespace octet::passes
