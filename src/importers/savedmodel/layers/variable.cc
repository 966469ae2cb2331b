// SPDX-License-Identifier: Apache-2.0
// Variables that the model never changes are constants.
#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

Result<Value> Read(NodeContext& c) {
  const FlatNode* handle = c.num_inputs() > 0 ? c.builder().Handle(c.node().inputs[0]) : nullptr;
  if (!handle) return c.Fail("a variable", "a handle that is computed", "");
  return c.builder().Variable(*handle, c);
}

Status ConvertRead(NodeContext& c) {
  OCTET_ASSIGN(const Value v, Read(c));
  c.SetOutput(0, v);
  return {};
}

Status ConvertGather(NodeContext& c) {
  const Value indices = c.Input(1);
  OCTET_ASSIGN(const Value table, Read(c));
  if (!indices) return {};
  OCTET_ASSIGN(const Value y, c.Make("gather", {table, indices}, {{"axis", 0}, {"batch_dims", c.Int("batch_dims", 0)}}));
  c.SetOutput(0, y);
  return {};
}

constexpr NodeRule kRules[] = {{"ReadVariableOp", ConvertRead}, {"ResourceGather", ConvertGather}};

}  // namespace

const std::span<const NodeRule> kVariableRules = kRules;

}  // namespace octet::importers::savedmodel
