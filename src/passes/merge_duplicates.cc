// SPDX-License-Identifier: Apache-2.0
//   x -> relu -> a, x -> relu -> b   becomes   x -> relu -> a, and b's readers read a
// Two uses of an operator with the same inputs and attributes give the same; layers that several branches
// begin with are often written out once per branch.
#include "passes/merge_duplicates.h"

#include <map>
#include <tuple>

#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

// What decides a node's outputs, but for the attributes.
using Key = std::tuple<const ops::OpDef*, std::vector<TensorId>, size_t>;

// The handle of a variable or table: every subgraph of TensorFlow's makes one per use.
bool IsHandle(const Graph& g, const graph::Node& n) {
  return n.inputs.empty() && n.outputs.size() == 1 && g.tensor(n.outputs[0]).type.dtype == DType::kResource && !(n.op->traits & ops::kSideEffects) &&
         !g.is_output(n.outputs[0]);
}

bool MayMerge(const Graph& g, const graph::Node& n) {
  if (IsHandle(g, n)) return true;
  if (n.inputs.empty() || !n.intermediates.empty() || (n.op->traits & (ops::kSideEffects | ops::kRandom))) return false;
  const auto plain = [&](TensorId t) { return t == graph::kNoTensor || (!g.tensor(t).is_variable && BitsOf(g.tensor(t).type.dtype) > 0); };
  return std::ranges::all_of(n.inputs, plain) && std::ranges::all_of(n.outputs, plain);
}

bool SameTypes(const Graph& g, const graph::Node& a, const graph::Node& b) {
  return std::ranges::equal(a.outputs, b.outputs, [&](TensorId x, TensorId y) {
    const TensorType &s = g.tensor(x).type, &t = g.tensor(y).type;
    return s.dtype == t.dtype && s.shape == t.shape && s.quant == t.quant;
  });
}

// Constants of the same bytes count as one: sources repeat axes and shapes, and weights where a layer is called more than once.
class Constants {
 public:
  explicit Constants(const Graph& g) : g_(g) {}

  // The first constant that is the same as this one.
  TensorId First(TensorId t) {
    const graph::Tensor& c = g_.tensor(t);
    const auto dims = c.type.shape.dims();
    const std::span<const std::byte> bytes(*c.constant), head = bytes.first(std::min(bytes.size(), kHead));
    std::vector<TensorId>& alike = seen_[{c.type.dtype, {dims.begin(), dims.end()}, {head.begin(), head.end()}}];
    const auto same = std::ranges::find_if(alike, [&](TensorId other) {
      return g_.tensor(other).type.quant == c.type.quant && std::ranges::equal(*g_.tensor(other).constant, bytes);
    });
    if (same != alike.end()) return *same;
    alike.push_back(t);
    return t;
  }

 private:
  static constexpr size_t kHead = 64;  // Bytes that tell most of them apart.
  const Graph& g_;
  std::map<std::tuple<DType, std::vector<int32_t>, std::vector<std::byte>>, std::vector<TensorId>> seen_;
};

std::vector<TensorId> Inputs(const Graph& g, const graph::Node& n, Constants* constants) {
  std::vector<TensorId> inputs = n.inputs;
  for (TensorId& t : inputs)
    if (t != graph::kNoTensor && g.is_constant(t)) t = constants->First(t);
  return inputs;
}

// The first one makes what the second made.
void TakeOutputs(Graph& g, NodeId first, NodeId second) {
  const std::vector<TensorId> kept = g.node(second).outputs, gone = g.node(first).outputs;
  g.Erase(second);
  for (size_t i = 0; i < kept.size(); ++i) {
    g.ReplaceUses(gone[i], kept[i]);
    g.SetOutput(first, static_cast<int>(i), kept[i]);
  }
}

}  // namespace

int ShareWeights(Graph& g) {
  int gone = 0;
  Constants constants(g);
  for (const NodeId id : g.order()) {
    for (size_t i = 0; i < g.node(id).inputs.size(); ++i) {
      const graph::Node& n = g.node(id);
      const TensorId t = n.inputs[i];
      const ops::Role role = n.op->inputs[std::min(i, n.op->inputs.size() - 1)].role;
      if (t == graph::kNoTensor || !g.is_constant(t) || (role != ops::Role::kWeights && role != ops::Role::kBias)) continue;
      const TensorId first = constants.First(t);
      if (first == t) continue;
      g.SetInput(id, static_cast<int>(i), first);
      ++gone;
    }
  }
  return gone;
}

Result<int> MergeDuplicates(Graph& g) {
  std::multimap<Key, NodeId> seen;
  Constants constants(g);
  return ForEachNode(g, [&](NodeId id) {
    const graph::Node& n = g.node(id);
    if (!MayMerge(g, n)) return false;
    const Key key{n.op, Inputs(g, n, &constants), n.outputs.size()};
    const auto [begin, end] = seen.equal_range(key);
    for (auto it = begin; it != end; ++it) {
      const graph::Node& first = g.node(it->second);
      if (!(first.attrs == n.attrs) || first.custom_options != n.custom_options || !SameTypes(g, first, n)) continue;
      const auto is_output = [&](TensorId t) { return g.is_output(t); };
      const std::vector<TensorId> from = n.outputs, to = first.outputs;
      if (std::ranges::any_of(from, is_output)) {  // A graph output keeps its own name, and there are no two names.
        if (std::ranges::any_of(to, is_output)) continue;
        TakeOutputs(g, it->second, id);
        return true;
      }
      for (size_t i = 0; i < from.size(); ++i) g.ReplaceUses(from[i], to[i]);
      g.Erase(id);
      return true;
    }
    seen.emplace(key, id);
    return false;
  });
}

}  // namespace octet::passes
