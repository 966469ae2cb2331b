// SPDX-License-Identifier: Apache-2.0
#include "importers/keras/network.h"

#include <algorithm>
#include <map>

namespace octet::importers::keras {
namespace {

constexpr int kMaxNesting = 32;          // Models within models.
constexpr size_t kMaxLayers = 1 << 20;

Status Bad(const std::string& where, const std::string& what) {
  return Error(Code::kInvalidModel, "the config of model '%s' is broken: %s", where.c_str(), what.c_str());
}

bool IsFunctional(const Layer& layer) { return layer.network && !layer.network->sequential; }

// Keras 3 writes a call as {"args": [...], "kwargs": {...}}, Keras 2 as a list of [layer, call, output, kwargs].
bool IsKeras3Call(const Json& call) { return call.is_map() && call["args"].is_list(); }

class Parser {
 public:
  Parser(const Json& model, int depth) : model_(model), depth_(depth) {}

  Result<std::unique_ptr<Network>> Parse() {
    const Json& config = model_["config"];
    const std::string& class_name = model_["class_name"].text();
    net_->sequential = class_name == "Sequential";
    net_->name = config["name"].is_text() ? config["name"].text() : class_name;
    if (depth_ > kMaxNesting) return Bad(net_->name, "models are nested too deeply");
    // Before Keras 2.3 a Sequential's config was the bare list.
    const Json& layers = config.is_list() ? config : config["layers"];
    if (!layers.is_list() || layers.size() == 0) return Bad(net_->name, "it has no layers");
    if (layers.size() > kMaxLayers) return Bad(net_->name, "it has too many layers");
    for (const Json& object : layers.items()) OCTET_TRY(AddLayer(object));
    if (net_->sequential) OCTET_TRY(Chain(config));
    else OCTET_TRY(Connect(layers, config));
    return std::move(net_);
  }

 private:
  Status AddLayer(const Json& object) {
    Layer layer = ParseLayerHead(object);
    if (layer.class_name.empty()) return Bad(net_->name, Format("layer %zu has no class_name", net_->layers.size()));
    if (object["name"].is_text()) layer.name = object["name"].text();
    if (layer.custom.empty() && IsNetworkClass(layer.class_name)) {
      OCTET_ASSIGN(layer.network, Parser(object, depth_ + 1).Parse());
      layer.network->name = layer.name;
    }
    index_.emplace(layer.name, static_cast<int>(net_->layers.size()));
    net_->layers.push_back(std::move(layer));
    return {};
  }

  // ---- Sequential: each layer reads the one before.
  Status Chain(const Json& config) {
    if (net_->layers[0].class_name != "InputLayer") {
      Layer input;
      input.class_name = "InputLayer";
      input.name = net_->layers[0].name + "_input";
      input.config = net_->layers[0].config;
      const Json& own = *input.config;
      input.batch_shape = own.Has("batch_input_shape") ? &own["batch_input_shape"]
                          : config.Has("build_input_shape") ? &config["build_input_shape"] : &model_["build_config"]["input_shape"];
      net_->layers.insert(net_->layers.begin(), std::move(input));
    }
    Argument value;
    value.kind = Argument::Kind::kTensor;
    value.tensor.layer = 0;
    net_->inputs = value;
    for (size_t i = 1; i < net_->layers.size(); ++i) {
      net_->layers[i].calls.push_back({{value}, {}});
      value.tensor.layer = static_cast<int>(i);
    }
    net_->outputs = value;
    return {};
  }

  // ---- Functional: calls name the tensors they read.
  Status Connect(const Json& layers, const Json& config) {
    for (const Json& object : layers.items()) {
      const Json& first = object["inbound_nodes"][size_t{0}];
      if (!first.is_null()) keras3_ = IsKeras3Call(first);
    }
    for (size_t i = 0; i < layers.size(); ++i) num_calls_.push_back(static_cast<int>(layers[i]["inbound_nodes"].size()));
    for (size_t i = 0; i < layers.size(); ++i)
      for (const Json& call : layers[i]["inbound_nodes"].items()) {
        OCTET_ASSIGN(Call parsed, IsKeras3Call(call) ? ParseCall3(call) : ParseCall2(call));
        net_->layers[i].calls.push_back(std::move(parsed));
      }
    in_ends_ = true;
    OCTET_ASSIGN(net_->inputs, ParseEnds(config["input_layers"]));
    OCTET_ASSIGN(net_->outputs, ParseEnds(config["output_layers"]));
    std::vector<TensorRef> outputs;
    CollectTensors(net_->outputs, &outputs);
    return outputs.empty() ? Bad(net_->name, "it has no outputs") : Status();
  }

