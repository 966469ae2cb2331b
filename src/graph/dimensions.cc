// SPDX-License-Identifier: Apache-2.0
#include "graph/dimensions.h"

#include <algorithm>
#include <set>

#include "ops/move_attrs.h"

namespace octet::graph {
namespace {

using Dimensions = std::vector<Dimension>;

constexpr std::string_view kKeepsBatch[] = {"conv_2d", "depthwise_conv_2d", "conv_3d", "max_pool_2d", "average_pool_2d", "l2_pool_2d", "resize_bilinear",
                                            "resize_nearest_neighbor", "depth_to_space", "space_to_depth"};
constexpr std::string_view kKeepsAll[] = {"softmax", "log_softmax", "l2_normalization", "quantize", "dequantize", "cumsum", "reverse_v2",
                                          "local_response_normalization"};
constexpr std::string_view kReduces[] = {"mean", "sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_any", "reduce_all", "arg_max", "arg_min"};

template <size_t N> bool In(const std::string_view (&list)[N], std::string_view op) { return std::ranges::find(list, op) != std::end(list); }

const Shape& ShapeOf(const Graph& g, TensorId t) { return g.tensor(t).type.shape; }

// A small constant's numbers; empty when it is none.
std::vector<int64_t> NumbersOf(const Graph& g, TensorId t) {
  if (t == kNoTensor || !g.is_constant(t)) return {};
  const Tensor& tensor = g.tensor(t);
  if (tensor.type.dtype == DType::kI32) return {tensor.data<int32_t>().begin(), tensor.data<int32_t>().end()};
  if (tensor.type.dtype == DType::kI64) return {tensor.data<int64_t>().begin(), tensor.data<int64_t>().end()};
  return {};
}

// Of the operands that broadcasting aligns with the result's axis, those that may tell its length. They are one where it is open.
Dimensions Broadcast(const Graph& g, const Node& n, int axis, int rank) {
  Dimensions from;
  for (const TensorId t : n.inputs) {
    if (t == kNoTensor) continue;
    const int own = axis - (rank - ShapeOf(g, t).rank());
    if (own >= 0 && ShapeOf(g, t)[own] != 1) from.push_back({t, own});
  }
  return from;
}

// The axis that becomes `axis` where these of `rank` are dropped.
Dimensions Dropped(TensorId x, std::vector<int64_t> dropped, int rank, int axis) {
  for (int64_t& d : dropped) d += d < 0 ? rank : 0;
  for (int a = 0; a < rank; ++a)
    if (std::ranges::find(dropped, a) == dropped.end() && axis-- == 0) return {{x, a}};
  return {};
}

// The only open one of both, where all else has as many elements.
Dimensions Reshaped(const Graph& g, const Node& n, int axis) {
  const Shape &in = ShapeOf(g, n.inputs[0]), &out = ShapeOf(g, n.outputs[0]);
  const auto known = [](const Shape& s) {
    Shape rest;
    for (const int32_t d : s.dims())
      if (d != kUnknown) rest.push_back(d);
    return rest;
  };
  const Shape a = known(in), b = known(out);
  if (in.rank() - a.rank() != 1 || out.rank() - b.rank() != 1 || out[axis] != kUnknown || a.elements() != b.elements() || a.elements() == 0) return {};
  return {{n.inputs[0], static_cast<int>(std::ranges::find(in.dims(), kUnknown) - in.dims().begin())}};
}

Dimensions Gathered(const Graph& g, const Node& n, int axis) {
  const auto& attrs = *static_cast<const ops::GatherAttrs*>(n.attrs.get());
  const int rank = ShapeOf(g, n.inputs[0]).rank(), at = ShapeOf(g, n.inputs[1]).rank() - attrs.batch_dims;
  const int along = attrs.axis < 0 ? attrs.axis + rank : attrs.axis;
  if (axis < along) return {{n.inputs[0], axis}};
  if (axis >= along + at) return {{n.inputs[0], axis - at + 1}};
  return {{n.inputs[1], axis - along + attrs.batch_dims}};
}

Dimensions Multiplied(const Graph& g, const Node& n, int axis, int rank) {
  const auto& attrs = *static_cast<const ops::BatchMatmulAttrs*>(n.attrs.get());
  const int x = ShapeOf(g, n.inputs[0]).rank(), y = ShapeOf(g, n.inputs[1]).rank();
  if (axis == rank - 2) return {{n.inputs[0], attrs.adj_x ? x - 1 : x - 2}};
  if (axis == rank - 1) return {{n.inputs[1], attrs.adj_y ? y - 2 : y - 1}};
  return Broadcast(g, n, axis, rank);
}

// Not where a bound or a step is given for the axis.
Dimensions Sliced(const Graph& g, const Node& n, int axis) {
  const auto& attrs = *static_cast<const ops::StridedSliceAttrs*>(n.attrs.get());
  const std::vector<int64_t> steps = n.inputs.size() > 3 ? NumbersOf(g, n.inputs[3]) : std::vector<int64_t>();
  if (attrs.ellipsis_mask != 0 || attrs.new_axis_mask != 0 || attrs.shrink_axis_mask != 0 || steps.empty()) return {};
  const auto i = static_cast<size_t>(axis);
  const bool whole = i >= steps.size() || ((attrs.begin_mask & attrs.end_mask) >> axis & 1 && steps[i] == 1);
  return whole ? Dimensions{{n.inputs[0], axis}} : Dimensions();
}

// What the output's open dimension equals; several where they equal each other, none where it is the node's own.
Dimensions Before(const Graph& g, const Node& n, TensorId out, int axis) {
  const std::string_view op = n.op->name;
  const int rank = ShapeOf(g, out).rank();
  if (n.inputs.empty() || n.inputs[0] == kNoTensor) return {};
  const TensorId x = n.inputs[0];
  const int from = ShapeOf(g, x).rank();
  const std::vector<int64_t> list = n.inputs.size() > 1 ? NumbersOf(g, n.inputs[1]) : std::vector<int64_t>();
  if (In(kKeepsAll, op)) return {{x, axis}};
  if (In(kKeepsBatch, op)) return axis == 0 ? Dimensions{{x, 0}} : Dimensions();
  if (n.op->traits & ops::kElementwise) return Broadcast(g, n, axis, rank);
  if (In(kReduces, op)) return rank == from ? (list.empty() ? Dimensions() : Dimensions{{x, axis}}) : Dropped(x, list, from, axis);
  if (op == "transpose") return static_cast<int>(list.size()) == rank ? Dimensions{{x, static_cast<int>(list[static_cast<size_t>(axis)])}} : Dimensions();
  if (op == "reshape" || op == "expand_dims") return Reshaped(g, n, axis);
  if (op == "fully_connected") return from == rank && axis < rank - 1 ? Dimensions{{x, axis}} : Dimensions();
  if (op == "gather") return Gathered(g, n, axis);
  if (op == "batch_matmul") return Multiplied(g, n, axis, rank);
  if (op == "squeeze") {
    const auto dims = static_cast<const ops::SqueezeAttrs*>(n.attrs.get())->squeeze_dims;
    return dims.count > 0 ? Dropped(x, {dims.span().begin(), dims.span().end()}, from, axis) : Dimensions();
  }
  if (op == "concatenation") {
    const int along = static_cast<const ops::ConcatenationAttrs*>(n.attrs.get())->axis;
    return axis != (along < 0 ? along + rank : along) ? Dimensions{{x, axis}} : Dimensions();
  }
  if (op == "split" || op == "split_v") {
    const bool sizes = op == "split_v";
    const std::vector<int64_t> along = NumbersOf(g, n.inputs[sizes ? 2 : 0]);
    return along.size() == 1 && axis != (along[0] < 0 ? along[0] + rank : along[0]) ? Dimensions{{n.inputs[sizes ? 0 : 1], axis}} : Dimensions();
  }
  if (op == "strided_slice") return Sliced(g, n, axis);
  if (op == "pad" || op == "padv2" || op == "mirror_pad") {
    const auto i = static_cast<size_t>(axis) * 2;
    return list.size() > i + 1 && list[i] == 0 && list[i + 1] == 0 ? Dimensions{{x, axis}} : Dimensions();
  }
  return {};
}

}  // namespace

Dimension OriginOf(const Graph& g, Dimension d) {
  constexpr size_t kMost = 1 << 14;
  std::set<Dimension> seen, origins;
  std::vector<Dimension> open = {d};
  while (!open.empty()) {
    const Dimension at = open.back();
    open.pop_back();
    if (!seen.insert(at).second) continue;
    if (seen.size() > kMost) return d;
    const NodeId maker = g.tensor(at.tensor).producer;
    const Dimensions before = maker < 0 ? Dimensions() : Before(g, g.node(maker), at.tensor, at.axis);
    const auto is_open = [&](const Dimension& b) {
      const Shape& s = ShapeOf(g, b.tensor);
      return b.axis >= 0 && b.axis < s.rank() && s[b.axis] == kUnknown;
    };
    const bool told = !before.empty() && std::ranges::all_of(before, is_open);
    if (told) open.insert(open.end(), before.begin(), before.end());
    else origins.insert(at);
  }
  return origins.size() == 1 ? *origins.begin() : d;
}

}  // namespace octet::graph
