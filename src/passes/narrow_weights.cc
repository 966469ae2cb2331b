// SPDX-License-Identifier: Apache-2.0
#include "passes/narrow_weights.h"

#include <algorithm>

#include "graph/nibbles.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

constexpr int64_t kSmallest = 1024;  // Elements; smaller ones gain nothing that the newer version of the operator is worth.

// Numbers of eight bits reach further, as their scales are chosen: these had four.
bool IsNarrow(const graph::Tensor& t) {
  return t.constant && t.type.dtype == DType::kI8 && t.type.shape.elements() >= kSmallest &&
         std::ranges::all_of(t.data<int8_t>(), [](int8_t v) { return v >= -8 && v <= 7; });
}

bool Takes(const graph::Graph& g, graph::NodeId id, size_t operand, const TensorType& type) {
  if (g.node(id).op->name == "depthwise_conv_2d") return false;  // LiteRT's resolver of reference kernels has no such version.
  const graph::NodeView lens(g, id);
  std::vector<const TensorType*> in(lens.view().inputs.begin(), lens.view().inputs.end());
  in[operand] = &type;
  ops::OpView view = lens.view();
  view.inputs = in;
  return ops::MatchTypes(view).ok() && (!view.def->check || view.def->check(view).ok());
}

}  // namespace

int PackNarrowWeights(graph::Graph& g) {
  int packed = 0;
  const int nodes = ForEachNode(g, [&](graph::NodeId id) {
    const graph::Node& n = g.node(id);
    const int before = packed;
    for (size_t i = 0; i < std::min(n.inputs.size(), n.op->inputs.size()); ++i) {
      if (n.op->inputs[i].role != ops::Role::kWeights || !g.is_constant(n.inputs[i]) || !IsNarrow(g.tensor(n.inputs[i]))) continue;
      const graph::Tensor& t = g.tensor(n.inputs[i]);
      TensorType type = t.type;
      type.dtype = DType::kI4;
      if (!Takes(g, id, i, type)) continue;
      const std::vector<int8_t> numbers = graph::Pack4(t.data<int8_t>());
      const std::string name = t.name;
      g.SetInput(id, static_cast<int>(i), g.AddConstant(name, type, graph::MakeBuffer(std::as_bytes(std::span(numbers)))));
      ++packed;
    }
    return packed > before;
  });
  if (nodes > 0) g.RemoveDead();
  return packed;
}

}  // namespace octet::passes
