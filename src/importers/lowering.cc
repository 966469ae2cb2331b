// SPDX-License-Identifier: Apache-2.0
#include "importers/lowering.h"

#include <algorithm>

#include "graph/fold.h"

namespace octet::importers {
namespace {

// The element type that an operator's outputs have for these inputs: that of the input of the same type
// variable, or the only one that the matching row of types allows.
DType OutputType(const ops::OpDef& def, std::span<const TensorType* const> inputs, std::string_view place) {
  const char variable = def.outputs.empty() ? 'T' : def.outputs[0].type;
  for (size_t i = 0; i < inputs.size() && !def.inputs.empty(); ++i)
    if (inputs[i] && def.inputs[std::min(i, def.inputs.size() - 1)].type == variable) return inputs[i]->dtype;
  const std::vector<const TensorType*> unknown(1, nullptr);
  ops::OpView view{&def, place, inputs, unknown, {}, nullptr};
  auto row = ops::MatchTypes(view);
  if (row.ok()) {
    const std::string_view types = (*row)->types;
    const size_t at = types.find(std::string{variable, '='});
    if (at != std::string_view::npos) return DTypeFromName(types.substr(at + 2, types.find_first_of(" |", at) - at - 2));
  }
  return !inputs.empty() && inputs[0] ? inputs[0]->dtype : DType::kF32;
}

}  // namespace

Result<std::vector<Value>> Lowering::EmitNode(std::string_view op, std::span<const Value> inputs, const void* attrs,
                                                  std::vector<TensorType> outputs) {
  const ops::OpDef* def = ops::Find(op);
  if (!def) return Fail("the operator " + std::string(op), "a build without it", "");
  graph::Graph& g = construction().graph();
  std::vector<graph::TensorId> in, out;
  for (const Value v : inputs) in.push_back(v ? v.id : graph::kNoTensor);
  const std::string name = place() + "/" + std::string(op);
  std::vector<Value> values;
  for (TensorType& t : outputs) {
    out.push_back(g.AddTensor(construction().UniqueName(name), std::move(t)));
    values.push_back({out.back()});
  }
  const graph::NodeId node = g.AddNode(*def, graph::Attributes(def->attrs, attrs), std::move(in), std::move(out), place());
  OCTET_TRY(graph::InferNode(g, node));
  if (folds()) {
    OCTET_ASSIGN(const bool folded, graph::FoldNode(g, node));
    (void)folded;
  }
  return values;
}

Result<std::vector<Value>> Lowering::EmitMany(std::string_view op, std::span<const Value> inputs, const void* attrs, int outputs) {
  const ops::OpDef* def = ops::Find(op);
  std::vector<const TensorType*> types;
  for (const Value v : inputs) types.push_back(v ? &type(v) : nullptr);
  const DType dtype = def ? OutputType(*def, types, place()) : DType::kF32;
  return EmitNode(op, inputs, attrs, std::vector<TensorType>(static_cast<size_t>(outputs), TensorType{dtype, {}, {}}));
}

Result<Value> Lowering::Emit(std::string_view op, std::span<const Value> inputs, const void* attrs) {
  OCTET_ASSIGN(const std::vector<Value> values, EmitMany(op, inputs, attrs, 1));
  return values[0];
}

Result<Value> Lowering::EmitAs(std::string_view op, std::span<const Value> inputs, const void* attrs, const TensorType& out) {
  OCTET_ASSIGN(const std::vector<Value> values, EmitNode(op, inputs, attrs, {out}));
  return values[0];
}

Result<std::vector<Value>> Lowering::MakeMany(std::string_view op, std::span<const Value> inputs, std::initializer_list<AttrValue> attrs,
                                                  int outputs) {
  const ops::OpDef* def = ops::Find(op);
  if (!def) return Fail("the operator " + std::string(op), "a build without it", "");
  graph::Attributes block(def->attrs);
  for (const AttrValue& attr : attrs) {
    for (const ops::AttrRow& row : def->attrs.rows) {
      if (row.name != attr.name) continue;
      void* at = row.at(block.get());
      const auto* integer = std::get_if<int64_t>(&attr.value);
      const auto* list = std::get_if<std::vector<int32_t>>(&attr.value);
      if (row.kind == ops::AttrKind::kF32) *static_cast<float*>(at) = static_cast<float>(std::get<double>(attr.value));
      else if (row.kind == ops::AttrKind::kI32 || row.kind == ops::AttrKind::kSubgraph) *static_cast<int32_t*>(at) = static_cast<int32_t>(*integer);
      else if (row.kind == ops::AttrKind::kI64) *static_cast<int64_t*>(at) = *integer;
      else if (row.kind == ops::AttrKind::kI8) *static_cast<int8_t*>(at) = static_cast<int8_t>(*integer);
      else if (row.kind == ops::AttrKind::kBool) *static_cast<bool*>(at) = *integer != 0;
      else if (list->size() <= kMaxRank) {
        auto* ints = static_cast<ops::Ints*>(at);
        ints->count = static_cast<int32_t>(list->size());
        std::copy(list->begin(), list->end(), ints->v.begin());
      }
    }
  }
  return EmitMany(op, inputs, block.get(), outputs);
}

Result<Value> Lowering::Make(std::string_view op, std::span<const Value> inputs, std::initializer_list<AttrValue> attrs) {
  OCTET_ASSIGN(const std::vector<Value> values, MakeMany(op, inputs, attrs, 1));
  return values[0];
}

Result<Value> Lowering::Cast(Value v, DType dtype) {
  if (type(v).dtype == dtype) return v;
  return EmitAs("cast", std::span(&v, 1), nullptr, {dtype, shape(v), {}});
}

}  // namespace octet::importers
