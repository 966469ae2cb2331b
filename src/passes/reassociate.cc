// SPDX-License-Identifier: Apache-2.0
//   (x + a) + b   becomes   x + (a + b)        (x * a) * b   becomes   x * (a * b)        with a and b constant
// Differences count as sums. Not where a and b nearly cancel: who writes (x + 2^23) - 2^23 means the rounding.
#include <cmath>

#include "graph/fold.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr float kCancelled = 1.0f / 1024;

// A node that adds to x or multiplies it with a constant.
struct Step {
  TensorId x = graph::kNoTensor, constant = graph::kNoTensor;
  bool product = false, minus = false;
};

Step StepOf(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  const bool sum = n.op->name == "add", minus = n.op->name == "sub", product = n.op->name == "mul";
  if ((!sum && !minus && !product) || g.tensor(n.outputs[0]).type.dtype != DType::kF32) return {};
  for (size_t i = 0; i < (minus ? 1u : 2u); ++i)
    if (!g.is_constant(n.inputs[i]) && g.is_constant(n.inputs[1 - i]) && g.tensor(n.inputs[1 - i]).type.quant.empty())
      return {n.inputs[i], n.inputs[1 - i], product, minus};
  return {};
}

// a and b as one constant, or kNoTensor where that is larger than both or they cancel.
TensorId Together(Graph& g, const Step& a, const Step& b, NodeId before) {
  const bool product = a.product, difference = a.minus != b.minus;
  const ops::OpDef& op = *ops::Find(product ? "mul" : difference ? "sub" : "add");
  const TensorId both = g.AddTensor(g.tensor(b.constant).name, {DType::kF32, {}, {}});
  const NodeId node = g.AddNode(op, graph::Attributes(op.attrs), {a.constant, b.constant}, {both}, g.node(before).place, before);
  const auto drop = [&] {
    if (g.node(node).op) g.Erase(node);
    return graph::kNoTensor;
  };
  if (!graph::InferNode(g, node).ok()) return drop();
  const int64_t elements = g.tensor(both).type.shape.elements();
  if (elements > std::max(g.tensor(a.constant).type.shape.elements(), g.tensor(b.constant).type.shape.elements())) return drop();
  const Result<bool> folded = graph::FoldNode(g, node);
  if (!folded.ok() || !*folded) return drop();
  const std::span<const float> sums = g.tensor(both).data<float>(), firsts = g.tensor(a.constant).data<float>();
  float most = 0, least = HUGE_VALF;
  for (const float f : firsts) most = std::max(most, std::fabs(f));
  for (const float f : sums) least = std::min(least, std::fabs(f));
  return !product && least < kCancelled * most ? graph::kNoTensor : both;
}

bool Merge(Graph& g, NodeId id) {
  const Step outer = StepOf(g, id);
  const NodeId before = outer.x == graph::kNoTensor ? -1 : g.tensor(outer.x).producer;
  if (before < 0 || g.SoleConsumer(outer.x) != id) return false;
  const Step inner = StepOf(g, before);
  if (inner.x == graph::kNoTensor || inner.product != outer.product) return false;
  if (*FindAttr<ops::Activation>(g.node(before), "fused_activation_function") != ops::Activation::kNone) return false;
  const TensorId both = Together(g, inner, outer, id);
  if (both == graph::kNoTensor) return false;
  const auto fused = *FindAttr<ops::Activation>(g.node(id), "fused_activation_function");
  const NodeId made = Replace(g, id, outer.product ? "mul" : inner.minus ? "sub" : "add", {inner.x, both});
  *FindAttr<ops::Activation>(g.node(made), "fused_activation_function") = fused;
  return true;
}

}  // namespace

Result<int> Reassociate(Graph& g) {
  return ForEachNode(g, [&](NodeId id) { return Merge(g, id); });
}

}  // namespace octet::passes
