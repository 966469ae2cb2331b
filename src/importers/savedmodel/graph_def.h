// SPDX-License-Identifier: Apache-2.0
// TensorFlow's GraphDef, FunctionDef and their attributes, read in place: views into the file's bytes.
// Field numbers: tensorflow/core/framework/{graph,node_def,function,op_def,attr_value,tensor}.proto and
// tensorflow/core/protobuf/{saved_model,meta_graph,saver}.proto.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/types.h"
#include "data/wire.h"

namespace octet::importers::savedmodel {

using Bytes = std::span<const std::byte>;

// TensorFlow's number of an element type; kNone for what .tflite does not know.
DType DTypeFromTf(int64_t type);

// A shape as TensorFlow stores it; the rank may be unknown.
struct StoredShape {
  bool known_rank = true;
  std::vector<int64_t> dims;  // -1: unknown.
};
Result<StoredShape> ReadShape(Bytes message);
// Unknown dimensions become kUnknown. An error above kMaxRank, and where a dimension is no size.
Result<Shape> ToShape(const StoredShape& stored, std::string_view where);

// AttrValue: one of several kinds, or a list of one.
class Attribute {
 public:
  Attribute() = default;
  explicit Attribute(Bytes message) : message_(message) {}
  // The value under this field number of AttrValue, or null.
  bool Find(uint32_t number, data::WireField* field) const;
  std::vector<data::WireField> List(uint32_t number) const;  // Of AttrValue.list, which uses the same numbers (packed ones taken apart).

  static constexpr uint32_t kList = 1, kText = 2, kInt = 3, kFloat = 4, kBool = 5, kType = 6, kShape = 7, kTensor = 8, kFunctions = 9, kFunction = 10;

 private:
  Bytes message_;
};

struct NodeDef {
  std::string_view name, op;
  std::vector<std::string_view> inputs;                     // "^name" are control inputs, last.
  std::vector<std::pair<std::string_view, Bytes>> attrs;    // AttrValue each.
  bool Has(std::string_view key) const;
  Attribute Get(std::string_view key) const;                // Empty when absent.
  std::string_view Function(std::string_view key) const;    // Name of the function attribute; empty when absent.
  std::vector<std::string_view> Functions(std::string_view key) const;  // Names of a list of them.
};
Result<NodeDef> ReadNode(Bytes message);

struct ArgDef {
  std::string_view name;
  int64_t type = 0;
};

struct FunctionDef {
  std::string_view name;
  std::vector<ArgDef> inputs, outputs;
  std::vector<NodeDef> nodes;
  std::map<std::string_view, size_t> by_name;               // Of nodes.
  std::map<std::string_view, size_t> args;                  // Of inputs.
  std::map<std::string_view, std::string_view> ret;         // Output -> tensor of the body.
  std::vector<std::string_view> control_ret;                // Nodes of the body.
  std::string_view implements;                              // What TensorFlow says it computes; empty for most.
  int first_rank = -1;                                      // Of its first argument, where that is told.
};

// A graph with its functions. Bodies of functions are read when first asked for.
class GraphDef {
 public:
  static Result<std::unique_ptr<GraphDef>> Read(Bytes message, const std::string& path);
  const FunctionDef& main() const { return main_; }         // Without arguments.
  // Null when there is none of that name.
  Result<const FunctionDef*> Function(std::string_view name);
  bool HasFunction(std::string_view name) const { return stored_.contains(name) || functions_.contains(name); }
  const std::string& path() const { return path_; }
  // What the file says of an op, as a message OpDef; empty where it says nothing.
  Bytes Op(std::string_view name) const {
    const auto op = ops_.find(name);
    return op == ops_.end() ? Bytes() : op->second;
  }
  // Of a message OpList. False: malformed.
  bool AddOps(Bytes list);

  // -- for what rewrites the graph before it is imported
  FunctionDef& mutable_main() { return main_; }
  void AddFunction(std::unique_ptr<FunctionDef> function) { functions_[function->name] = std::move(function); }
  // Text that lives as long as the graph.
  std::string_view OwnText(std::string text) { return owned_.emplace_back(std::move(text)); }
  Bytes Own(std::string bytes) { return std::as_bytes(std::span<const char>(OwnText(std::move(bytes)))); }

 private:
  std::string path_;
  std::deque<std::string> owned_;
  FunctionDef main_;
  std::map<std::string_view, Bytes> stored_, ops_;
  std::map<std::string_view, std::unique_ptr<FunctionDef>> functions_;
};

struct TensorInfo {
  std::string_view key, tensor;  // "input_1", "serving_default_input_1:0"
  int64_t type = 0;
  StoredShape shape;
  int component = 0;             // Of a ragged or sparse tensor: which of the tensors that it consists of.
};
struct SignatureDef {
  std::string_view key;
  std::vector<TensorInfo> inputs, outputs;
};
struct MetaGraph {
  std::unique_ptr<GraphDef> graph;
  std::vector<std::string_view> tags;
  std::vector<SignatureDef> signatures;
  std::string_view restore_op, filename_tensor;
  std::vector<std::pair<std::string_view, std::string_view>> assets;  // Tensor, file name.
  std::vector<std::string_view> init_ops;                             // TF1: collections of main and legacy init ops.
};
// The meta graph tagged "serve", or the only one.
Result<MetaGraph> ReadSavedModel(Bytes message, const std::string& path);

// A TensorProto's type, shape and elements; text is kept as its pieces.
struct TensorProto {
  int64_t type = 0;
  StoredShape shape;
  std::vector<std::byte> bytes;
  std::vector<std::string> texts;
};
Result<TensorProto> ReadTensor(Bytes message, std::string_view where);

}  // namespace octet::importers::savedmodel
