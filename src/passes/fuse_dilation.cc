// SPDX-License-Identifier: Apache-2.0
//   x -> space_to_batch_nd(block d) -> convolution VALID -> batch_to_space_nd(block d) -> y
// is a convolution with dilation d: in every block's place of the batch lie the cells that are d apart. With p cells
// padded and c cropped on a side, it reads p - c cells of padding there:
//   y[i] = sum_k w[k] * x[i + k*d - (p - c)]
// which is VALID where that is none, SAME where SAME pads as many, or else a pad of its own.
// Convolutions over sequences have an expand_dims behind the first and a reshape before the last.
#include "ops/shape_util.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr std::string_view kReshapes[] = {"reshape", "squeeze", "expand_dims"};
constexpr std::string_view kDilations[] = {"dilation_d_factor", "dilation_h_factor", "dilation_w_factor"}, kStrides[] = {"stride_d", "stride_h", "stride_w"};

// The convolution between the two, and what stands around it. A sequence is rank 3, along the convolution's axis `sequence`.
struct Blocks {
  NodeId to_batch = -1, expand = -1, convolution = -1, squeeze = -1;
  int sequence = -1;
};

NodeId ReshapeMaking(const Graph& g, TensorId t) {
  const NodeId maker = g.tensor(t).producer;
  return maker >= 0 && std::ranges::find(kReshapes, g.node(maker).op->name) != std::end(kReshapes) ? maker : -1;
}

bool OverVolumes(const graph::Node& n) { return n.op->name == "conv_3d"; }
bool IsConvolution(const graph::Node& n) { return n.op->name == "conv_2d" || n.op->name == "depthwise_conv_2d" || OverVolumes(n); }

// Names of a convolution's attributes for its spatial axes, in order; images have no depth.
std::span<const std::string_view> OfAxes(const graph::Node& n, std::span<const std::string_view> names) { return OverVolumes(n) ? names : names.subspan(1); }

// Between rank 3 [n, length, channels] and rank 4 with a 1 at `at`.
bool IsOneMore(const Shape& three, const Shape& four, int at) {
  if (three.rank() != 3 || four.rank() != 4 || four[at] != 1) return false;
  for (int i = 0, j = 0; j < 4; ++j)
    if (j != at && three[i++] != four[j]) return false;
  return true;
}

bool Match(Graph& g, NodeId to_space, Blocks* b) {
  TensorId t = g.node(to_space).inputs[0];
  const bool sequence = g.tensor(t).type.shape.rank() == 3;
  if (g.SoleConsumer(t) != to_space) return false;
  if (sequence) {
    b->squeeze = ReshapeMaking(g, t);
    if (b->squeeze < 0) return false;
    const Shape squeezed = g.tensor(t).type.shape;
    t = g.node(b->squeeze).inputs[0];
    if (g.SoleConsumer(t) != b->squeeze) return false;
    for (const int at : {1, 2})
      if (b->sequence < 0 && IsOneMore(squeezed, g.tensor(t).type.shape, at)) b->sequence = 3 - at;
    if (b->sequence < 0) return false;
  }
  b->convolution = g.tensor(t).producer;
  if (b->convolution < 0 || !IsConvolution(g.node(b->convolution))) return false;
  TensorId x = g.node(b->convolution).inputs[0];
  if (sequence) {
    b->expand = ReshapeMaking(g, x);
    if (b->expand < 0) return false;
    const Shape expanded = g.tensor(x).type.shape;
    x = g.node(b->expand).inputs[0];
    if (!IsOneMore(g.tensor(x).type.shape, expanded, 3 - b->sequence)) return false;
  }
  b->to_batch = Maker(g, x, "space_to_batch_nd");
  return b->to_batch >= 0;
}

bool IsPlainValid(graph::Node& conv) {
  for (const std::string_view name : OfAxes(conv, kDilations))
    if (*FindAttr<int32_t>(conv, name) != 1) return false;
  for (const std::string_view name : OfAxes(conv, kStrides))
    if (*FindAttr<int32_t>(conv, name) != 1) return false;
  return *FindAttr<ops::Padding>(conv, "padding") == ops::Padding::kValid;
}

struct Axis {
  int32_t dilation = 1, before = 0, after = 0;  // Padding that is read.
};

// Of the spatial dimensions of x, in order. False where something is not constant, or cells would be cut off.
bool ReadAxes(const Graph& g, NodeId to_batch, NodeId to_space, std::vector<Axis>* axes) {
  const auto &in = g.node(to_batch).inputs, &out = g.node(to_space).inputs;
  for (const TensorId t : {in[1], in[2], out[1], out[2]})
    if (!g.is_constant(t) || g.tensor(t).type.dtype != DType::kI32) return false;
  const auto block = g.tensor(in[1]).data<int32_t>(), pads = g.tensor(in[2]).data<int32_t>(), crops = g.tensor(out[2]).data<int32_t>();
  const int spatial = g.tensor(in[0]).type.shape.rank() - 2;
  if (static_cast<int>(block.size()) != spatial || pads.size() != 2 * block.size() || crops.size() != pads.size() ||
      !std::ranges::equal(block, g.tensor(out[1]).data<int32_t>()))
    return false;
  for (size_t i = 0; i < block.size(); ++i) {
    axes->push_back({block[i], pads[2 * i] - crops[2 * i], pads[2 * i + 1] - crops[2 * i + 1]});
    if (axes->back().before < 0 || axes->back().after < 0) return false;
  }
  return true;
}

