// SPDX-License-Identifier: Apache-2.0
// Tensor ids are the file's tensor indices. Shapes are those of the signature (unknown dimensions stay
// unknown), inferred again from the inputs, because converters leave stale ones inside the graph.
#include "importers/tflite/tflite.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "importers/given_shape.h"
#include "ops/flex_util.h"
#include "tflite/view.h"

namespace octet::importers::tflite {
namespace {

using graph::Graph;
using octet::tflite::OperatorInfo;
using octet::tflite::SubgraphInfo;
using octet::tflite::TensorInfo;
using octet::tflite::View;

// Tensors that share bytes in the file share them in the graph.
class Buffers {
 public:
  explicit Buffers(const MappedFile* file) : file_(file) {}
  graph::Buffer Of(std::span<const std::byte> bytes) {
    graph::Buffer& buffer = made_[{bytes.data(), bytes.size()}];
    if (!buffer) {
      buffer = graph::MakeBuffer(bytes);
      if (file_) file_->Release(bytes);
    }
    return buffer;
  }

 private:
  const MappedFile* const file_;
  std::map<std::pair<const std::byte*, size_t>, graph::Buffer> made_;
};

std::string PlaceOf(const SubgraphInfo& g, const OperatorInfo& op) {
  return op.outputs.empty() ? std::string() : std::string(g.tensors[static_cast<size_t>(op.outputs[0])].name);
}

constexpr std::string_view kFlex = "Flex";

bool IsFlex(const OperatorInfo& op) { return !op.op && !op.lacks && op.code_name.starts_with(kFlex); }

// TensorFlow's own operators go to `flex`, if any: they stay what they are.
void FindMissing(const View& view, std::vector<Finding>* flex, std::vector<Finding>* findings) {
  std::map<std::pair<std::string, std::string>, std::pair<int, std::string>> missing;  // Kind, reason -> uses, first place.
  for (const SubgraphInfo& g : view.subgraphs()) {
    for (const OperatorInfo& op : g.operators) {
      if (op.op) continue;
      if (IsFlex(op)) {
        const std::string place = PlaceOf(g, op), kind(op.code_name.substr(kFlex.size()));
        (flex ? flex : findings)->push_back({place, kind, place, "octet lacks this operator of TensorFlow's", ""});
        continue;
      }
      const char* reason = op.lacks ? op.lacks : "the operator";
      auto& [uses, place] = missing[{std::string(op.code_name), reason}];
      if (uses++ == 0) place = PlaceOf(g, op);
    }
  }
  for (const auto& [what, where] : missing)
    findings->push_back({where.second, what.first, where.second, Format("octet lacks %s (%d uses)", what.second.c_str(), where.first), ""});
}

Graph ImportSubgraph(const SubgraphInfo& info, Buffers& buffers) {
  Graph g;
  g.name = info.name;
  for (const TensorInfo& t : info.tensors) {
    const TensorType type{t.type.dtype, t.has_constant ? t.type.shape : t.signature, t.type.quant};
    if (t.has_constant) g.AddConstant(std::string(t.name), type, buffers.Of(t.constant));
    else g.tensor(g.AddTensor(std::string(t.name), type)).is_variable = t.is_variable;
  }
  const auto list = [](std::span<const int32_t> ids) { return std::vector<graph::TensorId>(ids.begin(), ids.end()); };
  for (const OperatorInfo& op : info.operators) {
    const ops::OpDef& def = op.op ? *op.op : ops::FlexOp(op.code_name);
    const graph::Attributes attributes = op.op ? graph::Attributes(def.attrs, op.attributes.data()) : graph::Attributes(def.attrs);
    const graph::NodeId id = g.AddNode(def, attributes, list(op.inputs), list(op.outputs), PlaceOf(info, op));
    g.node(id).intermediates = list(op.intermediates);
    g.node(id).custom_options.assign(op.custom_options.begin(), op.custom_options.end());
  }
  g.inputs = info.inputs;
  g.outputs = info.outputs;
  return g;
}

graph::Signature ImportSignature(const octet::tflite::SignatureInfo& s) {
  graph::Signature out{std::string(s.key), {}, {}, s.subgraph};
  for (const auto& e : s.inputs) out.inputs.push_back({std::string(e.name), e.tensor});
  for (const auto& e : s.outputs) out.outputs.push_back({std::string(e.name), e.tensor});
  return out;
}

Status SetInputShapes(const ImportOptions& options, Graph& g) {
  for (const auto& [name, shape] : options.input_shapes) {
    const bool only = name.empty() && g.inputs.size() == 1;
    const auto at = std::ranges::find_if(g.inputs, [&](graph::TensorId t) { return only || g.tensor(t).name == name; });
    if (at == g.inputs.end()) {
      std::string names;
      for (graph::TensorId t : g.inputs) names += (names.empty() ? "'" : ", '") + g.tensor(t).name + "'";
      return Error(Code::kInvalidArgument, "there is no input '%s'; the model has %s", name.c_str(), names.c_str());
    }
    Shape& old = g.tensor(*at).type.shape;
    OCTET_TRY(CheckGiven(g.tensor(*at).name, static_cast<size_t>(old.rank()), shape));
    old = shape;
  }
  return {};
}

}  // namespace

bool Is(std::span<const std::byte> bytes) { return bytes.size() >= 8 && std::memcmp(bytes.data() + 4, "TFL3", 4) == 0; }

Result<graph::Model> Import(std::span<const std::byte> bytes, const ImportOptions& options, std::vector<Finding>* findings, const MappedFile* file) {
  OCTET_ASSIGN(const View view, View::Open(bytes));
  graph::Model model;
  FindMissing(view, options.flex, findings);
  if (!findings->empty()) return model;
  model.description = view.description();
  Buffers buffers(file);
  for (const SubgraphInfo& g : view.subgraphs()) model.subgraphs.push_back(ImportSubgraph(g, buffers));
  for (const auto& s : view.signatures()) model.signatures.push_back(ImportSignature(s));
  for (const auto& m : view.metadata()) model.metadata[std::string(m.name)].assign(m.bytes.begin(), m.bytes.end());
  OCTET_TRY(SetInputShapes(options, model.main()));
  OCTET_TRY(graph::InferModel(model));
  OCTET_TRY(graph::Verify(model));
  return model;
}

}  // namespace octet::importers::tflite
