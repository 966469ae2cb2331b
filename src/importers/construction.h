// SPDX-License-Identifier: Apache-2.0
// The model under construction: what the builders of all formats share.
#pragma once
#include <deque>
#include <map>
#include <string>

#include "graph/graph.h"
#include "ops/import.h"

namespace octet::importers {

class Construction {
 public:
  Construction() { model_.subgraphs.emplace_back(); }
  virtual ~Construction() = default;
  // Where operators and constants land: the main graph, or the subgraph opened last.
  graph::Graph& graph() { return open_.empty() ? model_.main() : open_.back().graph; }
  std::string UniqueName(const std::string& wanted);
  // Stays where it is while the graph grows: rules keep references.
  const TensorType& TypeOf(ops::Value v);
  // A constant of the graph; the same bytes give the same one.
  ops::Value Constant(const TensorType& type, std::span<const std::byte> bytes, const std::string& name);
  ops::Value Constant(const TensorType& type, graph::Buffer bytes, const std::string& name);
  // Whether v is a large constant that no node reads (a kernel, say, after it was put into another layout). Its bytes are gone
  // then; who keeps v for later reads the file again.
  bool ReleaseUnread(ops::Value v);

  // Computes a node of constants. What becomes much larger than they are waits until somebody looks: most of it is indices that are read off what made
  // them. Where nobody does, passes compute what is read in the end, or leave it (passes/fold_constants.cc).
  Status Fold(graph::NodeId node);
  // A constant's bytes, computed now where that waited; null of others.
  graph::Buffer BytesOf(ops::Value v);

  // Values that the source has as float16 or bfloat16; kNone of others.
  void SetHalf(ops::Value v, DType type) { halves_[v.id] = type; }
  DType HalfOf(ops::Value v) const { return halves_.contains(v.id) ? halves_.at(v.id) : DType::kNone; }

  // Element type and shape of a value that no operator tells.
  void Refine(ops::Value v, const TensorType& type);

  // The nodes of another graph with these values for its inputs; what its outputs are.
  std::vector<ops::Value> Inline(const graph::Graph& from, std::span<const ops::Value> inputs);
  // Of a whole model's main graph; the subgraphs that it calls come along.
  Result<std::vector<ops::Value>> Inline(graph::Model from, std::span<const ops::Value> inputs);

  // A body of a loop or branch in the making; values of the graph around it mean nothing inside.
  virtual void OpenSubgraph(const std::string& name);
  // The graph around the subgraph opened last.
  const graph::Graph& around() { return open_.size() < 2 ? model_.main() : open_[open_.size() - 2].graph; }
  // Appends it to the model; its index there.
  virtual int32_t CloseSubgraph();
  // A node that calls subgraphs, given in the order of the operator's attributes.
  Result<std::vector<ops::Value>> CallSubgraphs(std::string_view op, std::span<const int32_t> subgraphs, std::span<const ops::Value> inputs,
                                                std::span<const TensorType> outputs, const std::string& place);

 protected:
  // Tells nodes the subgraphs that they call.
  virtual Status Link() { return graph::LinkCallees(model_); }
  graph::Model model_;
  std::map<int32_t, TensorType> types_;

 private:
  struct Open {
    graph::Graph graph;
    std::map<int32_t, TensorType> types;  // What was known of the graph around.
    std::multimap<size_t, ops::Value> constants;
    std::map<int32_t, DType> halves;
    std::map<int32_t, graph::NodeId> unfolded;
  };
  ops::Value FindConstant(const TensorType& type, std::span<const std::byte> bytes, size_t hash);

  std::deque<Open> open_;  // Stay where they are.
  std::map<std::string, int> names_;
  std::multimap<size_t, ops::Value> constants_;  // By hash.
  std::map<int32_t, DType> halves_;
  std::map<int32_t, graph::NodeId> unfolded_;  // Tensors that constants make, and their nodes.
};

}  // namespace octet::importers
