// SPDX-License-Identifier: Apache-2.0
//   shape(f(x))[0]     becomes   shape(x)[0]                 where an open dimension of f(x) always is one of x
//   zeros_like(f(x))   becomes   fill([shape(x)[0], 4], 0)   where such zeros are there already
//   conv_2d(zeros)     becomes   sum(more zeros, 0)          where rows of such zeros are there already
// Sizes are asked of the input that they come from: nothing is computed only to be counted, and who asks for the same asks once. Of all that is
// read of a shape or nothing, where that takes no more shapes than before, and not of what is computed, unless it is asked already: one more
// reader would keep other passes from folding it.
#include <cmath>
#include <set>

#include "graph/dimensions.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Dimension;
using graph::Graph;
using graph::NodeId;
using graph::TensorId;

// The reader of a size takes it from another dimension's tensor.
void Ask(Graph& g, NodeId reader, const Dimension& from) {
  const graph::Node n = g.node(reader);
  const graph::Tensor sizes = g.tensor(n.inputs[0]);
  const graph::Node asked = g.node(sizes.producer);
  const Shape one = g.tensor(n.inputs[1]).type.shape;
  const TensorId shape = g.AddTensor(sizes.name, {sizes.type.dtype, Shape{g.tensor(from.tensor).type.shape.rank()}, {}});
  g.AddNode(*asked.op, asked.attrs, {from.tensor}, {shape}, asked.place, reader);
  const int32_t at = from.axis, end = at + 1, count = 1;
  g.SetInput(reader, 0, shape);
  g.SetInput(reader, 1, g.AddConstant<int32_t>(sizes.name + "/axis", one, std::span(&at, 1)));
  if (n.op->name == "slice") g.SetInput(reader, 2, g.AddConstant<int32_t>(sizes.name + "/size", one, std::span(&count, 1)));  // It may have been all the rest.
  if (n.op->name != "strided_slice") return;
  g.SetInput(reader, 2, g.AddConstant<int32_t>(sizes.name + "/end", one, std::span(&end, 1)));
  *FindAttr<int32_t>(g.node(reader), "end_mask") = 0;
}

bool HasShape(const Graph& g, TensorId t) {
  return std::ranges::any_of(g.tensor(t).consumers, [&](NodeId id) { return g.node(id).op->name == "shape"; });
}

bool Move(Graph& g, NodeId id, graph::Origins* origins) {
  if (g.node(id).op->name != "shape" || g.is_output(g.node(id).outputs[0])) return false;
  const TensorId x = g.node(id).inputs[0];
  std::vector<std::pair<NodeId, Dimension>> reads;
  std::set<TensorId> asked;  // That nobody has asked for their shape.
  for (const NodeId reader : g.tensor(g.node(id).outputs[0]).consumers) {
    const std::optional<Dimension> read = g.node(reader).outputs.size() == 1 ? graph::DimensionRead(g, g.node(reader).outputs[0]) : std::nullopt;
    if (!read || g.tensor(x).type.shape[read->axis] != kUnknown) return false;
    reads.emplace_back(reader, origins->Of(g, *read));
    const TensorId from = reads.back().second.tensor;
    if (from == x || (!HasShape(g, from) && g.tensor(from).producer >= 0)) return false;
    if (!HasShape(g, from)) asked.insert(from);
  }
  if (reads.empty() || asked.size() > 1) return false;
  for (const auto& [reader, from] : reads) Ask(g, reader, from);
  return true;
}

bool HaveOneSize(const Graph& g, TensorId a, TensorId b, graph::Origins* origins) {
  const TensorType &x = g.tensor(a).type, &y = g.tensor(b).type;
  if (x.dtype != y.dtype || !(x.shape == y.shape) || x.quant != y.quant) return false;
  for (int axis = 0; axis < x.shape.rank(); ++axis)
    if (x.shape[axis] == kUnknown && origins->Of(g, {a, axis}) != origins->Of(g, {b, axis})) return false;
  return true;
}

bool IsZeroFill(const Graph& g, const graph::Node& n) { return n.op->name == "fill" && UniformValue(g, n.inputs[1]) == 0.0f; }

// tf_keras computes a whole cell for the size of the zeros that a masked sequence begins with: its states begin with the same.
bool ShareZeros(Graph& g, NodeId id, graph::Origins* origins) {
  if (g.node(id).op->name != "zeros_like" || g.is_output(g.node(id).outputs[0])) return false;
  const TensorId zeros = g.node(id).outputs[0];
  for (const NodeId other : g.order()) {
    if (other == id) return false;
    const graph::Node& n = g.node(other);
    if (!IsZeroFill(g, n) || !HaveOneSize(g, zeros, n.outputs[0], origins)) continue;
    g.ReplaceUses(zeros, n.outputs[0]);
    g.Erase(id);
    return true;
  }
  return false;
}

bool IsFinite(const Graph& g, TensorId t) {
  if (!g.is_constant(t) || g.tensor(t).type.dtype != DType::kF32) return false;
  return std::ranges::all_of(g.tensor(t).data<float>(), [](float f) { return std::isfinite(f); });
}

// Made as zeros, or summed up or filtered from such.
bool IsZeros(const Graph& g, TensorId t) {
  for (NodeId id = g.tensor(t).producer; id >= 0; id = g.tensor(g.node(id).inputs[0]).producer) {
    const graph::Node& n = g.node(id);
    if (n.op->name == "zeros_like" || IsZeroFill(g, n)) return true;
    const bool without_bias = n.inputs.size() < 3 || n.inputs[2] == graph::kNoTensor || UniformValue(g, n.inputs[2]) == 0.0f;
    if (n.op->name != "sum" && !(n.op->name == "conv_2d" && IsFinite(g, n.inputs[1]) && without_bias)) return false;
  }
  return false;
}

// tf_keras filters zeros for the size of a ConvLSTM's first state, and makes the list of its outputs of zeros.
bool SumZeros(Graph& g, NodeId id, graph::Origins* origins) {
  if (g.node(id).op->name != "conv_2d" || g.is_output(g.node(id).outputs[0]) || !IsZeros(g, g.node(id).outputs[0])) return false;
  const TensorId y = g.node(id).outputs[0];
  for (const NodeId other : g.order()) {
    const graph::Node& n = g.node(other);
    if (std::ranges::find(n.inputs, y) != n.inputs.end()) return false;
    if (!IsZeroFill(g, n) || !graph::HasSizeOfRow(g, n.outputs[0], y, origins)) continue;
    const int32_t axis = 0;
    Replace(g, id, "sum", {n.outputs[0], g.AddConstant<int32_t>(g.tensor(y).name + "/axis", Shape{1}, std::span(&axis, 1))});
    return true;
  }
  return false;
}

}  // namespace

Result<int> ReadDimensions(Graph& g) {
  graph::Origins origins;
  const int rewrites = ForEachNode(g, [&](NodeId id) { return Move(g, id, &origins) || ShareZeros(g, id, &origins) || SumZeros(g, id, &origins); });
  if (rewrites > 0 && !g.Sort()) return Error(Code::kInvalidModel, "a cycle after sharing zeros");
  return rewrites;
}

}  // namespace octet::passes
