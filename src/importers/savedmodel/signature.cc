// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/signature.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

namespace octet::importers::savedmodel {
namespace {

std::string_view NodePart(std::string_view tensor) { return tensor.substr(0, tensor.find(':')); }

int64_t IndexPart(std::string_view tensor) {
  const size_t colon = tensor.rfind(':');
  int64_t index = 0;
  if (colon != std::string_view::npos) std::from_chars(tensor.data() + colon + 1, tensor.data() + tensor.size(), index);
  return index;
}

// "out10" after "out9".
std::pair<std::string, int64_t> Natural(const std::string& name) {
  const size_t digits = name.find_last_not_of("0123456789") + 1;
  int64_t number = -1;
  if (digits < name.size() && name.size() - digits < 18) std::from_chars(name.data() + digits, name.data() + name.size(), number);
  return {name.substr(0, digits), number};
}

// Where input `arg` of the wrapper goes: its position among the arguments of the one call inside; -1 when it does not.
int64_t PositionInside(const FunctionDef& wrapper, const NodeDef& call, std::string_view arg) {
  std::string at(arg);
  for (int step = 0; step < 8; ++step) {
    for (size_t i = 0; i < call.inputs.size(); ++i)
      if (call.inputs[i] == at) return static_cast<int64_t>(i);
    // Not passed as it is: perhaps through an Identity.
    const NodeDef* next = nullptr;
    for (const NodeDef& n : wrapper.nodes)
      if (n.op == "Identity" && !n.inputs.empty() && n.inputs[0] == at) next = &n;
    if (!next) return -1;
    at = std::string(next->name) + ":output:0";
  }
  return -1;
}

const NodeDef* OnlyCall(const FunctionDef& f) {
  const NodeDef* call = nullptr;
  for (const NodeDef& n : f.nodes) {
    if (n.op != "StatefulPartitionedCall" && n.op != "PartitionedCall") continue;
    if (call) return nullptr;
    call = &n;
  }
  return call;
}

// Output of the inner call behind the wrapper's output k; large when it is none.
int64_t OutputInside(const FunctionDef& wrapper, const NodeDef& inner, size_t k) {
  constexpr int64_t kNone = INT64_MAX;
  if (k >= wrapper.outputs.size()) return kNone;
  const auto ret = wrapper.ret.find(wrapper.outputs[k].name);
  if (ret == wrapper.ret.end()) return kNone;
  std::string_view tensor = ret->second;
  for (int step = 0; step < 8; ++step) {
    const auto it = wrapper.by_name.find(NodePart(tensor));
    if (it == wrapper.by_name.end()) return kNone;
    const NodeDef& node = wrapper.nodes[it->second];
    if (&node == &inner) return IndexPart(tensor);
    if (node.op != "Identity" || node.inputs.empty()) return kNone;
    tensor = node.inputs[0];
  }
  return kNone;
}

struct Ranked {
  Port port;
  std::tuple<int64_t, int64_t, std::pair<std::string, int64_t>> rank;
};

std::vector<Port> Sorted(std::vector<Ranked> ranked) {
  std::ranges::stable_sort(ranked, {}, &Ranked::rank);
  std::vector<Port> ports;
  for (Ranked& r : ranked) ports.push_back(std::move(r.port));
  return ports;
}

// The tensors that a ragged or sparse one consists of are numbered behind the first: "words", "words_1", as TensorFlow names a function's inputs.
Port MakePort(const TensorInfo& info, const std::vector<TensorInfo>& all) {
  std::string name(info.key);
  if (info.component > 0) {
    name += "_" + std::to_string(info.component);
    while (std::ranges::any_of(all, [&](const TensorInfo& other) { return other.key == name; })) name += "_1";
  }
  return {std::move(name), info.tensor, DTypeFromTf(info.type), info.shape};
}

}  // namespace

Result<Signature> ChooseSignature(MetaGraph& meta, Functions& functions, const std::string& wanted) {
  const SignatureDef* chosen = nullptr;
  std::string names;
  for (const SignatureDef& s : meta.signatures) {
    if (s.key == "__saved_model_init_op") continue;
    names += (names.empty() ? "'" : ", '") + std::string(s.key) + "'";
    if (wanted.empty() ? s.key == "serving_default" || !chosen : s.key == wanted) chosen = &s;
  }
  if (!chosen && !wanted.empty())
    return Error(Code::kInvalidArgument, "the model has no signature '%s'; it has %s", wanted.c_str(), names.empty() ? "none" : names.c_str());
  if (!chosen) return Error(Code::kUnsupported, "'%s' has no signature; save the model with signatures=...", meta.graph->path().c_str());
  const FunctionDef& main = meta.graph->main();
  // TF2 wraps: placeholders -> call of a wrapper -> call of the function that was saved.
  const NodeDef* outer = chosen->outputs.empty() ? nullptr : functions.FindNode(0, NodePart(chosen->outputs[0].tensor));
  const FunctionDef* wrapper = nullptr;
  if (outer) {
    OCTET_ASSIGN(wrapper, functions.Callee(*outer));
  }
  const NodeDef* inner = wrapper ? OnlyCall(*wrapper) : nullptr;
  Signature signature{std::string(chosen->key), {}, {}};
  std::vector<Ranked> inputs, outputs;
  for (const TensorInfo& info : chosen->inputs) {
    int64_t outside = INT64_MAX, inside = INT64_MAX;
    const std::string_view node = NodePart(info.tensor);
    if (wrapper) {
      const auto at = std::ranges::find(outer->inputs, node);
      if (at != outer->inputs.end()) outside = at - outer->inputs.begin();
      if (inner && outside < static_cast<int64_t>(wrapper->inputs.size())) {
        const int64_t position = PositionInside(*wrapper, *inner, wrapper->inputs[static_cast<size_t>(outside)].name);
        if (position >= 0) inside = position;
      }
    } else if (const auto it = main.by_name.find(node); it != main.by_name.end()) {
      outside = static_cast<int64_t>(it->second);
    }
    inputs.push_back({MakePort(info, chosen->inputs), {inside, outside, Natural(std::string(info.key))}});
  }
  for (const TensorInfo& info : chosen->outputs) {
    const int64_t k = wrapper ? IndexPart(info.tensor) : 0;
    const int64_t inside = inner ? OutputInside(*wrapper, *inner, static_cast<size_t>(k)) : 0;
    outputs.push_back({MakePort(info, chosen->outputs), {inside, k, Natural(std::string(info.key))}});
  }
  signature.inputs = Sorted(std::move(inputs));
  signature.outputs = Sorted(std::move(outputs));
  return signature;
}

Result<std::vector<std::string>> SignatureKeys(MetaGraph& meta, Functions& functions) {
  struct Entry {
    std::string key;
    std::string_view inner;
    int64_t rank = 0;  // Wrappers are numbered as they are made: "__inference_signature_wrapper_f_57".
  };
  std::vector<Entry> entries;
  for (const SignatureDef& s : meta.signatures) {
    if (s.key == "__saved_model_init_op" || s.outputs.empty()) continue;
    Entry e{std::string(s.key), {}, INT64_MAX};
    const NodeDef* outer = functions.FindNode(0, NodePart(s.outputs[0].tensor));
    const FunctionDef* wrapper = nullptr;
    if (outer) {
      OCTET_ASSIGN(wrapper, functions.Callee(*outer));
    }
    if (wrapper) {
      e.rank = Natural(std::string(wrapper->name)).second;
      const NodeDef* inner = OnlyCall(*wrapper);
      e.inner = inner ? inner->Function("f") : std::string_view();
    }
    if (s.key == "serving_default") e.rank = -1;
    entries.push_back(std::move(e));
  }
  std::ranges::stable_sort(entries, {}, [](const Entry& e) { return std::pair(e.rank, e.key); });
  std::vector<std::string> keys;
  for (size_t i = 0; i < entries.size(); ++i) {
    bool again = false;
    for (size_t j = 0; j < i; ++j) again |= !entries[i].inner.empty() && entries[i].inner == entries[j].inner;
    // Keras 3 exports its function a second time as "serve".
    again |= entries[i].key == "serve" && keys.size() == 1 && keys[0] == "serving_default";
    if (!again) keys.push_back(entries[i].key);
  }
  return keys;
}

Result<Signature> SignatureOfGraph(const GraphDef& graph) {
  static constexpr std::string_view kNoOutputs[] = {"Const", "NoOp", "Assert", "Print", "PrintV2", "VarHandleOp", "SaveV2", "MergeV2Checkpoints"};
  Signature signature{"serving_default", {}, {}};
  std::set<std::string_view> read;
  for (const NodeDef& n : graph.main().nodes)
    for (std::string_view input : n.inputs) read.insert(NodePart(input.starts_with('^') ? input.substr(1) : input));
  for (const NodeDef& n : graph.main().nodes) {
    if (n.op == "Placeholder" || n.op == "PlaceholderWithDefault") {
      // A default that the saved graph feeds itself stays a constant.
      if (n.op == "PlaceholderWithDefault") continue;
      // What lowered control flow leaves where functions had their arguments.
      if (n.name.starts_with("unused_control_flow_input") && !read.contains(n.name)) continue;
      data::WireField type, shape;
      Port port{std::string(n.name), n.name, DType::kF32, {.known_rank = false, .dims = {}}};
      if (n.Get("dtype").Find(Attribute::kType, &type)) port.dtype = DTypeFromTf(type.as_int());
      if (n.Get("shape").Find(Attribute::kShape, &shape)) {
        OCTET_ASSIGN(port.shape, ReadShape(shape.bytes));
      }
      signature.inputs.push_back(std::move(port));
    } else if (!read.contains(n.name) && std::ranges::find(kNoOutputs, n.op) == std::end(kNoOutputs)) {
      signature.outputs.push_back({std::string(n.name), n.name, DType::kF32, {}});
    }
  }
  // "inputs", "inputs_1" are numbered; other names have only the order of the file.
  const auto stem = [](const Port& p) { return Natural(p.name).first.substr(0, Natural(p.name).first.find_last_not_of('_') + 1); };
  if (std::ranges::all_of(signature.inputs, [&](const Port& p) { return stem(p) == stem(signature.inputs[0]); }))
    std::ranges::stable_sort(signature.inputs, {}, [](const Port& p) { return Natural(p.name).second; });
  if (signature.outputs.empty()) return Error(Code::kInvalidModel, "'%s': the graph has no outputs", graph.path().c_str());
  return signature;
}

}  // namespace octet::importers::savedmodel
