// SPDX-License-Identifier: Apache-2.0
// One TensorFlow node while it is imported: ops::ImportContext over its attributes and inputs, and what only the
// importer's own rules need. Attributes of element types read as octet's numbers of them.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "importers/lowering.h"
#include "importers/savedmodel/functions.h"
#include "importers/savedmodel/partial.h"

namespace octet::importers::savedmodel {

class Builder;

// What tensors of this type are computed in: half and double precision become float32.
DType ComputeType(DType t);

class NodeContext : public Lowering {
 public:
  NodeContext(Builder& builder, int32_t id);

  // -- ops::ImportContext
  std::string_view kind() const override { return node_.def->op; }
  std::string_view name() const override { return node_.def->name; }
  bool Has(std::string_view key) const override { return node_.def->Has(key); }
  int64_t Int(std::string_view key, int64_t fallback) const override;
  double Number(std::string_view key, double fallback) const override;
  bool Bool(std::string_view key, bool fallback) const override;
  std::string Text(std::string_view key, std::string_view fallback) const override;
  std::vector<int64_t> Ints(std::string_view key, std::vector<int64_t> fallback) const override;
  std::vector<double> Numbers(std::string_view key, std::vector<double> fallback) const override;
  int num_inputs() const override { return static_cast<int>(node_.inputs.size()); }
  // Empty where it could not be imported; the node is then given up, whatever its rule says.
  Value Input(int i) const override;
  int num_weights() const override { return 0; }
  Result<Value> Weight(int i) override;
  const TensorType& type(Value v) const override;
  const std::byte* data(Value v) const override;
  Value Constant(const TensorType& type, std::span<const std::byte> bytes) override;
  Result<Value> Activate(Value v, std::string_view key) override;
  void SetOutput(int i, Value v) override;
  Status Fail(std::string_view expected, std::string_view found, std::string_view advice) const override;
  using ops::ImportContext::Constant;

  // -- for the importer's own rules
  Builder& builder() const { return builder_; }
  const FlatNode& node() const { return node_; }
  int32_t id() const { return id_; }
  const std::string& place() const override { return place_; }
  Construction& construction() override;
  // All that are tensors, and nothing for those that a node of at least so many lacks (it fails then, see lacks_input).
  std::vector<Value> Inputs(int at_least = 0) const;
  // As the file says it, where Type is what it is computed in.
  DType SourceType(std::string_view key) const;
  DType Type(std::string_view key) const { return static_cast<DType>(Int(key, static_cast<int64_t>(DType::kNone))); }
  // What is known of input i's elements; null: nothing.
  const Partial* Known(int i) const;
  // The whole numbers of input i, when all are known.
  bool IntsOf(int i, std::vector<int64_t>* out) const;
  Value ScalarInt(int32_t v) { return Constant<int32_t>(Shape{}, std::span<const int32_t>(&v, 1)); }
  Result<Value> Transpose(Value v, std::vector<int32_t> order);
  Result<Value> ReshapeTo(Value v, std::span<const int32_t> dims);
  void KeepGrid(Value from, Value to, int axis);
  // An axis, counted from the end where negative, as a position; fails where it is none.
  Result<int32_t> AxisOf(int64_t axis, int rank) const;
  // The rule of the operator's file, for rules here that only handle what it does not.
  Status ApplyOperatorRule();
  // From now on these are the inputs; none: the node's own.
  void Replace(std::vector<Value> inputs) { instead_ = std::move(inputs); }
  // Element type and shape of a value that no operator tells; constants have their own.
  void Refine(Value v, const TensorType& type);

  // -- for the builder
  const std::vector<Value>& outputs() const { return outputs_; }
  const Finding* finding() const { return failed_ ? &finding_ : nullptr; }
  bool poisoned() const { return poisoned_; }
  bool lacks_input() const { return lacks_input_; }  // The rule asked for the type of one that is not there.
  // Gives the node up because of what this edge is made of.
  Status Poison(const Edge&) { return poisoned_ = true, Status(); }
  Status PoisonBy(std::shared_ptr<const std::vector<Finding>> reasons) { return reasons_ = std::move(reasons), poisoned_ = true, Status(); }
  const std::shared_ptr<const std::vector<Finding>>& reasons() const { return reasons_; }

 protected:
  bool folds() const override { return true; }

 private:
  Builder& builder_;
  const int32_t id_;
  const FlatNode& node_;
  const std::string place_;
  std::vector<Value> outputs_;
  std::vector<Value> instead_;
  mutable Finding finding_;
  mutable bool failed_ = false, poisoned_ = false, lacks_input_ = false;
  std::shared_ptr<const std::vector<Finding>> reasons_;  // Of a region inside.
};

// The node's one output.
Status Set(NodeContext& c, Result<Value> y);
// Whether all are there: empty inputs poison the node.
bool Ready(const std::vector<Value>& values);

}  // namespace octet::importers::savedmodel
