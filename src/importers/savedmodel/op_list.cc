// SPDX-License-Identifier: Apache-2.0
// OpDef: 1 name, 2 input_arg, 3 output_arg (1 name, 3 type, 4 type_attr, 5 number_attr, 6 type_list_attr), 4 attr (1 name,
// 3 default_value), of tensorflow/core/framework/op_def.proto.
#include "importers/savedmodel/op_list.h"

namespace octet::importers::savedmodel {
namespace {

using data::WireField;
using data::WireReader;

constexpr int64_t kMaxTensors = 1 << 16;  // Of one operand.

bool ReadOperand(Bytes message, OpOperand* operand) {
  WireReader reader(message);
  for (WireField f; reader.Next(&f);) {
    if (f.number == 1) operand->name = f.as_text();
    if (f.number == 3) operand->type = f.as_int();
    if (f.number == 4) operand->type_attr = f.as_text();
    if (f.number == 5) operand->count_attr = f.as_text();
    if (f.number == 6) operand->list_attr = f.as_text();
  }
  return reader.ok();
}

bool ReadDefault(Bytes message, OpSchema* schema) {
  std::string_view name;
  Bytes value;
  bool there = false;
  WireReader reader(message);
  for (WireField f; reader.Next(&f);) {
    if (f.number == 1) name = f.as_text();
    if (f.number == 3) value = f.bytes, there = true;
  }
  if (there) schema->defaults.emplace_back(name, value);
  return reader.ok();
}

// False where the attributes do not tell.
bool AddTypes(const NodeDef& node, const OpSchema& schema, const OpOperand& operand, std::vector<int64_t>* types) {
  WireField f;
  if (!operand.list_attr.empty()) {
    const Attribute list = AttributeOf(node, schema, operand.list_attr);
    if (!list.Find(Attribute::kList, &f)) return false;
    for (const WireField& type : list.List(Attribute::kType)) types->push_back(type.as_int());
    return true;
  }
  int64_t count = 1, type = operand.type;
  if (!operand.count_attr.empty()) {
    if (!AttributeOf(node, schema, operand.count_attr).Find(Attribute::kInt, &f)) return false;
    count = f.as_int();
  }
  if (!operand.type_attr.empty()) {
    if (!AttributeOf(node, schema, operand.type_attr).Find(Attribute::kType, &f)) return false;
    type = f.as_int();
  }
  if (count < 0 || count > kMaxTensors) return false;
  types->insert(types->end(), static_cast<size_t>(count), type);
  return true;
}

}  // namespace

Result<OpSchema> ReadOpSchema(Bytes message) {
  OpSchema schema;
  WireReader reader(message);
  bool ok = true;
  for (WireField f; ok && reader.Next(&f);) {
    if (f.number == 2) ok = ReadOperand(f.bytes, &schema.inputs.emplace_back());
    if (f.number == 3) ok = ReadOperand(f.bytes, &schema.outputs.emplace_back());
    if (f.number == 4) ok = ReadDefault(f.bytes, &schema);
  }
  if (!ok || !reader.ok()) return Error(Code::kInvalidModel, "the model's list of ops is malformed or cut off");
  return schema;
}

Attribute AttributeOf(const NodeDef& node, const OpSchema& schema, std::string_view key) {
  if (node.Has(key)) return node.Get(key);
  for (const auto& [name, value] : schema.defaults)
    if (name == key) return Attribute(value);
  return {};
}

std::vector<int64_t> TypesOf(const NodeDef& node, const OpSchema& schema, std::span<const OpOperand> operands) {
  std::vector<int64_t> types;
  for (const OpOperand& operand : operands)
    if (!AddTypes(node, schema, operand, &types)) return {};
  return types;
}

int64_t OutputIndex(const NodeDef& node, const OpSchema& schema, std::string_view name) {
  std::vector<int64_t> before;
  for (const OpOperand& operand : schema.outputs) {
    if (operand.name == name) return static_cast<int64_t>(before.size());
    if (!AddTypes(node, schema, operand, &before)) return -1;
  }
  return -1;
}

}  // namespace octet::importers::savedmodel
