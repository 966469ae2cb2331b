// SPDX-License-Identifier: Apache-2.0
// Which nodes of a graph become integer, and with activations of which type: those that have the form and whose tensors have ranges, but for what
// the options want in float.
#pragma once
#include <functional>
#include <optional>

#include "passes/calls.h"
#include "quantizer/rewrite.h"

namespace octet::quantizer {

bool IsFloatTensor(const graph::Graph& g, graph::TensorId t);  // kNoTensor is none.
bool IsInput(const graph::Graph& g, graph::TensorId t);

// A node that calls subgraphs which compute in integers, and what is handed over as such.
struct IntegerCall {
  passes::CallFlow flow;
  DType type = DType::kI8;
  std::vector<bool> in, out;     // Of the subgraphs' inputs, of the node's outputs.
  std::vector<int> handed = {};  // The subgraphs' inputs, by their numbers in the scale classes: the subgraphs are rewritten before the caller.
};

class IntegerNodes {
 public:
  // What of a call becomes integer; nothing: the node and its subgraphs stay as they are.
  using DecideCall = std::function<std::optional<IntegerCall>(const graph::Node& n, DType activation)>;

  // All three outlive it.
  IntegerNodes(const graph::Graph& g, const RewriteOptions& options, const std::map<std::string, Range>& ranges) : g_(g), options_(options), ranges_(ranges) {}

  // Among the nodes that the graph has now. Adds what stays float, or gets 16 bits, to the lists of `out`. `main`: the graph's inputs are the model's.
  void Choose(DType activation, bool main, const DecideCall& decide, Rewritten* out);

  DType activation() const { return activation_; }  // Of the graph's nodes, but for those that are apart.
  const std::vector<graph::NodeId>& all() const { return nodes_; }  // As they came, float ones, too.
  const std::map<graph::NodeId, IntegerCall>& calls() const { return calls_; }
  bool any() const { return !types_.empty(); }
  bool has(graph::NodeId id) const { return types_.contains(id); }
  // Of the node's activations; nothing: it stays float.
  std::optional<DType> TypeOf(graph::NodeId id) const;

  // Does a node of the graph, as it is now, compute it in integers, or take it so?
  bool MakesInteger(graph::TensorId t) const;
  bool ReadAsInteger(graph::TensorId t) const;
  // Does the node read t in float, wherever it does?
  bool ReadsFloat(graph::NodeId id, graph::TensorId t) const;
  // Is operand i of the node one that a call takes in float?
  bool HandsFloat(graph::NodeId id, size_t i) const;

 private:
  std::set<graph::NodeId> OnlyDeciding() const;
  bool ReadAsFloats(graph::TensorId t, const std::set<graph::NodeId>& but) const;
  bool ReadsIntegers(const graph::Node& n) const;
  bool HasRanges(const graph::Node& n) const;
  void ChooseNode(graph::NodeId id, Rewritten* out);
  void ChooseCall(graph::NodeId id, const DecideCall& decide, Rewritten* out);
  const std::string* Reason(const graph::Node& n, const std::map<std::string, std::string>& list) const;
  void Note(graph::NodeId id, const std::string& reason, std::vector<FloatNode>* list) const;

  const graph::Graph& g_;
  const RewriteOptions& options_;
  const std::map<std::string, Range>& ranges_;
  DType activation_ = DType::kI8;
  std::vector<graph::NodeId> nodes_;
  std::map<graph::NodeId, DType> types_;
  std::map<graph::NodeId, IntegerCall> calls_;
};

}  // namespace octet::quantizer