  // A nested Functional model counts its own construction as call 0; whether the file's numbers include
  // it depends on who wrote them and where they stand.
  Result<TensorRef> Resolve(const std::string& name, int64_t call, int64_t output) const {
    const auto it = index_.find(name);
    if (it == index_.end()) return Bad(net_->name, "a layer '" + name + "' is read that it does not have");
    const Layer& layer = net_->layers[static_cast<size_t>(it->second)];
    const int calls = num_calls_[static_cast<size_t>(it->second)];
    const bool own_input = layer.network && layer.network->sequential && layer.network->layers[0].batch_shape == nullptr;
    const bool shifted = keras3_ ? in_ends_ && IsFunctional(layer) : IsFunctional(layer) || own_input;
    int64_t index = call - shifted;
    if (index < 0 || index >= calls) index = call;
    if (calls == 0 && index == 0 && layer.class_name == "InputLayer") return TensorRef{it->second, 0, 0};
    if (index < 0 || index >= calls || output < 0 || output > 1 << 16)
      return Bad(net_->name, Format("call %lld of layer '%s' is read, which has %d", static_cast<long long>(call), name.c_str(), calls));
    return TensorRef{it->second, static_cast<int>(index), static_cast<int>(output)};
  }

  static bool IsTriple(const Json& j) {
    return j.is_list() && (j.size() == 3 || (j.size() == 4 && j[3].is_map())) && j[size_t{0}].is_text() && j[1].kind() == Json::Kind::kInt &&
           j[2].kind() == Json::Kind::kInt;
  }

  Result<Argument> Tensor(const Json& triple) const {
    Argument a;
    a.kind = Argument::Kind::kTensor;
    OCTET_ASSIGN(a.tensor, Resolve(triple[size_t{0}].text(), triple[1].integer(), triple[2].integer()));
    return a;
  }

  // Lists and maps of what `leaf` makes of their elements; a list or map without tensors stays a literal.
  template <class Leaf> Result<Argument> Nest(const Json& j, const Leaf& leaf) const {
    Argument a;
    a.literal = &j;
    a.keys = j.keys();
    bool tensors = false;
    for (const Json& item : j.items()) {
      OCTET_ASSIGN(Argument sub, leaf(item));
      tensors |= sub.kind != Argument::Kind::kLiteral;
      a.items.push_back(std::move(sub));
    }
    if (tensors) a.kind = j.is_map() ? Argument::Kind::kMap : Argument::Kind::kList;
    else a.items.clear();
    return a;
  }

  Result<Argument> ParseArgument3(const Json& j) const {
    if (j.is_map() && j["class_name"].text() == "__keras_tensor__") {
      const Json& history = j["config"]["keras_history"];
      if (!IsTriple(history)) return Bad(net_->name, "a tensor without keras_history");
      OCTET_ASSIGN(Argument a, Tensor(history));
      a.literal = &j["config"];
      return a;
    }
    if (j.is_map() && j["class_name"].text() == "__tuple__")
      return Nest(j["items"].is_null() ? j["config"]["items"] : j["items"], [this](const Json& i) { return ParseArgument3(i); });
    return Nest(j, [this](const Json& i) { return ParseArgument3(i); });
  }

  Result<Call> ParseCall3(const Json& j) const {
    Call call;
    for (const Json& arg : j["args"].items()) {
      OCTET_ASSIGN(Argument a, ParseArgument3(arg));
      call.args.push_back(std::move(a));
    }
    const Json& named = j["kwargs"];
    for (size_t i = 0; i < named.keys().size(); ++i) {
      OCTET_ASSIGN(Argument a, ParseArgument3(named[i]));
      call.named.emplace_back(named.keys()[i], std::move(a));
    }
    return call;
  }

  // What is not a tensor stands as ["_CONSTANT_VALUE", -1, value, kwargs].
  static bool IsConstant2(const Json& j) { return j.is_list() && j.size() >= 3 && j[size_t{0}].text() == "_CONSTANT_VALUE"; }

  // Lists of such, as nested as they are.
  static bool OnlyConstants2(const Json& j) {
    return IsConstant2(j) || (j.is_list() && j.size() > 0 && std::ranges::all_of(j.items(), [](const Json& i) { return OnlyConstants2(i); }));
  }
  static Argument Constants2(const Json& j) {
    Argument a;
    a.literal = IsConstant2(j) ? &j[2] : &j;
    for (size_t i = 0; !IsConstant2(j) && i < j.size(); ++i) a.items.push_back(Constants2(j[i]));
    if (!a.items.empty()) a.kind = Argument::Kind::kList;
    return a;
  }

