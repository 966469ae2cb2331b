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

class Streams {
 public:
  explicit Streams(const Graph& g) : g_(g) {
    const std::vector<NodeId> order = g.order();
    for (NodeId id : order)
      if (Adds(id)) above_[id] = 1 + Most(above_, SumsBefore(id));
    for (auto it = order.rbegin(); it != order.rend(); ++it)
      if (Adds(*it)) below_[*it] = 1 + Most(below_, SumsAfter(*it));
  }

  std::set<NodeId> Find() const {
    std::set<NodeId> found;
    for (const auto& [id, above] : above_) {
      if (above + below_.at(id) - 1 < kFewestSteps) continue;
      found.insert(id);
      for (TensorId t : g_.node(id).inputs)  // The stream's beginning: the block reads it beside the sum.
        if (above == 1 && g_.tensor(t).producer >= 0 && (g_.uses(t) > 1 || HasConstant(id))) found.insert(g_.tensor(t).producer);
    }
    std::erase_if(found, [&](NodeId id) { return !HasIntegerForm(g_, id, DType::kI16); });
    return found;
  }

 private:
  using Lengths = std::map<NodeId, int>;

  bool HasConstant(NodeId id) const { return std::ranges::any_of(g_.node(id).inputs, [&](TensorId t) { return g_.is_constant(t); }); }

  // Tensors of one size; positions that are added to a stream have its rows.
  bool Adds(NodeId id) const {
    const graph::Node& n = g_.node(id);
    constexpr uint32_t kSum = ops::kElementwise | ops::kJointlyHomogeneous;
    if ((n.op->traits & kSum) != kSum || n.inputs.size() != 2 || g_.tensor(n.outputs[0]).type.dtype != DType::kF32) return false;
    const Shape& made = g_.tensor(n.outputs[0]).type.shape;
    return std::ranges::all_of(n.inputs, [&](TensorId t) {
      const Shape& shape = g_.tensor(t).type.shape;
      return g_.is_constant(t) ? shape.rank() > 1 && shape.elements() > made.back() : shape == made;
    });
  }

  std::vector<NodeId> SumsBefore(NodeId id) const {
    std::vector<NodeId> sums;
    for (TensorId t : g_.node(id).inputs)
      if (above_.contains(g_.tensor(t).producer)) sums.push_back(g_.tensor(t).producer);
    return sums;
  }
  std::vector<NodeId> SumsAfter(NodeId id) const {
    std::vector<NodeId> sums;
    for (NodeId reader : g_.tensor(g_.node(id).outputs[0]).consumers)
      if (below_.contains(reader)) sums.push_back(reader);
    return sums;
  }
  static int Most(const Lengths& lengths, const std::vector<NodeId>& nodes) {
    int most = 0;
    for (NodeId id : nodes) most = std::max(most, lengths.at(id));
    return most;
  }

  const Graph& g_;
  Lengths above_, below_;  // Sums one upon the other up to here, and from here on.
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

std::vector<std::string> ResidualStreams(const Graph& g) {
  std::vector<std::string> names;
  for (NodeId id : Streams(g).Find()) names.push_back(g.tensor(g.node(id).outputs[0]).name);
  return names;
}

}  // namespace octet::quantizer
