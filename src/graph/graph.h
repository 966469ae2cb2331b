// SPDX-License-Identifier: Apache-2.0
// The mutable form of a model that the tools work on. Passes emit only what a .tflite can express;
// the runtime never builds a Graph (it plans from tflite::View).
#pragma once
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph/constant_bytes.h"
#include "ops/op_def.h"

namespace octet::graph {

using TensorId = int32_t;  // Index into Graph::tensors; kNoTensor for an absent optional operand.
using NodeId = int32_t;    // Stable: erased nodes leave a hole.
inline constexpr TensorId kNoTensor = -1;

struct Tensor {
  std::string name;
  TensorType type;         // Shape dimensions may be kUnknown.
  Buffer constant;         // Null: computed, an input, or a variable.
  bool is_variable = false;
  bool resets = false;     // A variable that a run starts at zero: the state of one whole sequence. No file can say
                           // that; the quantizer makes it so.
  NodeId producer = -1;    // -1: input or constant. Kept by Graph.
  std::vector<NodeId> consumers;  // One entry per use, so a node may appear twice. Kept by Graph.

  template <class T> std::span<const T> data() const {
    return {reinterpret_cast<const T*>(constant->data()), constant->size() / sizeof(T)};
  }
};

// An attribute struct of some operator, by value: what its lists and texts point to is kept here, too.
class Attributes {
 public:
  Attributes() = default;
  explicit Attributes(const ops::AttrLayout& layout, const void* from = nullptr);
  const void* get() const { return bytes_.data(); }
  void* get() { return bytes_.data(); }
  template <class A> A& as() { return *static_cast<A*>(get()); }
  // A copy of `values` that lives as long as the attributes: attrs.name = attrs.Keep<Text>(std::string_view("x")).
  template <class L, class Values> L Keep(const Values& values) {
    const auto bytes = std::as_bytes(std::span(values));
    kept_.push_back(MakeBuffer(bytes));
    L list;
    list.data = reinterpret_cast<decltype(list.data)>(kept_.back()->data());
    list.count = static_cast<uint32_t>(values.size());
    return list;
  }
  bool operator==(const Attributes& other) const;
  // The values of all attributes, one behind the other: lists lie at different places, and structs have gaps of any content.
  std::string content() const;

 private:
  const ops::AttrLayout* layout_ = nullptr;
  std::vector<std::byte> bytes_;
  std::vector<Buffer> kept_;
};

// The ends of a subgraph that a node calls, copied from it by LinkCallees.
struct CalleeTypes {
  std::string name;
  std::vector<TensorType> inputs, outputs;
  std::vector<int> input_of;            // As ops::Callee::InputOf.
  const ops::OpDef* sole_op = nullptr;
};

struct Node {
  const ops::OpDef* op = nullptr;  // Null: erased.
  Attributes attrs;
  std::vector<TensorId> inputs, outputs;
  std::string place;               // The source's own layer name, for messages and reports.
  std::vector<TensorId> intermediates;  // Tensors that only carry quantization (integer LSTM).
  std::vector<std::shared_ptr<const CalleeTypes>> callees;  // Of the subgraphs that its attributes name.
  std::vector<std::byte> custom_options;                    // Of a custom operator.
};

class Graph {
 public:
  std::string name = "main";
  std::vector<TensorId> inputs, outputs;  // In the source's order, always.

  const std::vector<Tensor>& tensors() const { return tensors_; }
  const Tensor& tensor(TensorId id) const { return tensors_[id]; }
  Tensor& tensor(TensorId id) { return tensors_[id]; }  // Not producer, consumers or constness.
  const Node& node(NodeId id) const { return nodes_[id]; }
  Node& node(NodeId id) { return nodes_[id]; }          // Not inputs or outputs: see below.
  // Live nodes in an order in which producers come before consumers.
  const std::vector<NodeId>& order() const { return order_; }
  size_t num_nodes() const { return order_.size(); }

