// SPDX-License-Identifier: Apache-2.0
#include "passes/rewrites.h"

namespace octet::passes {

bool Bypass(graph::Graph& g, graph::NodeId node, int i) {
  const graph::TensorId from = g.node(node).outputs[0], to = g.node(node).inputs[i];
  if (!g.is_output(from)) {
    g.ReplaceUses(from, to);
    g.Erase(node);
    return true;
  }
  const graph::NodeId producer = g.tensor(to).producer;
  if (producer < 0 || g.is_output(to)) return false;
  const auto& outputs = g.node(producer).outputs;
  const int slot = static_cast<int>(std::ranges::find(outputs, to) - outputs.begin());
  g.tensor(from).type = g.tensor(to).type;
  g.Erase(node);
  g.ReplaceUses(to, from);
  g.SetOutput(producer, slot, from);
  return true;
}

graph::NodeId Replace(graph::Graph& g, graph::NodeId node, std::string_view op, std::vector<graph::TensorId> inputs, graph::Attributes attrs) {
  const graph::TensorId y = g.node(node).outputs[0];
  const std::string place = g.node(node).place;
  const graph::NodeId made = g.AddNode(*ops::Find(op), std::move(attrs), std::move(inputs), {y}, place, node);
  g.Erase(node);
  g.SetOutput(made, 0, y);
  return made;
}

graph::NodeId Replace(graph::Graph& g, graph::NodeId node, std::string_view op, std::vector<graph::TensorId> inputs) {
  return Replace(g, node, op, std::move(inputs), graph::Attributes(ops::Find(op)->attrs));
}

graph::NodeId ReplaceByReshape(graph::Graph& g, graph::NodeId node, graph::TensorId x) {
  std::vector<int32_t> dims;
  for (const int32_t d : g.tensor(g.node(node).outputs[0]).type.shape.dims()) dims.push_back(d == kUnknown ? -1 : d);
  const graph::TensorId shape = g.AddConstant<int32_t>(g.node(node).place + "/shape", Shape{static_cast<int32_t>(dims.size())}, dims);
  return Replace(g, node, "reshape", {x, shape});
}

graph::NodeId Maker(const graph::Graph& g, graph::TensorId t, std::string_view op) {
  const graph::NodeId maker = t == graph::kNoTensor ? -1 : g.tensor(t).producer;
  return maker >= 0 && g.node(maker).op->name == op ? maker : -1;
}

graph::NodeId NodeAfter(const graph::Graph& g, graph::NodeId id) {
  const auto next = std::ranges::find(g.order(), id) + 1;
  return next == g.order().end() ? -1 : *next;
}

graph::TensorId WithoutAxis(const graph::Graph& g, graph::TensorId t, int axis) {
  const graph::NodeId maker = Maker(g, t, "expand_dims");
  const std::optional<int32_t> given = maker < 0 ? std::nullopt : ConstantNumber(g, g.node(maker).inputs[1]);
  if (!given) return graph::kNoTensor;
  return (*given < 0 ? *given + g.tensor(t).type.shape.rank() : *given) == axis ? g.node(maker).inputs[0] : graph::kNoTensor;
}

std::optional<int32_t> ConstantNumber(const graph::Graph& g, graph::TensorId t) {
  if (t == graph::kNoTensor || !g.is_constant(t) || g.tensor(t).type.dtype != DType::kI32 || g.tensor(t).data<int32_t>().size() != 1) return std::nullopt;
  return g.tensor(t).data<int32_t>()[0];
}

std::optional<float> UniformValue(const graph::Graph& g, graph::TensorId t) {
  if (!g.is_constant(t) || g.tensor(t).type.dtype != DType::kF32) return {};
  const std::span<const float> v = g.tensor(t).data<float>();
  if (v.empty() || std::ranges::any_of(v, [&](float f) { return f != v[0]; })) return {};
  return v[0];
}

void AbsorbConsumer(graph::Graph& g, graph::NodeId first, graph::NodeId second) {
  const graph::TensorId y = g.node(second).outputs[0];
  g.Erase(second);
  g.SetOutput(first, 0, y);
}

}  // namespace octet::passes
