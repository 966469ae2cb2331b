// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/branches.h"

#include <algorithm>
#include <map>
#include <set>

namespace octet::importers::savedmodel {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr int kSides = 2;  // Input 1 is what the first subgraph hands on, input 2 what the second does.

int32_t SubgraphOf(const graph::Node& n, int side) { return ops::CalledSubgraphs(n.op->attrs, n.attrs.get())[static_cast<size_t>(side)]; }

// Whether the IF's subgraphs hand on one of two inputs and do nothing else.
bool HandsOn(const graph::Model& model, const graph::Node& n) {
  if (n.op->name != "if" || n.inputs.size() != 1 + kSides || n.outputs.size() != 1 || n.inputs[1] == n.inputs[2]) return false;
  for (int side = 0; side < kSides; ++side) {
    const int32_t at = SubgraphOf(n, side);
    if (at <= 0 || static_cast<size_t>(at) >= model.subgraphs.size()) return false;
    const Graph& g = model.subgraphs[static_cast<size_t>(at)];
    if (g.num_nodes() != 0 || g.inputs.size() != kSides || g.outputs.size() != 1 || g.outputs[0] != g.inputs[static_cast<size_t>(side)]) return false;
  }
  return true;
}

// Whether a node may run in another graph: it keeps nothing between runs.
bool Moves(const graph::Model& model, const Graph& g, const graph::Node& n) {
  const auto keeps = [&](TensorId t) { return t != graph::kNoTensor && (g.tensor(t).is_variable || g.tensor(t).type.dtype == DType::kResource); };
  const bool pure = !(n.op->traits & ops::kSideEffects) || HandsOn(model, n);
  return pure && n.intermediates.empty() && std::ranges::none_of(n.inputs, keeps) && std::ranges::none_of(n.outputs, keeps);
}

// Where the nodes of a graph stand in its order. What is erased leaves its place empty.
class Places {
 public:
  explicit Places(const Graph& g) {
    for (const NodeId id : g.order()) Put(id, next_++);
  }
  size_t Of(NodeId id) const { return places_[static_cast<size_t>(id)]; }
  void Put(NodeId id, size_t place) {
    if (places_.size() <= static_cast<size_t>(id)) places_.resize(static_cast<size_t>(id) + 1);
    places_[static_cast<size_t>(id)] = place;
  }

