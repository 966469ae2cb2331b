// SPDX-License-Identifier: Apache-2.0
#include "passes/calls.h"

#include <algorithm>

namespace octet::passes {

std::optional<CallFlow> FlowOf(const graph::Model& model, const graph::Node& n) {
  const bool loops = n.op == ops::Find("while");
  if (!loops && n.op != ops::Find("if")) return std::nullopt;
  CallFlow flow{.subgraphs = ops::CalledSubgraphs(n.op->attrs, n.attrs.get()), .first = loops ? 0 : 1, .loops = loops};
  if (flow.subgraphs.size() != 2 || n.inputs.size() < static_cast<size_t>(flow.first)) return std::nullopt;
  const size_t values = n.inputs.size() - static_cast<size_t>(flow.first);
  if (loops && n.outputs.size() != values) return std::nullopt;
  for (size_t k = 0; k < flow.subgraphs.size(); ++k) {
    if (flow.subgraphs[k] <= 0 || static_cast<size_t>(flow.subgraphs[k]) >= model.subgraphs.size()) return std::nullopt;
    const graph::Graph& callee = model.subgraphs[static_cast<size_t>(flow.subgraphs[k])];
    if (callee.inputs.size() != values) return std::nullopt;
    if ((!loops || k > 0) && callee.outputs.size() != n.outputs.size()) return std::nullopt;
  }
  return flow;
}

std::vector<int> CallersOf(const graph::Model& model) {
  std::vector<int> callers(model.subgraphs.size(), 0);
  const auto call = [&](int32_t subgraph) {
    if (subgraph >= 0 && static_cast<size_t>(subgraph) < callers.size()) ++callers[static_cast<size_t>(subgraph)];
  };
  for (const graph::Signature& s : model.signatures) call(s.subgraph);
  for (const graph::Graph& g : model.subgraphs)
    for (const graph::NodeId id : g.order())
      for (const int32_t subgraph : ops::CalledSubgraphs(g.node(id).op->attrs, g.node(id).attrs.get())) call(subgraph);
  return callers;
}

}  // namespace octet::passes
