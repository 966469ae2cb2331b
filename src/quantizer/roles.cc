// SPDX-License-Identifier: Apache-2.0
#include "quantizer/roles.h"

#include <algorithm>
#include <cmath>
#include <deque>

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

DType QuantizedType(const ops::QuantRow* rule, DType activation) {
  if (!rule) return activation;
  switch (rule->kind) {
    case ops::QuantKind::kProductBias: return activation == DType::kI16 ? DType::kI64 : DType::kI32;
    case ops::QuantKind::kPerChannel:
    case ops::QuantKind::kSymmetric: return DType::kI8;
    case ops::QuantKind::kSymmetric16:
    case ops::QuantKind::kPowerOfTwo16: return DType::kI16;
    default: return activation;
  }
}

bool ReadsShapeOnly(const ops::OpDef& op, int operand) {
  const ops::QuantRow* made = RuleFor(op, ~0, DType::kI8);
  if (!made || made->kind != ops::QuantKind::kNone || static_cast<size_t>(operand) >= op.inputs.size()) return false;
  const char bound[] = {op.inputs[static_cast<size_t>(operand)].type, '=', 0};
  return !op.types.empty() && std::ranges::none_of(op.types, [&](const ops::TypeRow& row) { return row.types.find(bound) != row.types.npos; });
}

bool TellsIntegersApart(const ops::OpDef& op) {
  const ops::QuantRow* rule = RuleFor(op, 0, DType::kI8);
  return rule && rule->kind == ops::QuantKind::kFree;
}

float LowestUseful(const Graph& g, TensorId t) {
  if (g.is_output(t) || g.tensor(t).consumers.empty()) return -INFINITY;
  float low = INFINITY;
  for (NodeId id : g.tensor(t).consumers) {
    const graph::Node& n = g.node(id);
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      if (n.inputs[i] != t) continue;
      const ops::QuantRow* rule = RuleFor(*n.op, static_cast<int>(i), DType::kI8);
      low = std::min(low, rule ? rule->low : ops::QuantRow().low);
    }
  }
  return low;
}

ops::Cost SampleCost(const Graph& g, NodeId id) {
  const graph::NodeView lens(g, id);
  ops::OpView view = lens.view();
  std::deque<TensorType> closed;
  const auto close = [&](std::span<const TensorType* const> types) {
    std::vector<const TensorType*> list;
    for (const TensorType* t : types) {
      list.push_back(t ? &closed.emplace_back(*t) : nullptr);
      for (int i = 0; t && i < t->shape.rank(); ++i)
        if (t->shape[i] == kUnknown) closed.back().shape[i] = 1;
    }
    return list;
  };
  const std::vector<const TensorType*> in = close(view.inputs), out = close(view.outputs);
  view.inputs = in;
  view.outputs = out;
  return ops::CostOf(view);
}

namespace {
// Numbers become themselves, in steps of one: integers may not fit, and sums of 16 bits take no such steps beside small ones.
bool FitsSteps(DType from, DType activation) { return from == DType::kBool && activation == DType::kI8; }
}  // namespace

bool HasIntegerForm(const Graph& g, NodeId id, DType activation, DType weights) {
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
    const ops::QuantRow* rule = RuleFor(*n.op, static_cast<int>(i), activation);
    any |= types[i].dtype == DType::kF32;
    if (types[i].dtype == DType::kF32) types[i].dtype = rule && rule->kind == ops::QuantKind::kPerChannel ? weights : QuantizedType(rule, activation);
    else if (IsFloat(types[i].dtype) || ((n.op->traits & ops::kUnary) && !FitsSteps(types[i].dtype, activation))) return false;
    in.push_back(&types[i]);
  }
  for (size_t i = 0; i < n.outputs.size(); ++i) {
    TensorType& t = types[n.inputs.size() + i];
    t = g.tensor(n.outputs[i]).type;
    any |= t.dtype == DType::kF32;
    if (t.dtype == DType::kF32) t.dtype = activation;
    out.push_back(&t);
  }
  if (!any) return false;
  ops::OpView view = lens.view();
  view.inputs = in;
  view.outputs = out;
  return ops::MatchTypes(view).ok();
}

}  // namespace octet::quantizer
