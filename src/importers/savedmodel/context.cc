// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/context.h"

#include <algorithm>

#include "importers/savedmodel/builder.h"

namespace octet::importers::savedmodel {

using data::WireField;

DType ComputeType(DType t) {
  return t == DType::kF16 || t == DType::kBF16 || t == DType::kF64 ? DType::kF32 : t == DType::kC128 ? DType::kC64 : t;
}

NodeContext::NodeContext(Builder& builder, int32_t id)
    : builder_(builder), id_(id), node_(builder.functions().node(id)), place_(builder.functions().NameOf(id)) {}

int64_t NodeContext::Int(std::string_view key, int64_t fallback) const {
  WireField f;
  const Attribute a = node_.def->Get(key);
  if (a.Find(Attribute::kInt, &f)) return f.as_int();
  return a.Find(Attribute::kType, &f) ? static_cast<int64_t>(ComputeType(DTypeFromTf(f.as_int()))) : fallback;
}

DType NodeContext::SourceType(std::string_view key) const {
  WireField f;
  return node_.def->Get(key).Find(Attribute::kType, &f) ? DTypeFromTf(f.as_int()) : DType::kNone;
}

double NodeContext::Number(std::string_view key, double fallback) const {
  WireField f;
  const Attribute a = node_.def->Get(key);
  if (a.Find(Attribute::kFloat, &f)) return static_cast<double>(f.as_float());
  return a.Find(Attribute::kInt, &f) ? static_cast<double>(f.as_int()) : fallback;
}

// A value of zero may be absent from the message, but the message itself says which kind it is.
bool NodeContext::Bool(std::string_view key, bool fallback) const {
  WireField f;
  if (!Has(key)) return fallback;
  return node_.def->Get(key).Find(Attribute::kBool, &f) && f.as_bool();
}

std::string NodeContext::Text(std::string_view key, std::string_view fallback) const {
  WireField f;
  return std::string(node_.def->Get(key).Find(Attribute::kText, &f) ? f.as_text() : fallback);
}

std::vector<int64_t> NodeContext::Ints(std::string_view key, std::vector<int64_t> fallback) const {
  WireField f;
  const Attribute a = node_.def->Get(key);
  if (a.Find(Attribute::kInt, &f)) return {f.as_int()};
  if (a.Find(Attribute::kShape, &f)) {
    Result<StoredShape> shape = ReadShape(f.bytes);
    return shape.ok() && shape->known_rank ? shape->dims : fallback;
  }
  if (!a.Find(Attribute::kList, &f)) return fallback;
  std::vector<int64_t> out;
  for (const WireField& item : a.List(Attribute::kInt)) out.push_back(item.as_int());
  return out;
}

std::vector<double> NodeContext::Numbers(std::string_view key, std::vector<double> fallback) const {
  WireField f;
  const Attribute a = node_.def->Get(key);
  if (a.Find(Attribute::kFloat, &f)) return {static_cast<double>(f.as_float())};
  if (!a.Find(Attribute::kList, &f)) return fallback;
  std::vector<double> out;
  for (const WireField& item : a.List(Attribute::kFloat)) out.push_back(static_cast<double>(item.as_float()));
  return out;
}

Value NodeContext::Input(int i) const {
  if (i < 0 || i >= num_inputs()) return {};
  if (!instead_.empty()) return instead_[static_cast<size_t>(i)];
  const Value v = builder_.ValueOf(node_.inputs[static_cast<size_t>(i)]);
  poisoned_ |= !v;
  return v;
}

std::vector<Value> NodeContext::Inputs(int at_least) const {
  std::vector<Value> values;
  for (int i = 0; i < num_inputs(); ++i) values.push_back(Input(i));
  lacks_input_ |= num_inputs() < at_least;
  values.resize(static_cast<size_t>(std::max(num_inputs(), at_least)));
  return values;
}

Result<Value> NodeContext::Weight(int) { return Fail("inputs only", "a weight asked for", ""); }

const TensorType& NodeContext::type(Value v) const {
  static const TensorType kNothing;
  lacks_input_ |= !v;
  return v ? builder_.TypeOf(v) : kNothing;
}

const std::byte* NodeContext::data(Value v) const {
  if (!v) return nullptr;
  const graph::Buffer buffer = builder_.BytesOf(v);  // Kept by the graph.
  return buffer ? buffer->data() : nullptr;
}

Value NodeContext::Constant(const TensorType& type, std::span<const std::byte> bytes) {
  return builder_.Constant(type, bytes, builder_.UniqueName(place_ + "/constant"));
}

Result<Value> NodeContext::Activate(Value v, std::string_view) { return v; }

void NodeContext::SetOutput(int i, Value v) {
  if (outputs_.size() <= static_cast<size_t>(i)) outputs_.resize(static_cast<size_t>(i) + 1);
  outputs_[static_cast<size_t>(i)] = v;
}

Status NodeContext::Fail(std::string_view expected, std::string_view found, std::string_view advice) const {
  failed_ = true;
  finding_ = {std::string(name()), std::string(kind()), place_, "expected " + std::string(expected) + ", found " + std::string(found), std::string(advice)};
  return Error(Code::kUnsupported, "%s", importers::Text(finding_).c_str());
}

const Partial* NodeContext::Known(int i) const { return i < num_inputs() ? builder_.PartialOf(node_.inputs[static_cast<size_t>(i)]) : nullptr; }

bool NodeContext::IntsOf(int i, std::vector<int64_t>* out) const {
  const Partial* p = Known(i);
  if (!p || !p->whole() || !p->known()) return false;
  out->clear();
  for (const savedmodel::Number& n : p->v) out->push_back(n.i);
  return true;
}

// Rounded weights stay on their grid in another layout.
void NodeContext::KeepGrid(Value from, Value to, int axis) {
  Quant grid = type(from).quant;
  if (grid.empty() || !data(to) || (grid.per_channel() && axis < 0)) return;
  if (grid.per_channel()) grid.axis = axis;
  Refine(to, {type(to).dtype, shape(to), grid});
}

Result<Value> NodeContext::Transpose(Value v, std::vector<int32_t> order) {
  OCTET_ASSIGN(const Value y, Make("transpose", {v, Vector(order)}));
  KeepGrid(v, y, static_cast<int>(std::ranges::find(order, type(v).quant.axis) - order.begin()));
  return y;
}

Result<Value> NodeContext::ReshapeTo(Value v, std::span<const int32_t> dims) {
  OCTET_ASSIGN(const Value y, Make("reshape", {v, Vector(dims)}));
  const Shape &before = shape(v), &after = shape(y);
  const bool last = before.rank() > 0 && after.rank() > 0 && type(v).quant.axis == before.rank() - 1 && before.back() == after.back();
  KeepGrid(v, y, last ? after.rank() - 1 : -1);
  return y;
}

Result<int32_t> NodeContext::AxisOf(int64_t axis, int rank) const {
  if (axis < -rank || axis >= rank) return Fail(Format("an axis of a tensor of rank %d", rank), std::to_string(axis), "");
  return static_cast<int32_t>(axis < 0 ? axis + rank : axis);
}

Status NodeContext::ApplyOperatorRule() {
  const ops::ImportRule* rule = ops::FindImport(ops::Source::kTensorFlow, kind(), 0);
  return rule ? rule->convert(*this) : Fail("an op that octet has", std::string(kind()), "");
}

void NodeContext::Refine(Value v, const TensorType& type) { builder_.Refine(v, type); }

Construction& NodeContext::construction() { return builder_; }

Status Set(NodeContext& c, Result<Value> y) {
  if (!y.ok()) return std::move(y).status();
  c.SetOutput(0, *y);
  return {};
}

bool Ready(const std::vector<Value>& values) { return std::ranges::all_of(values, [](Value v) { return static_cast<bool>(v); }); }

}  // namespace octet::importers::savedmodel
