// SPDX-License-Identifier: Apache-2.0
// Variables, which are constants where the model never changes them, and lookup tables.
#include <algorithm>

#include "base/strings.h"
#include "importers/lowerings/lookup.h"
#include "importers/lowerings/selection.h"
#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"
#include "importers/savedmodel/state.h"

namespace octet::importers::savedmodel {
namespace {

Result<Value> Read(NodeContext& c) {
  const FlatNode* handle = c.num_inputs() > 0 ? c.builder().Handle(c.node().inputs[0]) : nullptr;
  if (!handle) return c.Fail("a variable", "a handle that is computed", "");
  OCTET_ASSIGN(const Value stored, c.builder().Variable(*handle, c));
  Session& session = c.builder().session();
  if (session.changed_elsewhere.contains(handle->def->name)) session.changed.emplace(handle->def->name, c.node().inputs[0].node);
  if (!session.changed.contains(handle->def->name)) return stored;
  const TensorType type = c.type(stored);
  OCTET_ASSIGN(const Value resource, HandleValue(c.builder(), *handle, DType::kNone, DType::kNone));
  return c.EmitAs("read_variable", std::span(&resource, 1), nullptr, type);
}

Status ConvertRead(NodeContext& c) {
  OCTET_ASSIGN(const Value v, Read(c));
  c.SetOutput(0, v);
  return {};
}

// TensorFlow 1's variables are read by who names them.
Status ConvertReference(NodeContext& c) {
  if (c.builder().session().changed.contains(c.node().def->name))
    return c.Fail("variables that the model does not change", "one that it changes", "save the model with resource variables");
  return Set(c, c.builder().Variable(c.node(), c));
}

Status Assign(NodeContext& c, const FlatNode& handle, Value value) {
  OCTET_ASSIGN(const Value resource, HandleValue(c.builder(), handle, DType::kNone, DType::kNone));
  const ops::OpDef& def = *ops::Find("assign_variable");
  c.builder().graph().AddNode(def, graph::Attributes(def.attrs), {resource.id, value.id}, {}, c.place());
  return {};
}

// AssignVariableOp, AssignAddVariableOp, AssignSubVariableOp.
Status ConvertAssign(NodeContext& c) {
  const FlatNode* handle = c.num_inputs() > 1 ? c.builder().Handle(c.node().inputs[0]) : nullptr;
  Value value = c.Input(1);
  if (!handle) return c.Fail("a variable", "a handle that is computed", "");
  if (!value) return {};
  if (!c.builder().session().changed.contains(handle->def->name)) return c.Fail("variables changed outside of loops and branches", "one changed inside", "");
  if (c.kind() != "AssignVariableOp") {
    OCTET_ASSIGN(const Value before, Read(c));
    OCTET_ASSIGN(value, c.Make(c.kind() == "AssignAddVariableOp" ? "add" : "sub", {before, value}));
  }
  return Assign(c, *handle, value);
}

// A list of constants with one more behind it.
Result<Value> WithLast(NodeContext& c, Value list, Value last) {
  const TensorType type = c.type(list);
  if (!c.data(list) || !c.data(last) || type.dtype != c.type(last).dtype || c.shape(last).elements() != 1)
    return c.Fail("a constant for keys that the table has not", "one that is computed", "");
  const std::span<const std::byte> head(*c.builder().graph().tensor(list.id).constant);
  const std::span<const std::byte> tail(*c.builder().graph().tensor(last.id).constant);
  const auto count = static_cast<size_t>(type.shape.elements());
  const TensorType longer{type.dtype, Shape{static_cast<int32_t>(count + 1)}, {}};
  if (type.dtype == DType::kString) {
    std::vector<StringRef> texts(count + 1);
    ReadStrings(head, texts.data());
    ReadStrings(tail, texts.data() + count);
    return c.Constant(longer, WriteStrings(texts));
  }
  std::vector<std::byte> bytes(head.begin(), head.end());
  bytes.insert(bytes.end(), tail.begin(), tail.end());
  return c.Constant(longer, bytes);
}

// Of a table from text to other values than int64: the table gives the row, and one behind the last for no key.
Result<Value> FindByRow(NodeContext& c, const FlatNode& table, Value keys, Value otherwise) {
  OCTET_ASSIGN(const TableContents contents, ReadTable(c.builder(), table));
  OCTET_ASSIGN(const Value resource, HandleValue(c.builder(), table, DType::kString, DType::kI64));
  const int64_t rows = c.shape(contents.values).elements();
  const Value inputs[] = {resource, keys, c.Constant<int64_t>(Shape{}, std::span(&rows, 1))};
  OCTET_ASSIGN(const Value row, c.EmitAs("hashtable_find", inputs, nullptr, {DType::kI64, c.shape(keys), {}}));
  OCTET_ASSIGN(const Value values, WithLast(c, contents.values, otherwise));
  return c.Make("gather", {values, row}, {{"axis", 0}});
}

Status ConvertLookup(NodeContext& c) {
  const FlatNode* table = c.num_inputs() > 2 ? c.builder().Handle(c.node().inputs[0]) : nullptr;
  const Value keys = c.Input(1), otherwise = c.Input(2);
  if (!table) return c.Fail("a table", "a handle that is computed", "");
  if (!keys || !otherwise) return {};
  const DType key = c.type(keys).dtype, value = c.type(otherwise).dtype;
  if ((key == DType::kI64 || key == DType::kI32) && value != DType::kString) {
    if (c.builder().region() != 0)
      return c.Fail("a table from text to int64 or back inside of loops and branches", std::string(Name(key)) + " to " + std::string(Name(value)), "");
    OCTET_ASSIGN(const TableContents contents, ReadTable(c.builder(), *table));
    std::vector<int64_t> list;
    for (const int64_t k : c.data_as<int64_t>(contents.keys)) list.push_back(k);
    for (const int32_t k : c.data_as<int32_t>(contents.keys)) list.push_back(k);
    OCTET_ASSIGN(const Value x, c.Cast(keys, DType::kI64));
    OCTET_ASSIGN(const Value y, FindNumbers(c, x, list, contents.values, otherwise));
    c.SetOutput(0, y);
    return {};
  }
  c.builder().session().tables.emplace(table->def->name, c.node().inputs[0].node);
  if (key == DType::kString && value != DType::kI64 && c.builder().region() == 0) return Set(c, FindByRow(c, *table, keys, otherwise));
  if (!((key == DType::kString && value == DType::kI64) || (key == DType::kI64 && value == DType::kString)))
    return c.Fail("a table from text to int64 or back", std::string(Name(key)) + " to " + std::string(Name(value)), "");
  OCTET_ASSIGN(const Value resource, HandleValue(c.builder(), *table, key, value));
  const Value inputs[] = {resource, keys, otherwise};
  OCTET_ASSIGN(const Value y, c.EmitAs("hashtable_find", inputs, nullptr, {value, c.shape(keys), {}}));
  c.SetOutput(0, y);
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

// Rows of a variable put in, added or subtracted: ResourceScatterUpdate, Add, Sub by row, ResourceScatterNd* by index.
Status ConvertScatter(NodeContext& c) {
  const FlatNode* handle = c.num_inputs() > 2 ? c.builder().Handle(c.node().inputs[0]) : nullptr;
  Value at = c.Input(1);
  const Value updates = c.Input(2);
  if (!handle) return c.Fail("a variable", "a handle that is computed", "");
  if (!at || !updates) return {};
  OCTET_ASSIGN(const Value before, Read(c));
  if (!c.kind().starts_with("ResourceScatterNd")) {
    OCTET_ASSIGN(at, c.Make("expand_dims", {at, c.ScalarInt(-1)}));
  }
  const Scatter how = c.kind().ends_with("Add") ? Scatter::kAdd : c.kind().ends_with("Sub") ? Scatter::kSub : Scatter::kUpdate;
  OCTET_ASSIGN(const Value after, ScatterInto(c, before, at, updates, how));
  return Assign(c, *handle, after);
}

// variable[begin:end] = value, without strides: the value lies where begin says.
Status ConvertSliceAssign(NodeContext& c) {
  const FlatNode* handle = c.num_inputs() > 4 ? c.builder().Handle(c.node().inputs[0]) : nullptr;
  const Value begin = c.Input(1), value = c.Input(4);
  std::vector<int64_t> strides;
  if (!handle) return c.Fail("a variable", "a handle that is computed", "");
  if (!begin || !value) return {};
  OCTET_ASSIGN(const Value before, Read(c));
  const int rank = c.rank(before);
  const int64_t open = c.Int("begin_mask", 0), shrink = c.Int("shrink_axis_mask", 0);
  if (!c.IntsOf(3, &strides) || std::ranges::any_of(strides, [](int64_t s) { return s != 1; }) || c.Int("ellipsis_mask", 0) != 0 ||
      c.Int("new_axis_mask", 0) != 0)
    return c.Fail("an assignment to a slice without strides", "another one", "");
  const auto given = static_cast<int>(strides.size());
  if (given > rank) return c.Fail("at most one index per axis", std::to_string(given), "");
  // Where it starts: 0 where open or not given.
  std::vector<int32_t> kept;
  for (int i = 0; i < rank; ++i) kept.push_back(i < given && !(open >> i & 1));
  OCTET_ASSIGN(Value start, c.Cast(begin, DType::kI32));
  if (given < rank) {
    const int32_t pads[] = {0, rank - given};
    OCTET_ASSIGN(start, c.Make("pad", {start, c.Constant<int32_t>(Shape{1, 2}, pads)}));
  }
  OCTET_ASSIGN(start, c.Make("mul", {start, c.Vector(kept)}));
  // Its rank is the variable's: shrunk axes are of size 1.
  Value update = value;
  for (int i = 0; i < given; ++i) {
    if (!(shrink >> i & 1)) continue;
    OCTET_ASSIGN(update, c.Make("expand_dims", {update, c.ScalarInt(i)}));
  }
  while (c.rank(update) < rank) {
    OCTET_ASSIGN(update, c.Make("expand_dims", {update, c.ScalarInt(0)}));
  }
  const TensorType type = c.type(before);
  OCTET_ASSIGN(const Value after, c.Make("dynamic_update_slice", {before, update, start}));
  c.Refine(after, type);
  return Assign(c, *handle, after);
}

Status ConvertGatherNd(NodeContext& c) {
  const Value indices = c.Input(1);
  OCTET_ASSIGN(const Value table, Read(c));
  if (!indices) return {};
  OCTET_ASSIGN(const Value y, c.Make("gather_nd", {table, indices}));
  c.SetOutput(0, y);
  return {};
}

Status ConvertTableSize(NodeContext& c) {
  const FlatNode* table = c.num_inputs() > 0 ? c.builder().Handle(c.node().inputs[0]) : nullptr;
  if (!table) return c.Fail("a table", "a handle that is computed", "");
  data::WireField key, value;
  if (!table->def->Get("key_dtype").Find(Attribute::kType, &key) || !table->def->Get("value_dtype").Find(Attribute::kType, &value))
    return c.Fail("a table's types", "none", "");
  const DType from = DTypeFromTf(key.as_int()), to = DTypeFromTf(value.as_int());
  if (!((from == DType::kString && to == DType::kI64) || (from == DType::kI64 && to == DType::kString))) {
    if (c.builder().region() != 0)
      return c.Fail("a table from text to int64 or back inside of loops and branches", std::string(Name(from)) + " to " + std::string(Name(to)), "");
    OCTET_ASSIGN(const TableContents contents, ReadTable(c.builder(), *table));
    const int64_t size = c.shape(contents.keys).elements();
    c.SetOutput(0, c.Constant<int64_t>(Shape{}, std::span(&size, 1)));
    return {};
  }
  c.builder().session().tables.emplace(table->def->name, c.node().inputs[0].node);
  OCTET_ASSIGN(const Value resource, HandleValue(c.builder(), *table, from, to));
  OCTET_ASSIGN(const Value y, c.EmitAs("hashtable_size", std::span(&resource, 1), nullptr, {DType::kI64, Shape{1}, {}}));
  c.Refine(y, {DType::kI64, Shape{1}, {}});
  OCTET_ASSIGN(const Value n, c.Make("reshape", {y, c.Vector(std::span<const int32_t>())}));
  c.SetOutput(0, n);
  return {};
}

// A stored variable has its value.
Status ConvertIsInitialized(NodeContext& c) {
  const std::byte yes{1};
  c.SetOutput(0, c.Constant(TensorType{DType::kBool, Shape{}, {}}, std::span(&yes, 1)));
  return {};
}

constexpr NodeRule kRules[] = {{"ReadVariableOp", ConvertRead}, {"VariableV2", ConvertReference}, {"Variable", ConvertReference},
                               {"ResourceGather", ConvertGather}, {"AssignVariableOp", ConvertAssign}, {"AssignAddVariableOp", ConvertAssign},
                               {"AssignSubVariableOp", ConvertAssign}, {"ResourceScatterUpdate", ConvertScatter}, {"ResourceScatterAdd", ConvertScatter},
                               {"ResourceScatterSub", ConvertScatter}, {"ResourceScatterNdUpdate", ConvertScatter}, {"ResourceScatterNdAdd", ConvertScatter},
                               {"ResourceScatterNdSub", ConvertScatter}, {"ResourceStridedSliceAssign", ConvertSliceAssign},
                               {"ResourceGatherNd", ConvertGatherNd}, {"LookupTableSizeV2", ConvertTableSize}, {"VarIsInitializedOp", ConvertIsInitialized},
                               {"LookupTableFindV2", ConvertLookup}, {"LookupTableFind", ConvertLookup}};

}  // namespace

const std::span<const NodeRule> kVariableRules = kRules;

}  // namespace octet::importers::savedmodel
