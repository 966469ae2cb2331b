// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/state.h"

#include <algorithm>
#include <numeric>

#include "importers/savedmodel/text_table.h"

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

// ------------------------------------------------------------------------------ tables

// The node that fills a table: LookupTableImportV2(table, keys, values) or InitializeTableFromTextFileV2(table, file name), in the
// main graph or in a function that it calls.
struct Filling {
  const NodeDef* node = nullptr;
  int32_t frame = 0, region = 0;
};

bool FromFile(const NodeDef& n) { return n.op.starts_with("InitializeTableFromTextFile"); }

bool Fills(const NodeDef& n) {
  return (n.op.starts_with("LookupTableImport") || n.op.starts_with("InitializeTable")) && n.inputs.size() >= (FromFile(n) ? 2 : 3);
}

Status Missing(const FlatNode& handle) {
  return Error(Code::kUnsupported, "table '%s' has no contents that octet can read; initialise it from tensors or from a text file",
               std::string(handle.def->name).c_str());
}

// The name of a file is kept in a variable, which is assigned once: ReadVariableOp reads it.
Result<Edge> BehindVariable(Functions& functions, const Edge& e) {
  if (e.node < 0 || !functions.node(e.node).def) return e;
  const FlatNode& read = functions.node(e.node);
  if (read.def->op != "ReadVariableOp" || read.def->inputs.empty()) return e;
  const std::string_view variable = read.def->inputs[0];
  OCTET_ASSIGN(const Edge handle, functions.Resolve(read.frame, variable));
  for (const NodeDef& n : functions.graph().main().nodes) {
    if (n.op != "AssignVariableOp" || n.inputs.size() < 2) continue;
    OCTET_ASSIGN(const Edge assigned, functions.Resolve(0, n.inputs[0]));
    if (assigned == handle) return functions.Resolve(0, n.inputs[1]);
  }
  return e;
}

// The node of the main graph that names an asset; null when the edge is none.
const NodeDef* AssetNode(Builder& main, const Edge& e) {
  if (e.node < 0) return nullptr;
  const FlatNode& n = main.functions().node(e.node);
  return n.def && n.frame == 0 && main.session().assets.Has(n.def->name) ? n.def : nullptr;
}

// What a function of the main graph is called with, as far as it is known.
Result<std::vector<Edge>> ArgumentsOf(Builder& main, const NodeDef& call, size_t count) {
  std::vector<Edge> arguments;
  for (size_t i = 0; i < count && i < call.inputs.size(); ++i) {
    OCTET_ASSIGN(Edge e, main.functions().Resolve(0, call.inputs[i]));
    OCTET_ASSIGN(e, BehindVariable(main.functions(), e));
    if (!main.Handle(e) && !AssetNode(main, e)) {
      OCTET_TRY(main.Run({e}));
      const int32_t captured = main.Capture(e);
      e = captured < 0 ? Edge{} : Edge{captured, 0};
    }
    arguments.push_back(e);
  }
  return arguments;
}

Result<Filling> FindFilling(Builder& main, const FlatNode& table) {
  Functions& functions = main.functions();
  const auto fills = [&](const NodeDef& n, int32_t frame) -> Result<bool> {
    if (!Fills(n)) return false;
    OCTET_ASSIGN(const Edge handle, functions.Resolve(frame, n.inputs[0]));
    return handle.node >= 0 && &functions.node(handle.node) == &table;
  };
  for (const NodeDef& n : functions.graph().main().nodes) {
    OCTET_ASSIGN(const bool here, fills(n, 0));
    if (here) return Filling{&n, 0, 0};
    OCTET_ASSIGN(const FunctionDef* callee, functions.Callee(n));
    if (!callee || std::ranges::none_of(callee->nodes, Fills)) continue;
    OCTET_ASSIGN(std::vector<Edge> arguments, ArgumentsOf(main, n, callee->inputs.size()));
    OCTET_ASSIGN(const int32_t region, functions.OpenRegion(*callee, std::move(arguments)));
    const int32_t frame = functions.FrameOfRegion(region);
    for (const NodeDef& m : callee->nodes) {
      OCTET_ASSIGN(const bool inside, fills(m, frame));
      if (inside) return Filling{&m, frame, region};
    }
  }
  return Missing(table);
}

Result<std::vector<Value>> FromTextFile(Builder& main, Builder& to, const FlatNode& table, const Filling& filling) {
  OCTET_ASSIGN(Edge file, main.functions().Resolve(filling.frame, filling.node->inputs[1]));
  OCTET_ASSIGN(file, BehindVariable(main.functions(), file));
  const NodeDef* asset = AssetNode(main, file);
  if (!asset)
    return Error(Code::kUnsupported, "table '%s' is read from a file that is not among the SavedModel's assets; save it as a SavedModel with the file",
                 std::string(table.def->name).c_str());
  OCTET_ASSIGN(const std::string path, main.session().assets.Path(asset->name));
  OCTET_ASSIGN(const TextTable text, ReadTextTable(path, *filling.node, *table.def));
  std::vector<Value> constants;
  for (const TextTable::Column* column : {&text.keys, &text.values})
    constants.push_back(to.Constant(column->type, column->bytes, to.UniqueName(std::string(table.def->name))));
  return constants;
}

Result<std::vector<Value>> FromTensors(Builder& main, Builder& to, const FlatNode& table, const Filling& filling) {
  OCTET_ASSIGN(const Edge keys, main.functions().Resolve(filling.frame, filling.node->inputs[1]));
  OCTET_ASSIGN(const Edge values, main.functions().Resolve(filling.frame, filling.node->inputs[2]));
  Builder reader(main.session(), filling.region);
  Builder& from = filling.region == 0 ? main : reader;
  OCTET_TRY(from.Run({keys, values}));
  std::vector<Value> constants;
  for (const Edge& e : {keys, values}) {
    const Value v = from.ValueOf(e);
    if (!v || !from.graph().tensor(v.id).constant) return Missing(table);
    const graph::Tensor& t = from.graph().tensor(v.id);
    constants.push_back(to.Constant(t.type, *t.constant, to.UniqueName(t.name)));
  }
  return constants;
}

// The keys and the values as constants of `to`.
Result<std::vector<Value>> CopyContents(Builder& main, Builder& to, const FlatNode& table) {
  OCTET_ASSIGN(const Filling filling, FindFilling(main, table));
  return FromFile(*filling.node) ? FromTextFile(main, to, table, filling) : FromTensors(main, to, table, filling);
}

Status FillTable(Builder& main, Builder& init, const FlatNode& table) {
  OCTET_ASSIGN(std::vector<Value> constants, CopyContents(main, init, table));
  if (init.TypeOf(constants[0]).dtype == DType::kString && init.TypeOf(constants[1]).dtype != DType::kI64) {
    std::vector<int64_t> rows(static_cast<size_t>(init.TypeOf(constants[0]).shape.elements()));
    std::iota(rows.begin(), rows.end(), int64_t{0});
    constants[1] = init.Constant({DType::kI64, Shape{static_cast<int32_t>(rows.size())}, {}}, std::as_bytes(std::span(rows)), init.UniqueName("rows"));
  }
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
    const std::string& key = session.KeyOf(name);
    if (!session.values.contains(key)) continue;  // Written, never read: its first value is nobody's.
    OCTET_ASSIGN(Captured value, ReadVariable(session, key, std::string(name)));
    const Value constant = init.Constant(value.type, std::move(value.bytes), init.UniqueName(std::string(name) + "/initial"));
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
