// SPDX-License-Identifier: Apache-2.0
#include "passes/finite_masks.h"

#include <algorithm>
#include <vector>

#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::TensorId;

constexpr float kMasked = -1e9f;

bool OnlySoftmaxReads(const Graph& g, TensorId t) {
  const auto& readers = g.tensor(t).consumers;
  return !readers.empty() && !g.is_output(t) && std::ranges::all_of(readers, [&](graph::NodeId id) { return g.node(id).op->name == "softmax"; });
}

}  // namespace

int BoundMasks(Graph& g) {
  return ForEachNode(g, [&](graph::NodeId id) {
    const graph::Node& n = g.node(id);
    if ((n.op->name != "select_v2" && n.op->name != "select" && n.op->name != "add") || !OnlySoftmaxReads(g, n.outputs[0])) return false;
    bool bounded = false;
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      const TensorId mask = n.inputs[i];
      if (!g.is_constant(mask) || g.tensor(mask).type.dtype != DType::kF32) continue;
      std::vector<float> values(g.tensor(mask).data<float>().begin(), g.tensor(mask).data<float>().end());
      const auto hides = [](float v) { return v < kMasked; };
      if (std::ranges::none_of(values, hides)) continue;
      std::ranges::replace_if(values, hides, kMasked);
      g.SetInput(id, static_cast<int>(i), g.AddConstant<float>(g.tensor(mask).name + "/finite", g.tensor(mask).type.shape, values));
      bounded = true;
    }
    return bounded;
  });
}

}  // namespace octet::passes
