// SPDX-License-Identifier: Apache-2.0
#include "passes/lookups.h"

#include "passes/rewrites.h"

namespace octet::passes {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

namespace {

int32_t AttrOf(const graph::Node& n, std::string_view name) {
  for (const ops::AttrRow& row : n.op->attrs.rows)
    if (row.name == name) return *static_cast<const int32_t*>(row.at(const_cast<void*>(n.attrs.get())));
  return 0;
}

// What a reshape is told; one dimension may be left free.
std::vector<int32_t> Wanted(const Shape& shape) {
  std::vector<int32_t> dims;
  for (int32_t d : shape.dims()) dims.push_back(d == kUnknown ? -1 : d);
  return dims;
}

NodeId AddReshape(Graph& g, TensorId from, const TensorType& type, const std::string& name, const std::string& place, NodeId before) {
  const ops::OpDef& reshape = *ops::Find("reshape");
  const std::vector<int32_t> dims = Wanted(type.shape);
  const TensorId shape = g.AddConstant<int32_t>(name + "/shape", Shape{static_cast<int32_t>(dims.size())}, dims);
  return g.AddNode(reshape, graph::Attributes(reshape.attrs), {from, shape}, {g.AddTensor(name, type)}, place, before);
}

}  // namespace

bool IsRowGather(const Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.op->name != "gather" || AttrOf(n, "axis") != 0 || AttrOf(n, "batch_dims") != 0) return false;
  const TensorType& indices = g.tensor(n.inputs[1]).type;
  int unknown = 0;
  for (int32_t d : g.tensor(n.outputs[0]).type.shape.dims()) unknown += d == kUnknown;
  return g.is_constant(n.inputs[0]) && g.tensor(n.inputs[0]).type.shape.rank() == 2 && indices.dtype == DType::kI32 && indices.shape.rank() > 0 && unknown <= 1;
}

NodeId MakeLookup(Graph& g, NodeId id) {
  const graph::Node n = g.node(id);  // A copy: it goes.
  const TensorId table = n.inputs[0], y = n.outputs[0];
  const TensorType made = g.tensor(y).type;
  const Shape given = g.tensor(n.inputs[1]).type.shape;
  const std::string name = g.tensor(y).name;
  const bool flat = given.rank() == 1;
  const int32_t count = given.known() ? static_cast<int32_t>(given.elements()) : kUnknown;
  const TensorId indices = flat ? n.inputs[1] : g.node(AddReshape(g, n.inputs[1], {DType::kI32, Shape{count}, {}}, name + "/indices", n.place, id)).outputs[0];
  const ops::OpDef& op = *ops::Find("embedding_lookup");
  const TensorId rows = g.AddTensor(name + "/rows", {made.dtype, Shape{count, g.tensor(table).type.shape[1]}, {}});
  const NodeId lookup = g.AddNode(op, graph::Attributes(op.attrs), {indices, table}, {rows}, n.place, id);
  const NodeId last = flat ? lookup : AddReshape(g, rows, made, name, n.place, id);
  g.Erase(id);
  g.SetOutput(last, 0, y);
  return lookup;
}

}  // namespace octet::passes
