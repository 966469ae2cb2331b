// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/state.h"

#include <algorithm>

namespace octet::importers::savedmodel {
namespace {

template <class T> void SetAttr(const ops::OpDef& def, graph::Attributes& attrs, std::string_view name, T value) {
  for (const ops::AttrRow& row : def.attrs.rows)
    if (row.name == name) *static_cast<T*>(row.at(attrs.get())) = value;
}

graph::NodeId Add(Builder& b, std::string_view op, graph::Attributes attrs, std::vector<Value> in, std::vector<Value> out, graph::NodeId before = -1) {
  std::vector<graph::TensorId> inputs, outputs;
  for (const Value v : in) inputs.push_back(v.id);
  for (const Value v : out) outputs.push_back(v.id);
  return b.graph().AddNode(*ops::Find(op), std::move(attrs), std::move(inputs), std::move(outputs), std::string(op), before);
}

// A table's contents: where they stand in the graph.
struct Contents {
  int32_t region = 0;
  Edge keys, values;
};

Status Missing(const FlatNode& handle) {
  return Error(Code::kUnsupported, "table '%s' has no contents that octet can read; initialise it from tensors", std::string(handle.def->name).c_str());
}

// LookupTableImportV2(table, keys, values), in the main graph or in a function that it calls.
Result<Contents> FindContents(Builder& main, const FlatNode& table) {
  Functions& functions = main.functions();
  const FunctionDef& graph = functions.graph().main();
  const auto matches = [&](const Edge& e) { return e.node >= 0 && &functions.node(e.node) == &table; };
  for (const NodeDef& n : graph.nodes) {
    if (n.op.starts_with("LookupTableImport") && n.inputs.size() >= 3) {
      OCTET_ASSIGN(const Edge handle, functions.Resolve(0, n.inputs[0]));
      if (!matches(handle)) continue;
      Contents found;
      OCTET_ASSIGN(found.keys, functions.Resolve(0, n.inputs[1]));
      OCTET_ASSIGN(found.values, functions.Resolve(0, n.inputs[2]));
      return found;
    }
    OCTET_ASSIGN(const FunctionDef* callee, functions.Callee(n));
    if (!callee || std::ranges::none_of(callee->nodes, [](const NodeDef& m) { return m.op.starts_with("LookupTableImport"); })) continue;
    std::vector<Edge> arguments;
    for (size_t i = 0; i < callee->inputs.size() && i < n.inputs.size(); ++i) {
      OCTET_ASSIGN(Edge e, functions.Resolve(0, n.inputs[i]));
      if (!main.Handle(e)) {
        OCTET_TRY(main.Run({e}));
        const int32_t captured = main.Capture(e);
        e = captured < 0 ? Edge{} : Edge{captured, 0};
      }
      arguments.push_back(e);
    }
    Contents found;
    OCTET_ASSIGN(found.region, functions.OpenRegion(*callee, std::move(arguments)));
    const int32_t frame = functions.FrameOfRegion(found.region);
    for (const NodeDef& m : callee->nodes) {
      if (!m.op.starts_with("LookupTableImport") || m.inputs.size() < 3) continue;
      OCTET_ASSIGN(const Edge handle, functions.Resolve(frame, m.inputs[0]));
      if (!matches(handle)) continue;
      OCTET_ASSIGN(found.keys, functions.Resolve(frame, m.inputs[1]));
      OCTET_ASSIGN(found.values, functions.Resolve(frame, m.inputs[2]));
      return found;
    }
  }
  return Missing(table);
}

// The keys and the values as constants of `to`.
Result<std::vector<Value>> CopyContents(Builder& main, Builder& to, const FlatNode& table) {
  OCTET_ASSIGN(const Contents contents, FindContents(main, table));
  Builder reader(main.session(), contents.region);
  Builder& from = contents.region == 0 ? main : reader;
  OCTET_TRY(from.Run({contents.keys, contents.values}));
  std::vector<Value> constants;
  for (const Edge& e : {contents.keys, contents.values}) {
    const Value v = from.ValueOf(e);
    if (!v || !from.graph().tensor(v.id).constant) return Missing(table);
    const graph::Tensor& t = from.graph().tensor(v.id);
    constants.push_back(to.Constant(t.type, *t.constant, to.UniqueName(t.name)));
  }
  return constants;
}

Status FillTable(Builder& main, Builder& init, const FlatNode& table) {
  OCTET_ASSIGN(const std::vector<Value> constants, CopyContents(main, init, table));
  OCTET_ASSIGN(const Value handle, HandleValue(init, table, init.TypeOf(constants[0]).dtype, init.TypeOf(constants[1]).dtype));
  Add(init, "hashtable_import", graph::Attributes(ops::Find("hashtable_import")->attrs), {handle, constants[0], constants[1]}, {});
  return {};
}

}  // namespace

Result<TableContents> ReadTable(Builder& main, const FlatNode& table) {
  OCTET_ASSIGN(const std::vector<Value> constants, CopyContents(main, main, table));
  return TableContents{constants[0], constants[1]};
}

Result<Value> HandleValue(Builder& b, const FlatNode& handle, DType key, DType value) {
  const bool table = handle.def->op.find("HashTable") != std::string_view::npos;
  const std::string_view op = table ? "hashtable" : "var_handle";
  const ops::OpDef* def = ops::Find(op);
  if (!def) return Error(Code::kUnsupported, "this build has no operator %s", std::string(op).c_str());
  graph::Attributes attrs(def->attrs);
  if (table) {
    SetAttr<int32_t>(*def, attrs, "table_id", b.session().TableId(handle.def->name));
    SetAttr<DType>(*def, attrs, "key_dtype", key);
    SetAttr<DType>(*def, attrs, "value_dtype", value);
  } else {
    const auto name = attrs.Keep<ops::Text>(handle.def->name);
    SetAttr<ops::Text>(*def, attrs, "shared_name", name);
  }
  const Value v{b.graph().AddTensor(b.UniqueName(std::string(handle.def->name)), {DType::kResource, {}, {}})};
  Add(b, op, std::move(attrs), {}, {v});
  return v;
}

Status AddInitializer(Builder& main) {
  Session& session = main.session();
  if (session.changed.empty() && session.tables.empty()) return {};
  Builder init(session, -1);
  init.graph().name = "initialize";
  for (const auto& [name, node] : session.changed) {
    const auto value = session.values.find(session.KeyOf(name));
    if (value == session.values.end()) continue;  // Written, never read: its first value is nobody's.
    const Value constant = init.Constant(value->second.type, *value->second.bytes, init.UniqueName(std::string(name) + "/initial"));
    OCTET_ASSIGN(const Value handle, HandleValue(init, main.functions().node(node), DType::kNone, DType::kNone));
    Add(init, "assign_variable", graph::Attributes(ops::Find("assign_variable")->attrs), {handle, constant}, {});
  }
  for (const auto& [name, node] : session.tables) OCTET_TRY(FillTable(main, init, main.functions().node(node)));
  const int32_t index = main.AddSubgraph(init.TakeModel().subgraphs[0]);
  const ops::OpDef& def = *ops::Find("call_once");
  graph::Attributes attrs(def.attrs);
  for (const ops::AttrRow& row : def.attrs.rows)
    if (row.name == "init_subgraph_index") *static_cast<ops::Subgraph*>(row.at(attrs.get())) = ops::Subgraph{index};
  Add(main, "call_once", std::move(attrs), {}, {}, main.graph().order().empty() ? -1 : main.graph().order().front());
  return {};
}

}  // namespace octet::importers::savedmodel
