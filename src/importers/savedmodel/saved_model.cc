// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/saved_model.h"

#include <algorithm>
#include <set>

#include "base/file.h"
#include "importers/given_shape.h"
#include "importers/keras/json.h"
#include "importers/savedmodel/branches.h"
#include "importers/savedmodel/builder.h"
#include "importers/lowerings/fake_quant.h"
#include "importers/savedmodel/signature.h"
#include "importers/savedmodel/state.h"

namespace octet::importers::savedmodel {
namespace {

class Import {
 public:
  Import(GraphDef& graph, Variables& variables, const std::map<std::string_view, std::string>& keys, Assets assets, const ImportOptions& options)
      : functions_(graph),
        session_{.functions = functions_, .variables = variables, .keys = keys, .flex = options.flex, .assets = std::move(assets)},
        builder_(session_, 0),
        options_(options) {}

  // Names of the variables that the signature changes.
  Result<std::set<std::string, std::less<>>> Changed(const Signature& signature) {
    std::vector<Edge> ends;
    OCTET_TRY(FindEnds(signature, &ends));
    std::set<std::string, std::less<>> names;
    for (const auto& [name, node] : session_.changed) names.emplace(name);
    return names;
  }

  // `changed`: variables that some signature of the model changes.
  Result<graph::Model> Run(const Signature& signature, const std::set<std::string, std::less<>>& changed, std::vector<Finding>* findings) {
    session_.changed_elsewhere = changed;
    OCTET_TRY(AddInputs(signature));
    std::vector<Edge> ends;
    OCTET_TRY(FindEnds(signature, &ends));
    OCTET_TRY(builder_.Run(ends));
    OCTET_TRY(AddOutputs(signature, ends));
    if (session_.findings.empty()) OCTET_TRY(AddInitializer(builder_));
    for (Finding& f : session_.findings) findings->push_back(std::move(f));
    graph::Model model = builder_.TakeModel();
    if (session_.fake_quantized) {
      GiveGrids(model.main());
      GiveFixedScales(model.main());
    }
    model.signatures.push_back(std::move(signature_));
    for (graph::Graph& g : session_.subgraphs) model.subgraphs.push_back(std::move(g));
    if (findings->empty()) SinkIntoBranches(model);
    if (findings->empty()) OCTET_TRY(graph::LinkCallees(model));
    return model;
  }

 private:
  Result<TensorType> InputType(const Port& port, size_t count) const {
    TensorType type{port.dtype, {}, {}};
    for (const auto& [key, shape] : options_.input_shapes)
      if (key == port.name || (key.empty() && count == 1)) {
        if (port.shape.known_rank) OCTET_TRY(CheckGiven(port.name, port.shape.dims.size(), shape));
        return TensorType{port.dtype, shape, {}};
      }
    if (!port.shape.known_rank)
      return Error(Code::kUnsupported, "input '%s' has no shape in the file; give it with --input %s:1,...", port.name.c_str(), port.name.c_str());
    OCTET_ASSIGN(type.shape, ToShape(port.shape, port.name));
    return type;
  }

  Status AddInputs(const Signature& signature) {
    signature_.key = signature.key;
    for (size_t i = 0; i < signature.inputs.size(); ++i) {
      const Port& port = signature.inputs[i];
      OCTET_ASSIGN(TensorType type, InputType(port, signature.inputs.size()));
      if (type.dtype == DType::kResource)
        return Error(Code::kUnsupported,
                     "input '%s' is the handle of a table or variable, whose contents are not in the file; convert the SavedModel that it was frozen from",
                     port.name.c_str());
      if (type.dtype == DType::kNone || type.dtype == DType::kVariant)
        return Error(Code::kUnsupported, "input '%s' has an element type that .tflite does not know", port.name.c_str());
      Value v = builder_.AddInput(port.name, type);
      signature_.inputs.push_back({port.name, v.id});
      functions_.SetInput(port.tensor.substr(0, port.tensor.find(':')), static_cast<int32_t>(i));
      OCTET_ASSIGN(v, Cast(v, ComputeType(type.dtype)));
      builder_.SetArgument(i, v);
    }
    for (const auto& [key, shape] : options_.input_shapes) {
      bool found = key.empty() && signature.inputs.size() == 1;
      for (const Port& port : signature.inputs) found |= key == port.name;
      if (!found)
        return Error(Code::kInvalidArgument, "the model has no input '%s'; its first one is '%s'", key.c_str(),
                     signature.inputs.empty() ? "" : signature.inputs[0].name.c_str());
    }
    return {};
  }

