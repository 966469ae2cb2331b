// SPDX-License-Identifier: Apache-2.0
#include "quantizer/reset_states.h"

#include <algorithm>

#include "graph/dimensions.h"
#include "ops/import.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

class Reset {
 public:
  Reset(Graph& g, NodeId node, const ops::StateReset& how) : g_(g), node_(node), how_(how) {}

  void Run() {
    for (const ops::StateReset::Weights& w : how_.weights) {
      const graph::Tensor& old = g_.tensor(Input(w.operand));
      const TensorType type{DType::kI8, Shape{old.type.shape[0], old.type.shape[1] + how_.columns}, old.type.quant};
      const std::string name = old.name;
      g_.SetInput(node_, w.operand, g_.AddConstant(name, type, graph::MakeBuffer(std::as_bytes(std::span(w.values)))));
    }
    g_.SetInput(node_, how_.input, PadTime(PadColumns(Input(how_.input))));
    DropSteps();
  }

 private:
  TensorId Input(int i) const { return g_.node(node_).inputs[static_cast<size_t>(i)]; }

  TensorId Pads(const std::string& name, int axis, int32_t before, int32_t after) {
    std::vector<int32_t> pads(6, 0);
    pads[static_cast<size_t>(2 * axis)] = before;
    pads[static_cast<size_t>(2 * axis + 1)] = after;
    return g_.AddConstant<int32_t>(name, Shape{3, 2}, pads);
  }

  TensorId Emit(std::string_view op, const std::string& name, std::vector<TensorId> inputs, Shape shape) {
    const ops::OpDef& def = *ops::Find(op);
    const TensorId out = g_.AddTensor(name, {DType::kI8, shape, g_.tensor(inputs[0]).type.quant});
    g_.AddNode(def, graph::Attributes(def.attrs), std::move(inputs), {out}, g_.node(node_).place, node_);
    return out;
  }

  TensorId PadColumns(TensorId x) {
    Shape shape = g_.tensor(x).type.shape;
    shape[2] += how_.columns;
    const std::string name = g_.node(node_).place + "/reset_columns";
    return Emit("pad", name, {x, Pads(name + "/by", 2, 0, how_.columns)}, shape);
  }

  TensorId PadTime(TensorId x) {
    Shape shape = g_.tensor(x).type.shape;
    if (shape[how_.time_axis] != kUnknown) shape[how_.time_axis] += how_.steps;
    const std::string name = g_.node(node_).place + "/reset_step";
    const TensorId with =
        g_.AddConstant(name + "/value", {DType::kI8, Shape{}, g_.tensor(x).type.quant}, graph::MakeBuffer(std::as_bytes(std::span(&how_.value, 1))));
    return Emit("padv2", name, {x, Pads(name + "/by", how_.time_axis, how_.steps, 0), with}, shape);
  }

  // The output without the steps in front takes the old output's place.
  void DropSteps() {
    const TensorId old = g_.node(node_).outputs[0];
    TensorType type = g_.tensor(old).type;
    if (type.shape[how_.time_axis] != kUnknown) type.shape[how_.time_axis] += how_.steps;
    const TensorId longer = g_.AddTensor(g_.tensor(old).name + "/with_reset", type);
    g_.SetOutput(node_, 0, longer);
    std::vector<int32_t> begin(3, 0), zeros(3, 0), ones(3, 1);
    begin[static_cast<size_t>(how_.time_axis)] = how_.steps;
    const ops::OpDef& def = *ops::Find("strided_slice");
    graph::Attributes attrs(def.attrs);
    for (const ops::AttrRow& row : def.attrs.rows) {
      if (row.name == "end_mask") *static_cast<int32_t*>(row.at(attrs.get())) = 7;
      if (row.name == "begin_mask") *static_cast<int32_t*>(row.at(attrs.get())) = 7 & ~(1 << how_.time_axis);
    }
    const std::string name = g_.node(node_).place + "/reset_drop";
    g_.AddNode(def, attrs, {longer, g_.AddConstant<int32_t>(name + "/begin", Shape{3}, begin), g_.AddConstant<int32_t>(name + "/end", Shape{3}, zeros),
                            g_.AddConstant<int32_t>(name + "/by", Shape{3}, ones)},
               {old}, g_.node(node_).place);
  }

  Graph& g_;
  const NodeId node_;
  const ops::StateReset& how_;
};

// There is a state for every sequence of a batch: the file takes that many, and its input says so.
void FixBatch(Graph& g, NodeId id, const ops::StateReset& how) {
  const graph::Node& node = g.node(id);
  const auto state = std::ranges::find(node.op->inputs, ops::Role::kState, &ops::Operand::role);
  if (state == node.op->inputs.end()) return;
  const Shape& states = g.tensor(node.inputs[static_cast<size_t>(state - node.op->inputs.begin())]).type.shape;
  const graph::Dimension batch = graph::Origins().Of(g, {node.inputs[static_cast<size_t>(how.input)], 1 - how.time_axis});
  if (states.rank() != 2 || std::ranges::find(g.inputs, batch.tensor) == g.inputs.end()) return;
  int32_t& own = g.tensor(batch.tensor).type.shape[batch.axis];
  if (own == kUnknown) own = states[0];
}

}  // namespace

Status PrependReset(Graph& g, NodeId node) {
  const ops::OpImport* import = ops::ImportOf(*g.node(node).op);
  if (!import || !import->reset) return {};
  const ops::StateReset how = import->reset(graph::NodeView(g, node).view());
  if (how.steps == 0) return {};
  FixBatch(g, node, how);
  Reset(g, node, how).Run();
  return {};
}

}  // namespace octet::quantizer
