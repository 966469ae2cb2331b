// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/saved_model.h"

#include <algorithm>
#include <set>

#include "base/file.h"
#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/signature.h"
#include "importers/savedmodel/state.h"

namespace octet::importers::savedmodel {
namespace {

class Import {
 public:
  Import(GraphDef& graph, Variables& variables, const std::map<std::string_view, std::string>& keys, const ImportOptions& options)
      : functions_(graph), session_{functions_, variables, keys, {}, {}, {}, {}, {}, {}, {}, {}, {}}, builder_(session_, 0), options_(options) {}

  Result<graph::Model> Run(const Signature& signature, std::vector<Finding>* findings) {
    OCTET_TRY(AddInputs(signature));
    std::vector<Edge> ends;
    for (const Port& port : signature.outputs) {
      OCTET_ASSIGN(const Edge end, functions_.Resolve(0, port.tensor));
      ends.push_back(end);
    }
    OCTET_TRY(FindChanged(ends));
    OCTET_TRY(builder_.Run(ends));
    OCTET_TRY(AddOutputs(signature, ends));
    if (session_.findings.empty()) OCTET_TRY(AddInitializer(builder_));
    *findings = std::move(session_.findings);
    graph::Model model = builder_.TakeModel();
    model.signatures.push_back(std::move(signature_));
    for (graph::Graph& g : session_.subgraphs) model.subgraphs.push_back(std::move(g));
    if (findings->empty()) OCTET_TRY(graph::LinkCallees(model));
    return model;
  }

 private:
  Result<TensorType> InputType(const Port& port, size_t count) const {
    TensorType type{port.dtype, {}, {}};
    for (const auto& [key, shape] : options_.input_shapes)
      if (key == port.name || (key.empty() && count == 1)) return TensorType{port.dtype, shape, {}};
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
      if (type.dtype == DType::kNone || type.dtype == DType::kResource || type.dtype == DType::kVariant)
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
      if (!found) return Error(Code::kInvalidArgument, "the model has no input '%s'; its first one is '%s'", key.c_str(), signature.inputs.empty() ? "" : signature.inputs[0].name.c_str());
    }
    return {};
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

}  // namespace

Result<graph::Model> ImportFolder(const std::string& path, const ImportOptions& options, std::vector<Finding>* findings) {
  const std::string file_name = path + "/saved_model.pb";
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(file_name));
  OCTET_ASSIGN(MetaGraph meta, ReadSavedModel(file.bytes(), file_name));
  OCTET_ASSIGN(const std::unique_ptr<Variables> variables, Variables::Open(path + "/variables/variables"));
  OCTET_ASSIGN(const auto keys, VariableKeys(meta));
  Functions probe(*meta.graph);
  OCTET_ASSIGN(const Signature signature, ChooseSignature(meta, probe, options.signature));
  return Import(*meta.graph, *variables, keys, options).Run(signature, findings);
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
  return Import(*graph, none, keys, options).Run(signature, findings);
}

}  // namespace octet::importers::savedmodel
