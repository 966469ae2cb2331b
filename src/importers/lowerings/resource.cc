// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/resource.h"

namespace octet::importers {
namespace {

template <class T> void Set(const ops::OpDef& def, graph::Attributes& attrs, std::string_view name, T value) {
  for (const ops::AttrRow& row : def.attrs.rows)
    if (row.name == name) *static_cast<T*>(row.at(attrs.get())) = value;
}

Value AddHandle(Lowering& c, std::string_view op, graph::Attributes attrs) {
  Construction& k = c.construction();
  const Value v{k.graph().AddTensor(k.UniqueName(c.place() + "/" + std::string(op)), {DType::kResource, {}, {}})};
  k.graph().AddNode(*ops::Find(op), std::move(attrs), {}, {v.id}, c.place());
  return v;
}

}  // namespace

Result<Value> AddVariableHandle(Lowering& c, const std::string& name) {
  const ops::OpDef* def = ops::Find("var_handle");
  if (!def) return c.Fail("the operator var_handle", "a build without it", "");
  graph::Attributes attrs(def->attrs);
  const auto text = attrs.Keep<ops::Text>(std::string_view(name));
  Set<ops::Text>(*def, attrs, "shared_name", text);
  return AddHandle(c, "var_handle", std::move(attrs));
}

Result<Value> AddTableHandle(Lowering& c, int32_t id, DType key, DType value) {
  const ops::OpDef* def = ops::Find("hashtable");
  if (!def) return c.Fail("the operator hashtable", "a build without it", "");
  graph::Attributes attrs(def->attrs);
  Set<int32_t>(*def, attrs, "table_id", id);
  Set<DType>(*def, attrs, "key_dtype", key);
  Set<DType>(*def, attrs, "value_dtype", value);
  return AddHandle(c, "hashtable", std::move(attrs));
}

void AddEffect(Lowering& c, std::string_view op, std::initializer_list<Value> inputs) {
  const ops::OpDef& def = *ops::Find(op);
  std::vector<graph::TensorId> in;
  for (const Value v : inputs) in.push_back(v.id);
  c.construction().graph().AddNode(def, graph::Attributes(def.attrs), std::move(in), {}, c.place());
}

Status AddInitializer(Lowering& c, const std::function<Status()>& fill) {
  Construction& k = c.construction();
  k.OpenSubgraph(c.place() + "/initialize");
  OCTET_TRY(fill());
  const int32_t index = k.CloseSubgraph();
  OCTET_ASSIGN(const std::vector<Value> none, k.CallSubgraphs("call_once", std::span(&index, 1), {}, {}, c.place()));
  (void)none;
  return {};
}

Result<Value> KeptState::Read() {
  OCTET_TRY(AddInitializer(c_, [this]() -> Status {
    const std::vector<std::byte> zeros(static_cast<size_t>(type_.shape.elements()) * static_cast<size_t>(BitsOf(type_.dtype)) / 8);
    const Value initial = c_.Constant(type_, zeros);
    OCTET_ASSIGN(const Value handle, AddVariableHandle(c_, name_));
    AddEffect(c_, "assign_variable", {handle, initial});
    return {};
  }));
  OCTET_ASSIGN(const Value handle, AddVariableHandle(c_, name_));
  OCTET_ASSIGN(const Value v, c_.EmitAs("read_variable", std::span(&handle, 1), nullptr, type_));
  c_.construction().Refine(v, type_);  // Nothing else is ever assigned.
  return v;
}

Status KeptState::Write(Value after) {
  OCTET_ASSIGN(const Value handle, AddVariableHandle(c_, name_));
  AddEffect(c_, "assign_variable", {handle, after});
  return {};
}

}  // namespace octet::importers