 private:
  std::vector<size_t> places_;  // By node.
  size_t next_ = 0;
};

// Nodes that are read by input 1 + side of the IF only, directly or through each other; in the graph's order. Looks at what the side is
// made of alone: a graph of many branches would be walked through for each.
std::vector<NodeId> NodesOfSide(const graph::Model& model, const Graph& g, const Places& places, NodeId branch, int side) {
  const std::vector<TensorId>& ends = g.node(branch).inputs;
  const TensorId end = ends[static_cast<size_t>(1 + side)];
  const auto later = [&](NodeId a, NodeId b) { return places.Of(a) > places.Of(b); };
  std::set<NodeId, decltype(later)> open(later);  // The last one first: whoever reads a node was looked at before it.
  const auto add = [&](TensorId t) {
    if (t != graph::kNoTensor && g.tensor(t).producer >= 0) open.insert(g.tensor(t).producer);
  };
  std::set<NodeId> taken;
  const auto inside = [&](TensorId t) {
    if (g.is_output(t)) return false;
    return std::ranges::all_of(g.tensor(t).consumers, [&](NodeId reader) { return reader == branch ? t == end && t != ends[0] : taken.contains(reader); });
  };
  std::vector<NodeId> nodes;
  for (add(end); !open.empty();) {
    const NodeId id = *open.begin();
    open.erase(open.begin());
    const graph::Node& n = g.node(id);
    if (!Moves(model, g, n) || !std::ranges::all_of(n.outputs, inside)) continue;
    taken.insert(id);
    nodes.push_back(id);
    std::ranges::for_each(n.inputs, add);
  }
  std::ranges::reverse(nodes);
  return nodes;
}

// What the nodes, or the side's end itself, read of the graph around; constants are copied instead.
void AddReads(const Graph& g, std::span<const NodeId> nodes, TensorId end, std::vector<TensorId>* reads) {
  std::set<TensorId> made;
  const auto add = [&](TensorId t) {
    if (t != graph::kNoTensor && !g.is_constant(t) && !made.contains(t) && std::ranges::find(*reads, t) == reads->end()) reads->push_back(t);
  };
  for (const NodeId id : nodes) {
    for (const TensorId t : g.node(id).inputs) add(t);
    made.insert(g.node(id).outputs.begin(), g.node(id).outputs.end());
  }
  add(end);
}

Graph SideGraph(const Graph& g, std::string name, std::span<const NodeId> nodes, TensorId end, std::span<const TensorId> reads) {
  Graph out;
  out.name = std::move(name);
  std::map<TensorId, TensorId> there;
  for (const TensorId t : reads) {
    there[t] = out.AddTensor(g.tensor(t).name, g.tensor(t).type);
    out.inputs.push_back(there[t]);
  }
  const auto read = [&](TensorId t) {
    if (t == graph::kNoTensor) return t;
    if (!there.contains(t)) there[t] = out.AddConstant(g.tensor(t).name, g.tensor(t).type, g.tensor(t).constant);
    return there[t];
  };
  for (const NodeId id : nodes) {
    const graph::Node& n = g.node(id);
    std::vector<TensorId> in, made;
    for (const TensorId t : n.inputs) in.push_back(read(t));
    for (const TensorId t : n.outputs) made.push_back(there[t] = out.AddTensor(g.tensor(t).name, g.tensor(t).type));
    const NodeId copy = out.AddNode(*n.op, n.attrs, std::move(in), std::move(made), n.place);
    out.node(copy).custom_options = n.custom_options;
  }
  out.outputs = {read(end)};
  return out;
}

// The subgraphs that nodes moved into; empty where none did.
std::vector<int32_t> Sink(graph::Model& model, Graph& g, Places& places, NodeId branch) {
  std::vector<NodeId> nodes[kSides];
  std::vector<TensorId> reads;
  graph::Node n = g.node(branch);
  for (int side = 0; side < kSides; ++side) {
    nodes[side] = NodesOfSide(model, g, places, branch, side);
    AddReads(g, nodes[side], n.inputs[static_cast<size_t>(1 + side)], &reads);
  }
  if ((nodes[0].empty() && nodes[1].empty()) || reads.empty()) return {};
  std::vector<int32_t> filled;
  for (int side = 0; side < kSides; ++side) {
    filled.push_back(SubgraphOf(n, side));
    Graph& to = model.subgraphs[static_cast<size_t>(filled.back())];
    to = SideGraph(g, to.name, nodes[side], n.inputs[static_cast<size_t>(1 + side)], reads);
  }
  const auto after = std::next(std::ranges::find(g.order(), branch));
  const NodeId before = after == g.order().end() ? -1 : *after;
  g.Erase(branch);
  for (const auto& side : nodes)
    for (auto id = side.rbegin(); id != side.rend(); ++id) g.Erase(*id);
  reads.insert(reads.begin(), n.inputs[0]);
  places.Put(g.AddNode(*n.op, std::move(n.attrs), std::move(reads), std::move(n.outputs), std::move(n.place), before), places.Of(branch));
  return filled;
}

}  // namespace

void SinkIntoBranches(graph::Model& model) {
  std::vector<int32_t> open;
  for (size_t i = 0; i < model.subgraphs.size(); ++i) open.push_back(static_cast<int32_t>(i));
  while (!open.empty()) {
    Graph& g = model.subgraphs[static_cast<size_t>(open.back())];
    open.pop_back();
    Places places(g);
    const std::vector<NodeId> order(g.order().rbegin(), g.order().rend());  // Outer branches take inner ones along.
    for (const NodeId id : order) {
      if (!g.node(id).op || !HandsOn(model, g.node(id))) continue;
      const std::vector<int32_t> filled = Sink(model, g, places, id);
      open.insert(open.end(), filled.begin(), filled.end());
    }
  }
}

}  // namespace octet::importers::savedmodel
