// SPDX-License-Identifier: Apache-2.0
// The nodes that are needed for some tensors, with calls of functions inlined and what changes nothing left out.
// A region is one graph of the result: the main one, or the body of a loop or branch.
#pragma once
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "importers/savedmodel/op_list.h"

namespace octet::importers::savedmodel {

// Output `output` of flat node `node`; or, with kArgument, the region's own input number `output`.
struct Edge {
  static constexpr int32_t kNone = -1, kArgument = -2;
  int32_t node = kNone;
  int32_t output = 0;
  explicit operator bool() const { return node != kNone; }
  bool operator==(const Edge&) const = default;
};

struct FlatNode {
  const NodeDef* def = nullptr;          // Null: a value captured from the region around this one.
  int32_t frame = 0;
  int32_t region = 0;
  std::vector<Edge> inputs;
  std::vector<int32_t> after;            // Nodes with side effects that run before.
  std::set<int32_t> read;                // Outputs that somebody reads.
  std::vector<int32_t> readers;          // Nodes that do.
  size_t captured = 0;                   // Index into the builder's captured values.
};

// How many outputs the names of a node's outputs count for: "node:name:index" -> flat index. -1: not known.
int64_t OutputIndex(std::string_view op, std::string_view name, int64_t index);
// Ops that change variables or tables.
bool HasSideEffect(std::string_view op);

class Functions {
 public:
  explicit Functions(GraphDef& graph) : graph_(graph) { frames_.push_back({&graph.main(), -1, nullptr, 0, 0, {}, {}, {}}); }

  // The main graph's nodes that stand for inputs of the model.
  void SetInput(std::string_view node, int32_t index) { inputs_[node] = index; }
  GraphDef& graph() { return graph_; }
  const FlatNode& node(int32_t id) const { return nodes_[static_cast<size_t>(id)]; }

  // A region for a function that is called with these values; an empty one is an input of the region.
  Result<int32_t> OpenRegion(const FunctionDef& function, std::vector<Edge> arguments);
  int32_t AddCaptured(size_t index);
  // The tensor of the main graph ("node:0") or, with a region's frame, of a function's body.
  Result<Edge> Resolve(int32_t frame, std::string_view tensor);
  // What output `i` of the region's function is.
  Result<Edge> RegionOutput(int32_t region, size_t i);
  // The region's nodes that these outputs need, and those with side effects, each after what it reads.
  Result<std::vector<int32_t>> Order(int32_t region, const std::vector<Edge>& outputs);
  const FunctionDef& FunctionOf(int32_t region) const { return *frames_[static_cast<size_t>(regions_[static_cast<size_t>(region)])].function; }
  int32_t FrameOfRegion(int32_t region) const { return regions_[static_cast<size_t>(region)]; }
  // The node's place: its own name.
  std::string_view NameOf(int32_t id) const { return nodes_[static_cast<size_t>(id)].def->name; }
  // The function that a call node runs; null when it is no call.
  Result<const FunctionDef*> Callee(const NodeDef& node);
  // What the file says of an op, or is known of it; null: nothing.
  Result<const OpSchema*> Schema(std::string_view op);
  // The node of that name in a frame, or null.
  const NodeDef* FindNode(int32_t frame, std::string_view name) const;
  // Where control inputs of the main graph lead: nodes with side effects.
  Status AddControlRoot(int32_t frame, std::string_view name, int32_t region);

 private:
  struct Frame {
    const FunctionDef* function;
    int32_t parent;              // -1: a region's own.
    const NodeDef* call;
    int32_t region;
    int32_t depth;
    std::vector<Edge> arguments;  // Of a region's own frame.
    std::map<const NodeDef*, int32_t> callees, nodes;
  };
  Result<int32_t> FrameOf(int32_t frame, const NodeDef& call, const FunctionDef& callee);
  Result<int32_t> NodeOf(int32_t frame, const NodeDef& def);
  Status Expand(int32_t id);
  void MarkRead(const Edge& edge) {
    if (edge.node >= 0) nodes_[static_cast<size_t>(edge.node)].read.insert(edge.output);
  }
  Status FindEffects(int32_t frame, std::string_view name, bool reads, std::vector<int32_t>* found);
  Result<bool> HasEffects(const FunctionDef& function, int depth);

  GraphDef& graph_;
  std::deque<Frame> frames_;
  std::deque<FlatNode> nodes_;
  std::vector<bool> expanded_;
  std::vector<int32_t> regions_ = {0};                    // The frame of each.
  std::map<int32_t, std::vector<int32_t>> roots_;         // Nodes with side effects, by region.
  std::map<std::string_view, int32_t> inputs_;
  std::map<const FunctionDef*, bool> has_effects_;
  std::map<std::string_view, OpSchema> schemas_;
};

}  // namespace octet::importers::savedmodel
