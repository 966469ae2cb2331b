// SPDX-License-Identifier: Apache-2.0
// How source layers and ops become operators. The rule lives with the operator it becomes; the
// importers implement ImportContext, so an operator's file never sees JSON, HDF5 or protobuf.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "ops/op_def.h"
#include "ops/state_reset.h"

namespace octet::ops {

enum class Source : uint8_t {
  kKeras,            // Layer classes: "Conv2D".
  kKerasActivation,  // Names usable as activation="…": "relu6".
  kTensorFlow,       // GraphDef ops.
  kOnnx,
};

// A tensor of the graph under construction.
struct Value {
  int32_t id = -1;
  explicit operator bool() const { return id >= 0; }
  bool operator==(const Value&) const = default;
};

// One source layer (or op) being imported. Emit infers types at once, so type() is always there.
// Getters of attributes return the fallback when the key is absent; a key of the wrong type is an
// error that Convert reports after the rule returns (the first one wins).
class ImportContext {
 public:
  virtual ~ImportContext() = default;

  // -- the source
  virtual std::string_view kind() const = 0;  // Its class or op name: "Conv2D".
  virtual std::string_view name() const = 0;  // The user's own name for it.
  virtual bool Has(std::string_view key) const = 0;  // Present and not null.
  virtual int64_t Int(std::string_view key, int64_t fallback) const = 0;
  virtual double Number(std::string_view key, double fallback) const = 0;
  virtual bool Bool(std::string_view key, bool fallback) const = 0;
  virtual std::string Text(std::string_view key, std::string_view fallback) const = 0;
  // A list; a single number counts as a list of one.
  virtual std::vector<int64_t> Ints(std::string_view key, std::vector<int64_t> fallback) const = 0;
  virtual std::vector<double> Numbers(std::string_view key, std::vector<double> fallback) const = 0;

  // -- its inputs, and its variables in the order the source's layer class creates them
  virtual int num_inputs() const = 0;
  virtual Value Input(int i) const = 0;
  virtual int num_weights() const = 0;
  virtual Result<Value> Weight(int i) = 0;  // A constant. Error when the file lacks it.

  // -- the graph
  virtual const TensorType& type(Value) const = 0;
  // Bytes of a constant, or null.
  virtual const std::byte* data(Value) const = 0;
  virtual Value Constant(const TensorType& type, std::span<const std::byte> bytes) = 0;
  // One output; attrs is the operator's Attrs struct, or null for the defaults.
  virtual Result<Value> Emit(std::string_view op, std::span<const Value> inputs, const void* attrs) = 0;
  virtual Result<std::vector<Value>> EmitMany(std::string_view op, std::span<const Value> inputs, const void* attrs, int outputs) = 0;
  // With a declared output type: for QUANTIZE, CAST and others whose type the inputs do not tell.
  virtual Result<Value> EmitAs(std::string_view op, std::span<const Value> inputs, const void* attrs, const TensorType& out) = 0;
  // Applies the activation named (or configured) under `key`; the value itself when there is none.
  virtual Result<Value> Activate(Value v, std::string_view key = "activation") = 0;
  virtual void SetOutput(int i, Value v) = 0;

  // "Conv2D 'block3/conv': expected …, found …; <advice>". Always Code::kUnsupported.
  virtual Status Fail(std::string_view expected, std::string_view found, std::string_view advice) const = 0;

  // -- conveniences over the above
  template <class A> Result<Value> Emit(std::string_view op, std::initializer_list<Value> in, const A& attrs) {
    return Emit(op, std::span(in.begin(), in.size()), static_cast<const void*>(&attrs));
  }
  Result<Value> Emit(std::string_view op, std::initializer_list<Value> in) {
    return Emit(op, std::span(in.begin(), in.size()), nullptr);
  }
  const Shape& shape(Value v) const { return type(v).shape; }
  int rank(Value v) const { return type(v).shape.rank(); }
  template <class T> std::span<const T> data_as(Value v) const {
    const std::byte* p = data(v);
    if (!p || type(v).dtype != DTypeOf<T>) return {};
    return {reinterpret_cast<const T*>(p), static_cast<size_t>(shape(v).elements())};
  }
  template <class T> Value Constant(Shape shape, std::span<const T> values) {
    return Constant({DTypeOf<T>, shape, {}}, std::as_bytes(values));
  }
  Value Scalar(float v) { return Constant<float>(Shape{}, std::span<const float>(&v, 1)); }
  Value Vector(std::initializer_list<int32_t> v) {
    return Constant<int32_t>(Shape{static_cast<int32_t>(v.size())}, std::span(v.begin(), v.size()));
  }
  Value Vector(std::span<const int32_t> v) { return Constant<int32_t>(Shape{static_cast<int32_t>(v.size())}, v); }
};

struct ImportRule {
  Source source;
  std::string_view name;
  int since = 0;  // First opset or major version of the source that has this meaning.
  Status (*convert)(ImportContext&) = nullptr;
};

// What tools know of an operator beyond its definition.
struct OpImport {
  std::span<const ImportRule> rules = {};
  StateResetFn reset = nullptr;  // Only where states live on from run to run.
};

std::span<const OpImport* const> Imports();
// Null for operators from libraries.
const OpImport* ImportOf(const OpDef&);
// The rule with the largest `since` not above `version`, or null.
const ImportRule* FindImport(Source source, std::string_view name, int version);

}  // namespace octet::ops
