// SPDX-License-Identifier: Apache-2.0
#include "importers/keras/layers/functions.h"

#include <cmath>

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
  for (const double v : values) out.push_back(static_cast<T>(v));
  return c.Constant<T>(shape, std::span<const T>(out));
}

bool FitsInt(double v) { return v == std::floor(v) && std::fabs(v) < 2147483648.0; }

}  // namespace

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
  const Argument* a = FindArgument(c, position, names);
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

Result<Value> ConstantOf(LayerContext& c, const Json& literal, DType like) {
  const std::string& dtype = literal["config"]["dtype"].text();
  if (!dtype.empty()) like = dtype.starts_with("int") ? DType::kI32 : dtype == "bool" ? DType::kBool : DType::kF32;
  Shape shape;
  std::vector<double> values;
  if (!Flatten(literal, 0, &shape, &values)) return c.Fail("a tensor or numbers", "another kind of argument", "pass numbers");
  if (like == DType::kBool) {
    const std::vector<std::byte> bytes = [&] {
      std::vector<std::byte> b;
      for (const double v : values) b.push_back(static_cast<std::byte>(v != 0));
      return b;
    }();
    return c.Constant(TensorType{DType::kBool, shape, {}}, bytes);
  }
  bool whole = true;
  for (const double v : values) whole &= FitsInt(v);
  if (whole && like == DType::kI32) return Typed<int32_t>(c, shape, values);
  if (whole && like == DType::kI64) return Typed<int64_t>(c, shape, values);
  return Typed<float>(c, shape, values);
}

Result<Value> Operand(LayerContext& c, int position, std::initializer_list<std::string_view> names, DType like) {
  const Argument* a = FindArgument(c, position, names);
  if (a)
    if (const Value v = c.TensorOf(a)) return v;
  const Json& literal = LiteralOf(c, position, names);
  if (literal.is_null()) return c.Fail("an argument '" + std::string(names.size() ? *names.begin() : "x") + "'", "none", "");
  return ConstantOf(c, literal, like);
}

Result<Pair> Operands(LayerContext& c) {
  // The literal takes the type of the tensor.
  const DType like = c.num_inputs() > 0 ? c.type(c.Input(0)).dtype : DType::kF32;
  Pair p;
  OCTET_ASSIGN(p.a, Operand(c, 0, {"x1", "x", "a"}, like));
  OCTET_ASSIGN(p.b, Operand(c, 1, {"x2", "y", "b"}, like));
  const DType a = c.type(p.a).dtype, b = c.type(p.b).dtype;
  if (a == b) return p;
  if (a == DType::kF32 || b == DType::kF32) {
    OCTET_ASSIGN(p.a, c.Cast(p.a, DType::kF32));
    OCTET_ASSIGN(p.b, c.Cast(p.b, DType::kF32));
    return p;
  }
  OCTET_ASSIGN(p.b, c.Cast(p.b, a));
  return p;
}

Result<Pair> FloatOperands(LayerContext& c) {
  Pair p;
  OCTET_ASSIGN(p.a, Operand(c, 0, {"x1", "x", "a"}, DType::kF32));
  OCTET_ASSIGN(p.b, Operand(c, 1, {"x2", "y", "b"}, DType::kF32));
  OCTET_ASSIGN(p.a, c.Cast(p.a, DType::kF32));
  OCTET_ASSIGN(p.b, c.Cast(p.b, DType::kF32));
  return p;
}

}  // namespace octet::importers::keras
