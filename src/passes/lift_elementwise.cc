// SPDX-License-Identifier: Apache-2.0
//   x -> conv_2d -> reshape -> relu -> y   becomes   x -> conv_2d -> relu -> reshape -> y
// and so with sums and products by one number per channel, where the reshape keeps the channels together or cuts them
// into several dimensions (the heads of an attention): what then stands behind the layer is folded into it. Convolutions over sequences come as images and a
// reshape.
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr std::string_view kReshapes[] = {"reshape", "squeeze", "expand_dims"};
constexpr std::string_view kLinear[] = {"conv_2d", "depthwise_conv_2d", "transpose_conv", "fully_connected"};
constexpr std::string_view kActivations[] = {"relu", "relu6", "relu_n1_to_1"};
constexpr std::string_view kArithmetic[] = {"add", "sub", "mul", "div"};

bool OneOf(std::span<const std::string_view> names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

// How many of the last dimensions of y together are the channels before the reshape; 0 where none are.
int ChannelDimensions(const Shape& y, int32_t channels) {
  int64_t product = 1;
  for (int n = 1; n <= y.rank(); ++n) {
    const int32_t d = y[y.rank() - n];
    if (d == kUnknown) return 0;
    product *= d;
    if (product == channels) return n;
  }
  return 0;
}

// One number, or one per channel, beside the last `dimensions` of y: it broadcasts alike before and behind the reshape.
bool PerChannel(const Graph& g, TensorId t, const Shape& y, int dimensions) {
  if (!g.is_constant(t)) return false;
  const Shape& s = g.tensor(t).type.shape;
  if (s.rank() > y.rank()) return false;
  if (s.elements() == 1) return true;
  if (s.rank() < dimensions) return false;
  for (int i = 1; i <= s.rank(); ++i)
    if (s[s.rank() - i] != (i <= dimensions ? y[y.rank() - i] : 1)) return false;
  return true;
}

// The input of the element-wise node that may come from a reshape, or -1.
int VariableOf(const Graph& g, const graph::Node& n, const Shape& y, int dimensions) {
  if (OneOf(kActivations, n.op->name)) return 0;
  if (!OneOf(kArithmetic, n.op->name) || n.inputs.size() != 2) return -1;
  if (PerChannel(g, n.inputs[1], y, dimensions)) return 0;
  return PerChannel(g, n.inputs[0], y, dimensions) ? 1 : -1;
}

// The constant as a vector.
TensorId AsVector(Graph& g, TensorId t) {
  TensorType type = g.tensor(t).type;
  if (type.shape.rank() <= 1) return t;
  type.shape = Shape{static_cast<int32_t>(type.shape.elements())};
  const std::string name = g.tensor(t).name;
  return g.AddConstant(name, type, g.tensor(t).constant);
}

// The input to lift the node along, or -1.
int Liftable(const Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.outputs.size() != 1 || !IsFloat(g.tensor(n.outputs[0]).type.dtype)) return -1;
  const Shape& y = g.tensor(n.outputs[0]).type.shape;
  for (size_t i = 0; i < std::min<size_t>(n.inputs.size(), 2); ++i) {
    const TensorId mid = n.inputs[i];
    const NodeId reshape = mid == graph::kNoTensor ? -1 : g.tensor(mid).producer;
    if (reshape < 0 || !OneOf(kReshapes, g.node(reshape).op->name) || g.SoleConsumer(mid) != id || !(g.tensor(mid).type.shape == y)) continue;
    const TensorId before = g.node(reshape).inputs[0];
    const NodeId linear = g.tensor(before).producer;
    const Shape& x = g.tensor(before).type.shape;
    if (linear < 0 || !OneOf(kLinear, g.node(linear).op->name) || g.SoleConsumer(before) != reshape || x.rank() == 0) continue;
    const int dimensions = ChannelDimensions(y, x.back());
    if (dimensions > 0 && VariableOf(g, n, y, dimensions) == static_cast<int>(i)) return static_cast<int>(i);
  }
  return -1;
}

bool Lift(Graph& g, NodeId id) {
  const int variable = Liftable(g, id);
  if (variable < 0) return false;
  const TensorId mid = g.node(id).inputs[static_cast<size_t>(variable)], out = g.node(id).outputs[0];
  const NodeId reshape = g.tensor(mid).producer;
  const TensorId before = g.node(reshape).inputs[0];
  TensorType type = g.tensor(out).type;
  type.shape = g.tensor(before).type.shape;
  const std::string name = g.tensor(mid).name;
  const TensorId lifted = g.AddTensor(name, type);
  if (g.node(id).inputs.size() == 2) g.SetInput(id, 1 - variable, AsVector(g, g.node(id).inputs[static_cast<size_t>(1 - variable)]));
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
