// SPDX-License-Identifier: Apache-2.0
//   x[:, :n] and x[:, n:], equally large   become   split(x)
// The halves of a gated unit or of rotated positions, the corners of boxes, the gates of a cell are cut so.
#include <map>

#include "ops/op_def.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr DType kTypes[] = {DType::kF32, DType::kI32, DType::kI64, DType::kI8, DType::kU8, DType::kI16};  // That split has.

// A part of the one axis that the node cuts.
struct Part {
  int axis = -1;
  int32_t begin = 0, size = 0;
};

// Where the slice begins on an axis, from the front where its extent is known.
int32_t BeginOf(Graph& g, graph::Node& n, int axis, int32_t extent) {
  const bool strided = n.op->name == "strided_slice";
  if (strided && (*FindAttr<int32_t>(n, "begin_mask") & (1 << axis))) return 0;
  const int32_t begin = g.tensor(n.inputs[1]).data<int32_t>()[static_cast<size_t>(axis)];
  if (!strided || extent == kUnknown) return begin;
  return std::clamp(begin < 0 ? begin + extent : begin, 0, extent);
}

// Does it end with the axis? Of an extent that is not known only the operator's own words tell.
bool EndsWithAxis(Graph& g, graph::Node& n, int axis, int32_t extent, int32_t size) {
  if (extent != kUnknown) return extent == size;
  if (n.op->name == "strided_slice") return *FindAttr<int32_t>(n, "end_mask") & (1 << axis);
  const graph::Tensor& sizes = g.tensor(n.inputs[2]);
  return sizes.type.dtype == DType::kI32 && sizes.data<int32_t>()[static_cast<size_t>(axis)] == -1;
}

bool IsPlain(Graph& g, graph::Node& n) {
  for (const std::string_view mask : {"ellipsis_mask", "new_axis_mask", "shrink_axis_mask"})
    if (*FindAttr<int32_t>(n, mask) != 0) return false;
  if (*FindAttr<bool>(n, "offset")) return false;
  const TensorId steps = n.inputs[3];
  return g.is_constant(steps) && g.tensor(steps).type.dtype == DType::kI32 &&
         std::ranges::all_of(g.tensor(steps).data<int32_t>(), [](int32_t s) { return s == 1; });
}

Part PartOf(Graph& g, NodeId id) {
  graph::Node& n = g.node(id);
  const bool strided = n.op->name == "strided_slice";
  if (!strided && n.op->name != "slice") return {};
  const Shape &x = g.tensor(n.inputs[0]).type.shape, &y = g.tensor(n.outputs[0]).type.shape;
  const TensorId begins = n.inputs[1];
  if (x.rank() < 1 || x.rank() != y.rank() || !g.is_constant(begins) || g.tensor(begins).type.dtype != DType::kI32) return {};
  if (strided ? !IsPlain(g, n) : !g.is_constant(n.inputs[2])) return {};
  for (const TensorId t : {begins, n.inputs[2]})
    if (g.is_constant(t) && g.tensor(t).type.shape.elements() != x.rank()) return {};
  Part part;
  for (int i = 0; i < x.rank(); ++i) {
    const int32_t begin = BeginOf(g, n, i, x[i]);
    if (begin == 0 && EndsWithAxis(g, n, i, x[i], y[i])) continue;
    if (part.axis >= 0 || x[i] == kUnknown || y[i] == kUnknown || y[i] == 0) return {};
    part = {i, begin, y[i]};
  }
  return part;
}

// The slices of x that are its equal parts along an axis, in order; empty where some are missing.
std::vector<NodeId> EqualParts(Graph& g, TensorId x, const Part& like) {
  const int32_t extent = g.tensor(x).type.shape[like.axis];
  if (extent % like.size != 0 || extent == like.size) return {};
  std::vector<NodeId> parts(static_cast<size_t>(extent / like.size), -1);
  for (const NodeId reader : g.tensor(x).consumers) {
    const Part part = PartOf(g, reader);
    if (part.axis != like.axis || part.size != like.size || part.begin % part.size != 0) continue;
    NodeId& slot = parts[static_cast<size_t>(part.begin / part.size)];
    if (slot >= 0) return {};
    slot = reader;
  }
  return std::ranges::find(parts, -1) == parts.end() ? parts : std::vector<NodeId>();
}

bool Merge(Graph& g, NodeId id) {
  const Part part = PartOf(g, id);
  if (part.axis < 0) return false;
  const TensorId x = g.node(id).inputs[0];
  if (std::ranges::find(kTypes, g.tensor(x).type.dtype) == std::end(kTypes)) return false;
  const std::vector<NodeId> parts = EqualParts(g, x, part);
  if (parts.empty()) return false;
  const ops::OpDef& op = *ops::Find("split");
  std::vector<TensorId> outputs;
  for (const NodeId p : parts) outputs.push_back(g.node(p).outputs[0]);
  const int32_t axis = part.axis;
  const std::string place = g.node(id).place;
  const TensorId at = g.AddConstant<int32_t>(place + "/axis", Shape{}, std::span(&axis, 1));
  const NodeId split = g.AddNode(op, graph::Attributes(op.attrs), {at, x}, outputs, place, id);  // Before all: this one is the first.
  *FindAttr<int32_t>(g.node(split), "num_splits") = static_cast<int32_t>(parts.size());
  for (const NodeId p : parts) g.Erase(p);
  for (size_t i = 0; i < outputs.size(); ++i) g.SetOutput(split, static_cast<int>(i), outputs[i]);
  return true;
}

}  // namespace

Result<int> MergeSlices(Graph& g) {
  return ForEachNode(g, [&](NodeId id) { return Merge(g, id); });
}

}  // namespace octet::passes