  Result<Argument> ParseArgument2(const Json& j) const {
    if (IsConstant2(j)) {
      Argument a;
      a.literal = &j[2];
      return a;
    }
    if (IsTriple(j) && index_.contains(j[size_t{0}].text())) return Tensor(j);
    if (OnlyConstants2(j)) return Constants2(j);
    return Nest(j, [this](const Json& i) { return ParseArgument2(i); });
  }

  // The first tensor carries the keyword arguments of the call.
  Result<Call> ParseCall2(const Json& j) const {
    Call call;
    const Json* named = nullptr;
    if (IsTriple(j) || IsConstant2(j)) {
      OCTET_ASSIGN(Argument a, IsConstant2(j) ? ParseArgument2(j) : Tensor(j));
      call.args.push_back(std::move(a));
      named = &j[3];
    } else {
      OCTET_ASSIGN(Argument a, ParseArgument2(j));
      const Json* first = &j[size_t{0}];
      while (!IsTriple(*first) && !IsConstant2(*first) && first->size() > 0) first = &(*first)[size_t{0}];
      named = &(*first)[3];
      if (a.kind == Argument::Kind::kList && a.items.size() == 1) a = Argument(a.items[0]);
      call.args.push_back(std::move(a));
    }
    for (size_t i = 0; named->is_map() && i < named->keys().size(); ++i) {
      OCTET_ASSIGN(Argument a, ParseArgument2((*named)[i]));
      call.named.emplace_back(named->keys()[i], std::move(a));
    }
    return call;
  }

  // Both Keras flatten dicts in the order of their keys: so are a model's inputs and outputs numbered, there and in a SavedModel.
  Result<Argument> ParseEnds(const Json& j) const {
    if (IsTriple(j)) return Tensor(j);
    OCTET_ASSIGN(Argument a, Nest(j, [this](const Json& i) { return ParseEnds(i); }));
    if (a.kind != Argument::Kind::kMap) return a;
    std::map<std::string, Argument> sorted;
    for (size_t i = 0; i < a.keys.size(); ++i) sorted.emplace(a.keys[i], std::move(a.items[i]));
    a.keys.clear(), a.items.clear();
    for (auto& [key, item] : sorted) {
      a.keys.push_back(key);
      a.items.push_back(std::move(item));
    }
    return a;
  }

  const Json& model_;
  const int depth_;
  std::unique_ptr<Network> net_ = std::make_unique<Network>();
  std::map<std::string, int, std::less<>> index_;
  std::vector<int> num_calls_;
  bool keras3_ = true, in_ends_ = false;
};

}  // namespace

bool IsNetworkClass(std::string_view class_name) {
  return class_name == "Functional" || class_name == "Sequential" || class_name == "Model";
}

// Of tf_keras' Inception-ResNet, which registers it as users do theirs.
constexpr std::string_view kScaledSum = "Custom>CustomScaleLayer";

Layer ParseLayerHead(const Json& object) {
  Layer layer;
  layer.config = &object["config"];
  layer.class_name = object["class_name"].text();
  layer.module = object["module"].text();
  layer.name = (*layer.config)["name"].is_text() ? (*layer.config)["name"].text() : layer.class_name;
  const bool named = object["registered_name"].is_text();
  const std::string& registered = named ? object["registered_name"].text() : layer.class_name;  // .h5 files have one of the two.
  // Those of octet's own Python package (octet.qat) are known.
  const bool packaged = registered.find('>') != std::string::npos;
  // A class that was not registered: by the module it is from.
  const bool foreign = named && !registered.empty() && layer.module != "builtins" && layer.module.find("keras") == std::string::npos;
  if (registered == kScaledSum) layer.class_name = kScaledSum.substr(kScaledSum.find('>') + 1);
  else if ((packaged || foreign) && !registered.starts_with("octet>")) layer.custom = registered;
  return layer;
}

Result<std::unique_ptr<Network>> ParseNetwork(const Json& model) { return Parser(model, 0).Parse(); }

void CollectTensors(const Argument& argument, std::vector<TensorRef>* tensors) {
  if (argument.kind == Argument::Kind::kTensor) tensors->push_back(argument.tensor);
  for (const Argument& item : argument.items) CollectTensors(item, tensors);
}

}  // namespace octet::importers::keras
