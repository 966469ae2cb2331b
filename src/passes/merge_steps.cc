// SPDX-License-Identifier: Apache-2.0
//   gather(x, 0), gather(x, 1), …, all rows of x          become   unpack(x)
//   zeros, row 0 put at 0, row 1 put at 1, …, all rows    become   pack(row 0, row 1, …)
// This is how the steps of a loop read and write sequences, once it is unrolled.
#include "graph/dimensions.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::kNoTensor;
using graph::NodeId;
using graph::TensorId;

constexpr DType kUnpacked[] = {DType::kF32, DType::kI32, DType::kI8, DType::kU8, DType::kI16, DType::kBool};
constexpr DType kPacked[] = {DType::kF32, DType::kI32, DType::kI64, DType::kI8, DType::kU8, DType::kI16};

template <class Types> bool Has(const Types& types, DType t) { return std::ranges::find(types, t) != std::end(types); }

// One row along an axis.
struct Row {
  int axis = -1;
  int32_t index = 0;
};

Row Gathered(Graph& g, NodeId id) {
  graph::Node& n = g.node(id);
  if (n.op->name != "gather" || *FindAttr<int32_t>(n, "batch_dims") != 0) return {};
  const std::optional<int32_t> index = ConstantNumber(g, n.inputs[1]);
  const Shape& x = g.tensor(n.inputs[0]).type.shape;
  if (!index || g.tensor(n.inputs[1]).type.shape.rank() != 0) return {};
  const int32_t given = *FindAttr<int32_t>(n, "axis"), axis = given < 0 ? given + x.rank() : given;
  if (axis < 0 || axis >= x.rank() || *index < 0 || *index >= x[axis]) return {};
  return {axis, *index};
}

bool Unpack(Graph& g, NodeId id) {
  const Row like = Gathered(g, id);
  if (like.axis < 0) return false;
  const TensorId x = g.node(id).inputs[0];
  const int32_t rows = g.tensor(x).type.shape[like.axis];
  if (rows < 2 || static_cast<size_t>(rows) > g.tensor(x).consumers.size() || !Has(kUnpacked, g.tensor(x).type.dtype)) return false;
  std::vector<NodeId> readers(static_cast<size_t>(rows), -1);
  for (const NodeId reader : g.tensor(x).consumers) {
    const Row row = Gathered(g, reader);
    if (row.axis != like.axis || g.node(reader).inputs[0] != x) continue;
    NodeId& slot = readers[static_cast<size_t>(row.index)];
    if (slot >= 0) return false;
    slot = reader;
  }
  if (std::ranges::find(readers, -1) != readers.end()) return false;
  std::vector<TensorId> outputs;
  for (const NodeId r : readers) outputs.push_back(g.node(r).outputs[0]);
  const ops::OpDef& op = *ops::Find("unpack");
  const NodeId made = g.AddNode(op, graph::Attributes(op.attrs), {x}, outputs, g.node(id).place, id);  // Before all: this one is the first.
  *FindAttr<int32_t>(g.node(made), "num") = rows;
  *FindAttr<int32_t>(g.node(made), "axis") = like.axis;
  for (const NodeId r : readers) g.Erase(r);
  for (size_t i = 0; i < outputs.size(); ++i) g.SetOutput(made, static_cast<int>(i), outputs[i]);
  return true;
}

// The row that the node replaces as a whole: of the other axes an update has all.
Row Written(Graph& g, NodeId id, graph::Origins* origins) {
  const graph::Node& n = g.node(id);
  if (n.op->name != "dynamic_update_slice" || !g.is_constant(n.inputs[2]) || g.tensor(n.inputs[2]).type.dtype != DType::kI32) return {};
  const Shape &x = g.tensor(n.inputs[0]).type.shape, &update = g.tensor(n.inputs[1]).type.shape;
  const std::span<const int32_t> start = g.tensor(n.inputs[2]).data<int32_t>();
  if (update.rank() != x.rank() || static_cast<int>(start.size()) != x.rank()) return {};
  Row row;
  for (int i = 0; i < x.rank(); ++i) {
    const bool same = x[i] == update[i] && (x[i] != kUnknown || origins->Of(g, {n.inputs[0], i}) == origins->Of(g, {n.inputs[1], i}));
    if (same) continue;
    if (row.axis >= 0 || update[i] != 1 || x[i] < 2 || start[static_cast<size_t>(i)] < 0 || start[static_cast<size_t>(i)] >= x[i]) return {};
    row = {i, start[static_cast<size_t>(i)]};
  }
  return row;
}

bool Pack(Graph& g, NodeId id, graph::Origins* origins) {
  const Row last = Written(g, id, origins);
  const TensorId y = g.node(id).outputs.empty() ? kNoTensor : g.node(id).outputs[0];
  if (last.axis < 0 || !Has(kPacked, g.tensor(y).type.dtype)) return false;
  std::vector<TensorId> rows(static_cast<size_t>(g.tensor(y).type.shape[last.axis]), kNoTensor);
  NodeId at = id;
  for (size_t found = 0; found < rows.size(); ++found) {
    const Row row = at < 0 ? Row() : Written(g, at, origins);
    if (row.axis != last.axis || rows[static_cast<size_t>(row.index)] != kNoTensor) return false;
    TensorId& slot = rows[static_cast<size_t>(row.index)];
    slot = WithoutAxis(g, g.node(at).inputs[1], row.axis);  // What the update was before it got the axis.
    if (slot == kNoTensor) return false;
    at = g.tensor(g.node(at).inputs[0]).producer;
  }
  const ops::OpDef& op = *ops::Find("pack");
  const auto count = static_cast<int32_t>(rows.size());
  const NodeId made = Replace(g, id, "pack", std::move(rows), graph::Attributes(op.attrs));
  *FindAttr<int32_t>(g.node(made), "values_count") = count;
  *FindAttr<int32_t>(g.node(made), "axis") = last.axis;
  return true;
}

}  // namespace

Result<int> MergeSteps(Graph& g) {
  graph::Origins origins;
  return ForEachNode(g, [&](NodeId id) { return Unpack(g, id) || Pack(g, id, &origins); });
}

}  // namespace octet::passes
