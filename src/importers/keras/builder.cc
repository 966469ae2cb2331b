// SPDX-License-Identifier: Apache-2.0
#include "importers/keras/builder.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>

#include "base/float16.h"
#include "importers/given_shape.h"
#include "importers/keras/rules.h"

namespace octet::importers::keras {

DType DTypeFromNumpyName(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(DType::kU4); ++i)
    if (NumpyName(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  return DType::kNone;
}

const std::string& PolicyName(const Json& dtype) { return dtype.is_map() ? dtype["config"]["name"].text() : dtype.text(); }

std::vector<float> ToFloats(const Hdf5Array& a) {
  std::vector<float> out(static_cast<size_t>(a.shape.elements()));
  for (size_t i = 0; i < out.size(); ++i) {
    if (a.dtype == DType::kF64) {
      double v;
      std::memcpy(&v, a.bytes.data() + 8 * i, 8);
      out[i] = static_cast<float>(v);
    } else if (a.dtype == DType::kF32) {
      std::memcpy(&out[i], a.bytes.data() + 4 * i, 4);
    } else {
      uint16_t v;
      std::memcpy(&v, a.bytes.data() + 2 * i, 2);
      out[i] = a.dtype == DType::kF16 ? F16ToF32(v) : BF16ToF32(v);
    }
  }
  return out;
}

namespace {

bool ReducedFloat(DType t) { return t == DType::kF16 || t == DType::kBF16; }

Status CheckFinite(const float* v, size_t n, const std::string& variable, const LayerContext& c) {
  for (size_t i = 0; i < n; ++i)
    if (!std::isfinite(v[i]))
      return Error(Code::kInvalidModel, "%s '%s': its %s has the value %s at element %zu; train the model again", c.layer().class_name.c_str(),
                   c.place().c_str(), variable.c_str(), std::isnan(v[i]) ? "NaN" : "infinity", i);
  return {};
}

}  // namespace

// One run of a network: the outputs of each call, empty where not computed (yet).
struct Builder::Scope {
  const Network& network;
  const std::string& prefix;
  std::vector<std::vector<std::vector<Value>>> values;  // [layer][call][output]

  Value Get(const TensorRef& t) const {
    const auto& outputs = values[static_cast<size_t>(t.layer)][static_cast<size_t>(t.call)];
    return static_cast<size_t>(t.output) < outputs.size() ? outputs[static_cast<size_t>(t.output)] : Value{};
  }
};

Value Builder::MaskOf(Value v) const {
  const auto it = masks_.find(v.id);
  return it == masks_.end() ? Value{} : it->second;
}

Result<Value> Builder::Variable(const std::string& dataset, const std::string& name, const LayerContext& c) {
  if (const auto it = variables_.find(dataset); it != variables_.end()) return it->second;
  OCTET_ASSIGN(Hdf5Array a, weights_.Read(dataset));
  if (a.dtype == DType::kF64 || ReducedFloat(a.dtype)) {
    const std::vector<float> floats = ToFloats(a);
    const auto bytes = std::as_bytes(std::span(floats));
    a.bytes.assign(bytes.begin(), bytes.end());
    a.dtype = DType::kF32;
  }
  if (a.dtype == DType::kF32) OCTET_TRY(CheckFinite(reinterpret_cast<const float*>(a.bytes.data()), a.bytes.size() / 4, name, c));
  auto buffer = graph::MakeBuffer(std::move(a.bytes));
  const Value v{graph().AddConstant(UniqueName(c.place() + "/" + name), {a.dtype, a.shape, {}}, std::move(buffer))};
  variables_[dataset] = v;
  if (&graph() == &model_.main()) read_.push_back(dataset);
  return v;
}

// A kernel that is in another layout now is not kept as the file has it: who asks for it again reads it again.
void Builder::ReleaseRead(const std::vector<Value>& outputs) {
  for (const std::string& dataset : std::exchange(read_, {})) {
    const auto it = variables_.find(dataset);
    if (it != variables_.end() && std::ranges::find(outputs, it->second) == outputs.end() && ReleaseUnread(it->second)) variables_.erase(it);
  }
}

Result<Value> Builder::FloatVariable(const std::string& dataset, const std::string& name, const LayerContext& c) {
  OCTET_ASSIGN(const Value v, Variable(dataset, name, c));
  const DType found = graph().tensor(v.id).type.dtype;
  if (found == DType::kF32) return v;
  if (found == DType::kI8 || found == DType::kU8) return Dequantized(dataset, name, c);
  return Error(Code::kInvalidModel, "%s '%s': its variable '%s' has numbers of type %s, expected floats; check the weights file",
               c.layer().class_name.c_str(), c.place().c_str(), name.c_str(), std::string(NumpyName(found)).c_str());
}

// ------------------------------------------------------------------------------ whole model

Result<graph::Model> Builder::Build(const Network& network, std::vector<Finding>* findings) {
  CheckRules(network, "");
  if (findings_.empty()) {
    std::vector<Value> values;
    OCTET_TRY(AddInputs(network, &values));
    OCTET_ASSIGN(std::vector<Value> outputs, Run(network, "", std::move(values)));
    if (findings_.empty()) OCTET_TRY(AddOutputs(network, std::move(outputs)));
  }
  *findings = std::move(findings_);
  return std::move(model_);
}

void Builder::CheckRules(const Network& network, const std::string& prefix) {
  for (const Layer& layer : network.layers) {
    const std::string place = prefix + layer.name;
    if (layer.network) CheckRules(*layer.network, place + "/");
    else CheckRule(layer, place);
  }
}

void Builder::CheckRule(const Layer& layer, const std::string& place) {
  const auto add = [&](std::string reason, std::string advice) {
    findings_.push_back({layer.name, layer.class_name, place, std::move(reason), std::move(advice)});
  };
  if (custom_.Has(layer)) return;
  if (!layer.custom.empty()) {
    add("'" + layer.custom + "' is a custom class, whose Python code is not in the file",
        "say what it computes in a file, --layers FILE, or build it from Keras' own layers");
  } else if (layer.class_name == "Lambda") {
    add("its Python code is not in the file in a form that can be run", "replace it by Keras' own layers or keras.ops");
  } else if (layer.class_name != "InputLayer" && !HasRule(layer, version_)) {
    if (IsOperation(layer))
      add("octet does not have this operation of keras.ops", "write it with other operations, or say what it computes in a file, --layers FILE");
    else add("octet does not have this layer; of a custom class the file has no Python code",
             "build it from other layers, or say what it computes in a file, --layers FILE");
  }
  for (const char* inner : {"layer", "backward_layer"}) {
    const Json& object = (*layer.config)[inner];
    if (!object.is_map() || !object["class_name"].is_text()) continue;
    if (!IsNetworkClass(object["class_name"].text())) CheckRule(ParseLayerHead(object), place + "/" + object["config"]["name"].text());
    else if (const auto network = ParseNetwork(object); network.ok()) CheckRules(**network, place + "/");
  }
}

Result<TensorType> Builder::InputType(const Layer& layer, size_t num_inputs, const std::string& name) const {
  TensorType type;
  for (const auto& [key, shape] : options_.input_shapes)
    if (key == name || (key.empty() && num_inputs == 1)) type.shape = shape;
  const Json& config = *layer.config;
  if (config["sparse"].boolean() || config["ragged"].boolean())
    return Error(Code::kUnsupported, "input '%s' is sparse or ragged; make it dense", name.c_str());
  const Json& shape = layer.batch_shape ? *layer.batch_shape : config.Has("batch_shape") ? config["batch_shape"] : config["batch_input_shape"];
  if (type.shape.rank() > 0 && shape.is_list()) OCTET_TRY(CheckGiven(name, shape.size(), type.shape));
  if (type.shape.rank() == 0) {
    if (!shape.is_list())
      return Error(Code::kUnsupported, "input '%s' has no shape in the file; give it with --input %s:1,...", name.c_str(), name.c_str());
    if (shape.size() > kMaxRank) return Error(Code::kUnsupported, "input '%s' has %zu dimensions; at most %d", name.c_str(), shape.size(), kMaxRank);
    for (const Json& d : shape.items()) {
      if (!d.is_null() && (!d.is_number() || d.integer() < 0 || d.integer() > INT32_MAX))
        return Error(Code::kInvalidModel, "input '%s' has a dimension that is not a size", name.c_str());
      type.shape.push_back(d.is_null() ? kUnknown : static_cast<int32_t>(d.integer()));
    }
  }
  const std::string& dtype = PolicyName(config["dtype"]);
  type.dtype = dtype.empty() || dtype.starts_with("mixed_") ? DType::kF32 : DTypeFromNumpyName(dtype);
  if (type.dtype == DType::kNone) return Error(Code::kUnsupported, "input '%s' has the element type '%s'", name.c_str(), dtype.c_str());
  return type;
}

Status Builder::AddInputs(const Network& network, std::vector<Value>* values) {
  std::vector<TensorRef> refs;
  CollectTensors(network.inputs, &refs);
  model_.signatures.push_back({"serving_default", {}, {}, 0});
  for (const TensorRef& ref : refs) {
    const Layer& layer = network.layers[static_cast<size_t>(ref.layer)];
    OCTET_ASSIGN(TensorType type, InputType(layer, refs.size(), layer.name));
    const bool other = IsFloat(type.dtype) && type.dtype != DType::kF32;  // Computed in float32, as everything.
    const std::string name = UniqueName(layer.name);
    Value v{graph().AddTensor(name, std::move(type))};
    graph().inputs.push_back(v.id);
    model_.signatures[0].inputs.push_back({name, v.id});
    LayerContext context(*this, layer, {}, layer.name, {v});
    if (other) {
      OCTET_ASSIGN(v, context.Cast(v, DType::kF32));
    }
    values->push_back(v);
  }
  for (const auto& [key, shape] : options_.input_shapes) {
    bool found = key.empty() && refs.size() == 1;
    for (const auto& entry : model_.signatures[0].inputs) found |= entry.name == key;
    if (!found)
      return Error(Code::kInvalidArgument, "the model has no input '%s'; its first one is '%s'", key.c_str(),
                   network.layers[static_cast<size_t>(refs[0].layer)].name.c_str());
  }
  return {};
}

namespace {

// What a layer of this policy computes in: "mixed_float16", of quantized weights "int8_from_mixed_float16" or a source_name, in float16. Of a map of
// policies the default one is the layer's own.
DType ComputedIn(const Json& dtype) {
  const Json& config = dtype["config"];
  if (config.Has("default_policy")) return ComputedIn(config["default_policy"]);
  std::string name = config["source_name"].is_text() ? config["source_name"].text() : PolicyName(dtype);
  if (const size_t from = name.find("_from_"); from != std::string::npos) name = name.substr(from + 6);
  return DTypeFromNumpyName(name.starts_with("mixed_") ? name.substr(6) : name);
}

DType Wider(DType a, DType b) {
  if (a == b || !IsFloat(b)) return a;
  return !IsFloat(a) ? b : a == DType::kF64 || b == DType::kF64 ? DType::kF64 : DType::kF32;
}

// The widest float among the operands of a call.
DType WidestOf(const Argument& a) {
  const Json* said = a.literal && a.kind == Argument::Kind::kLiteral ? &(*a.literal)["config"] : a.literal;
  DType type = said ? DTypeFromNumpyName((*said)["dtype"].text()) : DType::kNone;
  for (const Argument& item : a.items) type = Wider(type, WidestOf(item));
  return type;
}

// The element type that the source gives a result of floats; kNone where it does not say.
DType FloatOf(const Network& network, const TensorRef& ref) {
  const Layer& layer = network.layers[static_cast<size_t>(ref.layer)];
  if (layer.network) {
    std::vector<TensorRef> inside;
    CollectTensors(layer.network->outputs, &inside);
    return static_cast<size_t>(ref.output) < inside.size() ? FloatOf(*layer.network, inside[static_cast<size_t>(ref.output)]) : DType::kNone;
  }
  const Json& own = (*layer.config)["dtype"];
  if (layer.class_name == "TFOpLambda" || layer.class_name == "SlicingOpLambda") return DType::kNone;
  const bool stores = layer.class_name == "InputLayer" || layer.class_name == "CategoryEncoding";  // Of a mixed policy: float32.
  if (stores) return DTypeFromNumpyName(PolicyName(own));
  if (!IsOperation(layer) || !own.is_null()) return ComputedIn(own);
  DType type = DType::kNone;
  for (const Argument& a : layer.calls[static_cast<size_t>(ref.call)].args) type = Wider(type, WidestOf(a));
  for (const auto& [name, a] : layer.calls[static_cast<size_t>(ref.call)].named) type = Wider(type, WidestOf(a));
  return type;
}

}  // namespace

Status Builder::AddOutputs(const Network& network, std::vector<Value> values) {
  std::vector<TensorRef> refs;
  CollectTensors(network.outputs, &refs);
  std::map<std::string, int> used;
  for (size_t i = 0; i < refs.size(); ++i) {
    const Layer& layer = network.layers[static_cast<size_t>(refs[i].layer)];
    Value v = values[i];
    if (ImaginaryOf(v)) {
      findings_.push_back({layer.name, layer.class_name, layer.name, "expected an output of real numbers, found complex ones", "take tf.abs before"});
      return {};
    }
    if (const DType type = FloatOf(network, refs[i]); IsFloat(type) && graph().tensor(v.id).type.dtype == DType::kF32) {
      LayerContext context(*this, layer, {}, layer.name, {v});
      OCTET_ASSIGN(v, context.Cast(v, type));
    }
    const bool keyed = network.outputs.kind == Argument::Kind::kMap && network.outputs.keys.size() == refs.size();
    std::string name = keyed ? network.outputs.keys[i] : layer.name;
    if (const int n = used[name]++; n > 0) name += "_" + std::to_string(n);
    graph().outputs.push_back(v.id);
    model_.signatures[0].outputs.push_back({name, v.id});
  }
  return {};
}

// --------------------------------------------------------------------------------- networks

Result<std::vector<Value>> Builder::Run(const Network& network, const std::string& prefix, std::vector<Value> inputs) {
  Scope scope{network, prefix, {}};
  std::vector<std::pair<int, int>> calls;                    // (layer, call)
  std::map<std::pair<int, int>, std::vector<size_t>> readers;  // Calls that wait for it.
  std::vector<int> waiting;
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;  // In the order of the file.
  for (size_t l = 0; l < network.layers.size(); ++l) scope.values.emplace_back(std::max<size_t>(1, network.layers[l].calls.size()));
  std::vector<TensorRef> ends;
  CollectTensors(network.inputs, &ends);
  if (ends.size() != inputs.size())
    return Error(Code::kInvalidModel, "model '%s' takes %zu inputs and is called with %zu", network.name.c_str(), ends.size(), inputs.size());
  for (size_t i = 0; i < ends.size(); ++i) scope.values[static_cast<size_t>(ends[i].layer)][0] = {inputs[i]};
  for (size_t l = 0; l < network.layers.size(); ++l) {
    for (size_t k = 0; k < network.layers[l].calls.size(); ++k) {
      std::vector<TensorRef> reads;
      for (const Argument& a : network.layers[l].calls[k].args) CollectTensors(a, &reads);
      for (const auto& [name, a] : network.layers[l].calls[k].named) CollectTensors(a, &reads);
      int count = 0;
      for (const TensorRef& r : reads) {
        if (network.layers[static_cast<size_t>(r.layer)].calls.empty()) continue;  // An InputLayer.
        readers[{r.layer, r.call}].push_back(calls.size());
        ++count;
      }
      if (count == 0) ready.push(calls.size());
      waiting.push_back(count);
      calls.emplace_back(static_cast<int>(l), static_cast<int>(k));
    }
  }
  size_t done = 0;
  for (; !ready.empty(); ++done) {
    const auto [layer, call] = calls[ready.top()];
    ready.pop();
    OCTET_TRY(RunCall(scope, layer, call));
    for (const size_t reader : readers[{layer, call}])
      if (--waiting[reader] == 0) ready.push(reader);
  }
  if (done != calls.size()) return Error(Code::kInvalidModel, "model '%s': its layers depend on each other in a circle", network.name.c_str());
  ends.clear();
  CollectTensors(network.outputs, &ends);
  std::vector<Value> outputs;
  for (const TensorRef& end : ends) {
    outputs.push_back(scope.Get(end));
    if (!outputs.back() && findings_.empty())
      return Error(Code::kInvalidModel, "model '%s': output %d of layer '%s' does not exist", network.name.c_str(), end.output,
                   network.layers[static_cast<size_t>(end.layer)].name.c_str());
  }
  return outputs;
}

Result<std::vector<Value>> Builder::RunInside(const Json& object, const Variables& variables, const std::string& place, std::vector<Value> inputs) {
  inside_.push_back(ParseLayerHead(object));
  Layer& layer = inside_.back();
  OCTET_ASSIGN(layer.network, ParseNetwork(object));
  OCTET_TRY(weights_.AssignInside(layer, variables));
  return Run(*layer.network, place + "/", std::move(inputs));
}

Status Builder::RunCall(Scope& scope, int layer, int number) {
  const Layer& l = scope.network.layers[static_cast<size_t>(layer)];
  const Call& call = l.calls[static_cast<size_t>(number)];
  if (--calls_left_ < 0) return Error(Code::kInvalidModel, "the model calls more than a million layers");
  std::vector<TensorRef> reads;
  for (const Argument& a : call.args) CollectTensors(a, &reads);
  for (const auto& [name, a] : call.named) CollectTensors(a, &reads);
  for (const TensorRef& r : reads) {
    if (scope.Get(r)) continue;
    if (!findings_.empty()) return {};  // What it reads could not be imported.
    return Error(Code::kInvalidModel, "%s '%s%s' reads output %d of '%s', which does not exist", l.class_name.c_str(), scope.prefix.c_str(),
                 l.name.c_str(), r.output, scope.network.layers[static_cast<size_t>(r.layer)].name.c_str());
  }
  std::vector<Value>* outputs = &scope.values[static_cast<size_t>(layer)][static_cast<size_t>(number)];
  return l.network ? RunNested(scope, l, call, outputs) : RunLayer(scope, l, call, outputs);
}

namespace {

// Calls with a dict of tensors feed the inputs by name, all others by position.
void OrderInputs(const Call& call, const Network& callee, std::vector<TensorRef>* refs) {
  const Argument* first = call.args.empty() ? nullptr : &call.args[0];
  if (!first || first->kind != Argument::Kind::kMap || callee.inputs.kind != Argument::Kind::kMap) {
    for (const Argument& a : call.args) CollectTensors(a, refs);
    return;
  }
  for (const std::string& key : callee.inputs.keys)
    for (size_t i = 0; i < first->keys.size(); ++i)
      if (first->keys[i] == key) CollectTensors(first->items[i], refs);
}

}  // namespace

Status Builder::RunNested(Scope& scope, const Layer& layer, const Call& call, std::vector<Value>* outputs) {
  std::vector<TensorRef> refs;
  OrderInputs(call, *layer.network, &refs);
  std::vector<Value> inputs;
  for (const TensorRef& r : refs) inputs.push_back(scope.Get(r));
  OCTET_ASSIGN(*outputs, Run(*layer.network, scope.prefix + layer.name + "/", std::move(inputs)));
  return {};
}

Status Builder::RunLayer(Scope& scope, const Layer& layer, const Call& call, std::vector<Value>* outputs) {
  std::vector<Value> inputs;
  std::vector<std::pair<const Argument*, Value>> tensors;
  const auto collect = [&](const Argument& a, bool positional, const auto& self) -> void {
    if (a.kind == Argument::Kind::kTensor) {
      tensors.emplace_back(&a, scope.Get(a.tensor));
      if (positional) inputs.push_back(tensors.back().second);
    }
    for (const Argument& item : a.items) self(item, positional, self);
  };
  for (const Argument& a : call.args) collect(a, true, collect);
  for (const auto& [name, a] : call.named) collect(a, name == "inputs" || name == "x", collect);

  LayerContext context(*this, layer, weights_.Of(layer), scope.prefix + layer.name, inputs);
  context.SetCall(&call, std::move(tensors));
  const size_t first_new = graph().tensors().size();
  ++layers_open_;
  Status status = RunRule(context);
  if (status.ok()) status = PassMask(context);
  --layers_open_;
  if (!status.ok()) {
    if (context.finding()) findings_.push_back(*context.finding());
    else if (status.code() == Code::kUnsupported) findings_.push_back({layer.name, layer.class_name, context.place(), status.message(), ""});
    else return status;
    return {};
  }
  *outputs = context.outputs();
  for (size_t i = 0; i < outputs->size(); ++i) {  // The layer's own name for what it makes.
    const Value v = (*outputs)[i];
    if (!v || static_cast<size_t>(v.id) < first_new || graph().is_constant(v.id)) continue;
    graph().tensor(v.id).name = UniqueName(context.place() + (i > 0 ? ":" + std::to_string(i) : ""));
  }
  if (layers_open_ == 0) ReleaseRead(*outputs);
  return {};
}

}  // namespace octet::importers::keras
