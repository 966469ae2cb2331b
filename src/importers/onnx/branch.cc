// SPDX-License-Identifier: Apache-2.0
// If whose branches give tensors of different shapes: one subgraph for each, both with the same inputs, which are what either reads
// from around it.
#include <algorithm>

#include "importers/onnx/builder.h"

namespace octet::importers::onnx {

// In the branch's own builder; what it gives, of a sequence its items.
Status Builder::BuildBranch(Scope& outer, const NodeContext& place, const GraphProto& proto, Captures* captures, std::vector<Value>* outputs) {
  Scope scope;
  scope.outer = &outer;
  scope.captures = captures;
  scope.prefix = place.place() + "/";
  scope.opsets = outer.opsets;
  scope.depth = outer.depth + 1;
  for (const TensorProto& t : proto.initializers) scope.stored[t.name] = &t;
  Declare(scope, proto);
  OCTET_TRY(RunNodes(proto.nodes, scope));
  if (failed()) return {};
  for (const ValueProto& o : proto.outputs) {
    OCTET_ASSIGN(const Binding bound, Lookup(scope, o.name));
    if (bound.value) outputs->push_back(bound.value);
    else outputs->insert(outputs->end(), bound.items.begin(), bound.items.end());
  }
  return {};
}

// Inputs for the values around, used or not; outputs that are nodes' own.
Status Builder::FinishBranch(Scope& outer, const NodeContext& place, const Captures& captures, std::span<const std::pair<Value, TensorType>> around,
                             const std::vector<Value>& outputs) {
  NodeContext c(*this, outer, place.node(), place.place(), place.version(), {});
  for (const auto& [value, type] : around) {
    const auto at = std::ranges::find(captures.values, value, [](const auto& pair) { return pair.first; });
    graph().inputs.push_back(at != captures.values.end() ? at->second.id : graph().AddTensor(UniqueName(c.place() + "/value"), type));
  }
  for (Value v : outputs) {
    const auto taken = [&](const std::vector<graph::TensorId>& list) { return std::ranges::find(list, v.id) != list.end(); };
    if (taken(graph().outputs) || taken(graph().inputs) || graph().tensor(v.id).constant) {
      OCTET_ASSIGN(v, Copied(c, v));
    }
    graph().outputs.push_back(v.id);
  }
  return {};
}

Result<std::vector<Value>> Builder::EmitIf(NodeContext& c, Value condition, const GraphProto& yes, const GraphProto& no) {
  const GraphProto* const protos[] = {&yes, &no};
  Builder first(*this), second(*this);
  Builder* const branches[] = {&first, &second};
  Captures captures[2];
  std::vector<Value> outputs[2];
  std::vector<std::pair<Value, TensorType>> around;
  for (size_t k = 0; k < 2; ++k) {
    branches[k]->nodes_left_ = nodes_left_;
    OCTET_TRY(branches[k]->BuildBranch(c.scope(), c, *protos[k], &captures[k], &outputs[k]));
    nodes_left_ = branches[k]->nodes_left_;
    for (Finding& f : branches[k]->findings_) findings_.push_back(std::move(f));
    if (failed()) return c.Fail("branches that octet reads", "some with unsupported operators", "see there");
    for (const auto& [outer, inner] : captures[k].values)
      if (std::ranges::find(around, outer, [](const auto& pair) { return pair.first; }) == around.end()) around.emplace_back(outer, TypeOf(outer));
  }
  if (outputs[0].size() != outputs[1].size())
    return c.Fail("branches with equal outputs", std::to_string(outputs[0].size()) + " and " + std::to_string(outputs[1].size()), "check the model");
  std::vector<TensorType> types;
  for (size_t i = 0; i < outputs[0].size(); ++i) {
    TensorType a = first.TypeOf(outputs[0][i]);
    const TensorType& b = second.TypeOf(outputs[1][i]);
    if (a.dtype != b.dtype || a.shape.rank() != b.shape.rank())
      return c.Fail("branches of equal types and ranks", a.shape.text() + " and " + b.shape.text(),
                    "give the input's size with --input, or the result's shape in the file");
    for (int axis = 0; axis < a.shape.rank(); ++axis)
      if (a.shape[axis] != b.shape[axis]) a.shape[axis] = kUnknown;
    types.push_back(std::move(a));
  }
  int32_t at[2];
  for (size_t k = 0; k < 2; ++k) {
    OCTET_TRY(branches[k]->FinishBranch(c.scope(), c, captures[k], around, outputs[k]));
    at[k] = Adopt(*branches[k], c.place() + (k == 0 ? "/then" : "/else"));
  }
  std::vector<Value> in = {condition};
  for (const auto& [value, type] : around) in.push_back(value);
  return CallSubgraphs("if", at, in, types, c.place());
}

}  // namespace octet::importers::onnx
