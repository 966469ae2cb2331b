// SPDX-License-Identifier: Apache-2.0
// Folds what a constant does to the input of a convolution or dense layer into its weights and bias, i counting the
// input's channels:
//   linear(x * m)   becomes   W'[..i] = W[..i] * m[i]
//   linear(x + a)   becomes   b'[o] = b[o] + sum W[o..i] * a[i]      where no padding stands beside the sum
// The scaling of images in front of a network, and batch norms in front of dense layers, disappear so.
#include <numeric>

#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

// A layer's weights as [outer, channels, inner]: what is multiplied with one channel of the input.
struct Layout {
  int64_t outer = 0, channels = 0, inner = 1;  // inner: outputs of one channel, in depthwise convolutions.
  bool depthwise = false, pads = false;
};

bool FindLayout(Graph& g, NodeId id, Layout* layout) {
  graph::Node& n = g.node(id);
  const bool dense = n.op->name == "fully_connected", conv = n.op->name == "conv_2d";
  layout->depthwise = n.op->name == "depthwise_conv_2d";
  if ((!dense && !conv && !layout->depthwise) || n.inputs.size() != 3) return false;
  for (const size_t i : {size_t{1}, size_t{2}}) {
    const TensorId t = n.inputs[i];
    if (t == graph::kNoTensor && i == 2) continue;
    if (t == graph::kNoTensor || !g.is_constant(t) || g.tensor(t).type.dtype != DType::kF32 || !g.tensor(t).type.quant.empty()) return false;
  }
  const Shape &w = g.tensor(n.inputs[1]).type.shape, &x = g.tensor(n.inputs[0]).type.shape;
  const int32_t channels = x.rank() < 1 ? 0 : x.back();
  if (channels <= 0 || (layout->depthwise ? w.back() % channels != 0 : w.back() != channels)) return false;  // Groups, or a flattened image.
  layout->channels = channels;
  layout->inner = layout->depthwise ? w.back() / channels : 1;
  layout->outer = w.elements(0, w.rank() - 1);
  layout->pads = !dense && *FindAttr<ops::Padding>(n, "padding") != ops::Padding::kValid;
  return true;
}

// m or a per channel of x, which the node at hand reads beside a constant.
struct Change {
  TensorId x = graph::kNoTensor;
  std::vector<float> factor, offset;
};

std::vector<float> PerChannel(const Graph& g, TensorId t, const Shape& x) {
  if (!g.is_constant(t) || g.tensor(t).type.dtype != DType::kF32 || !g.tensor(t).type.quant.empty()) return {};
  const Shape& s = g.tensor(t).type.shape;
  const std::span<const float> v = g.tensor(t).data<float>();
  const auto channels = static_cast<size_t>(x.back());
  if (s.rank() > x.rank() || (v.size() != 1 && (v.size() != channels || s.back() != x.back()))) return {};
  std::vector<float> values(channels, v.empty() ? 0.0f : v[0]);
  if (v.size() == channels) std::ranges::copy(v, values.begin());
  return values;
}

bool FindChange(Graph& g, TensorId t, Change* change) {
  const NodeId id = g.tensor(t).producer;
  if (id < 0 || g.is_output(t) || g.tensor(t).type.dtype != DType::kF32 || g.tensor(t).type.shape.rank() < 1 || g.tensor(t).type.shape.back() <= 0)
    return false;
  graph::Node& n = g.node(id);
  const bool product = n.op->name == "mul" || n.op->name == "div", commutes = n.op->name == "mul" || n.op->name == "add";
  if ((!product && n.op->name != "add" && n.op->name != "sub") || *FindAttr<ops::Activation>(n, "fused_activation_function") != ops::Activation::kNone)
    return false;
  for (size_t i = 0; i < (commutes ? 2u : 1u); ++i) {
    change->x = n.inputs[i];
    if (!(g.tensor(change->x).type.shape == g.tensor(t).type.shape) || !g.tensor(change->x).type.quant.empty() || g.is_constant(change->x)) continue;
    std::vector<float> v = PerChannel(g, n.inputs[1 - i], g.tensor(t).type.shape);
    if (v.empty() || (n.op->name == "div" && std::ranges::find(v, 0.0f) != v.end())) continue;
    if (n.op->name == "div") std::ranges::transform(v, v.begin(), [](float f) { return 1.0f / f; });
    if (n.op->name == "sub") std::ranges::transform(v, v.begin(), std::negate<float>());
    (product ? change->factor : change->offset) = std::move(v);
    return true;
  }
  return false;
}

