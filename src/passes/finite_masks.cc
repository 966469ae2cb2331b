// SPDX-License-Identifier: Apache-2.0
#include "passes/finite_masks.h"

#include <algorithm>
#include <vector>

#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::TensorId;

constexpr float kHides = -1e4f, kFar = -1e9f, kMargin = 12;  // The margin is a logarithm.

bool OnlySoftmaxReads(const Graph& g, TensorId t) {
  const auto& readers = g.tensor(t).consumers;
  return !readers.empty() && !g.is_output(t) && std::ranges::all_of(readers, [&](graph::NodeId id) { return g.node(id).op->name == "softmax"; });
}

}  // namespace

int BoundMasks(Graph& g, const ScoreRange& range) {
  return ForEachNode(g, [&](graph::NodeId id) {
    const graph::Node& n = g.node(id);
    if ((n.op->name != "select_v2" && n.op->name != "select" && n.op->name != "add") || !OnlySoftmaxReads(g, n.outputs[0])) return false;
    const bool added = n.op->name == "add";
    bool bounded = false;
    for (size_t i = added ? 0 : 1; i < n.inputs.size(); ++i) {
      const TensorId mask = n.inputs[i], scores = n.inputs[added ? 1 - i : 3 - i];
      if (!g.is_constant(mask) || g.tensor(mask).type.dtype != DType::kF32) continue;
      std::vector<float> values(g.tensor(mask).data<float>().begin(), g.tensor(mask).data<float>().end());
      const auto hides = [](float v) { return v <= kHides; };
      if (std::ranges::none_of(values, hides)) continue;
      const auto seen = range(g.tensor(scores).name);
      std::ranges::replace_if(values, hides, !seen ? kFar : (added ? seen->first - seen->second : seen->first) - kMargin);
      g.SetInput(id, static_cast<int>(i), g.AddConstant<float>(g.tensor(mask).name + "/finite", g.tensor(mask).type.shape, values));
      bounded = true;
    }
    return bounded;
  });
}

}  // namespace octet::passes
