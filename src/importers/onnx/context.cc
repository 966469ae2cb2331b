// SPDX-License-Identifier: Apache-2.0
#include "importers/onnx/context.h"

#include <algorithm>

#include "graph/dimensions.h"
#include "importers/onnx/builder.h"

namespace octet::importers::onnx {

NodeContext::NodeContext(Builder& builder, Scope& scope, const NodeProto& node, std::string place, int64_t version, std::vector<Binding> inputs)
    : builder_(builder), scope_(scope), node_(node), kind_(RuleName(node)), place_(std::move(place)), version_(version), inputs_(std::move(inputs)) {
  while (!inputs_.empty() && !inputs_.back()) inputs_.pop_back();  // Optional inputs left out at the end.
}

// ------------------------------------------------------------------------------- attributes

const AttributeProto* NodeContext::Find(std::string_view key) const {
  for (const AttributeProto& a : node_.attributes)
    if (a.name == key) return a.ref.empty() ? &a : builder_.FunctionAttribute(scope_, a.ref);
  return attributes_of_ ? attributes_of_->Find(key) : nullptr;
}

int64_t NodeContext::Int(std::string_view key, int64_t fallback) const {
  const AttributeProto* a = Find(key);
  return a ? a->i : fallback;
}

double NodeContext::Number(std::string_view key, double fallback) const {
  const AttributeProto* a = Find(key);
  return a ? static_cast<double>(a->f) : fallback;
}

std::string NodeContext::Text(std::string_view key, std::string_view fallback) const {
  const AttributeProto* a = Find(key);
  return std::string(a ? a->s : fallback);
}

std::vector<int64_t> NodeContext::Ints(std::string_view key, std::vector<int64_t> fallback) const {
  const AttributeProto* a = Find(key);
  if (a && a->ints.size() > 4096) trouble_ = "its '" + std::string(key) + "' has too many entries";
  if (!a || a->ints.size() > 4096) return fallback;
  constexpr int32_t kInt = 2;  // AttributeProto.INT: one number counts as a list.
  return a->ints.empty() && a->type == kInt ? std::vector<int64_t>{a->i} : a->ints;
}

std::vector<double> NodeContext::Numbers(std::string_view key, std::vector<double> fallback) const {
  const AttributeProto* a = Find(key);
  if (!a) return fallback;
  return {a->floats.begin(), a->floats.end()};
}

std::vector<std::string> NodeContext::Texts(std::string_view key) const {
  const AttributeProto* a = Find(key);
  return a ? std::vector<std::string>(a->strings.begin(), a->strings.end()) : std::vector<std::string>();
}

Status NodeContext::TakeTrouble() const {
  if (trouble_.empty()) return {};
  return Error(Code::kInvalidModel, "%s '%s': %s", kind_.c_str(), place_.c_str(), trouble_.c_str());
}

// ----------------------------------------------------------------------------------- inputs

Result<Value> NodeContext::Weight(int) { return Fail("an input", "a variable", "ONNX has none"); }

std::optional<std::vector<int64_t>> NodeContext::IntsOf(Value v) const {
  if (!is_constant(v)) return std::nullopt;
  const auto take = [](auto values) { return std::vector<int64_t>(values.begin(), values.end()); };
  switch (type(v).dtype) {
    case DType::kI64: return take(data_as<int64_t>(v));
    case DType::kI32: return take(data_as<int32_t>(v));
    case DType::kI16: return take(data_as<int16_t>(v));
    case DType::kI8: return take(data_as<int8_t>(v));
    case DType::kU8: return take(data_as<uint8_t>(v));
    case DType::kU16: return take(data_as<uint16_t>(v));
    case DType::kBool: return take(data_as<bool>(v));
    default: return std::nullopt;
  }
}

Result<std::vector<int64_t>> NodeContext::IntsAt(int i, std::string_view key, std::vector<int64_t> fallback) {
  if (!Input(i)) return Ints(key, std::move(fallback));
  if (auto ints = IntsOf(Input(i)); ints && rank(Input(i)) <= 1) return std::move(*ints);
  const Partial p = PartialOf(Input(i));
  if (!p.known()) return Fail("a constant input '" + std::string(key) + "'", "a computed one", "export the model with fixed shapes");
  std::vector<int64_t> out;
  for (const auto& n : p.numbers) out.push_back(n.value);
  return out;
}

Result<double> NodeContext::NumberAt(int i, std::string_view key, double fallback) {
  if (!Input(i)) return Has(key) ? Number(key, fallback) : fallback;
  const std::vector<float> v = FloatsOf(Input(i));
  if (v.empty()) return Fail("a constant input '" + std::string(key) + "'", "a computed one", "make it a constant");
  return static_cast<double>(v[0]);
}

std::vector<float> NodeContext::FloatsOf(Value v) const {
  if (!is_constant(v)) return {};
  if (type(v).dtype == DType::kF32) return {data_as<float>(v).begin(), data_as<float>(v).end()};
  const auto ints = IntsOf(v);
  return ints ? std::vector<float>(ints->begin(), ints->end()) : std::vector<float>();
}

Partial NodeContext::PartialFor(Value x, Value v) const {
  Partial p = PartialOf(v);
  for (onnx::Number& n : p.numbers) {
    if (n.known || n.tensor < 0 || n.tensor == x.id) continue;
    const onnx::Number from = builder_.Resolve(n);
    for (int a = 0; a < rank(x); ++a) {
      const onnx::Number own = shape(x)[a] == kUnknown ? builder_.Resolve(onnx::Number::Dimension(x.id, a)) : onnx::Number();
      if (own.tensor != from.tensor || own.axis != from.axis || from.times % own.times != 0) continue;
      n = onnx::Number{false, 0, x.id, a, from.times / own.times};
      break;
    }
  }
  return p;
}

Partial NodeContext::PartialOf(Value v) const {
  constexpr int64_t kMostNumbers = 1 << 16;  // Shapes and what is computed from them are short; data is not followed.
  if (rank(v) > 1 || shape(v).elements() > kMostNumbers) return builder_.PartialOf(v);
  if (const auto ints = IntsOf(v)) {
    Partial p{true, rank(v) == 0, {}};
    for (const int64_t i : *ints) p.numbers.push_back(Number::Of(i));
    return p;
  }
  return builder_.PartialOf(v);
}

void NodeContext::SetPartial(Value v, Partial p) { builder_.SetPartial(v, std::move(p)); }

void NodeContext::RefineShape(Value v, const Shape& shape) { builder_.RefineShape(v, shape); }

Result<int32_t> NodeContext::Axis(int64_t axis, int rank) const {
  if (axis >= -rank && axis < rank) return static_cast<int32_t>(axis < 0 ? axis + rank : axis);
  return Fail(Format("an axis of %d dimensions", rank), std::to_string(axis), "check the model");
}

// -------------------------------------------------------------------------------- the graph

Construction& NodeContext::construction() { return builder_; }
const TensorType& NodeContext::type(Value v) const {
  static const TensorType kNothing;
  if (v) return builder_.TypeOf(v);
  if (trouble_.empty()) trouble_ = "it lacks an input";  // Told after the rule returns.
  return kNothing;
}

const std::byte* NodeContext::data(Value v) const {
  if (!v) return nullptr;
  const graph::Buffer buffer = builder_.BytesOf(v);  // Kept by the graph.
  static constexpr std::byte kEmpty{};  // A constant without elements is still one.
  return buffer ? (buffer->empty() ? &kEmpty : buffer->data()) : nullptr;
}

Value NodeContext::Constant(const TensorType& type, std::span<const std::byte> bytes) { return builder_.Constant(type, bytes, place_ + "/constant"); }

// Integers with one scale that the operator hands on: its output has the scale of an input.
bool NodeContext::MovesQuantized(const ops::OpDef& def, std::span<const Value> inputs) const {
  bool quantized = false;
  for (const Value v : inputs) quantized |= v && type(v).quant.scale.size() == 1 && !IsFloat(type(v).dtype);
  if (!quantized) return false;
  if (def.traits & (ops::kMovesBytes | ops::kAliases)) return true;
  for (const ops::QuantRow& row : def.quantization)
    if (row.operand < 0 && row.kind == ops::QuantKind::kSameAs) return true;
  return false;
}

Result<std::vector<Value>> NodeContext::EmitMany(std::string_view op, std::span<const Value> inputs, const void* attrs, int outputs) {
  const ops::OpDef* def = ops::Find(op);
  if (def && MovesQuantized(*def, inputs)) {
    const Value x = *std::ranges::find_if(inputs, [&](Value v) { return v && !type(v).quant.empty(); });
    return EmitNode(op, inputs, attrs, std::vector<TensorType>(static_cast<size_t>(outputs), TensorType{type(x).dtype, {}, type(x).quant}));
  }
  return Lowering::EmitMany(op, inputs, attrs, outputs);
}

std::span<const DType> NodeContext::WiderThan(DType, bool) const {
  static constexpr DType kTypes[] = {DType::kI32, DType::kI64, DType::kF32};
  return kTypes;
}

Result<Value> NodeContext::Activate(Value v, std::string_view) { return v; }

Binding Binding::Sequence(std::vector<Value> items) {
  Binding b;
  b.is_list = true;
  b.items = std::move(items);
  return b;
}

Binding Binding::Stacked(Value all) {
  Binding b(all);
  b.is_list = true;
  return b;
}

void NodeContext::SetOutput(int i, Value v) { SetOutput(i, Binding(v)); }

void NodeContext::SetOutput(int i, Binding b) {
  if (outputs_.size() <= static_cast<size_t>(i)) outputs_.resize(static_cast<size_t>(i) + 1);
  outputs_[static_cast<size_t>(i)] = std::move(b);
}

Result<Value> NodeContext::Stack(const Binding& sequence) {
  if (sequence.value) return sequence.value;
  if (sequence.items.empty()) return Fail("tensors in the sequence", "none", "");
  std::vector<Value> rows = {sequence.items[0]};
  rows.insert(rows.end(), sequence.items.begin(), sequence.items.end());
  return Make("pack", rows, {{"values_count", static_cast<int64_t>(rows.size())}, {"axis", 0}});
}

Status NodeContext::Fail(std::string_view expected, std::string_view found, std::string_view advice) const {
  finding_ = Finding{std::string(node_.name.empty() ? std::string_view(place_) : node_.name), kind_, place_,
                     "expected " + std::string(expected) + ", found " + std::string(found), std::string(advice)};
  return Error(Code::kUnsupported, "%s", importers::Text(*finding_).c_str());
}

Result<Value> NodeContext::Transpose(Value v, std::span<const int32_t> order) {
  if (std::ranges::is_sorted(order)) return v;
  return Make("transpose", {v, Vector(order)});
}

Result<Value> NodeContext::Reshape(Value v, const Shape& shape) {
  if (this->shape(v) == shape) return v;
  Shape to = shape;
  const auto unknown = std::ranges::count(to.dims(), kUnknown);
  if (unknown > 1) return Fail("at most one unknown dimension", shape.text(), "give the model's inputs fixed sizes, e.g. --input NAME:SHAPE");
  return Emit("reshape", {v, Vector(to.dims())});
}

Status NodeContext::ApplyOperatorRule() {
  const ops::ImportRule* rule = ops::FindImport(ops::Source::kOnnx, kind_, static_cast<int>(version_));
  return rule ? rule->convert(*this) : Fail("an operator that octet has", kind_, "");
}

Status Set(NodeContext& c, Result<Value> y) {
  if (!y.ok()) return std::move(y).status();
  c.SetOutput(0, *y);
  return {};
}

}  // namespace octet::importers::onnx
