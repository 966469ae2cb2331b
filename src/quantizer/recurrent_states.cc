// SPDX-License-Identifier: Apache-2.0
#include "quantizer/recurrent_states.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "quantizer/roles.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr int kFewestSteps = 3;

using Key = std::pair<const ops::OpDef*, std::string>;  // Operator and layer: every step has one.

class Carriers {
 public:
  explicit Carriers(const Graph& g) : g_(g) {
    for (NodeId id : g.order())
      if (Combines(id)) Meet(Before(id), &above_, id);
    for (auto it = g.order().rbegin(); it != g.order().rend(); ++it)
      if (Combines(*it)) Meet(After(*it), &below_, *it);
  }

  std::set<NodeId> Find() const {
    std::set<NodeId> found;
    for (const auto& [id, above] : above_)
      if (Carries(id)) found.insert(id);
    std::set<NodeId> feeding;
    for (NodeId id : found)
      for (NodeId before : Before(id)) {
        const std::vector<NodeId>& readers = g_.tensor(g_.node(before).outputs[0]).consumers;
        if (std::ranges::all_of(readers, [&](NodeId reader) { return found.contains(reader); })) feeding.insert(before);
      }
    found.merge(feeding);
    return found;
  }

 private:
  // Element by element of several computed tensors.
  bool Combines(NodeId id) const {
    const graph::Node& n = g_.node(id);
    return (n.op->traits & ops::kElementwise) && !(n.op->traits & ops::kUnary) && n.outputs.size() == 1 && g_.tensor(n.outputs[0]).type.dtype == DType::kF32;
  }
  Key KeyOf(NodeId id) const { return {g_.node(id).op, g_.node(id).place}; }

  std::vector<NodeId> Before(NodeId id) const {
    std::vector<NodeId> nodes;
    for (TensorId t : g_.node(id).inputs)
      if (t != graph::kNoTensor && g_.tensor(t).producer >= 0 && Combines(g_.tensor(t).producer)) nodes.push_back(g_.tensor(t).producer);
    return nodes;
  }
  std::vector<NodeId> After(NodeId id) const {
    std::vector<NodeId> nodes;
    for (NodeId reader : g_.tensor(g_.node(id).outputs[0]).consumers)
      if (Combines(reader)) nodes.push_back(reader);
    return nodes;
  }

  // Of every key, the most that one way meets.
  using Counts = std::map<Key, int>;
  void Meet(const std::vector<NodeId>& neighbours, std::map<NodeId, Counts>* counts, NodeId id) {
    Counts& met = (*counts)[id];
    for (NodeId other : neighbours) {
      const Key own = KeyOf(other);
      met.try_emplace(own, 1);
      for (const auto& [key, count] : (*counts)[other]) {
        int& most = met[key];
        most = std::max(most, count + (key == own));
      }
    }
  }

  // Does a way over this node meet the same node of several steps, before it and behind it?
  bool Carries(NodeId id) const {
    const Counts &above = above_.at(id), &below = below_.at(id);
    const Key own = KeyOf(id);
    const auto of = [](const Counts& counts, const Key& key) {
      const auto it = counts.find(key);
      return it == counts.end() ? 0 : it->second;
    };
    if (of(above, own) + 1 + of(below, own) >= kFewestSteps) return true;
    return std::ranges::any_of(above, [&](const auto& met) { return of(below, met.first) > 0 && met.second + of(below, met.first) >= kFewestSteps; });
  }

  const Graph& g_;
  std::map<NodeId, Counts> above_, below_;  // What lies before and behind, by element-wise ways alone.
};

}  // namespace

std::vector<std::string> StateCarriers(const Graph& g) {
  std::vector<std::string> names;
  for (NodeId id : Carriers(g).Find()) {
    if (!HasIntegerForm(g, id, DType::kI16)) return {};
    names.push_back(g.tensor(g.node(id).outputs[0]).name);
  }
  return names;
}

}  // namespace octet::quantizer