  Status FindEnds(const Signature& signature, std::vector<Edge>* ends) {
    for (const Port& port : signature.outputs) {
      OCTET_ASSIGN(const Edge end, functions_.Resolve(0, port.tensor));
      ends->push_back(end);
    }
    return FindChanged(*ends);
  }

  // Variables that nodes of the main graph write; written in a loop, they are refused there.
  Status FindChanged(const std::vector<Edge>& ends) {
    OCTET_ASSIGN(const std::vector<int32_t> order, functions_.Order(0, ends));
    for (const int32_t id : order) {
      const FlatNode& n = functions_.node(id);
      if (!HasSideEffect(n.def->op) || n.inputs.empty()) continue;
      if (const FlatNode* handle = builder_.Handle(n.inputs[0])) session_.changed.emplace(handle->def->name, n.inputs[0].node);
    }
    return {};
  }

  Status AddOutputs(const Signature& signature, const std::vector<Edge>& ends) {
    for (size_t i = 0; i < ends.size(); ++i) {
      const Port& port = signature.outputs[i];
      Value v = builder_.ValueOf(ends[i]);
      if (!v) {
        builder_.ReportFailure(ends[i]);
        if (session_.findings.empty()) return Error(Code::kUnsupported, "output '%s' is nothing that .tflite can give: no tensor", port.name.c_str());
        continue;
      }
      if (ComputeType(port.dtype) != port.dtype) {
        OCTET_ASSIGN(v, Cast(v, port.dtype));
      }
      builder_.graph().outputs.push_back(v.id);
      signature_.outputs.push_back({port.name, v.id});
    }
    return {};
  }

  Result<Value> Cast(Value v, DType dtype) {
    graph::Graph& g = builder_.graph();
    const TensorType type = g.tensor(v.id).type;
    if (type.dtype == dtype) return v;
    const Value y{g.AddTensor(builder_.UniqueName(g.tensor(v.id).name + "/cast"), {dtype, type.shape, {}})};
    const ops::OpDef* def = ops::Find("cast");
    g.AddNode(*def, graph::Attributes(def->attrs), {v.id}, {y.id}, g.tensor(v.id).name);
    return y;
  }

