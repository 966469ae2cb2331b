// SPDX-License-Identifier: Apache-2.0
#include "importers/lowering.h"

#include <algorithm>

#include "graph/fold.h"

namespace octet::importers {
namespace {

// The element type that an operator's outputs have for these inputs: that of the input of the same type
// variable, or the only one that the matching row of types allows.
DType OutputType(const ops::OpDef& def, std::span<const TensorType* const> inputs, std::string_view place) {
  const char variable = def.outputs.empty() ? 'T' : def.outputs[0].type;
  for (size_t i = 0; i < inputs.size() && !def.inputs.empty(); ++i)
    if (inputs[i] && def.inputs[std::min(i, def.inputs.size() - 1)].type == variable) return inputs[i]->dtype;
  const std::vector<const TensorType*> unknown(1, nullptr);
  ops::OpView view{&def, place, inputs, unknown, {}, nullptr};
  auto row = ops::MatchTypes(view);
  if (row.ok()) {
    const std::string_view types = (*row)->types;
    const size_t at = types.find(std::string{variable, '='});
    if (at != std::string_view::npos) return DTypeFromName(types.substr(at + 2, types.find_first_of(" |", at) - at - 2));
  }
  return !inputs.empty() && inputs[0] ? inputs[0]->dtype : DType::kF32;
}

template <class T> bool Fits(void* at, int64_t v) {
  *static_cast<T*>(at) = static_cast<T>(v);
  return *static_cast<T*>(at) == v;
}

bool SetInteger(const ops::AttrRow& row, void* at, int64_t v) {
  switch (row.kind) {
    case ops::AttrKind::kI64: return Fits<int64_t>(at, v);
    case ops::AttrKind::kI8: return Fits<int8_t>(at, v);
    case ops::AttrKind::kBool: *static_cast<bool*>(at) = v != 0; return true;
    default: return Fits<int32_t>(at, v);
  }
}

// False where the file format has no room for the value.
bool SetAttr(const ops::AttrRow& row, void* at, const AttrValue& attr) {
  if (const auto* integer = std::get_if<int64_t>(&attr.value)) return SetInteger(row, at, *integer);
  if (const auto* number = std::get_if<double>(&attr.value)) {
    *static_cast<float*>(at) = static_cast<float>(*number);
    return true;
  }
  const auto& list = std::get<std::vector<int32_t>>(attr.value);
  auto* ints = static_cast<ops::Ints*>(at);
  if (list.size() > ints->v.size()) return false;
  ints->count = static_cast<int32_t>(list.size());
  std::ranges::copy(list, ints->v.begin());
  return true;
}

bool HasKernel(const ops::OpDef& def, std::span<const TensorType* const> inputs, const void* attrs) {
  const std::vector<const TensorType*> unknown(1, nullptr);
  const ops::OpView view{&def, "", inputs, unknown, {}, attrs};
  return ops::MatchTypes(view).ok();
}

// The type, of these, in which an element-wise operator must compute where it lacks that of its inputs; kNone: their own.
// Integers of 8 and 16 bits always widen: to an operator they mean quantized numbers. (LiteRT ends the process where those have no scale.)
DType WideType(const ops::OpDef& def, std::span<const TensorType* const> inputs, const void* attrs, std::span<const DType> wider) {
  if (!(def.traits & ops::kElementwise) || def.name == "select_v2" || def.name == "cast" || inputs.empty() || !inputs[0] || def.inputs.empty()) return DType::kNone;
  const DType own = inputs[0]->dtype;
  const bool narrow = own == DType::kI8 || own == DType::kU8 || own == DType::kI16 || own == DType::kU16;
  if ((narrow && !inputs[0]->quant.empty()) || (!narrow && HasKernel(def, inputs, attrs))) return DType::kNone;
  std::vector<TensorType> types;
  std::vector<const TensorType*> pointers;
  for (const TensorType* t : inputs) {
    if (t && t->dtype != own) return DType::kNone;
    types.push_back(t ? *t : TensorType{});
  }
  for (const TensorType& t : types) pointers.push_back(&t);
  for (const DType wide : wider) {
    if (wide == own || (wide == DType::kI32 && own == DType::kU32)) continue;
    for (TensorType& t : types) t.dtype = wide;
    if (HasKernel(def, pointers, attrs)) return wide;
  }
  return DType::kNone;
}

}  // namespace

Result<std::vector<Value>> Lowering::EmitNode(std::string_view op, std::span<const Value> inputs, const void* attrs,
                                                  std::vector<TensorType> outputs) {
  const ops::OpDef* def = ops::Find(op);
  if (!def) return Fail("the operator " + std::string(op), "a build without it", "");
  graph::Graph& g = construction().graph();
  std::vector<graph::TensorId> in, out;
  for (const Value v : inputs) in.push_back(v ? v.id : graph::kNoTensor);
  const std::string name = place() + "/" + std::string(op);
  std::vector<Value> values;
  for (TensorType& t : outputs) {
    out.push_back(g.AddTensor(construction().UniqueName(name), std::move(t)));
    values.push_back({out.back()});
  }
  const graph::NodeId node = g.AddNode(*def, graph::Attributes(def->attrs, attrs), std::move(in), std::move(out), place());
  OCTET_TRY(graph::InferNode(g, node));
  if (folds()) {
    OCTET_ASSIGN(const bool folded, graph::FoldNode(g, node));
    (void)folded;
  }
  return values;
}

Result<std::vector<Value>> Lowering::EmitMany(std::string_view op, std::span<const Value> inputs, const void* attrs, int outputs) {
  const ops::OpDef* def = ops::Find(op);
  std::vector<const TensorType*> types;
  for (const Value v : inputs) types.push_back(v ? &type(v) : nullptr);
  const DType dtype = def ? OutputType(*def, types, place()) : DType::kF32;
  if (op == "relu" && types[0] && !IsFloat(types[0]->dtype) && types[0]->quant.empty()) {  // Its kernels of integers are of quantized ones.
    OCTET_ASSIGN(const Value zero, Cast(Scalar(0), types[0]->dtype));
    return EmitMany("maximum", std::vector<Value>{inputs[0], zero}, nullptr, 1);
  }
  if (const DType wide = def && !inputs.empty() && types[0] ? WideType(*def, types, attrs, WiderThan(types[0]->dtype)) : DType::kNone; wide != DType::kNone) {
    const DType own = types[0]->dtype;
    std::vector<Value> widened;
    for (const Value v : inputs) {
      OCTET_ASSIGN(widened.emplace_back(), v ? Cast(v, wide) : Result<Value>(v));
    }
    OCTET_ASSIGN(std::vector<Value> values, EmitMany(op, widened, attrs, outputs));
    for (Value& v : values) {
      if (type(v).dtype != wide) continue;  // Comparisons answer bool.
      OCTET_ASSIGN(v, Cast(v, own));
    }
    return values;
  }
  return EmitNode(op, inputs, attrs, std::vector<TensorType>(static_cast<size_t>(outputs), TensorType{dtype, {}, {}}));
}

Result<Value> Lowering::Emit(std::string_view op, std::span<const Value> inputs, const void* attrs) {
  OCTET_ASSIGN(const std::vector<Value> values, EmitMany(op, inputs, attrs, 1));
  return values[0];
}

Result<Value> Lowering::EmitAs(std::string_view op, std::span<const Value> inputs, const void* attrs, const TensorType& out) {
  OCTET_ASSIGN(const std::vector<Value> values, EmitNode(op, inputs, attrs, {out}));
  return values[0];
}

Result<std::vector<Value>> Lowering::MakeMany(std::string_view op, std::span<const Value> inputs, std::initializer_list<AttrValue> attrs,
                                                  int outputs) {
  const ops::OpDef* def = ops::Find(op);
  if (!def) return Fail("the operator " + std::string(op), "a build without it", "");
  graph::Attributes block(def->attrs);
  for (const AttrValue& attr : attrs) {
    for (const ops::AttrRow& row : def->attrs.rows) {
      if (row.name != attr.name) continue;
      if (!SetAttr(row, row.at(block.get()), attr))
        return Fail("a value of " + std::string(row.name) + " that the file format has room for", "a larger one", "check the model");
    }
  }
  return EmitMany(op, inputs, block.get(), outputs);
}

Result<Value> Lowering::Make(std::string_view op, std::span<const Value> inputs, std::initializer_list<AttrValue> attrs) {
  OCTET_ASSIGN(const std::vector<Value> values, MakeMany(op, inputs, attrs, 1));
  return values[0];
}

Result<Value> Lowering::Cast(Value v, DType dtype) {
  if (type(v).dtype == dtype) return v;
  return EmitAs("cast", std::span(&v, 1), nullptr, {dtype, shape(v), {}});
}

Result<Value> Lowering::CastOfSource(Value v, DType dtype) {
  if (const DType half = construction().HalfOf(v); half != DType::kNone) {
    OCTET_ASSIGN(v, Cast(v, half));
    OCTET_ASSIGN(v, Cast(v, DType::kF32));
  }
  const bool narrows = dtype == DType::kF16 || dtype == DType::kBF16, constant = data(v) != nullptr;
  OCTET_ASSIGN(Value y, Cast(v, narrows || dtype == DType::kF64 ? DType::kF32 : dtype));
  if (!narrows || constant) return y;
  OCTET_ASSIGN(y, EmitAs("cast", std::span(&y, 1), nullptr, type(y)));  // A value of its own, until identities are removed.
  construction().SetHalf(y, dtype);
  return y;
}

}  // namespace octet::importers
