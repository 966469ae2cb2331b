// SPDX-License-Identifier: Apache-2.0
//   x -> conv_2d -> relu -> y   becomes   x -> conv_2d(fused relu) -> y
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

struct Fusable {
  std::string_view op;
  ops::Activation activation;
};
constexpr Fusable kActivations[] = {{"relu", ops::Activation::kRelu},
                                    {"relu6", ops::Activation::kRelu6},
                                    {"relu_n1_to_1", ops::Activation::kReluN1To1}};

// Operators whose schema has the field and whose kernels honour it (concatenation's do not).
constexpr std::string_view kProducers[] = {"conv_2d", "depthwise_conv_2d", "fully_connected", "transpose_conv",
                                           "add", "sub", "mul", "div", "max_pool_2d", "average_pool_2d"};

bool Fuse(graph::Graph& g, graph::NodeId id) {
  const graph::Node& n = g.node(id);
  const auto match = std::ranges::find(kActivations, n.op->name, &Fusable::op);
  if (match == std::end(kActivations)) return false;
  const graph::TensorId mid = n.inputs[0];
  const graph::NodeId producer = g.tensor(mid).producer;
  if (producer < 0 || g.SoleConsumer(mid) != id) return false;
  graph::Node& p = g.node(producer);
  if (std::ranges::find(kProducers, p.op->name) == std::end(kProducers)) return false;
  // Integer arithmetic stays apart: LiteRT's relu has no integer form to fuse.
  if (!IsFloat(g.tensor(mid).type.dtype)) return false;
  auto* fused = FindAttr<ops::Activation>(p, "fused_activation_function");
  if (!fused || *fused != ops::Activation::kNone) return false;
  *fused = match->activation;
  AbsorbConsumer(g, producer, id);
  return true;
}

}  // namespace

Result<int> FuseActivation(graph::Graph& g) {
  return ForEachNode(g, [&](graph::NodeId id) { return Fuse(g, id); });
}

}  // namespace octet::passes
