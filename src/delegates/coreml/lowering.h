// SPDX-License-Identifier: Apache-2.0
// octet's nodes as operations of an ML Program. Images are channels last in .tflite and channels first in Core ML: a
// tensor of four dimensions may be there in either form, and is transposed when somebody first asks for the other one,
// so that chains of convolutions and element-wise operators transpose nothing. Quantized tensors become real numbers
// where they are read and integers again where they are written, which is how Core ML expresses 8-bit models.
#pragma once
#include <array>
#include <optional>

#include "base/status.h"
#include "delegates/attributes.h"
#include "delegates/coreml/program.h"
#include "octet/delegate.h"

namespace octet::coreml {

enum class Form { kFile = 0, kImage = 1 };  // As in the file; channels first.
enum : int32_t { kF32 = 0, kF16 = 1, kI32 = 2, kU8 = 3, kI64 = 4, kBool = 6, kI8 = 9 };  // Types of the .tflite schema.

int64_t CountOf(const Dims& dims);
Dims Permuted(const Dims& dims, const std::vector<int64_t>& order);
inline const std::vector<int64_t> kToImage = {0, 3, 1, 2}, kToFile = {0, 2, 3, 1};
inline bool IsQuantized(int32_t type) { return type == kI8 || type == kU8; }

class Node {
 public:
  Node(const OctetDelegateGraph& graph, const OctetDelegateNode& raw) : graph_(graph), raw_(raw) {}
  std::string_view op() const { return raw_.op; }
  int num_inputs() const { return raw_.num_inputs; }
  int num_outputs() const { return raw_.num_outputs; }
  int32_t in(int i) const { return i < raw_.num_inputs ? raw_.inputs[i] : -1; }
  int32_t out(int i = 0) const { return raw_.outputs[i]; }
  bool has(int i) const { return in(i) >= 0; }
  const OctetDelegateTensor& input(int i) const { return graph_.tensors[in(i)]; }
  const OctetDelegateTensor& output(int i = 0) const { return graph_.tensors[out(i)]; }
  Dims in_dims(int i) const;
  Dims out_dims(int i = 0) const;
  int64_t Int(std::string_view name) const;
  double Real(std::string_view name) const;
  // A constant operand of integers; an error where it is computed.
  Result<std::vector<int64_t>> Constants(int i) const;

 private:
  const OctetDelegateGraph& graph_;
  const OctetDelegateNode& raw_;
};

class Lowering {
 public:
  Lowering(const OctetDelegateGraph& graph, Type real, bool dry) : p(real, dry), graph_(graph) {}

  // Status: why Core ML has no such operation.
  Status Add(const OctetDelegateNode& node);
  // The ends of a part; `name` is the program's.
  Status AddInput(int32_t tensor, const std::string& name);
  Status AddOutput(int32_t tensor, const std::string& name);

  // For the operators' functions: the tensor in a form; images of fewer than four dimensions get leading ones.
  Result<Var> Get(int32_t tensor, Form form = Form::kFile);
  Result<Var> In(const Node& n, int i, Form form = Form::kFile) { return Get(n.in(i), form); }
  // A constant with its dimensions in another order, as a weight.
  Result<Var> Weights(int32_t tensor, const Dims& dims, const std::vector<int64_t>& order);
  // Where element-wise operators compute: in the form in which their operands are.
  Form FormOf(const Node& n) const;
  // What the node gives, before its activation; `form` is that of the value.
  Status Set(const Node& n, int output, Var value, Form form = Form::kFile);
  Status SetActivated(const Node& n, const Var& value, Form form);
  Dims OutDims(const Node& n, Form form) const;

  Var Reshape(const Var& x, const Dims& dims);
  Var Transpose(const Var& x, const std::vector<int64_t>& order);
  Var Unary(std::string_view operation, const Var& x) { return p.Apply(operation, {{"x", {x}}}, x.type, x.dims); }
  Var Binary(std::string_view operation, const Var& x, const Var& y, const Dims& dims) { return p.Apply(operation, {{"x", {x}}, {"y", {y}}}, x.type, dims); }
  Var Number(const Var& like, float value) { return like.type == Type::kI32 ? p.Int(static_cast<int64_t>(value)) : p.Real(like.type, value); }
  Var Clip(const Var& x, float low, float high);

  Program p;

 private:
  struct Forms {
    std::array<std::optional<Var>, 2> in;
    std::optional<Var> integers;  // As in the file.
  };
  Result<Var> Constant(int32_t tensor, Form form);
  Result<Var> Scalar(const OctetDelegateTensor& t);
  Var Dequantized(const OctetDelegateTensor& t, const Var& integers);
  Var Quantized(const OctetDelegateTensor& t, const Var& real);
  Type TypeOf(const OctetDelegateTensor& t) const;

  const OctetDelegateGraph& graph_;
  std::map<int32_t, Forms> values_;
};

// An operator's function, by its name in the schema; null: Core ML has none. One table per file.
using LowerFn = Status (*)(Lowering&, const Node&);
struct Entry {
  std::string_view op;
  LowerFn lower;
};
std::span<const Entry> ProductEntries();
std::span<const Entry> ElementEntries();
std::span<const Entry> MoveEntries();
std::span<const Entry> ReduceEntries();

inline Status Refuse(const char* reason) { return Error(Code::kUnsupported, "%s", reason); }

}  // namespace octet::coreml