  Functions functions_;
  Session session_;
  Builder builder_;
  const ImportOptions& options_;
  graph::Signature signature_;
};

// ------------------------------------------------------------------------------ Keras' order
// tf_keras keeps its models' configurations beside the graph; the traced function has lost the outputs' order, which a
// map sorts by name.

// SavedMetadata{nodes = 1: SavedObject{node_path = 3, metadata = 5}}; the root's metadata, as JSON.
std::string_view RootMetadata(Bytes file) {
  data::WireReader nodes(file);
  data::WireField node;
  while (nodes.Next(&node)) {
    if (node.number != 1 || node.kind != data::WireField::Kind::kBytes) continue;
    data::WireReader fields(node.bytes);
    data::WireField f;
    std::string_view path, metadata;
    while (fields.Next(&f)) {
      if (f.number == 3 && f.kind == data::WireField::Kind::kBytes) path = f.as_text();
      if (f.number == 5 && f.kind == data::WireField::Kind::kBytes) metadata = f.as_text();
    }
    if (path == "root") return metadata;
  }
  return {};
}

// Ports in the order of a model's layers; as they were where the names are not those of the layers.
void Reorder(const keras::Json& layers, std::vector<Port>* ports) {
  std::vector<Port> sorted;
  for (const keras::Json& layer : layers.items()) {
    const std::string& name = layer.is_list() ? layer[size_t{0}].text() : layer.text();
    const auto at = std::ranges::find(*ports, name, &Port::name);
    if (at == ports->end() || std::ranges::find(sorted, name, &Port::name) != sorted.end()) return;
    sorted.push_back(*at);
  }
  if (sorted.size() == ports->size()) *ports = std::move(sorted);
}

void OrderAsKeras(const std::string& folder, Signature* signature) {
  const Result<MappedFile> file = MappedFile::Open(folder + "/keras_metadata.pb");
  if (!file.ok() || signature->key != "serving_default") return;
  const Result<keras::Json> json = keras::Json::Parse(RootMetadata(file->bytes()), folder);
  if (!json.ok()) return;  // A hint, no more.
  Reorder((*json)["config"]["output_layers"], &signature->outputs);
}

// ------------------------------------------------------------------------ several signatures

template <class F> void ForSubgraphs(graph::Graph& g, const F& change) {
  for (const graph::NodeId id : g.order())
    for (const ops::AttrRow& row : g.node(id).op->attrs.rows)
      if (row.kind == ops::AttrKind::kSubgraph) change(g.node(id), static_cast<int32_t*>(row.at(g.node(id).attrs.get())));
}

// The subgraph that fills variables and tables is one for all signatures: each is filled once, whichever runs first.
class Initializer {
 public:
  bool empty() const { return graph_.num_nodes() == 0; }
  void Add(const graph::Graph& g) {
    std::map<graph::TensorId, graph::TensorId> here;
    std::map<graph::TensorId, std::string> handles;
    const auto tensor = [&](graph::TensorId t) {
      if (const auto it = here.find(t); it != here.end()) return it->second;
      const graph::Tensor& old = g.tensor(t);
      return here[t] = old.constant ? graph_.AddConstant(old.name, old.type, old.constant) : graph_.AddTensor(old.name, old.type);
    };
    for (const graph::NodeId id : g.order()) {
      const graph::Node& n = g.node(id);
      if (n.inputs.empty()) {  // A handle; by what it names.
        handles[n.outputs[0]] = Key(n);
        if (filled_.contains(handles[n.outputs[0]])) continue;
      } else {
        const std::string& key = handles[n.inputs[0]];
        if (!filled_.insert(key).second) continue;
      }
      std::vector<graph::TensorId> in, out;
      for (const graph::TensorId t : n.inputs) in.push_back(tensor(t));
      for (const graph::TensorId t : n.outputs) out.push_back(tensor(t));
      graph_.AddNode(*n.op, n.attrs, std::move(in), std::move(out), n.place);
    }
  }
  graph::Graph Take() {
    graph_.name = "initialize";
    return std::move(graph_);
  }

 private:
  static std::string Key(graph::Node n) {
    std::string key(n.op->name);
    for (const ops::AttrRow& row : n.op->attrs.rows) {
      if (row.name == "shared_name") {
        const auto& text = *static_cast<ops::Text*>(row.at(n.attrs.get()));
        key += "/" + std::string(text.data, text.count);
      }
      if (row.name == "table_id") key += "/" + std::to_string(*static_cast<int32_t*>(row.at(n.attrs.get())));
    }
    return key;
  }
  graph::Graph graph_;
  std::set<std::string> filled_;
};

// Models of one signature each as one model.
graph::Model Merged(std::vector<graph::Model> models) {
  graph::Model all;
  Initializer initializer;
  for (graph::Model& m : models) {
    const auto base = static_cast<int32_t>(all.subgraphs.size());
    for (graph::Graph& g : m.subgraphs) {
      ForSubgraphs(g, [&](const graph::Node&, int32_t* index) { *index += base; });
      if (g.name == "initialize") initializer.Add(g);
    }
    for (graph::Signature& s : m.signatures) {
      s.subgraph += base;
      all.signatures.push_back(std::move(s));
    }
    m.subgraphs[0].name = base == 0 ? m.subgraphs[0].name : all.signatures.back().key;
    for (graph::Graph& g : m.subgraphs) all.subgraphs.push_back(std::move(g));
  }
  if (initializer.empty()) return all;
  all.subgraphs.push_back(initializer.Take());
  const auto last = static_cast<int32_t>(all.subgraphs.size()) - 1;
  for (graph::Graph& g : all.subgraphs)
    ForSubgraphs(g, [&](const graph::Node& n, int32_t* index) { *index = n.op->name == "call_once" ? last : *index; });
  return all;
}

// Subgraphs that nothing calls any more are left out.
void DropUncalled(graph::Model& model) {
  std::vector<bool> used(model.subgraphs.size(), false);
  for (const graph::Signature& s : model.signatures) used[static_cast<size_t>(s.subgraph)] = true;
  for (bool more = true; more;) {
    more = false;
    for (size_t i = 0; i < used.size(); ++i) {
      if (!used[i]) continue;
      ForSubgraphs(model.subgraphs[i], [&](const graph::Node&, int32_t* index) {
        if (used[static_cast<size_t>(*index)]) return;
        used[static_cast<size_t>(*index)] = true;
        more = true;
      });
    }
  }
  std::vector<int32_t> place(used.size(), -1);
  std::vector<graph::Graph> kept;
  for (size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) continue;
    place[i] = static_cast<int32_t>(kept.size());
    kept.push_back(std::move(model.subgraphs[i]));
  }
  model.subgraphs = std::move(kept);
  for (graph::Graph& g : model.subgraphs) ForSubgraphs(g, [&](const graph::Node&, int32_t* index) { *index = place[static_cast<size_t>(*index)]; });
  for (graph::Signature& s : model.signatures) s.subgraph = place[static_cast<size_t>(s.subgraph)];
}

}  // namespace

