// SPDX-License-Identifier: Apache-2.0
// A Keras model's config as layers, calls of layers and tensors between them, whatever dialect (Keras 2
// or 3) it was written in. Points into the Json it was made from, which must outlive it.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "importers/keras/json.h"

namespace octet::importers::keras {

struct Network;

// Output `output` of call `call` of layer `layer` of the same network.
struct TensorRef {
  int layer = -1, call = 0, output = 0;
};

// One argument of a call, as nested as the model wrote it.
struct Argument {
  enum class Kind : uint8_t { kLiteral, kTensor, kList, kMap };
  Kind kind = Kind::kLiteral;
  TensorRef tensor;
  const Json* literal = nullptr;    // Of a tensor: what its file says of it (Keras 3).
  std::vector<Argument> items;      // Of a list; the values of a map.
  std::vector<std::string> keys;
};

struct Call {
  std::vector<Argument> args;
  std::vector<std::pair<std::string, Argument>> named;
};

struct Layer {
  const Json* config = nullptr;
  std::string name, class_name, module;
  std::string custom;                // The registered name of a class that is not Keras' own; else empty.
  std::vector<Call> calls;
  std::unique_ptr<Network> network;  // Of a nested model.
  // An InputLayer that the config only implies.
  const Json* batch_shape = nullptr;
};

struct Network {
  std::string name;
  bool sequential = false;
  std::vector<Layer> layers;
  Argument inputs, outputs;  // Nested as the model's own; tensors of `layers`.
};

// `model`: {"class_name": …, "config": …}.
Result<std::unique_ptr<Network>> ParseNetwork(const Json& model);

// True for the classes that hold layers of their own: Functional, Sequential.
bool IsNetworkClass(std::string_view class_name);
// What "class_name", "config" and "registered_name" of a serialized object say.
Layer ParseLayerHead(const Json& object);
// The tensors of an argument, in order.
void CollectTensors(const Argument& argument, std::vector<TensorRef>* tensors);

}  // namespace octet::importers::keras
