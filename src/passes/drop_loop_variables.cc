// SPDX-License-Identifier: Apache-2.0
//   while (n, x, rounds) -> (m, y, _)   becomes   while (n, x) -> (m, y)   where the condition and the other values do not read `rounds`
// TensorFlow's loops count their rounds, and carry what Python's loop had in scope, whether or not somebody reads it.
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::kNoTensor;
using graph::NodeId;
using graph::TensorId;

// What tensors of a graph depend on.
class Ancestry {
 public:
  explicit Ancestry(const Graph& g) : g_(g), seen_(g.tensors().size(), false) {}

  void Add(TensorId t) {
    std::vector<TensorId> todo = {t};
    while (!todo.empty()) {
      t = todo.back();
      todo.pop_back();
      if (t == kNoTensor || seen_[static_cast<size_t>(t)]) continue;
      seen_[static_cast<size_t>(t)] = true;
      if (const NodeId made_by = g_.tensor(t).producer; made_by >= 0) todo.insert(todo.end(), g_.node(made_by).inputs.begin(), g_.node(made_by).inputs.end());
    }
  }
  bool has(TensorId t) const { return seen_[static_cast<size_t>(t)]; }

 private:
  const Graph& g_;
  std::vector<bool> seen_;
};

// A variable is needed where the condition or what stands behind the loop reads it, or where a needed variable's next value, or an
// operator of the body with side effects, depends on it.
std::vector<bool> Needed(const Graph& g, const graph::Node& loop, const Graph& condition, const Graph& body) {
  std::vector<bool> needed(loop.inputs.size());
  for (size_t i = 0; i < needed.size(); ++i) needed[i] = g.uses(loop.outputs[i]) > 0 || condition.uses(condition.inputs[i]) > 0;
  Ancestry read(body);
  for (const NodeId id : body.order())
    if (body.node(id).op->traits & ops::kSideEffects)
      for (const TensorId t : body.node(id).inputs) read.Add(t);
  for (bool more = true; more;) {
    more = false;
    for (size_t i = 0; i < needed.size(); ++i)
      if (needed[i]) read.Add(body.outputs[i]);
    for (size_t i = 0; i < needed.size(); ++i)
      if (!needed[i] && read.has(body.inputs[i])) needed[i] = more = true;
  }
  return needed;
}

void Keep(const std::vector<bool>& kept, std::vector<TensorId>* list) {
  size_t n = 0;
  for (size_t i = 0; i < kept.size(); ++i)
    if (kept[i]) (*list)[n++] = (*list)[i];
  list->resize(n);
}

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

// The loop without the variables that are not kept, of the same output tensors: signatures name them.
void Shorten(Graph& g, NodeId id, const std::vector<bool>& kept) {
  const graph::Node old = g.node(id);
  const auto next = std::ranges::find(g.order(), id) + 1;
  const NodeId before = next == g.order().end() ? -1 : *next;
  std::vector<TensorId> inputs = old.inputs, outputs = old.outputs;
  Keep(kept, &inputs);
  Keep(kept, &outputs);
  g.Erase(id);
  g.AddNode(*old.op, old.attrs, std::move(inputs), std::move(outputs), old.place, before);
}

bool DropFrom(graph::Model& model, const std::vector<int>& callers, Graph& g, NodeId id) {
  const graph::Node& loop = g.node(id);
  if (loop.op != ops::Find("while")) return false;
  const std::vector<int32_t> called = ops::CalledSubgraphs(loop.op->attrs, loop.attrs.get());
  for (const int32_t subgraph : called)
    if (subgraph <= 0 || static_cast<size_t>(subgraph) >= callers.size() || callers[static_cast<size_t>(subgraph)] != 1) return false;
  Graph &condition = model.subgraphs[static_cast<size_t>(called[0])], &body = model.subgraphs[static_cast<size_t>(called[1])];
  const size_t n = loop.inputs.size();
  if (&body == &g || &condition == &g || loop.outputs.size() != n || condition.inputs.size() != n || body.inputs.size() != n || body.outputs.size() != n) return false;
  const std::vector<bool> kept = Needed(g, loop, condition, body);
  const auto left = std::ranges::count(kept, true);
  if (left == 0 || static_cast<size_t>(left) == n) return false;
  Keep(kept, &condition.inputs);
  Keep(kept, &body.inputs);
  Keep(kept, &body.outputs);
  Shorten(g, id, kept);
  body.RemoveDead();
  g.RemoveDead();
  return true;
}

}  // namespace

Result<int> DropLoopVariables(graph::Model& model) {
  const std::vector<int> callers = CallersOf(model);
  int rewrites = 0;
  for (Graph& g : model.subgraphs)
    rewrites += ForEachNode(g, [&](NodeId id) { return DropFrom(model, callers, g, id); });
  if (rewrites > 0) OCTET_TRY(graph::LinkCallees(model));
  return rewrites;
}

}  // namespace octet::passes
