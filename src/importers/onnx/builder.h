// SPDX-License-Identifier: Apache-2.0
// ONNX graph -> graph. Nodes run in the order of the file, each through its rule; model-local functions and
// branches that are known to be taken are inlined.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "graph/dimensions.h"
#include "importers/construction.h"
#include "importers/importer.h"
#include "importers/lowerings/signs.h"
#include "importers/onnx/context.h"
#include "importers/onnx/rules.h"
#include "importers/onnx/tensors.h"

namespace octet::importers::onnx {

// What a subgraph of the .tflite reads from around it: values of the outer graph and the inputs that stand for them.
struct Captures {
  std::vector<std::pair<Value, Value>> values;  // Outer, inner.
  std::map<int32_t, Value> constants;           // By the outer's id.
};

// Names of one graph; those of the graphs around it are seen, too (not from inside a function).
struct Scope {
  Scope* outer = nullptr;
  Captures* captures = nullptr;  // Where this scope's nodes go to a subgraph of their own.
  std::map<std::string_view, Binding> values;
  std::map<std::string_view, const TensorProto*> stored;  // Initializers, read when first used.
  std::string prefix;                                     // Of places: "encoder/".
  const FunctionProto* function = nullptr;
  std::map<std::string_view, const AttributeProto*> attributes;  // Of the function's call.
  const std::map<std::string_view, int64_t>* opsets = nullptr;
  int depth = 0;
  std::multimap<std::string_view, const NodeProto*> readers;
  std::map<std::string_view, const NodeProto*> makers;
  std::set<std::string_view> outputs;
  std::map<std::string_view, const ValueProto*> declared;  // Shapes that the file tells of values.
};

// "Conv", or with its domain "com.microsoft.Gelu".
std::string RuleName(const NodeProto& node);

class Builder : public Construction {
 public:
  Builder(const ModelProto& model, Tensors& tensors, const ImportOptions& options) : proto_(model), tensors_(tensors), options_(options) {}
  // Of a subgraph of the .tflite, which becomes a part of the parent's model.
  explicit Builder(Builder& parent)
      : proto_(parent.proto_), tensors_(parent.tensors_), options_(parent.options_), parent_(&parent), nodes_left_(parent.nodes_left_) {}
  // An invalid file is an error; what is not supported goes to `findings` and leaves the model unfinished.
  Result<graph::Model> Build(std::vector<Finding>* findings);

  bool unroll() const { return options_.unroll; }
  void RefineShape(Value v, const Shape& shape);
  Result<Value> Stored(const TensorProto& t, const std::string& name);
  // Whether an initializer has 4-bit numbers, which are bytes here.
  bool IsNarrow(Value v) const { return narrow_.contains(v.id); }
  bool IsNeverNegative(Value v) { return NeverNegative(graph(), v.id, told_.counts); }
  Partial PartialOf(Value v) const;
  void SetPartial(Value v, Partial p) { told_.partials[v.id] = std::move(p); }
  graph::Dimension OriginOf(graph::Dimension d) { return told_.origins.Of(graph(), d); }
  // An open dimension of v is so many times another one, which no operator tells: behind a reshape.
  void SetDimension(Value v, int axis, const Number& n);
  // Those of y are those of x, axis by axis.
  void SetDimensionsOf(Value y, Value x);
  // An open dimension as that many of the one that it comes from.
  Number Resolve(Number n);
  const AttributeProto* FunctionAttribute(const Scope& scope, std::string_view name) const;
  // The value of a name as seen from `scope`; empty when there is none (or it could not be imported).
  Result<Binding> Lookup(Scope& scope, std::string_view name);
  // Runs the nodes of a graph inside `outer` with these inputs; entries are empty where something was not imported.
  Result<std::vector<Binding>> RunGraph(const GraphProto& g, Scope& outer, std::span<const Binding> inputs, const std::string& prefix);
  // WHILE around the nodes of `body`: iteration, condition, carried values, then what each trip gives. `trips` may be
  // empty. Answers the carried values (sequences stacked) and, stacked, what the trips gave.
  // Of a Scan: the body gets slices of `scanned` behind the carried values, and neither iteration nor condition.
  struct Scanned {
    Value value;
    int32_t axis = 0;
    bool backwards = false;
  };
  Result<std::vector<Value>> EmitWhile(NodeContext& c, const GraphProto& body, Value trips, Value condition, std::span<const Binding> carried,
                                       std::span<const Scanned> scanned = {});
  // IF over the nodes of two graphs; answers their outputs, with dimensions that differ unknown.
  Result<std::vector<Value>> EmitIf(NodeContext& c, Value condition, const GraphProto& yes, const GraphProto& no);
  // The rule of `node` on other inputs, in the place (and with the attributes) of the context's node.
  Result<Value> RunAs(const NodeContext& context, NodeProto& node, std::vector<Value> inputs);
  // Whether all nodes that read the name satisfy this (and it is no output of its graph).
  bool AllReaders(const Scope& scope, std::string_view name, bool (*satisfies)(const NodeProto&)) const;
  void SetQuant(Value v, const Quant& quant);
  bool failed() const { return !findings_.empty(); }
  // The same of this graph and those around it, whose values it reads.
  bool FailedAround() const { return failed() || (parent_ && parent_->FailedAround()); }
  // A number for a lookup table of its own.
  int32_t NextTable() { return parent_ ? parent_->NextTable() : ++tables_; }
  void OpenSubgraph(const std::string& name) override;
  int32_t CloseSubgraph() override;