  // -- building
  TensorId AddTensor(std::string name, TensorType type);
  TensorId AddConstant(std::string name, TensorType type, Buffer bytes);
  template <class T> TensorId AddConstant(std::string name, Shape shape, std::span<const T> values) {
    return AddConstant(std::move(name), {DTypeOf<T>, shape, {}}, MakeBuffer(std::as_bytes(values)));
  }
  // Appends; or, with `before`, inserts in front of that node in the order.
  NodeId AddNode(const ops::OpDef& op, Attributes attrs, std::vector<TensorId> inputs,
                 std::vector<TensorId> outputs, std::string place, NodeId before = -1);

  // -- rewriting; use lists stay true
  void SetInput(NodeId node, int i, TensorId tensor);
  void AddInput(NodeId node, TensorId tensor);
  void SetOutput(NodeId node, int i, TensorId tensor);
  void ReplaceUses(TensorId from, TensorId to);  // In nodes and in graph outputs.
  void SetConstant(TensorId tensor, TensorType type, Buffer bytes);
  void Erase(NodeId node);  // Its outputs become producerless; they must have no uses left.
  // For a constant that nobody reads any more: its bytes go, and it may not be read again.
  void Release(TensorId tensor) { tensors_[tensor].constant.reset(); }
  // Puts the order right after nodes were appended out of order. False: there is a cycle.
  bool Sort();
  // Removes nodes that reach no output and have no side effects, and the bytes of constants nobody reads.
  void RemoveDead();

  // -- asking
  bool is_constant(TensorId t) const { return t != kNoTensor && tensors_[t].constant != nullptr; }
  bool is_output(TensorId t) const;
  int uses(TensorId t) const;  // By nodes and as graph output.
  // The one node that reads t, or -1 when there are several, none, or t is also a graph output.
  NodeId SoleConsumer(TensorId t) const;

 private:
  std::vector<Tensor> tensors_;
  std::vector<Node> nodes_;
  std::vector<NodeId> order_;
};

// A lens over a node for checks, inference, cost and quantization. Valid until the graph changes.
class NodeView {
 public:
  NodeView(const Graph& g, NodeId node);
  const ops::OpView& view() const { return view_; }

 private:
  std::vector<const TensorType*> inputs_, outputs_, intermediates_;
  std::vector<const std::byte*> constants_;
  std::vector<std::unique_ptr<ops::Callee>> owned_callees_;
  std::vector<ops::Callee*> callees_;
  ops::OpView view_;
};

// Infers the outputs of one node, or of all in order.
Status InferNode(Graph& g, NodeId node);
Status InferAll(Graph& g);

struct SignatureEntry {
  std::string name;
  TensorId tensor;
};
struct Signature {
  std::string key;  // "serving_default"
  std::vector<SignatureEntry> inputs, outputs;
  int subgraph = 0;
};

struct Model {
  std::string description;
  std::vector<Graph> subgraphs;
  std::vector<Signature> signatures;
  std::map<std::string, std::vector<std::byte>> metadata;  // By name, as the file keeps them.
  Graph& main() { return subgraphs.front(); }
  const Graph& main() const { return subgraphs.front(); }
};

// Tells every node the ends of the subgraphs it calls: after one of them changed, or a node was added that calls.
// Code::kInvalidModel where an attribute names a subgraph that is not there.
Status LinkCallees(Model& model);
// Infers all subgraphs, called ones before their callers.
Status InferModel(Model& model);

// Structure, use lists, order and types; what a pass must leave true.
Status Verify(const Model& model);
// One line per tensor and node, the language of golden tests: see text.cc.
std::string Print(const Model& model);
// The model that Print wrote so; checked by Verify, types are taken as they are told. Large constants stand in the text
// as hashes: their bytes come from `constants`, the model that was printed.
Result<Model> Parse(std::string_view text, const Model* constants = nullptr);

}  // namespace octet::graph
