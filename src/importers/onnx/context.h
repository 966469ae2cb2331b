// SPDX-License-Identifier: Apache-2.0
// One node of an ONNX graph while it is imported: ops::ImportContext over its attributes and inputs, and what only
// the importer's own rules need.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "importers/lowering.h"
#include "importers/onnx/partial.h"
#include "importers/onnx/proto.h"

namespace octet::importers::onnx {

class Builder;
struct Scope;

// What a name stands for: a tensor, or a sequence of them. One whose length is data has its tensors, of one shape, stacked in `value`
// behind a first row that is none of them: LiteRT's loops carry no empty tensors.
struct Binding {
  Value value;
  bool is_list = false;
  std::vector<Value> items;
  Binding() = default;
  Binding(Value v) : value(v) {}
  static Binding Sequence(std::vector<Value> items);
  static Binding Stacked(Value all);
  explicit operator bool() const { return is_list || static_cast<bool>(value); }
};

class NodeContext : public Lowering {
 public:
  NodeContext(Builder& builder, Scope& scope, const NodeProto& node, std::string place, int64_t version, std::vector<Binding> inputs);

  // -- ops::ImportContext
  std::string_view kind() const override { return kind_; }
  std::string_view name() const override { return node_.name; }
  bool Has(std::string_view key) const override { return Find(key) != nullptr; }
  int64_t Int(std::string_view key, int64_t fallback) const override;
  double Number(std::string_view key, double fallback) const override;
  bool Bool(std::string_view key, bool fallback) const override { return Int(key, fallback) != 0; }
  std::string Text(std::string_view key, std::string_view fallback) const override;
  std::vector<int64_t> Ints(std::string_view key, std::vector<int64_t> fallback) const override;
  std::vector<double> Numbers(std::string_view key, std::vector<double> fallback) const override;
  int num_inputs() const override { return static_cast<int>(inputs_.size()); }
  Value Input(int i) const override { return i < num_inputs() ? inputs_[static_cast<size_t>(i)].value : Value{}; }
  int num_weights() const override { return 0; }
  Result<Value> Weight(int i) override;
  const TensorType& type(Value v) const override;
  const std::byte* data(Value v) const override;
  Value Constant(const TensorType& type, std::span<const std::byte> bytes) override;
  Result<std::vector<Value>> EmitMany(std::string_view op, std::span<const Value> inputs, const void* attrs, int outputs) override;
  Result<Value> Activate(Value v, std::string_view key) override;
  void SetOutput(int i, Value v) override;
  Status Fail(std::string_view expected, std::string_view found, std::string_view advice) const override;
  using ops::ImportContext::Constant;

  // -- for the importer's own rules
  Builder& builder() const { return builder_; }
  Scope& scope() const { return scope_; }
  const NodeProto& node() const { return node_; }
  const std::string& place() const override { return place_; }
  Construction& construction() override;
  int64_t version() const { return version_; }
  int num_outputs() const { return static_cast<int>(node_.outputs.size()); }
  bool wants(int output) const { return output < num_outputs() && !node_.outputs[static_cast<size_t>(output)].empty(); }
  const Binding& input(int i) const { return inputs_[static_cast<size_t>(i)]; }
  void SetInput(int i, Value v) { inputs_[static_cast<size_t>(i)].value = v; }
  void SetOutput(int i, Binding b);
  // The sequence as its `value` would be.
  Result<Value> Stack(const Binding& sequence);
  const AttributeProto* Find(std::string_view key) const;
  std::vector<std::string> Texts(std::string_view key) const;
  // Whether a tensor of this shape may be made: known, and of at most `most` elements. Sizes come from files.
  static bool IsSmall(const Shape& s, int64_t most) {
    uint64_t bytes = 0;
    return s.known() && CheckedBytes(DType::kI8, s, &bytes) && bytes <= static_cast<uint64_t>(most);
  }
  bool is_constant(Value v) const { return v && data(v) != nullptr; }
  // The whole numbers of a constant.
  std::optional<std::vector<int64_t>> IntsOf(Value v) const;
  // A list that older opsets have as attribute `key` and newer ones as input i. Fails where the input is computed.
  Result<std::vector<int64_t>> IntsAt(int i, std::string_view key, std::vector<int64_t> fallback);
  // The first number of such a pair.
  Result<double> NumberAt(int i, std::string_view key, double fallback);
  // What is known of a tensor of whole numbers: see partial.h.
  Partial PartialOf(Value v) const;
  // With dimensions of other tensors that always equal one of x as those of x.
  Partial PartialFor(Value x, Value v) const;
  void SetPartial(Value v, Partial p);
  // The constant as floats; empty when it is none.
  std::vector<float> FloatsOf(Value v) const;
  Result<Value> Transpose(Value v, std::span<const int32_t> order);
  Result<Value> Transpose(Value v, std::initializer_list<int32_t> order) { return Transpose(v, std::span(order.begin(), order.size())); }
  Result<Value> Reshape(Value v, const Shape& shape);
  // axis counted from the end where negative; a failure when it is none of the value's.
  Result<int32_t> Axis(int64_t axis, int rank) const;
  Value ScalarInt(int32_t v) { return Constant<int32_t>(Shape{}, std::span<const int32_t>(&v, 1)); }
  // The rule of the operator's file, for rules here that only handle what it does not.
  Status ApplyOperatorRule();
  // Dimensions that are known of a value although no operator tells them.
  void RefineShape(Value v, const Shape& shape);

  // -- for the builder
  const std::vector<Binding>& outputs() const { return outputs_; }
  const Finding* finding() const { return finding_ ? &*finding_ : nullptr; }
  Status TakeTrouble() const;
  void InheritAttributes(const NodeContext& from) { attributes_of_ = &from; }
  void AdoptFinding(const NodeContext& inner) const { finding_ = inner.finding_; }

 protected:
  bool folds() const override { return true; }
  std::span<const DType> WiderThan(DType own, bool computes) const override;

 private:
  bool MovesQuantized(const ops::OpDef& def, std::span<const Value> inputs) const;

  Builder& builder_;
  Scope& scope_;
  const NodeProto& node_;
  std::string kind_, place_;
  const int64_t version_;
  std::vector<Binding> inputs_, outputs_;
  const NodeContext* attributes_of_ = nullptr;
  mutable std::string trouble_;
  mutable std::optional<Finding> finding_;
};

// The node's one output.
Status Set(NodeContext& c, Result<Value> y);

// Partly known numbers as an i32 vector: from the shape of `like` where that has the open ones, else the computed. `copies`: numbers are not all what was
// computed (zeros of a reshape); then each is taken from where it is.
Result<Value> ShapeOf(NodeContext& c, const Partial& numbers, Value computed, Value like, bool copies = false);

}  // namespace octet::importers::onnx