 private:
  void Check(const std::vector<NodeProto>& nodes, const std::map<std::string_view, int64_t>& opsets, const std::string& prefix, int depth);
  const FunctionProto* FindFunction(const NodeProto& node) const;
  int64_t VersionOf(const std::map<std::string_view, int64_t>& opsets, std::string_view domain) const;
  const TensorProto* FindStored(const Scope* scope, std::string_view name) const;
  Result<Value> Capture(Captures& captures, Value outer);
  Status AddInputs(Scope& scope);
  Result<TensorType> InputType(const ValueProto& input, bool only);
  // Sequences as their tensors, "name_0" and so on.
  Status AddOutputs(Scope& scope);
  Status AddOutput(Scope& scope, const std::string& name, DType declared, Value v);
  Result<Value> Copied(NodeContext& c, Value v);
  Status RunNodes(const std::vector<NodeProto>& nodes, Scope& scope);
  Status RunNode(const NodeProto& node, Scope& scope);
  void ReleaseInputs(const NodeProto& node, const Scope& scope, const std::vector<Binding>& outputs);
  Status RunFused(const NodeProto& node, Scope& scope, const std::string& place, std::string_view op, std::string_view input, bool tanh);
  Status RunFunction(const FunctionProto& f, const NodeProto& node, Scope& scope, std::span<const Binding> inputs);
  Status RunRule(NodeContext& context, std::string_view rule_name);
  void Declare(Scope& scope, const GraphProto& g) const;
  void Refine(const Scope& scope, std::string_view name, Value v);
  void Bind(const NodeProto& node, Scope& scope, const std::vector<Binding>& outputs, size_t first_new);

  struct Loop;
  class LoopBody;
  Result<Value> SliceOf(NodeContext& c, Captures& captures, const Scanned& s, Value iteration, Value trips);
  Result<Value> WithoutFiller(NodeContext& c, Value all, const Shape& stacked, const TensorType& trip, Value trips, Value dims);
  Result<int32_t> BuildBody(NodeContext& c, Loop& loop);
  Status BuildCondition(Scope& outer, const NodeContext& place, Loop& loop);
  Result<std::vector<graph::TensorId>> LoopStarts(NodeContext& c, const Loop& loop, Value condition, std::span<const Value> carried);
  Result<std::vector<Value>> LoopResults(NodeContext& c, const Loop& loop, std::span<const graph::TensorId> out);
  Status BuildBranch(Scope& outer, const NodeContext& place, const GraphProto& proto, Captures* captures, std::vector<Value>* outputs);
  Status FinishBranch(Scope& outer, const NodeContext& place, const Captures& captures, std::span<const std::pair<Value, TensorType>> around,
                      const std::vector<Value>& outputs);
  int32_t Adopt(Builder& inner, const std::string& name);

  const ModelProto& proto_;
  Tensors& tensors_;
  const ImportOptions& options_;
  Builder* const parent_ = nullptr;
  std::vector<Finding> findings_;
  std::map<const TensorProto*, Value> stored_;
  std::set<int32_t> kept_;  // Of those, values that have another name, too.
  std::set<int32_t> narrow_;
  struct Told {
    std::map<int32_t, Partial> partials;
    std::map<graph::Dimension, Number> dimensions;
    std::set<graph::TensorId> counts;  // Inputs of a body that are never below zero.
    graph::Origins origins;
  };
  Told told_;
  std::vector<Told> told_around_;  // Of the graphs around an open subgraph.
  int32_t tables_ = 0;
  int64_t nodes_left_ = 1 << 18;  // Functions called by functions multiply.
};

}  // namespace octet::importers::onnx