bool SamePadsTheSame(const Graph& g, const Blocks& b, NodeId to_space, const std::vector<Axis>& axes) {
  const Shape &x = g.tensor(g.node(b.to_batch).inputs[0]).type.shape, &y = g.tensor(g.node(to_space).outputs[0]).type.shape;
  const Shape& filter = g.tensor(g.node(b.convolution).inputs[1]).type.shape;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int dim = static_cast<int>(i) + 1;
    const ops::Window same = ops::SlideWindow(ops::Padding::kSame, x[dim],
                                              filter[OverVolumes(g.node(b.convolution)) ? dim - 1
                                                     : b.sequence > 0                   ? b.sequence
                                                                                        : dim],
                                              1, axes[i].dilation);
    if (x[dim] == kUnknown || same.out != y[dim] || same.pad_before != axes[i].before) return false;
  }
  return true;
}

// x with its padding written out.
TensorId Pad(Graph& g, TensorId x, const std::vector<Axis>& axes, const std::string& place, NodeId before) {
  TensorType type = g.tensor(x).type;
  std::vector<int32_t> amounts(2 * static_cast<size_t>(type.shape.rank()), 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    amounts[2 * i + 2] = axes[i].before;
    amounts[2 * i + 3] = axes[i].after;
    int32_t& size = type.shape[static_cast<int>(i) + 1];
    if (size != kUnknown) size += axes[i].before + axes[i].after;
  }
  const ops::OpDef& op = *ops::Find("pad");
  const TensorId paddings = g.AddConstant<int32_t>(place + "/paddings", Shape{type.shape.rank(), 2}, amounts);
  return g.node(g.AddNode(op, graph::Attributes(op.attrs), {x, paddings}, {g.AddTensor(place + "/pad", type)}, place, before)).outputs[0];
}

TensorId Reshape(Graph& g, TensorId x, const TensorType& type, const std::string& place, NodeId before) {
  const ops::OpDef& op = *ops::Find("reshape");
  std::vector<int32_t> dims;
  for (const int32_t d : type.shape.dims()) dims.push_back(d == kUnknown ? -1 : d);
  const TensorId shape = g.AddConstant<int32_t>(place + "/shape", Shape{static_cast<int32_t>(dims.size())}, dims);
  return g.node(g.AddNode(op, graph::Attributes(op.attrs), {x, shape}, {g.AddTensor(place + "/image", type)}, place, before)).outputs[0];
}

TensorType WithOne(TensorType type, int at) {
  Shape shape{0, 0, 0, 0};
  for (int i = 0, j = 0; j < 4; ++j) shape[j] = j == at ? 1 : type.shape[i++];
  type.shape = shape;
  return type;
}

bool AtMostOneUnknown(const Graph& g, TensorId t) { return std::ranges::count(g.tensor(t).type.shape.dims(), kUnknown) <= 1; }

bool Fuse(Graph& g, NodeId to_space) {
  Blocks b;
  std::vector<Axis> axes;
  if (g.node(to_space).op->name != "batch_to_space_nd" || !Match(g, to_space, &b) || !IsPlainValid(g.node(b.convolution)) ||
      !ReadAxes(g, b.to_batch, to_space, &axes))
    return false;
  const graph::Node conv = g.node(b.convolution);
  TensorId x = g.node(b.to_batch).inputs[0];
  const TensorId y = g.node(to_space).outputs[0];
  if (!IsFloat(g.tensor(x).type.dtype) || !AtMostOneUnknown(g, x) || !AtMostOneUnknown(g, y)) return false;
  const bool same = SamePadsTheSame(g, b, to_space, axes), none = std::ranges::all_of(axes, [](const Axis& a) { return a.before == 0 && a.after == 0; });
  if (!same && !none) x = Pad(g, x, axes, conv.place, to_space);
  if (b.sequence > 0) x = Reshape(g, x, WithOne(g.tensor(x).type, 3 - b.sequence), conv.place, to_space);
  graph::Attributes attrs = conv.attrs;
  std::vector<TensorId> inputs = conv.inputs;
  inputs[0] = x;
  TensorType made = g.tensor(y).type;
  if (b.sequence > 0) made = WithOne(made, 3 - b.sequence);
  const TensorId image = g.AddTensor(g.tensor(conv.outputs[0]).name, made);
  const NodeId dilated = g.AddNode(*conv.op, std::move(attrs), std::move(inputs), {image}, conv.place, to_space);
  *FindAttr<ops::Padding>(g.node(dilated), "padding") = same && !none ? ops::Padding::kSame : ops::Padding::kValid;
  for (size_t i = 0; i < axes.size(); ++i)
    *FindAttr<int32_t>(g.node(dilated), OfAxes(conv, kDilations)[b.sequence > 0 ? static_cast<size_t>(b.sequence) - 1 : i]) = axes[i].dilation;
  if (b.sequence > 0) {
    ReplaceByReshape(g, to_space, image);
  } else {
    g.Erase(to_space);
    g.SetOutput(dilated, 0, y);
  }
  return true;
}

}  // namespace

Result<int> FuseDilation(Graph& g) {
  return ForEachNode(g, [&](NodeId id) { return Fuse(g, id); });
}

}  // namespace octet::passes
