// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/tensorflow_op.h"

#include <bit>

#include "graph/fold.h"
#include "ops/flex_util.h"
#include "ops/node_def_util.h"

namespace octet::importers {
namespace {

// ------------------------------------------------------------------------------ messages
// AttrValue: 1 list (ListValue: 2 texts, 3 integers, 6 types), 2 text, 3 integer, 4 float, 5 bool, 6 type.

void AddVarint(std::string* to, uint64_t value) {
  for (; value >= 128; value >>= 7) *to += static_cast<char>(value | 128);
  *to += static_cast<char>(value);
}

void AddNumber(std::string* to, int field, uint64_t value) {
  AddVarint(to, static_cast<uint64_t>(field) << 3);
  AddVarint(to, value);
}

void AddBytes(std::string* to, int field, std::string_view bytes) {
  AddVarint(to, static_cast<uint64_t>(field) << 3 | 2);
  AddVarint(to, bytes.size());
  *to += bytes;
}

NodeAttr NumberAttr(std::string name, int field, uint64_t value) {
  std::string message;
  AddNumber(&message, field, value);
  return {std::move(name), std::move(message)};
}

NodeAttr ListAttr(std::string name, std::string_view list) {
  std::string message;
  AddBytes(&message, 1, list);
  return {std::move(name), std::move(message)};
}

}  // namespace

NodeAttr IntAttr(std::string name, int64_t value) { return NumberAttr(std::move(name), 3, static_cast<uint64_t>(value)); }
NodeAttr BoolAttr(std::string name, bool value) { return NumberAttr(std::move(name), 5, value); }
NodeAttr TypeAttr(std::string name, DType value) { return NumberAttr(std::move(name), 6, static_cast<uint64_t>(ops::TensorFlowNumber(value))); }

NodeAttr FloatAttr(std::string name, float value) {
  std::string message = "\x25";  // Field 4, of 32 bits.
  const auto bits = std::bit_cast<uint32_t>(value);
  for (int shift = 0; shift < 32; shift += 8) message += static_cast<char>(bits >> shift);
  return {std::move(name), std::move(message)};
}

NodeAttr TextAttr(std::string name, std::string_view value) {
  std::string message;
  AddBytes(&message, 2, value);
  return {std::move(name), std::move(message)};
}

NodeAttr IntsAttr(std::string name, std::span<const int64_t> values) {
  std::string packed, list;
  for (const int64_t v : values) AddVarint(&packed, static_cast<uint64_t>(v));
  AddBytes(&list, 3, packed);
  return ListAttr(std::move(name), list);
}

NodeAttr TypesAttr(std::string name, std::span<const DType> values) {
  std::string packed, list;
  for (const DType v : values) AddVarint(&packed, static_cast<uint64_t>(ops::TensorFlowNumber(v)));
  if (!values.empty()) AddBytes(&list, 6, packed);
  return ListAttr(std::move(name), list);
}

NodeAttr TextsAttr(std::string name, std::span<const std::string_view> values) {
  std::string list;
  for (const std::string_view v : values) AddBytes(&list, 2, v);
  return ListAttr(std::move(name), list);
}

// NodeDef: 2 op, 3 input, 5 attr (1 key, 2 AttrValue), 6 experimental_debug_info (1 original_node_names).
std::string NodeMessage(std::string_view op, size_t inputs, const std::map<std::string, std::string>& attrs, std::string_view place) {
  std::string node, debug;
  AddBytes(&node, 2, op);
  for (size_t i = 0; i < inputs; ++i) AddBytes(&node, 3, {});
  for (const auto& [key, value] : attrs) {
    std::string entry;
    AddBytes(&entry, 1, key);
    AddBytes(&entry, 2, value);
    AddBytes(&node, 5, entry);
  }
  AddBytes(&debug, 1, place);
  AddBytes(&node, 6, debug);
  return node;
}

bool HasOwnKernel(std::string_view op) { return ops::HasOwnKernel("Flex" + std::string(op)); }

namespace {

struct Added {
  graph::NodeId node;
  std::vector<Value> outputs;
};
Added AddNode(Lowering& c, const ops::OpDef& def, std::string_view name, std::span<const Value> inputs, std::vector<TensorType> outputs,
              std::vector<std::byte> options) {
  graph::Graph& g = c.construction().graph();
  std::vector<graph::TensorId> in, out;
  Added added;
  for (const Value v : inputs) in.push_back(v.id);
  for (TensorType& type : outputs) {
    out.push_back(g.AddTensor(c.construction().UniqueName(c.place() + "/" + std::string(name)), std::move(type)));
    added.outputs.push_back({out.back()});
  }
  added.node = g.AddNode(def, graph::Attributes(def.attrs), in, out, c.place());
  g.node(added.node).custom_options = std::move(options);
  return added;
}

Result<std::vector<Value>> Finish(Lowering& c, Added added) {
  graph::Graph& g = c.construction().graph();
  OCTET_TRY(graph::InferNode(g, added.node));
  OCTET_ASSIGN(const bool folded, graph::FoldNode(g, added.node));  // Constants, as windows of complex numbers are.
  (void)folded;
  return std::move(added.outputs);
}

}  // namespace

Result<std::vector<Value>> AddCustomOp(Lowering& c, const ops::OpDef& def, std::span<const Value> inputs, std::vector<TensorType> outputs,
                                       std::vector<std::byte> options) {
  return Finish(c, AddNode(c, def, def.custom_name, inputs, std::move(outputs), std::move(options)));
}

Result<std::vector<Value>> AddTensorFlowOp(Lowering& c, std::string_view op, std::span<const Value> inputs, std::vector<TensorType> outputs,
                                           std::string_view message) {
  const std::string name = "Flex" + std::string(op);
  const bool own = HasOwnKernel(op);
  const ops::OpDef& def = own ? *ops::Find(ops::BuiltinCode::kCustom, name) : ops::FlexOp(name);
  Added added = AddNode(c, def, op, inputs, std::move(outputs), ops::FlexOptions(op, message));
  return own ? Finish(c, std::move(added)) : std::move(added.outputs);
}

Result<std::vector<Value>> MakeTensorFlowOp(Lowering& c, std::string_view op, std::span<const Value> inputs, std::initializer_list<DType> outputs,
                                            std::initializer_list<NodeAttr> attrs) {
  std::vector<TensorType> types;
  for (const DType t : outputs) types.push_back({t, {}, {}});
  return AddTensorFlowOp(c, op, inputs, std::move(types), NodeMessage(op, inputs.size(), std::map<std::string, std::string>(attrs), c.place()));
}

}  // namespace octet::importers
