// SPDX-License-Identifier: Apache-2.0
//   x -> conv_2d -> reshape -> relu -> y   becomes   x -> conv_2d -> relu -> reshape -> y
// and so with sums and products by one number per channel, where the reshape keeps the channels: what then
// stands behind the convolution is folded into it. Convolutions over sequences come as images and a reshape.
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr std::string_view kReshapes[] = {"reshape", "squeeze", "expand_dims"};
constexpr std::string_view kLinear[] = {"conv_2d", "depthwise_conv_2d", "transpose_conv"};
constexpr std::string_view kActivations[] = {"relu", "relu6", "relu_n1_to_1"};
constexpr std::string_view kArithmetic[] = {"add", "sub", "mul", "div"};

bool OneOf(std::span<const std::string_view> names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

// One number, or a vector of one per channel: it broadcasts alike before and behind the reshape.
bool PerChannel(const Graph& g, TensorId t, int32_t channels) {
  if (!g.is_constant(t)) return false;
  const Shape& s = g.tensor(t).type.shape;
  return s.rank() == 0 || (s.rank() == 1 && (s[0] == 1 || s[0] == channels));
}

// The input of the element-wise node that may come from a reshape, or -1.
int VariableOf(const Graph& g, const graph::Node& n, int32_t channels) {
  if (OneOf(kActivations, n.op->name)) return 0;
  if (!OneOf(kArithmetic, n.op->name) || n.inputs.size() != 2) return -1;
  if (PerChannel(g, n.inputs[1], channels)) return 0;
  return PerChannel(g, n.inputs[0], channels) ? 1 : -1;
}

bool Lift(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.outputs.size() != 1 || !IsFloat(g.tensor(n.outputs[0]).type.dtype)) return false;
  const Shape& y = g.tensor(n.outputs[0]).type.shape;
  const int variable = y.rank() == 0 ? -1 : VariableOf(g, n, y.back());
  if (variable < 0) return false;
  const TensorId mid = n.inputs[static_cast<size_t>(variable)], out = n.outputs[0];
  const NodeId reshape = g.tensor(mid).producer;
  if (reshape < 0 || !OneOf(kReshapes, g.node(reshape).op->name) || g.SoleConsumer(mid) != id) return false;
  const TensorId before = g.node(reshape).inputs[0];
  const NodeId linear = g.tensor(before).producer;
  const Shape x = g.tensor(before).type.shape;
  if (linear < 0 || !OneOf(kLinear, g.node(linear).op->name) || g.SoleConsumer(before) != reshape) return false;
  if (x.rank() == 0 || x.back() == kUnknown || x.back() != y.back() || !(g.tensor(mid).type.shape == y)) return false;
  TensorType type = g.tensor(out).type;
  type.shape = x;
  const std::string name = g.tensor(mid).name;
  const TensorId lifted = g.AddTensor(name, type);
  g.SetInput(id, variable, before);
  g.SetOutput(id, 0, lifted);
  g.SetInput(reshape, 0, lifted);
  g.SetOutput(reshape, 0, out);
  return true;
}

}  // namespace

Result<int> LiftElementwise(Graph& g) {
  const int rewrites = ForEachNode(g, [&](NodeId id) { return Lift(g, id); });
  if (rewrites > 0 && !g.Sort()) return Error(Code::kInvalidModel, "a cycle after moving element-wise operators before reshapes");
  return rewrites;
}

}  // namespace octet::passes
