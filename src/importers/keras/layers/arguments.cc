// SPDX-License-Identifier: Apache-2.0
#include "importers/keras/layers/arguments.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "importers/keras/builder.h"
#include "importers/keras/layers/promotion.h"

namespace octet::importers::keras {
namespace {

constexpr int kMaxDepth = kMaxRank;

// Tuples and stored tensors are objects around the value.
const Json& Unwrapped(const Json& j) {
  const std::string& kind = j["class_name"].text();
  if (kind == "__tuple__") return j.Has("items") ? j["items"] : j["config"]["items"];
  if (kind == "__tensor__" || kind == "__numpy__") return j["config"]["value"];
  return j;
}

bool Flatten(const Json& j, int depth, Shape* shape, std::vector<double>* out) {
  const Json& v = Unwrapped(j);
  if (v.is_number() || v.kind() == Json::Kind::kBool || (v.is_text() && v.number() != 0)) {
    out->push_back(v.number());
    return depth == shape->rank();
  }
  if (!v.is_list() || depth >= kMaxDepth) return false;
  if (depth == shape->rank()) shape->push_back(static_cast<int32_t>(v.size()));
  if (static_cast<size_t>((*shape)[depth]) != v.size()) return false;
  for (const Json& item : v.items())
    if (!Flatten(item, depth + 1, shape, out)) return false;
  return true;
}

template <class T> Value Typed(LayerContext& c, const Shape& shape, const std::vector<double>& values) {
  std::vector<T> out;
  for (const double v : values) out.push_back(static_cast<T>(static_cast<std::conditional_t<std::is_integral_v<T>, int64_t, T>>(v)));
  return c.Constant<T>(shape, std::span<const T>(out));
}

// Floats as float32, as everything is computed.
Value Constants(LayerContext& c, const Shape& shape, const std::vector<double>& values, DType type) {
  switch (type) {
    case DType::kI8: return Typed<int8_t>(c, shape, values);
    case DType::kU8: return Typed<uint8_t>(c, shape, values);
    case DType::kI16: return Typed<int16_t>(c, shape, values);
    case DType::kU16: return Typed<uint16_t>(c, shape, values);
    case DType::kI32: return Typed<int32_t>(c, shape, values);
    case DType::kU32: return Typed<uint32_t>(c, shape, values);
    case DType::kI64: return Typed<int64_t>(c, shape, values);
    case DType::kBool: {
      std::vector<std::byte> bytes;
      for (const double v : values) bytes.push_back(static_cast<std::byte>(v != 0));
      return c.Constant(TensorType{DType::kBool, shape, {}}, bytes);
    }
    default: return Typed<float>(c, shape, values);
  }
}

// Lists that a call passes in its first argument's place are none of the file's JSON.
bool Flatten(const Argument& a, int depth, Shape* shape, std::vector<double>* out) {
  if (a.kind == Argument::Kind::kLiteral && a.literal) return Flatten(*a.literal, depth, shape, out);
  if (a.kind != Argument::Kind::kList || depth >= kMaxDepth) return false;
  if (depth == shape->rank()) shape->push_back(static_cast<int32_t>(a.items.size()));
  if (static_cast<size_t>((*shape)[depth]) != a.items.size()) return false;
  return std::ranges::all_of(a.items, [&](const Argument& item) { return Flatten(item, depth + 1, shape, out); });
}

bool FitsInt(double v) { return v == std::floor(v) && std::fabs(v) < 2147483648.0; }

}  // namespace

DType StoredType(const Json& literal) {
  const std::string& name = literal["config"]["dtype"].text();
  const DType type = name.empty() ? DType::kNone : DTypeFromNumpyName(name);
  return IsFloat(type) ? DType::kF32 : type;
}

DType PythonType(const Json& literal) {
  const Json& v = Unwrapped(literal);
  if (v.is_list()) return v.size() ? PythonType(v[size_t{0}]) : DType::kF32;
  return v.kind() == Json::Kind::kBool ? DType::kBool : v.kind() == Json::Kind::kInt ? DType::kI32 : DType::kF32;
}

namespace {

template <class Literal> Result<Value> NumbersAs(LayerContext& c, const Literal& literal, DType type) {
  Shape shape;
  std::vector<double> values;
  if (!Flatten(literal, 0, &shape, &values)) return c.Fail("a tensor or numbers", "another kind of argument", "pass numbers");
  const bool whole = std::ranges::all_of(values, [](double v) { return v == std::floor(v) && std::fabs(v) < 0x1p62; });
  return Constants(c, shape, values, whole || type == DType::kBool ? type : DType::kF32);
}

}  // namespace

DType PythonType(const Argument& a) {
  if (a.kind == Argument::Kind::kList && !a.items.empty()) return PythonType(a.items[0]);
  return a.literal ? PythonType(*a.literal) : DType::kF32;
}

Result<Value> ConstantAs(LayerContext& c, const Json& literal, DType type) { return NumbersAs(c, literal, type); }

Status Set(LayerContext& c, Result<Value> y) {
  if (!y.ok()) return std::move(y).status();
  c.SetOutput(0, *y);
  return {};
}

Value Int(LayerContext& c, int32_t v) { return c.Constant<int32_t>(Shape{}, std::span<const int32_t>(&v, 1)); }

const Argument* FindArgument(const LayerContext& c, int position, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (const Argument* a = c.Named(name)) return a;
  return position >= 0 ? c.Positional(static_cast<size_t>(position)) : nullptr;
}

const Json& LiteralOf(const LayerContext& c, int position, std::initializer_list<std::string_view> names) {
  static const Json none{};
  for (const std::string_view name : names)
    if (const Json& j = c.Get(name); !j.is_null()) return j;
  const Argument* a = position >= 0 ? c.Positional(static_cast<size_t>(position)) : nullptr;
  return a && a->kind == Argument::Kind::kLiteral && a->literal ? *a->literal : none;
}

bool IntsOf(const Json& literal, std::vector<int64_t>* out) {
  Shape shape;
  std::vector<double> values;
  if (literal.is_null() || !Flatten(literal, 0, &shape, &values) || shape.rank() > 1) return false;
  out->clear();
  for (const double v : values) {
    if (!FitsInt(v)) return false;
    out->push_back(static_cast<int64_t>(v));
  }
  return true;
}

bool NumbersOf(const Json& literal, std::vector<double>* out) {
  Shape shape;
  out->clear();
  return !literal.is_null() && Flatten(literal, 0, &shape, out);
}

Result<Value> ConstantOf(LayerContext& c, const Json& literal, DType like) {
  if (const DType own = StoredType(literal); own != DType::kNone) like = own == DType::kBool || IsFloat(own) ? own : DType::kI32;
  return ConstantAs(c, literal, like);
}

Value NumberOf(LayerContext& c, double v, DType type) { return Constants(c, {}, {v}, type); }

DType TypeOf(const Json& dtype) { return DTypeFromNumpyName(PolicyName(dtype)); }

Result<DType> NamedType(LayerContext& c, int position, DType fallback) {
  const Json& wanted = LiteralOf(c, position, {"dtype"});
  if (wanted.is_null()) return fallback;
  const DType type = TypeOf(wanted);
  if (type == DType::kNone) return c.Fail("an element type", "'" + wanted.text() + "'", "");
  return IsFloat(type) ? DType::kF32 : type;
}

Result<DType> CountType(LayerContext& c) {
  const std::string name = c.Text("out_type", "int32");
  return name == "int32" ? DType::kI32 : name == "int64" ? DType::kI64 : Result<DType>(c.Fail("int32 or int64", name, ""));
}

Result<Value> Operand(LayerContext& c, int position, std::initializer_list<std::string_view> names, DType like) {
  const Argument* a = FindArgument(c, position, names);
  if (a)
    if (const Value v = c.TensorOf(a)) return v;
  if (a && a->kind == Argument::Kind::kList) return NumbersAs(c, *a, PythonType(*a) == DType::kI32 ? like : PythonType(*a));
  const Json& literal = LiteralOf(c, position, names);
  if (literal.is_null()) return c.Fail("an argument '" + std::string(names.size() ? *names.begin() : "x") + "'", "none", "");
  return ConstantOf(c, literal, like);
}

Result<std::vector<Value>> ListAt(LayerContext& c, int position, std::initializer_list<std::string_view> names) {
  const Argument* list = FindArgument(c, position, names);
  const bool many = list && list->kind == Argument::Kind::kList;
  const std::span<const Argument> items = many ? std::span(list->items) : std::span(list, list ? 1 : 0);
  DType type = DType::kNone;
  for (const Argument& item : items)
    if (const Value v = c.TensorOf(&item)) type = type == DType::kNone ? c.type(v).dtype : CommonType(type, c.type(v).dtype);
  const bool numbers = type == DType::kNone;  // And nothing else.
  for (const Argument& item : items)
    if (numbers) type = type == DType::kNone ? PythonType(item) : CommonType(type, PythonType(item));
  std::vector<Value> values;
  for (const Argument& item : items) {
    const Value tensor = c.TensorOf(&item);
    if (!tensor && !item.literal) return c.Fail("tensors and numbers", "another kind of argument", "");
    const auto constant = [&] { return item.kind == Argument::Kind::kList ? NumbersAs(c, item, type) : ConstantOf(c, *item.literal, type); };
    OCTET_ASSIGN(values.emplace_back(), tensor ? c.Cast(tensor, type) : constant());
  }
  if (values.empty()) return c.Fail("tensors", "none", "");
  return values;
}

Shape WholeNumbers::shape() const {
  Shape s;
  for (const int32_t d : known) s.push_back(std::max(d, kUnknown));
  return s;
}

Result<WholeNumbers> WholeNumbersAt(LayerContext& c, int position, std::initializer_list<std::string_view> names) {
  const Argument* a = FindArgument(c, position, names);
  WholeNumbers y;
  std::vector<int64_t> literal;
  if (IntsOf(LiteralOf(c, position, names), &literal)) {
    if (literal.size() > static_cast<size_t>(kMaxRank)) return c.Fail(Format("at most %d numbers", kMaxRank), std::to_string(literal.size()), "");
    y.known.assign(literal.begin(), literal.end());
    y.vector = c.Vector(y.known);
    return y;
  }
  if (a && c.TensorOf(a)) {
    const Value v = c.TensorOf(a);
    if (c.rank(v) != 1 || c.shape(v)[0] < 0 || c.shape(v)[0] > kMaxRank) return c.Fail("a vector of whole numbers", c.shape(v).text(), "");
    OCTET_ASSIGN(y.vector, c.Cast(v, DType::kI32));
    const std::vector<int32_t>* known = c.builder().ElementsOf(v);
    y.known = known ? *known : std::vector<int32_t>(static_cast<size_t>(c.shape(v)[0]), kUnknown);
    return y;
  }
  if (!a || a->kind != Argument::Kind::kList || a->items.empty() || a->items.size() > static_cast<size_t>(kMaxRank))
    return c.Fail("whole numbers", "another kind of argument", "");
  std::vector<Value> values;
  for (const Argument& item : a->items) {
    const Value v = c.TensorOf(&item);
    const bool whole = v ? c.rank(v) == 0 : item.literal && IntsOf(*item.literal, &literal) && literal.size() == 1;
    if (!whole) return c.Fail("whole numbers", "another kind of argument", "");
    const std::span<const int32_t> constant = v && c.type(v).dtype == DType::kI32 ? c.data_as<int32_t>(v) : std::span<const int32_t>();
    y.known.push_back(!v ? static_cast<int32_t>(literal[0]) : constant.empty() ? kUnknown : constant[0]);
    OCTET_ASSIGN(values.emplace_back(), v ? c.Cast(v, DType::kI32) : Result<Value>(Int(c, y.known.back())));
  }
  OCTET_ASSIGN(y.vector, y.complete() ? Result<Value>(c.Vector(y.known))
                                      : c.Make("pack", values, {{"values_count", static_cast<int64_t>(values.size())}, {"axis", 0}}));
  return y;
}

Result<Value> Tensor(LayerContext& c) {
  return Operand(c, 0, {"x", "x1", "a", "array", "y", "tensor", "input", "inputs", "images", "data", "value", "logits", "image", "input_tensor", "params"});
}

Result<Value> FloatTensor(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  return c.Cast(x, DType::kF32);
}

}  // namespace octet::importers::keras
