// SPDX-License-Identifier: Apache-2.0
//   while (n, x, rounds) -> (m, y, _)   becomes   while (n, x) -> (m, y)   where the condition and the other values do not read `rounds`
// TensorFlow's loops count their rounds, and carry what Python's loop had in scope, whether or not somebody reads it.
#include "passes/loops.h"
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

bool DropFrom(const Loop& loop, Graph& g, NodeId id) {
  Graph &condition = *loop.condition, &body = *loop.body;
  const std::vector<bool> kept = Needed(g, g.node(id), condition, body);
  const auto left = std::ranges::count(kept, true);
  if (left == 0 || static_cast<size_t>(left) == kept.size()) return false;
  Keep(kept, &condition.inputs);
  Keep(kept, &body.inputs);
  Keep(kept, &body.outputs);
  ReplaceLoop(g, id, [&](std::vector<TensorId>* inputs, std::vector<TensorId>* outputs) {
    Keep(kept, inputs);
    Keep(kept, outputs);
  });
  return true;
}

}  // namespace

Result<int> DropLoopVariables(graph::Model& model) { return ForEachLoop(model, DropFrom); }

}  // namespace octet::passes
