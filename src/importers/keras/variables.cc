// SPDX-License-Identifier: Apache-2.0
// The variables that Keras' layer classes create, in their order: what tells the parts of a list that is
// only known by position, and gives constants their names.
#include <algorithm>
#include <iterator>

#include "importers/keras/network.h"
#include "importers/keras/weights.h"

namespace octet::importers::keras {
namespace {

using Names = std::vector<VariableName>;

bool Flag(const Json& config, const char* key, bool fallback) {
  return config[key].is_null() ? fallback : config[key].boolean();
}

Names KernelAndBias(const Json& config) {
  Names names = {{"kernel"}};
  if (Flag(config, "use_bias", true)) names.push_back({"bias"});
  return names;
}

Names ScaleAndCenter(const Json& config) {
  Names names;
  if (Flag(config, "scale", true)) names.push_back({"gamma"});
  if (Flag(config, "center", true)) names.push_back({"beta"});
  return names;
}

Names Recurrent(const Json& config) {
  Names names = {{"kernel"}, {"recurrent_kernel"}};
  if (Flag(config, "use_bias", true)) names.push_back({"bias"});
  return names;
}

Names OfObject(const Json& object, const std::string& prefix) {
  Names names = VariablesOf(object["class_name"].text(), object["config"]);
  for (VariableName& n : names) n.name = prefix + n.name;
  return names;
}

void Append(Names* to, Names from) { std::move(from.begin(), from.end(), std::back_inserter(*to)); }

Names Wrapped(std::string_view kind, const Json& config) {
  Names names;
  if (kind == "Bidirectional") {
    const Json& backward = config.Has("backward_layer") ? config["backward_layer"] : config["layer"];
    Append(&names, OfObject(config["layer"], "forward/"));
    Append(&names, OfObject(backward, "backward/"));
  } else if (kind == "StackedRNNCells") {
    for (const Json& cell : config["cells"].items()) Append(&names, OfObject(cell, "cell/"));
  } else if (kind == "RNN") {
    names = OfObject(config["cell"], "");
  } else {
    names = OfObject(config["layer"], "");
    if (kind == "SpectralNormalization") names.push_back({"vector_u", false});
  }
  return names;
}

// A model that a wrapper holds: first what is trained of all its layers, then the rest.
Names OfNetwork(const Json& config) {
  const Json& layers = config.is_list() ? config : config["layers"];
  Names all, names;
  for (const Json& object : layers.items()) Append(&all, OfObject(object, object["config"]["name"].text() + "/"));
  for (const bool trained : {true, false})
    std::ranges::copy_if(all, std::back_inserter(names), [&](const VariableName& n) { return n.trainable == trained; });
  return names;
}

Names Attention(const Json& config) {
  Names names;
  for (const char* part : {"query", "key", "value", "attention_output"}) {
    names.push_back({std::string(part) + "/kernel"});
    if (Flag(config, "use_bias", true)) names.push_back({std::string(part) + "/bias"});
  }
  return names;
}

bool IsOneOf(std::string_view name, std::initializer_list<std::string_view> list) {
  for (const std::string_view item : list)
    if (item == name) return true;
  return false;
}

}  // namespace

std::vector<VariableName> VariablesOf(std::string_view kind, const Json& config) {
  if (IsOneOf(kind, {"Dense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv1D", "DepthwiseConv2D",
                     "LocallyConnected1D", "LocallyConnected2D"}))
    return KernelAndBias(config);
  if (kind == "EinsumDense") return config["bias_axes"].is_null() ? Names{{"kernel"}} : Names{{"kernel"}, {"bias"}};
  if (IsOneOf(kind, {"SeparableConv1D", "SeparableConv2D"})) {
    Names names = {{"depthwise_kernel"}, {"pointwise_kernel"}};
    if (Flag(config, "use_bias", true)) names.push_back({"bias"});
    return names;
  }
  if (kind == "BatchNormalization") {
    Names names = ScaleAndCenter(config);
    Append(&names, {{"moving_mean", false}, {"moving_variance", false}});
    return names;
  }
  if (Flag(config, "rms_scaling", false)) return {{"gamma"}};
  if (IsOneOf(kind, {"LayerNormalization", "GroupNormalization"})) return ScaleAndCenter(config);
  if (kind == "RMSNormalization") return {{"scale"}};
  if (kind == "PReLU") return {{"alpha"}};
  if (kind == "Embedding") return {{"embeddings"}};
  if (kind == "Normalization" && config["mean"].is_null()) return {{"mean", false}, {"variance", false}, {"count", false}};
  if (IsOneOf(kind, {"LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"})) return Recurrent(config);
  if (IsOneOf(kind, {"Bidirectional", "StackedRNNCells", "RNN", "TimeDistributed", "SpectralNormalization", "QuantizedWeights"})) return Wrapped(kind, config);
  if (IsNetworkClass(kind)) return OfNetwork(config);
  if (kind == "FakeQuantize") return {{"low", false}, {"high", false}};
  if (kind == "MultiHeadAttention" || kind == "GroupQueryAttention") return Attention(config);
  if (kind == "Attention" || kind == "AdditiveAttention") {
    Names names;
    if (Flag(config, "use_scale", kind == "AdditiveAttention")) names.push_back({"scale"});
    if (config["score_mode"].text() == "concat") names.push_back({"concat_score_weight"});
    return names;
  }
  return {};
}

}  // namespace octet::importers::keras