// The reshape before t that leaves the channels alone, read by this layer only, or -1.
NodeId ReshapeBefore(const Graph& g, TensorId t) {
  const NodeId reshape = g.tensor(t).producer;
  if (reshape < 0 || g.tensor(t).consumers.size() != 1 || g.is_output(t)) return -1;
  const std::string_view op = g.node(reshape).op->name;
  if (op != "reshape" && op != "expand_dims" && op != "squeeze") return -1;
  const Shape &from = g.tensor(g.node(reshape).inputs[0]).type.shape, &to = g.tensor(t).type.shape;
  return from.rank() > 0 && to.rank() > 0 && from.back() == to.back() && g.tensor(g.node(reshape).inputs[0]).consumers.size() == 1 ? reshape : -1;
}

bool Foldable(Graph& g, TensorId t, const Change& change) {
  const std::vector<NodeId>& readers = g.tensor(t).consumers;
  return std::ranges::all_of(readers, [&](NodeId id) {
    Layout layout;
    return g.node(id).inputs[0] == t && FindLayout(g, id, &layout) && (change.offset.empty() || !layout.pads);
  });
}

// Constants may be shared with other layers, so new ones are made.
void FoldInto(Graph& g, NodeId id, const Change& change, TensorId input) {
  Layout l;
  FindLayout(g, id, &l);
  const graph::Node n = g.node(id);
  const graph::Tensor& weights = g.tensor(n.inputs[1]);
  std::vector<float> w(weights.data<float>().begin(), weights.data<float>().end());
  const auto channel = [&](size_t i) { return static_cast<size_t>(static_cast<int64_t>(i) / l.inner % l.channels); };
  const Shape shape = weights.type.shape;
  if (!change.factor.empty()) {
    for (size_t i = 0; i < w.size(); ++i) w[i] *= change.factor[channel(i)];
    g.SetInput(id, 1, g.AddConstant<float>(n.place + "/weights", shape, w));
  } else {
    const auto outputs = static_cast<size_t>(l.depthwise ? shape.back() : shape[0]);
    std::vector<double> sums(outputs, 0.0);
    for (size_t i = 0; i < w.size(); ++i) sums[l.depthwise ? i % outputs : i / (w.size() / outputs)] += static_cast<double>(w[i]) * change.offset[channel(i)];
    std::vector<float> bias(outputs, 0.0f);
    if (n.inputs[2] != graph::kNoTensor) std::ranges::copy(g.tensor(n.inputs[2]).data<float>(), bias.begin());
    for (size_t o = 0; o < outputs; ++o) bias[o] = static_cast<float>(bias[o] + sums[o]);
    g.SetInput(id, 2, g.AddConstant<float>(n.place + "/bias", Shape{static_cast<int32_t>(outputs)}, bias));
  }
  g.SetInput(id, 0, input);
}

bool Fold(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  Layout layout;
  Change change;
  if (n.inputs.empty() || n.inputs[0] == graph::kNoTensor || !FindLayout(g, id, &layout)) return false;
  const TensorId t = n.inputs[0];
  if (!Foldable(g, t, change)) return false;
  const NodeId reshape = ReshapeBefore(g, t);  // Sequences are made images so.
  if (!FindChange(g, reshape >= 0 ? g.node(reshape).inputs[0] : t, &change) || !Foldable(g, t, change)) return false;
  if (reshape >= 0) g.SetInput(reshape, 0, change.x);
  for (const std::vector<NodeId> readers = g.tensor(t).consumers; const NodeId reader : readers) FoldInto(g, reader, change, reshape >= 0 ? t : change.x);
  return true;
}

}  // namespace

Result<int> FoldInputs(Graph& g) {
  return ForEachNode(g, [&](NodeId id) { return Fold(g, id); });
}

}  // namespace octet::passes
