// SPDX-License-Identifier: Apache-2.0
// Operators that compute each element for itself, with broadcasts.
#include <algorithm>

#include "delegates/coreml/lowering.h"

namespace octet::coreml {
namespace {

struct Name {
  std::string_view op, operation;
};

std::string_view Find(std::span<const Name> names, std::string_view op) {
  for (const Name& n : names)
    if (n.op == op) return n.operation;
  return {};
}

bool IsReal(const Var& v) { return v.type == Type::kF32 || v.type == Type::kF16; }

constexpr Name kUnary[] = {{"relu", "relu"}, {"relu6", "relu6"}, {"logistic", "sigmoid"}, {"tanh", "tanh"}, {"exp", "exp"}, {"sqrt", "sqrt"}, {"abs", "abs"},
                           {"square", "square"}, {"sin", "sin"}, {"cos", "cos"}, {"floor", "floor"}, {"ceil", "ceil"}, {"sign", "sign"},
                           {"logical_not", "logical_not"}};

Status Unary(Lowering& l, const Node& n) {
  const Form form = l.FormOf(n);
  OCTET_ASSIGN(const Var x, l.In(n, 0, form));
  if (!IsReal(x) && n.op() != "logical_not") return Refuse("it computes in floats only");
  return l.Set(n, 0, l.Unary(Find(kUnary, n.op()), x), form);
}

// Of one real operand: what takes more than one operation there.
template <Var (*kFormula)(Lowering&, const Node&, const Var&)> Status Formula(Lowering& l, const Node& n) {
  const Form form = l.FormOf(n);
  OCTET_ASSIGN(const Var x, l.In(n, 0, form));
  if (!IsReal(x)) return Refuse("it computes in floats only");
  return l.Set(n, 0, kFormula(l, n, x), form);
}
Var Neg(Lowering& l, const Node&, const Var& x) { return l.Binary("mul", x, l.Number(x, -1), x.dims); }
Var ReluN1To1(Lowering& l, const Node&, const Var& x) { return l.Clip(x, -1, 1); }
Var Relu0To1(Lowering& l, const Node&, const Var& x) { return l.Clip(x, 0, 1); }
Var Rsqrt(Lowering& l, const Node&, const Var& x) { return l.Binary("real_div", l.Number(x, 1), l.Unary("sqrt", x), x.dims); }
Var HardSwish(Lowering& l, const Node&, const Var& x) {
  const Var gate = l.Unary("relu6", l.Binary("add", x, l.Number(x, 3), x.dims));
  return l.Binary("mul", l.Binary("mul", x, gate, x.dims), l.Number(x, 1.0f / 6), x.dims);
}
Var LeakyRelu(Lowering& l, const Node& n, const Var& x) {
  return l.p.Apply("leaky_relu", {{"x", {x}}, {"alpha", {l.Number(x, static_cast<float>(n.Real("alpha")))}}}, x.type, x.dims);
}
Var Elu(Lowering& l, const Node&, const Var& x) { return l.p.Apply("elu", {{"x", {x}}, {"alpha", {l.Number(x, 1)}}}, x.type, x.dims); }
Var Gelu(Lowering& l, const Node& n, const Var& x) {
  return l.p.Apply("gelu", {{"x", {x}}, {"mode", {l.p.Text(n.Int("approximate") ? "TANH_APPROXIMATION" : "EXACT")}}}, x.type, x.dims);
}
Var Log(Lowering& l, const Node&, const Var& x) { return l.p.Apply("log", {{"x", {x}}, {"epsilon", {l.Number(x, 0)}}}, x.type, x.dims); }
Var Same(Lowering&, const Node&, const Var& x) { return x; }  // Quantize and dequantize: what tensors are says the rest.

constexpr Name kBinary[] = {{"add", "add"}, {"sub", "sub"}, {"mul", "mul"}, {"div", "real_div"}, {"maximum", "maximum"}, {"minimum", "minimum"}, {"pow", "pow"},
                            {"floor_div", "floor_div"}, {"squared_difference", "sub"}, {"equal", "equal"}, {"not_equal", "not_equal"}, {"less", "less"},
                            {"less_equal", "less_equal"}, {"greater", "greater"}, {"greater_equal", "greater_equal"}, {"logical_and", "logical_and"},
                            {"logical_or", "logical_or"}};

Status Binary(Lowering& l, const Node& n) {
  const Form form = l.FormOf(n);
  OCTET_ASSIGN(const Var x, l.In(n, 0, form));
  OCTET_ASSIGN(const Var y, l.In(n, 1, form));
  if (x.type != y.type) return Refuse("operands of different types");
  const bool logical = n.op().starts_with("logical"), to_bool = n.output().type == kBool;
  if (logical != (x.type == Type::kBool)) return Refuse("the type of its operands");
  if (!IsReal(x) && (n.op() == "div" || n.op() == "pow")) return Refuse("it computes in floats only");
  const Var v = l.p.Apply(Find(kBinary, n.op()), {{"x", {x}}, {"y", {y}}}, to_bool ? Type::kBool : x.type, l.OutDims(n, form));
  return n.op() == "squared_difference" ? l.Set(n, 0, l.Binary("mul", v, v, v.dims), form) : l.SetActivated(n, v, form);
}

Status AddN(Lowering& l, const Node& n) {
  OCTET_ASSIGN(Var sum, l.In(n, 0));
  for (int i = 1; i < n.num_inputs(); ++i) {
    OCTET_ASSIGN(const Var x, l.In(n, i));
    sum = l.Binary("add", sum, x, sum.dims);
  }
  return l.Set(n, 0, sum);
}

// max(x, 0) + alpha * min(x, 0)
Status Prelu(Lowering& l, const Node& n) {
  const Form form = l.FormOf(n);
  OCTET_ASSIGN(const Var x, l.In(n, 0, form));
  OCTET_ASSIGN(const Var alpha, l.In(n, 1, form));
  const Dims dims = l.OutDims(n, form);
  const Var low = l.Binary("mul", l.Binary("minimum", x, l.Number(x, 0), x.dims), alpha, dims);
  return l.Set(n, 0, l.Binary("add", l.Unary("relu", x), low, dims), form);
}

// Its operands must have dimensions: a number gets them by a product with ones.
Var WithDims(Lowering& l, const Var& x, size_t rank) {
  const std::vector<float> one = {1};
  return !x.dims.empty() || !IsReal(x) ? x : l.Binary("mul", l.p.Weights(one, Dims(rank, 1)), x, Dims(rank, 1));
}

Status Select(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Var condition, l.In(n, 0));
  OCTET_ASSIGN(Var a, l.In(n, 1));
  OCTET_ASSIGN(Var b, l.In(n, 2));
  a = WithDims(l, a, n.out_dims().size());
  b = WithDims(l, b, n.out_dims().size());
  for (size_t i = 0; i < n.out_dims().size(); ++i) {  // Core ML takes the result's dimensions from the two alone.
    const auto size = [&](const Var& v) { return v.dims.size() + i < n.out_dims().size() ? 1 : v.dims[v.dims.size() + i - n.out_dims().size()]; };
    if (std::max<int64_t>(size(a), size(b)) != n.out_dims()[i]) return Refuse("a condition of more elements than its operands");
  }
  if (n.op() == "select" && condition.dims.size() < a.dims.size()) return Refuse("a condition per row");
  return l.Set(n, 0, l.p.Apply("select", {{"cond", {condition}}, {"a", {a}}, {"b", {b}}}, a.type, n.out_dims()));
}

Status Cast(Lowering& l, const Node& n) {
  const int32_t from = n.input(0).type, to = n.output().type;
  if (IsQuantized(from) || IsQuantized(to)) return Refuse("8-bit integers as numbers");
  const Form form = l.FormOf(n);
  OCTET_ASSIGN(const Var x, l.In(n, 0, form));
  const Type type = to == kI32 ? Type::kI32 : to == kBool ? Type::kBool : l.p.real();
  const char* const dtype = type == Type::kI32 ? "int32" : type == Type::kBool ? "bool" : type == Type::kF16 ? "fp16" : "fp32";
  return l.Set(n, 0, x.type == type ? x : l.p.Apply("cast", {{"x", {x}}, {"dtype", {l.p.Text(dtype)}}}, type, x.dims), form);
}

Status Softmax(Lowering& l, const Node& n) {
  OCTET_ASSIGN(Var x, l.In(n, 0));
  const auto beta = static_cast<float>(n.Real("beta"));
  if (beta != 1) x = l.Binary("mul", x, l.Number(x, beta), x.dims);
  return l.Set(n, 0, l.p.Apply("softmax", {{"x", {x}}, {"axis", {l.p.Int(-1)}}}, x.type, x.dims));
}

constexpr Entry kEntries[] = {
    {"relu", Unary}, {"relu6", Unary}, {"logistic", Unary}, {"tanh", Unary}, {"exp", Unary}, {"sqrt", Unary}, {"abs", Unary}, {"square", Unary}, {"sin", Unary},
    {"cos", Unary}, {"floor", Unary}, {"ceil", Unary}, {"sign", Unary}, {"logical_not", Unary}, {"neg", Formula<Neg>}, {"relu_n1_to_1", Formula<ReluN1To1>},
    {"relu_0_to_1", Formula<Relu0To1>}, {"rsqrt", Formula<Rsqrt>}, {"hard_swish", Formula<HardSwish>}, {"leaky_relu", Formula<LeakyRelu>},
    {"elu", Formula<Elu>}, {"gelu", Formula<Gelu>}, {"log", Formula<Log>}, {"quantize", Formula<Same>}, {"dequantize", Formula<Same>}, {"add", Binary},
    {"sub", Binary}, {"mul", Binary}, {"div", Binary}, {"maximum", Binary}, {"minimum", Binary}, {"pow", Binary}, {"floor_div", Binary},
    {"squared_difference", Binary}, {"equal", Binary}, {"not_equal", Binary}, {"less", Binary}, {"less_equal", Binary}, {"greater", Binary},
    {"greater_equal", Binary}, {"logical_and", Binary}, {"logical_or", Binary}, {"add_n", AddN}, {"prelu", Prelu}, {"select", Select}, {"select_v2", Select},
    {"cast", Cast}, {"softmax", Softmax},
};

}  // namespace

std::span<const Entry> ElementEntries() { return kEntries; }

}  // namespace octet::coreml
