// SPDX-License-Identifier: Apache-2.0
// What the import rules of all formats stand on when a source layer becomes several operators: emitting into
// the graph under construction, attributes by their name in the schema. Lowerings that several formats need
// (importers/lowerings) take a Lowering and know nothing of the source's format.
#pragma once
#include <initializer_list>
#include <string>
#include <variant>
#include <vector>

#include "importers/construction.h"
#include "ops/import.h"

namespace octet::importers {

using ops::Value;

// Sets an operator's attribute by its name in the schema.
struct AttrValue {
  std::string_view name;
  std::variant<int64_t, double, std::vector<int32_t>> value;
};

class Lowering : public ops::ImportContext {
 public:
  Result<Value> Emit(std::string_view op, std::span<const Value> inputs, const void* attrs) override;
  Result<std::vector<Value>> EmitMany(std::string_view op, std::span<const Value> inputs, const void* attrs, int outputs) override;
  Result<Value> EmitAs(std::string_view op, std::span<const Value> inputs, const void* attrs, const TensorType& out) override;
  using ops::ImportContext::Emit;

  // With the outputs' types declared.
  Result<std::vector<Value>> EmitNode(std::string_view op, std::span<const Value> inputs, const void* attrs, std::vector<TensorType> outputs);

  // With attributes given by name.
  Result<std::vector<Value>> MakeMany(std::string_view op, std::span<const Value> inputs, std::initializer_list<AttrValue> attrs, int outputs);
  Result<Value> Make(std::string_view op, std::span<const Value> inputs, std::initializer_list<AttrValue> attrs = {});
  Result<Value> Make(std::string_view op, std::initializer_list<Value> inputs, std::initializer_list<AttrValue> attrs = {}) {
    return Make(op, std::span(inputs.begin(), inputs.size()), attrs);
  }
  Result<std::vector<Value>> MakeMany(std::string_view op, std::initializer_list<Value> inputs, std::initializer_list<AttrValue> attrs, int outputs) {
    return MakeMany(op, std::span(inputs.begin(), inputs.size()), attrs, outputs);
  }
  Result<Value> Cast(Value v, DType dtype);
  // A cast of the source's. What it has in half of float32's bits is computed in float32 here, which is closer to what was trained; but
  // a value that only goes there and back is rounded.
  Result<Value> CastOfSource(Value v, DType dtype);
  virtual const std::string& place() const = 0;  // For messages: the source's own path of the layer.
  virtual Construction& construction() = 0;

 protected:
  // Whether an operator on constants is computed at once: formats that describe shapes by operators need the values.
  virtual bool folds() const { return false; }
  // What operators without a kernel for their inputs' type compute in, in this order of preference; the result is put back.
  // `computes`: element by element, not only moving or comparing them.
  virtual std::span<const DType> WiderThan(DType /*own*/, bool /*computes*/) const { return {}; }
};

}  // namespace octet::importers
