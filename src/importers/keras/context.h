// SPDX-License-Identifier: Apache-2.0
// One call of one layer while it is imported: ops::ImportContext over the config, the weights file and the
// graph under construction, and what only the importer's own rules need.
#pragma once
#include <initializer_list>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "importers/importer.h"
#include "importers/keras/network.h"
#include "importers/keras/weights.h"
#include "importers/lowering.h"

namespace octet::importers::keras {

using ops::Value;
class Builder;

class LayerContext : public Lowering {
 public:
  LayerContext(Builder& builder, const Layer& layer, Variables variables, std::string place, std::vector<Value> inputs);

  // -- ops::ImportContext
  std::string_view kind() const override { return layer_.class_name; }
  std::string_view name() const override { return layer_.name; }
  bool Has(std::string_view key) const override;
  int64_t Int(std::string_view key, int64_t fallback) const override;
  double Number(std::string_view key, double fallback) const override;
  bool Bool(std::string_view key, bool fallback) const override;
  std::string Text(std::string_view key, std::string_view fallback) const override;
  std::vector<int64_t> Ints(std::string_view key, std::vector<int64_t> fallback) const override;
  std::vector<double> Numbers(std::string_view key, std::vector<double> fallback) const override;
  int num_inputs() const override { return static_cast<int>(inputs_.size()); }
  Value Input(int i) const override { return i < num_inputs() ? inputs_[static_cast<size_t>(i)] : Value{}; }
  int num_weights() const override;
  Result<Value> Weight(int i) override;
  const TensorType& type(Value v) const override;
  const std::byte* data(Value v) const override;
  Value Constant(const TensorType& type, std::span<const std::byte> bytes) override;
  Result<Value> Activate(Value v, std::string_view key = "activation") override;
  void SetOutput(int i, Value v) override;
  Status Fail(std::string_view expected, std::string_view found, std::string_view advice) const override;
  using ops::ImportContext::Constant;

  // -- for the importer's own rules
  // The config's value, or the literal the call passes by that name.
  const Json& Get(std::string_view key) const;
  const Layer& layer() const { return layer_; }
  const Variables& variables() const { return variables_; }
  Builder& builder() const { return builder_; }
  const std::string& place() const override { return place_; }
  Construction& construction() override;
  // Positional and named arguments of the call; null for what was not given.
  const Argument* Positional(size_t i) const;
  const Argument* Named(std::string_view name) const;
  // Whether a tensor of the call is of complex numbers.
  bool HasImaginary() const;
  // A named argument that says something and that no rule looked at, or null.
  const std::string* Unread() const;
  void SetCall(const Call* call, std::vector<std::pair<const Argument*, Value>> tensors);
  // The tensor that an argument is, or none.
  Value TensorOf(const Argument* argument) const;
  // The mask that Keras would pass along with the first input (or as `mask`): bool [batch, time]; or none.
  // Keras 3 passes none along to a call that has several arguments with tensors (initial_state).
  Result<Value> Mask();
  // A tensor that keeps its value between runs; zero at first.
  Value Variable(const TensorType& type, const std::string& name);
  // The rule of the operator's file, for rules here that only handle what it does not.
  Status ApplyOperatorRule();
  // The same, with channels moved to the last axis and back where the layer has them elsewhere.
  Status ConvertOperatorRule(const ops::ImportRule& rule);
  // Inputs that are no floats become such.
  Status InputsToFloat();
  // Inputs of several types become what holds all of them.
  Status InputsToOneType();
  // Inputs of fewer axes get some behind the batch.
  Status InputsToOneRank();
  // Runs another layer's rule on values of this call.
  Result<std::vector<Value>> Apply(const Json& object, Variables variables, std::span<const Value> inputs, const std::string& path);
  Result<Value> ApplyActivation(Value v, const Json& activation);

  // -- for the builder
  const std::vector<Value>& outputs() const { return outputs_; }
  Status TakeTrouble();                                       // The first getter that met a wrong kind.
  const Finding* finding() const { return failed_ ? &finding_ : nullptr; }
  void AdoptFinding(const LayerContext& inner);
  Status AdoptFinding(const Finding& inner);                  // Of what stands for the layer, for the layer itself.

 protected:
  std::span<const DType> WiderThan(DType own, bool computes) const override;

 private:
  template <class T, class F> T Read(std::string_view key, T fallback, const char* expected, const F& read) const;
  Result<Value> NamedActivation(Value v, const std::string& name);
  int ChannelAxis() const;
  const Argument* Find(std::string_view name) const;  // As Named; not looked at yet.
  Status CheckArguments() const;
  int TensorArguments() const;

  Builder& builder_;
  const Layer& layer_;
  Variables variables_;
  std::string place_;
  std::vector<Value> inputs_, outputs_;
  const Call* call_ = nullptr;
  std::vector<std::pair<const Argument*, Value>> tensors_;
  Value weight_;                   // The variable read last.
  std::string_view override_key_;  // What the rule sees instead of the config's value.
  Json override_;
  mutable std::string trouble_;
  mutable std::set<std::string, std::less<>> read_;  // Named arguments that the rule looked at.
  mutable Finding finding_;
  mutable bool failed_ = false;
};

}  // namespace octet::importers::keras
