// SPDX-License-Identifier: Apache-2.0
#include "importers/onnx/fusions.h"

#include <cmath>
#include <optional>

namespace octet::importers::onnx {
namespace {

using Name = std::string_view;

class Matcher {
 public:
  Matcher(Builder& builder, Scope& scope) : builder_(builder), scope_(scope) {}

  const NodeProto* Maker(Name name, Name op) const {
    const auto it = scope_.makers.find(name);
    return it != scope_.makers.end() && it->second->op == op && it->second->domain.empty() ? it->second : nullptr;
  }

  std::optional<double> Scalar(Name name) const {
    auto bound = builder_.Lookup(scope_, name);
    if (!bound.ok() || !bound->value) return std::nullopt;
    const graph::Tensor& t = builder_.graph().tensor(bound->value.id);
    if (!t.constant || t.type.dtype != DType::kF32 || t.type.shape.elements() != 1) return std::nullopt;
    return static_cast<double>(t.data<float>()[0]);
  }

  // The factors of a product of products and quotients, constants multiplied together.
  void Factors(Name name, int depth, double* constant, std::vector<Name>* rest) const {
    if (const auto v = Scalar(name)) {
      *constant *= *v;
      return;
    }
    if (const NodeProto* mul = depth > 0 ? Maker(name, "Mul") : nullptr; mul && mul->inputs.size() == 2) {
      for (const Name input : mul->inputs) Factors(input, depth - 1, constant, rest);
      return;
    }
    if (const NodeProto* div = depth > 0 ? Maker(name, "Div") : nullptr; div && div->inputs.size() == 2) {
      if (const auto v = Scalar(div->inputs[1]); v && *v != 0) {
        *constant /= *v;
        return Factors(div->inputs[0], depth - 1, constant, rest);
      }
    }
    rest->push_back(name);
  }

  // a + constant: a and the constant.
  std::optional<std::pair<Name, double>> Sum(Name name) const {
    const NodeProto* add = Maker(name, "Add");
    if (!add || add->inputs.size() != 2) return std::nullopt;
    for (size_t i = 0; i < 2; ++i)
      if (const auto v = Scalar(add->inputs[i])) return std::pair(add->inputs[1 - i], *v);
    return std::nullopt;
  }

  static bool Near(double a, double b) { return std::fabs(a - b) < 1e-4 * std::fabs(b); }

  // 1 + erf(x / sqrt 2)
  bool IsErf(Name name, Name x) const {
    const auto sum = Sum(name);
    const NodeProto* erf = sum && sum->second == 1.0 ? Maker(sum->first, "Erf") : nullptr;
    return erf && IsScaled(erf->inputs[0], x, 0.70710678);
  }

  // 1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))
  bool IsTanh(Name name, Name x) const {
    const auto sum = Sum(name);
    const NodeProto* tanh = sum && sum->second == 1.0 ? Maker(sum->first, "Tanh") : nullptr;
    if (!tanh) return false;
    double constant = 1;
    std::vector<Name> rest;
    Factors(tanh->inputs[0], 2, &constant, &rest);
    const NodeProto* add = rest.size() == 1 && Near(constant, 0.79788456) ? Maker(rest[0], "Add") : nullptr;
    if (!add || add->inputs.size() != 2) return false;
    for (size_t i = 0; i < 2; ++i)
      if (add->inputs[i] == x && IsCube(add->inputs[1 - i], x)) return true;
    return false;
  }

  bool IsCube(Name name, Name x) const {
    double constant = 1;
    std::vector<Name> rest;
    Factors(name, 3, &constant, &rest);
    if (!Near(constant, 0.044715)) return false;
    if (rest.size() == 3) return rest[0] == x && rest[1] == x && rest[2] == x;
    const NodeProto* pow = rest.size() == 1 ? Maker(rest[0], "Pow") : nullptr;
    return pow && pow->inputs.size() == 2 && pow->inputs[0] == x && Scalar(pow->inputs[1]) == 3.0;
  }

  bool IsScaled(Name name, Name x, double factor) const {
    double constant = 1;
    std::vector<Name> rest;
    Factors(name, 2, &constant, &rest);
    return rest.size() == 1 && rest[0] == x && Near(constant, factor);
  }

  Builder& builder_;
  Scope& scope_;
};

}  // namespace

Fusion FindFusion(Builder& builder, Scope& scope, const NodeProto& last) {
  if ((last.op != "Mul" && last.op != "Div") || !last.domain.empty() || last.inputs.size() != 2 || last.outputs.size() != 1) return {};
  const Matcher m(builder, scope);
  double constant = 1;
  std::vector<Name> rest;
  if (last.op == "Mul") {
    for (const Name input : last.inputs) m.Factors(input, 2, &constant, &rest);
  } else {
    const auto by = m.Scalar(last.inputs[1]);
    if (!by || *by == 0) return {};
    constant = 1 / *by;
    m.Factors(last.inputs[0], 2, &constant, &rest);
  }
  if (rest.size() != 2) return {};
  for (size_t i = 0; i < 2; ++i) {
    const Name x = rest[i], f = rest[1 - i];
    if (Matcher::Near(constant, 0.5) && m.IsErf(f, x)) return {"Gelu", x, false};
    if (Matcher::Near(constant, 0.5) && m.IsTanh(f, x)) return {"Gelu", x, true};
  }
  return {};
}

}  // namespace octet::importers::onnx
