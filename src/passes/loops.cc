// SPDX-License-Identifier: Apache-2.0
#include "passes/loops.h"

#include "passes/calls.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

bool FindLoop(graph::Model& model, const std::vector<int>& callers, Graph& g, NodeId id, Loop* loop) {
  const std::optional<CallFlow> flow = FlowOf(model, g.node(id));
  if (!flow || !flow->loops) return false;
  for (const int32_t subgraph : flow->subgraphs)
    if (callers[static_cast<size_t>(subgraph)] != 1) return false;
  *loop = {&model.subgraphs[static_cast<size_t>(flow->subgraphs[0])], &model.subgraphs[static_cast<size_t>(flow->subgraphs[1])]};
  return loop->body != &g && loop->condition != &g;
}

}  // namespace

Result<int> ForEachLoop(graph::Model& model, bool (*rewrite)(const Loop& loop, Graph& g, NodeId node)) {
  const std::vector<int> callers = CallersOf(model);
  int rewrites = 0;
  for (Graph& g : model.subgraphs) {
    rewrites += ForEachNode(g, [&](NodeId id) {
      Loop loop{};
      if (!FindLoop(model, callers, g, id, &loop) || !rewrite(loop, g, id)) return false;
      for (Graph* const changed : {loop.condition, loop.body, &g}) changed->RemoveDead();
      return true;
    });
  }
  if (rewrites > 0) OCTET_TRY(graph::LinkCallees(model));
  return rewrites;
}

void ReplaceLoop(Graph& g, NodeId id, const std::function<void(std::vector<TensorId>*, std::vector<TensorId>*)>& change) {
  const graph::Node old = g.node(id);
  const NodeId before = NodeAfter(g, id);
  std::vector<TensorId> inputs = old.inputs, outputs = old.outputs;
  change(&inputs, &outputs);
  g.Erase(id);
  g.AddNode(*old.op, old.attrs, std::move(inputs), std::move(outputs), old.place, before);
}

}  // namespace octet::passes
