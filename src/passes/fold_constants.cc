// SPDX-License-Identifier: Apache-2.0
// Computes nodes whose inputs are all constant. Where the result would be much larger than what it is made of and only adds to what is computed anyway (a
// bias of attention gathered from a table, a mask compared from numbers of windows), the node stays: it takes less time than reading its result from a file.
#include <set>

#include "graph/fold.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::NodeId;
using graph::TensorId;

class Growth {
 public:
  explicit Growth(const Graph& g) : g_(g) {
    for (const NodeId id : g.order()) {
      const Node& n = g.node(id);
      if ((n.op->traits & (ops::kSideEffects | ops::kRandom)) || n.inputs.empty()) continue;
      if (!std::ranges::all_of(n.inputs, [&](TensorId t) { return Fixed(t); })) continue;
      fixed_.insert(n.outputs.begin(), n.outputs.end());
    }
  }

  // Whether the file is better off with the node than with its result.
  bool StaysSmall(NodeId id) const {
    constexpr uint64_t kLarge = 2 << 20, kMuch = 4;
    const Node& n = g_.node(id);
    if (n.outputs.size() != 1 || !g_.tensor(n.outputs[0]).type.shape.known()) return false;
    const uint64_t made = Bytes(n.outputs[0]);
    uint64_t read = 0;
    for (const TensorId t : n.inputs) read += t == graph::kNoTensor ? 0 : Bytes(t);
    if (made <= kLarge || made / kMuch <= read) return false;
    int looks = 0;
    return AddsOnly(n.outputs[0], g_.tensor(n.outputs[0]).type.shape.elements() / 2, &looks);
  }

 private:
  bool Fixed(TensorId t) const { return t == graph::kNoTensor || g_.is_constant(t) || fixed_.contains(t); }

  uint64_t Bytes(TensorId t) const {
    uint64_t bytes = 0;
    return CheckedBytes(g_.tensor(t).type.dtype, g_.tensor(t).type.shape, &bytes) ? bytes : 0;
  }

  // Whether all that is made of t alone keeps `least` elements and is read element by element beside something that changes: as weights it would be packed.
  bool AddsOnly(TensorId t, int64_t least, int* looks) const {
    constexpr int kMostLooks = 32;
    const graph::Tensor& own = g_.tensor(t);
    if (++*looks > kMostLooks || g_.is_output(t) || !own.type.shape.known() || own.type.shape.elements() < least) return false;
    return std::ranges::all_of(own.consumers, [&](NodeId id) {
      const Node& reader = g_.node(id);
      if (reader.outputs.empty()) return false;
      if (!Fixed(reader.outputs[0])) return (reader.op->traits & ops::kElementwise) != 0;
      return std::ranges::all_of(reader.outputs, [&](TensorId made) { return AddsOnly(made, least, looks); });
    });
  }

  const Graph& g_;
  std::set<TensorId> fixed_;  // Made of constants alone.
};

}  // namespace

Result<int> FoldConstants(Graph& g) {
  int rewrites = 0;
  const Growth growth(g);
  for (const std::vector<NodeId> nodes = g.order(); const NodeId id : nodes) {
    if (growth.StaysSmall(id)) continue;
    OCTET_ASSIGN(const bool folded, graph::FoldNode(g, id));
    rewrites += folded;
  }
  return rewrites;
}

}  // namespace octet::passes
