// SPDX-License-Identifier: Apache-2.0
#include "importers/lowering.h"

#include <algorithm>

#include "ops/shape_util.h"

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

bool IsNarrow(DType t) { return t == DType::kI8 || t == DType::kU8 || t == DType::kI16 || t == DType::kU16; }

// Whether its outputs' elements are among its inputs'.
bool PassesElements(const ops::OpDef& def) {
  return std::ranges::any_of(def.quantization, [](const ops::QuantRow& row) {
    return row.kind == ops::QuantKind::kSameAs && (row.operand == ~0 || row.other == ~0);
  });
}
bool ComputesElements(const ops::OpDef& def) { return (def.traits & ops::kElementwise) && def.name != "select_v2" && def.name != "cast"; }

// Which inputs an operator computes in another type, and which outputs it has in it.
struct Widening {
  DType own = DType::kNone, wide = DType::kNone;
  std::vector<bool> inputs;
};

// The type, of those wider than its own, in which an operator must compute where it lacks that of its inputs; kNone: their own.
// Integers of 8 and 16 bits are always computed wider: to an operator they mean quantized numbers. (LiteRT ends the process where those have no scale.)
Widening WideType(const ops::OpDef& def, std::span<const TensorType* const> inputs, const void* attrs, bool computes, const auto& wider_than) {
  Widening w;
  if (def.inputs.empty() || def.outputs.empty() || (!computes && !PassesElements(def))) return w;
  const char variable = computes ? def.inputs[0].type : def.outputs[0].type;
  std::vector<TensorType> types;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool widens = inputs[i] && def.inputs[std::min(i, def.inputs.size() - 1)].type == variable;
    w.inputs.push_back(widens);
    types.push_back(inputs[i] ? *inputs[i] : TensorType{});
    if (!widens) continue;
    if (w.own == DType::kNone) w.own = inputs[i]->dtype;
    if (inputs[i]->dtype != w.own || !inputs[i]->quant.empty()) return {};
  }
  if (w.own == DType::kNone || ((!computes || !IsNarrow(w.own)) && HasKernel(def, inputs, attrs))) return w;
  std::vector<const TensorType*> pointers;
  for (size_t i = 0; i < inputs.size(); ++i) pointers.push_back(inputs[i] ? &types[i] : nullptr);
  for (const DType wide : wider_than(w.own)) {
    if (wide == w.own || (wide == DType::kI32 && w.own == DType::kU32) || (IsFloat(w.own) && !IsFloat(wide))) continue;
    for (size_t i = 0; i < types.size(); ++i)
      if (w.inputs[i]) types[i].dtype = wide;
    if (!HasKernel(def, pointers, attrs)) continue;
    w.wide = wide;
    break;
  }
  return w;
}

// What an output is declared with: select_v2 of single elements keeps it (ops/select_util.h).
Shape DeclaredShape(const ops::OpDef* def, std::span<const TensorType* const> types) {
  Shape all;
  if (!def || !(def->traits & ops::kElementwise)) return all;
  for (const TensorType* t : types) {
    Shape both;
    if (!t || !ops::BroadcastShape(all, t->shape, &both)) return {};
    all = both;
  }
  return all;
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
  if (folds()) OCTET_TRY(construction().Fold(node));
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
  if (def) {
    const bool computes = ComputesElements(*def);
    const Widening w = WideType(*def, types, attrs, computes, [&](DType own) { return WiderThan(own, computes); });
    if (w.wide != DType::kNone) {
      std::vector<Value> widened(inputs.begin(), inputs.end());
      for (size_t i = 0; i < widened.size(); ++i) {
        OCTET_ASSIGN(widened[i], w.inputs[i] ? Cast(widened[i], w.wide) : Result<Value>(widened[i]));
      }
      OCTET_ASSIGN(std::vector<Value> values, EmitMany(op, widened, attrs, outputs));
      for (Value& v : values) {
        if (type(v).dtype != w.wide) continue;  // Comparisons answer bool.
        OCTET_ASSIGN(v, Cast(v, w.own));
      }
      return values;
    }
    if (computes && IsNarrow(w.own) && !WiderThan(w.own, true).empty())
      return Fail("floats for " + std::string(op), std::string(NumpyName(w.own)), "cast the input to float32 before");
  }
  return EmitNode(op, inputs, attrs, std::vector<TensorType>(static_cast<size_t>(outputs), TensorType{dtype, DeclaredShape(def, types), {}}));
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

// LiteRT casts nothing to or from uint64: what a model casts to it is int64, the same numbers below 2^63.
Result<Value> Lowering::Cast(Value v, DType dtype) {
  if (type(v).dtype == dtype) return v;
  if (dtype == DType::kU64) return Cast(v, DType::kI64);
  if (type(v).dtype == DType::kU64) return Fail("numbers that LiteRT casts", "uint64", "make it int64");
  return EmitAs("cast", std::span(&v, 1), nullptr, {dtype, shape(v), {}});
}

Result<Value> Lowering::CastOfSource(Value v, DType dtype) {
  if (const DType half = construction().HalfOf(v); half != DType::kNone) {
    OCTET_ASSIGN(v, Cast(v, half));
    OCTET_ASSIGN(v, Cast(v, DType::kF32));
  }
  const bool narrows = dtype == DType::kF16 || dtype == DType::kBF16, constant = narrows && data(v) != nullptr;
  OCTET_ASSIGN(Value y, Cast(v, narrows || dtype == DType::kF64 ? DType::kF32 : dtype));
  if (!narrows || constant) return y;
  OCTET_ASSIGN(y, EmitAs("cast", std::span(&y, 1), nullptr, type(y)));  // A value of its own, until identities are removed.
  construction().SetHalf(y, dtype);
  return y;
}

}  // namespace octet::importers
