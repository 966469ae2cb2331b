// SPDX-License-Identifier: Apache-2.0
#include "quantizer/roles.h"

#include <algorithm>

namespace octet::quantizer {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

bool FindWeights(const Graph& g, NodeId id, WeightedOp* found) {
  const graph::Node& n = g.node(id);
  *found = {};
  found->data = -1;
  for (size_t i = 0; i < n.op->inputs.size(); ++i) {
    if (n.op->inputs[i].role == ops::Role::kData && found->data < 0) found->data = static_cast<int>(i);
    if (n.op->inputs[i].role == ops::Role::kWeights) found->weights = static_cast<int>(i);
    if (n.op->inputs[i].role == ops::Role::kBias) found->bias = static_cast<int>(i);
  }
  const int given = static_cast<int>(n.inputs.size());
  if (found->data < 0 || found->data >= given || found->weights < 0 || found->weights >= given) return false;
  const TensorId w = n.inputs[found->weights];
  if (!g.is_constant(w) || g.tensor(w).type.dtype != DType::kF32) return false;
  if (found->bias >= static_cast<int>(n.inputs.size())) found->bias = -1;
  const ops::QuantRow* rule = RuleFor(*n.op, found->weights, DType::kI8);
  if (!rule || rule->kind != ops::QuantKind::kPerChannel) return false;
  found->output_axis = rule->axis;
  found->channelwise = (n.op->traits & ops::kKeepsChannels) != 0;
  return true;
}

const ops::QuantRow* RuleFor(const ops::OpDef& op, int operand, DType activation) {
  const auto last = [](std::span<const ops::Operand> list) { return static_cast<int>(list.size()) - 1; };
  const bool output = operand < 0;
  const std::span<const ops::Operand> declared = output ? op.outputs : op.inputs;
  int position = output ? ~operand : operand;
  if (position > last(declared) && !declared.empty() && declared.back().arity == ops::Arity::kMany) position = last(declared);
  for (const ops::QuantRow& row : op.quantization) {
    if (row.operand != (output ? ~position : position)) continue;
    if (row.kind == ops::QuantKind::kFixed && row.when != activation) continue;
    return &row;
  }
  return nullptr;
}

bool HasInt8Form(const Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  const graph::NodeView lens(g, id);
  std::vector<TensorType> types(n.inputs.size() + n.outputs.size());
  std::vector<const TensorType*> in, out;
  bool any = false;
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    if (n.inputs[i] == graph::kNoTensor) {
      in.push_back(nullptr);
      continue;
    }
    types[i] = g.tensor(n.inputs[i]).type;
    const ops::QuantRow* rule = RuleFor(*n.op, static_cast<int>(i), DType::kI8);
    if (types[i].dtype == DType::kF32) types[i].dtype = rule && rule->kind == ops::QuantKind::kProductBias ? DType::kI32 : DType::kI8;
    else if (IsFloat(types[i].dtype)) return false;
    in.push_back(&types[i]);
  }
  for (size_t i = 0; i < n.outputs.size(); ++i) {
    TensorType& t = types[n.inputs.size() + i];
    t = g.tensor(n.outputs[i]).type;
    any |= t.dtype == DType::kF32;
    if (t.dtype == DType::kF32) t.dtype = DType::kI8;
    out.push_back(&t);
  }
  if (!any) return false;
  ops::OpView view = lens.view();
  view.inputs = in;
  view.outputs = out;
  return ops::MatchTypes(view).ok();
}

}  // namespace octet::quantizer
