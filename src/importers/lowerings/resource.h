// SPDX-License-Identifier: Apache-2.0
// What a model keeps between runs: variables and lookup tables, filled by a subgraph that CALL_ONCE runs.
#pragma once
#include <functional>
#include <string>

#include "importers/lowering.h"

namespace octet::importers {

// All handles of one name are one variable; all of one id one table.
Result<Value> AddVariableHandle(Lowering& c, const std::string& name);
Result<Value> AddTableHandle(Lowering& c, int32_t id, DType key, DType value);

// What `fill` emits runs once, before all else.
Status AddInitializer(Lowering& c, const std::function<Status()>& fill);

// A variable's value; zeros before the first run, and `after` (once told) after each.
class KeptState {
 public:
  KeptState(Lowering& c, std::string name, TensorType type) : c_(c), name_(std::move(name)), type_(std::move(type)) {}
  Result<Value> Read();
  Status Write(Value after);

 private:
  Lowering& c_;
  const std::string name_;
  const TensorType type_;
};

}  // namespace octet::importers