Result<graph::Model> ImportFolder(const std::string& path, const ImportOptions& options, std::vector<Finding>* findings) {
  const std::string file_name = path + "/saved_model.pb";
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(file_name));
  OCTET_ASSIGN(MetaGraph meta, ReadSavedModel(file.bytes(), file_name));
  OCTET_ASSIGN(const std::unique_ptr<Variables> variables, Variables::Open(path + "/variables/variables"));
  OCTET_ASSIGN(const auto keys, VariableKeys(meta));
  const Assets assets{path, meta.assets};
  Functions probe(*meta.graph);
  std::vector<std::string> wanted = {options.signature};
  if (options.signature.empty()) {
    OCTET_ASSIGN(wanted, SignatureKeys(meta, probe));
  }
  // Shapes are given for one signature.
  if (wanted.empty() || !options.input_shapes.empty()) wanted.resize(1);
  std::vector<Signature> signatures;
  std::set<std::string, std::less<>> changed;
  for (const std::string& key : wanted) {
    OCTET_ASSIGN(Signature signature, ChooseSignature(meta, probe, key));
    OrderAsKeras(path, &signature);
    signatures.push_back(std::move(signature));
    if (wanted.size() == 1) break;
    Import scout(*meta.graph, *variables, keys, assets, options);
    OCTET_ASSIGN(const auto names, scout.Changed(signatures.back()));
    changed.insert(names.begin(), names.end());
  }
  std::vector<graph::Model> models;
  for (const Signature& signature : signatures) {
    OCTET_ASSIGN(graph::Model model, Import(*meta.graph, *variables, keys, assets, options).Run(signature, changed, findings));
    models.push_back(std::move(model));
  }
  if (models.size() == 1 || !findings->empty()) return std::move(models[0]);
  graph::Model all = Merged(std::move(models));
  DropUncalled(all);
  OCTET_TRY(graph::LinkCallees(all));
  return all;
}

bool IsGraph(std::span<const std::byte> bytes) {
  data::WireReader reader(bytes);
  data::WireField field;
  if (!reader.Next(&field) || field.number != 1 || field.kind != data::WireField::Kind::kBytes) return false;
  const Result<NodeDef> node = ReadNode(field.bytes);
  return node.ok() && !node->name.empty() && !node->op.empty();
}

Result<graph::Model> ImportGraph(const std::string& path, const ImportOptions& options, std::vector<Finding>* findings) {
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path));
  OCTET_ASSIGN(const std::unique_ptr<GraphDef> graph, GraphDef::Read(file.bytes(), path));
  Variables none;
  const std::map<std::string_view, std::string> keys;
  OCTET_ASSIGN(const Signature signature, SignatureOfGraph(*graph));
  return Import(*graph, none, keys, {}, options).Run(signature, {}, findings);
}

}  // namespace octet::importers::savedmodel
