// SPDX-License-Identifier: Apache-2.0
#include "quantizer/graph_scales.h"

#include <algorithm>
#include <cmath>

#include "quantizer/roles.h"

namespace octet::quantizer {
namespace {

using graph::NodeId;
using graph::TensorId;

constexpr size_t kFewestSteps = 3;  // Uses of one weight tensor that make it a recurrent layer.

}  // namespace

GraphScales::GraphScales(const graph::Graph& g, const IntegerNodes& nodes, const std::map<std::string, Range>& ranges, ScaleClasses* classes)
    : g_(g), nodes_(nodes), ranges_(ranges), classes_(*classes) {
  for (size_t i = 0; i < g.tensors().size(); ++i) {
    const auto t = static_cast<TensorId>(i);
    first_ = classes->Add(RangeOf(t)) - t;
  }
}

Range GraphScales::RangeOf(TensorId t) const {
  const graph::Tensor& tensor = g_.tensor(t);
  Range r;
  if (tensor.type.dtype != DType::kF32) return r;
  if (const auto it = ranges_.find(tensor.name); it != ranges_.end()) return it->second;
  if (tensor.constant) {
    for (float v : tensor.data<float>()) {
      if (!std::isfinite(v)) continue;  // A pad of minus infinity is clamped, not a range.
      r.min = std::min(r.min, v);
      r.max = std::max(r.max, v);
    }
  }
  return r;
}

void GraphScales::Fix() {
  for (NodeId id : nodes_.all()) {
    const std::optional<DType> type = nodes_.TypeOf(id);
    if (!type) continue;
    const graph::Node& n = g_.node(id);
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      const ops::QuantRow* rule = RuleFor(*n.op, ~static_cast<int>(i), *type);
      if (rule && rule->kind == ops::QuantKind::kFixed)
        classes_.Fix(Number(n.outputs[i]), *type, Quant::PerTensor(rule->fixed_scale, rule->fixed_zero_point));
    }
  }
}

void GraphScales::JoinSame(bool fixed_too) {
  for (NodeId id : nodes_.all())
    if (const std::optional<DType> type = nodes_.TypeOf(id)) JoinSame(g_.node(id), *type, fixed_too);
}

void GraphScales::JoinSame(const graph::Node& n, DType type, bool fixed_too) {
  const auto joins = [&](TensorId t) { return IsFloatTensor(g_, t) && (fixed_too || !classes_.HasFixed(Number(t))); };
  const auto join = [&](int operand) {
    const ops::QuantRow* rule = RuleFor(*n.op, operand, type);
    if (!rule || rule->kind != ops::QuantKind::kSameAs) return;
    const TensorId a = OperandOf(n, operand), b = OperandOf(n, rule->other);
    if (joins(a) && joins(b)) Unite(a, b, type);
  };
  for (size_t i = 0; i < n.inputs.size(); ++i) join(static_cast<int>(i));
  for (size_t i = 0; i < n.outputs.size(); ++i) join(~static_cast<int>(i));
}

// An unrolled recurrent layer repeats its step: the nodes from one use of the same weights to the next. What the
// same node makes in every step gets one scale, as the fused operators have it, so that the steps share their
// biases and the file its tables.
void GraphScales::JoinSteps() {
  const std::vector<NodeId>& nodes = nodes_.all();
  std::map<TensorId, std::vector<size_t>> uses;  // Weights -> positions in the order of execution.
  WeightedOp op;
  for (size_t k = 0; k < nodes.size(); ++k)
    if (nodes_.has(nodes[k]) && FindWeights(g_, nodes[k], &op)) uses[g_.node(nodes[k]).inputs[op.weights]].push_back(k);
  for (const auto& [weights, at] : uses)
    for (size_t i = 1; at.size() >= kFewestSteps && i < at.size(); ++i) JoinStep(at[0], at[i], std::min(at[1] - at[0], nodes.size() - at[i]));
}

void GraphScales::JoinStep(size_t first, size_t other, size_t length) {
  const std::vector<NodeId>& nodes = nodes_.all();
  if (!SameType(nodes[first], nodes[other])) return;
  const DType type = *nodes_.TypeOf(nodes[first]);
  WeightedOp op;
  FindWeights(g_, nodes[first], &op);
  Unite(g_.node(nodes[first]).inputs[op.data], g_.node(nodes[other]).inputs[op.data], type);
  for (size_t k = 0; k < length; ++k) {
    const graph::Node &a = g_.node(nodes[first + k]), &b = g_.node(nodes[other + k]);
    if (a.op != b.op || a.place != b.place || a.outputs.size() != b.outputs.size() || !SameType(nodes[first + k], nodes[other + k])) return;
    for (size_t i = 0; i < a.outputs.size(); ++i)
      if (IsFloatTensor(g_, a.outputs[i])) Unite(a.outputs[i], b.outputs[i], type);
  }
}

bool GraphScales::SameType(NodeId a, NodeId b) const { return nodes_.has(a) && nodes_.TypeOf(a) == nodes_.TypeOf(b); }

Quant GraphScales::Wanted(const graph::Node& n, int operand, TensorId t, DType type) const {
  const ops::QuantRow* rule = RuleFor(*n.op, operand, type);
  if (rule && rule->kind == ops::QuantKind::kSameAs) return Of(OperandOf(n, rule->other), type);
  for (size_t i = 0; i < n.outputs.size(); ++i) {
    const ops::QuantRow* out = RuleFor(*n.op, ~static_cast<int>(i), type);
    if (out && out->kind == ops::QuantKind::kSameAs && out->other == operand) return Of(n.outputs[i], type);
  }
  return Of(t, type);
}

std::vector<ScaleClass> GraphScales::Report() const {
  const DType type = nodes_.activation();
  const auto integer = [&](NodeId id) { return nodes_.has(id); };
  const size_t tensors = g_.tensors().size();
  std::vector<bool> fixed(tensors);  // Asked before any scale is chosen: chosen ones are in the classes from then on.
  for (size_t i = 0; i < tensors; ++i) fixed[i] = classes_.Fixed(Number(static_cast<TensorId>(i)), type);
  std::map<int, ScaleClass> by_root;
  for (size_t i = 0; i < tensors; ++i) {
    const auto t = static_cast<TensorId>(i);
    const graph::Tensor& tensor = g_.tensor(t);
    if (!IsFloatTensor(g_, t) || tensor.constant || (!integer(tensor.producer) && std::ranges::none_of(tensor.consumers, integer))) continue;
    ScaleClass& c = by_root[classes_.Find(Number(t))];
    c.tensors.push_back(tensor.name);
    c.quant = Of(t, type);
    c.fixed = fixed[i];
  }
  std::vector<ScaleClass> classes;
  for (auto& [root, c] : by_root) classes.push_back(std::move(c));
  return classes;
}

}  // namespace octet::quantizer
