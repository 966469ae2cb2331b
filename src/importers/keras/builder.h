// SPDX-License-Identifier: Apache-2.0
// Network + Weights -> graph. Layers run in the order of their data, each through its rule.
#pragma once
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "importers/construction.h"
#include "importers/importer.h"
#include "importers/keras/context.h"
#include "importers/keras/custom_layer.h"
#include "importers/keras/network.h"
#include "importers/keras/weights.h"
#include "importers/lowerings/fake_quant.h"

namespace octet::importers::keras {

// The element type that NumPy and Keras call by that name; kNone when there is none.
DType DTypeFromNumpyName(const std::string& name);
// A dtype is a name, or a policy object: {"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}.
const std::string& PolicyName(const Json& dtype);
// A variable's floats, of any width.
std::vector<float> ToFloats(const Hdf5Array& a);

class Builder : public Construction {
 public:
  // `version` is Keras' major one: 2 or 3.
  Builder(Weights& weights, const ImportOptions& options, CustomLayers custom, int version)
      : weights_(weights), options_(options), custom_(std::move(custom)), version_(version) {}

  // An invalid file is an error; what is not supported goes to `findings` and leaves the model unfinished.
  Result<graph::Model> Build(const Network& network, std::vector<Finding>* findings);

  Weights& weights() { return weights_; }
  int version() const { return version_; }
  bool whole_sequences() const { return options_.whole_sequences; }
  bool unroll() const { return options_.unroll; }
  // Runs a network on values; empty entries stand for what could not be imported.
  Result<std::vector<Value>> Run(const Network& network, const std::string& prefix, std::vector<Value> inputs);
  // The same of a model that a layer holds, with these variables.
  Result<std::vector<Value>> RunInside(const Json& object, const Variables& variables, const std::string& place, std::vector<Value> inputs);
  // Runs the rule of the context's layer; every output it promises is there afterwards.
  Status RunRule(LayerContext& context);
  // A variable as a constant of the graph, once per dataset.
  Result<Value> Variable(const std::string& dataset, const std::string& name, const LayerContext& context);
  // One whose numbers must be floats, of any width in the file, f32 here: another type is an error.
  Result<Value> FloatVariable(const std::string& dataset, const std::string& name, const LayerContext& context);
  // One of model.quantize(...)'s, as the floats that it stands for: quantized_variable.cc
  Result<Value> Dequantized(const std::string& dataset, const std::string& name, const LayerContext& context);

  // Puts another constant in the place of a variable.
  void SetVariable(const std::string& dataset, Value v) { variables_[dataset] = v; }

  // To what the operand of the layer's activation is rounded while a wrapper of quantization-aware training runs the layer.
  void SetOperandLevels(std::optional<Levels> levels) { operand_levels_ = levels; }
  const std::optional<Levels>& operand_levels() const { return operand_levels_; }

  // A number for a lookup table of its own.
  int32_t NextTable() { return ++tables_; }

  // What is known of the elements of a vector of whole numbers that describes a shape; kUnknown where only the running model knows one.
  void SetElements(Value v, std::vector<int32_t> elements) { elements_[v.id] = std::move(elements); }
  const std::vector<int32_t>* ElementsOf(Value v) const { return elements_.contains(v.id) ? &elements_.at(v.id) : nullptr; }

  // Of a value of complex numbers, which is their real part; none of real numbers.
  void SetImaginary(Value re, Value im) { imaginary_[re.id] = im; }
  Value ImaginaryOf(Value v) const { return imaginary_.contains(v.id) ? imaginary_.at(v.id) : Value{}; }

  // Masks that travel with values as Keras' _keras_mask does.
  Value MaskOf(Value v) const;
  void SetMask(Value v, Value mask) { masks_[v.id] = mask; }

 private:
  struct Scope;
  Status AddInputs(const Network& network, std::vector<Value>* values);
  Result<TensorType> InputType(const Layer& layer, size_t num_inputs, const std::string& name) const;
  Status RunCall(Scope& scope, int layer, int call);
  Status RunNested(Scope& scope, const Layer& layer, const Call& call, std::vector<Value>* outputs);
  Status RunLayer(Scope& scope, const Layer& layer, const Call& call, std::vector<Value>* outputs);
  Status PassMask(LayerContext& context);
  void ReleaseRead(const std::vector<Value>& outputs);
  Status AddOutputs(const Network& network, std::vector<Value> values);
  void CheckRules(const Network& network, const std::string& prefix);
  void CheckRule(const Layer& layer, const std::string& place);

  Weights& weights_;
  const ImportOptions& options_;
  const CustomLayers custom_;
  const int version_;
  std::vector<Finding> findings_;
  std::deque<Layer> inside_;                     // Models that layers hold.
  std::map<std::string, Value> variables_;       // By dataset.
  std::vector<std::string> read_;                // Datasets that the layer at hand has read into the main graph.
  int layers_open_ = 0;                          // Layers inside layers.
  std::map<int32_t, Value> masks_;
  std::map<int32_t, std::vector<int32_t>> elements_;
  std::map<int32_t, Value> imaginary_;
  std::optional<Levels> operand_levels_;
  int64_t calls_left_ = 1 << 20;
  int32_t tables_ = 0;
};

// Keras layer class, keras.ops class or TFOpLambda function: whether anything imports it.
bool HasRule(const Layer& layer, int version);
// Whether it is a call of keras.ops.
bool IsOperation(const Layer& layer);

}  // namespace octet::importers::keras
