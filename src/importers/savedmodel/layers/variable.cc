// SPDX-License-Identifier: Apache-2.0
// Variables, which are constants where the model never changes them, and lookup tables.
#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"
#include "importers/savedmodel/state.h"

namespace octet::importers::savedmodel {
namespace {

Result<Value> Read(NodeContext& c) {
  const FlatNode* handle = c.num_inputs() > 0 ? c.builder().Handle(c.node().inputs[0]) : nullptr;
  if (!handle) return c.Fail("a variable", "a handle that is computed", "");
  OCTET_ASSIGN(const Value stored, c.builder().Variable(*handle, c));
  if (!c.builder().session().changed.contains(handle->def->name)) return stored;
  const TensorType type = c.type(stored);
  OCTET_ASSIGN(const Value resource, HandleValue(c.builder(), *handle, DType::kNone, DType::kNone));
  return c.EmitAs("read_variable", std::span(&resource, 1), nullptr, type);
}

Status ConvertRead(NodeContext& c) {
  OCTET_ASSIGN(const Value v, Read(c));
  c.SetOutput(0, v);
  return {};
}

// AssignVariableOp, AssignAddVariableOp, AssignSubVariableOp.
Status ConvertAssign(NodeContext& c) {
  const FlatNode* handle = c.num_inputs() > 1 ? c.builder().Handle(c.node().inputs[0]) : nullptr;
  Value value = c.Input(1);
  if (!handle) return c.Fail("a variable", "a handle that is computed", "");
  if (!value) return {};
  if (!c.builder().session().changed.contains(handle->def->name)) return c.Fail("variables changed outside of loops and branches", "one changed inside", "");
  if (c.kind() != "AssignVariableOp") {
    OCTET_ASSIGN(const Value before, Read(c));
    OCTET_ASSIGN(value, c.Make(c.kind() == "AssignAddVariableOp" ? "add" : "sub", {before, value}));
  }
  OCTET_ASSIGN(const Value resource, HandleValue(c.builder(), *handle, DType::kNone, DType::kNone));
  const ops::OpDef& def = *ops::Find("assign_variable");
  c.builder().graph().AddNode(def, graph::Attributes(def.attrs), {resource.id, value.id}, {}, c.place());
  return {};
}

Status ConvertLookup(NodeContext& c) {
  const FlatNode* table = c.num_inputs() > 2 ? c.builder().Handle(c.node().inputs[0]) : nullptr;
  const Value keys = c.Input(1), otherwise = c.Input(2);
  if (!table) return c.Fail("a table", "a handle that is computed", "");
  if (!keys || !otherwise) return {};
  c.builder().session().tables.emplace(table->def->name, c.node().inputs[0].node);
  const DType key = c.type(keys).dtype, value = c.type(otherwise).dtype;
  if (!((key == DType::kString && value == DType::kI64) || (key == DType::kI64 && value == DType::kString)))
    return c.Fail("a table from text to int64 or back", std::string(Name(key)) + " to " + std::string(Name(value)), "");
  OCTET_ASSIGN(const Value resource, HandleValue(c.builder(), *table, key, value));
  const Value inputs[] = {resource, keys, otherwise};
  OCTET_ASSIGN(const Value y, c.EmitAs("hashtable_find", inputs, nullptr, {value, c.shape(keys), {}}));
  c.SetOutput(0, y);
  return {};
}

Status ConvertGather(NodeContext& c) {
  const Value indices = c.Input(1);
  OCTET_ASSIGN(const Value table, Read(c));
  if (!indices) return {};
  OCTET_ASSIGN(const Value y, c.Make("gather", {table, indices}, {{"axis", 0}, {"batch_dims", c.Int("batch_dims", 0)}}));
  c.SetOutput(0, y);
  return {};
}

constexpr NodeRule kRules[] = {{"ReadVariableOp", ConvertRead}, {"ResourceGather", ConvertGather}, {"AssignVariableOp", ConvertAssign}, {"AssignAddVariableOp", ConvertAssign},
                               {"AssignSubVariableOp", ConvertAssign}, {"LookupTableFindV2", ConvertLookup}, {"LookupTableFind", ConvertLookup}};

}  // namespace

const std::span<const NodeRule> kVariableRules = kRules;

}  // namespace octet::importers::savedmodel
