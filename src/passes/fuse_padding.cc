// SPDX-License-Identifier: Apache-2.0
//   x -> pad(zeros) -> conv_2d VALID -> y   becomes   x -> conv_2d SAME -> y
// where SAME pads exactly those cells: total = (out-1)*stride + reach - in, total/2 of it before.
#include "ops/shape_util.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;

struct Axis {
  int dim;  // Of the NHWC input; the same position holds the filter's size (OHWI, 1HWC).
  std::string_view stride, dilation;
};
constexpr Axis kAxes[] = {{1, "stride_h", "dilation_h_factor"}, {2, "stride_w", "dilation_w_factor"}};

bool SamePadsTheSame(const Shape& in, const Shape& padded, const Shape& filter, std::span<const int32_t> paddings, graph::Node& conv) {
  for (const Axis& axis : kAxes) {
    const int32_t size = in[axis.dim], stride = *FindAttr<int32_t>(conv, axis.stride), dilation = *FindAttr<int32_t>(conv, axis.dilation);
    if (size == kUnknown || padded[axis.dim] == kUnknown) return false;
    const ops::Window same = ops::SlideWindow(ops::Padding::kSame, size, filter[axis.dim], stride, dilation);
    const ops::Window valid = ops::SlideWindow(ops::Padding::kValid, padded[axis.dim], filter[axis.dim], stride, dilation);
    // Cells after the last window may be dropped: they are never read.
    if (same.out != valid.out || same.pad_before != paddings[2 * axis.dim]) return false;
  }
  return true;
}

bool Fuse(Graph& g, NodeId id) {
  graph::Node& conv = g.node(id);
  if (conv.op->name != "conv_2d" && conv.op->name != "depthwise_conv_2d") return false;
  const NodeId pad = g.tensor(conv.inputs[0]).producer;
  if (pad < 0 || g.node(pad).op->name != "pad" || !g.is_constant(g.node(pad).inputs[1])) return false;
  auto* padding = FindAttr<ops::Padding>(conv, "padding");
  if (*padding != ops::Padding::kValid) return false;
  const graph::Tensor& amounts = g.tensor(g.node(pad).inputs[1]);
  const graph::TensorId x = g.node(pad).inputs[0];
  if (amounts.type.dtype != DType::kI32 || g.tensor(x).type.shape.rank() != 4) return false;
  const std::span<const int32_t> p = amounts.data<int32_t>();
  if (p[0] || p[1] || p[6] || p[7]) return false;
  const Shape& filter = g.tensor(conv.inputs[1]).type.shape;
  if (!SamePadsTheSame(g.tensor(x).type.shape, g.tensor(conv.inputs[0]).type.shape, filter, p, conv)) return false;
  *padding = ops::Padding::kSame;
  g.SetInput(id, 0, x);
  return true;
}

}  // namespace

Result<int> FusePadding(Graph& g) {
  return ForEachNode(g, [&](NodeId id) { return Fuse(g, id); });
}

}  // namespace octet::passes
