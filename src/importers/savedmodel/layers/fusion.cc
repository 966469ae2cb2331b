// SPDX-License-Identifier: Apache-2.0
// Activations that TensorFlow spells out in several ops and .tflite has as one operator:
//   gelu        x/2 * erfc(-x/sqrt 2),  x/2 * (1 + erf(x/sqrt 2)),  x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))
//   prelu       relu(x) + a * relu(-x) with a = -alpha
// The last op of the pattern is replaced; the others are then read by nobody, unless somebody else does.
#include <algorithm>
#include <cmath>

#include "importers/lowerings/integers.h"
#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

class Matcher {
 public:
  explicit Matcher(NodeContext& c) : b_(c.builder()) {}

  // The inputs of the node at this edge, when it is of one of these kinds.
  bool Is(const Edge& e, std::initializer_list<std::string_view> ops, Edge* a, Edge* b = nullptr) {
    if (e.node < 0 || e.output != 0) return false;
    const FlatNode& n = b_.functions().node(e.node);
    if (!n.def || n.inputs.size() != (b ? 2u : 1u) || std::ranges::find(ops, n.def->op) == ops.end()) return false;
    *a = n.inputs[0];
    if (b) *b = n.inputs[1];
    return true;
  }
  // A constant of one element with about this value.
  bool IsNumber(const Edge& e, double wanted) {
    double v = 0;
    return Number(e, &v) && std::abs(v - wanted) <= 1e-4 * std::max(std::abs(wanted), 1e-3);
  }
  bool Number(const Edge& e, double* v) {
    const Partial* p = b_.PartialOf(e);
    if (!p || p->v.size() != 1 || !p->known() || p->whole()) return false;
    *v = p->v[0].f;
    return true;
  }
  // e = x * k, in either order, or x / (1/k).
  bool Times(const Edge& e, double k, Edge* x) {
    Edge a, b;
    if (Is(e, {"Mul"}, &a, &b)) {
      if (IsNumber(b, k)) return *x = a, true;
      if (IsNumber(a, k)) return *x = b, true;
    }
    return Is(e, {"RealDiv"}, &a, &b) && IsNumber(b, 1 / k) && (*x = a, true);
  }
  bool Plus(const Edge& e, double k, Edge* x) {
    Edge a, b;
    if (!Is(e, {"AddV2", "Add"}, &a, &b)) return false;
    return IsNumber(b, k) ? (*x = a, true) : IsNumber(a, k) && (*x = b, true);
  }
  // e = x^3
  bool Cube(const Edge& e, const Edge& x) {
    Edge a, b, s, t;
    if (Is(e, {"Pow"}, &a, &b)) return a == x && IsNumber(b, 3);
    if (!Is(e, {"Mul"}, &a, &b)) return false;
    if (a == x) std::swap(a, b);
    if (!(b == x)) return false;
    return (Is(a, {"Square"}, &s) && s == x) || (Is(a, {"Mul"}, &s, &t) && s == x && t == x);
  }
  // e = 2 * Phi(x), the normal distribution; *approximate: by tanh.
  bool TwicePhi(const Edge& e, const Edge& x, bool* approximate) {
    constexpr double kRoot = 0.70710678118654752, kTanh = 0.79788456080286536;
    Edge a, b, d;
    *approximate = false;
    if (Is(e, {"Erfc"}, &a)) {
      if (Times(a, -kRoot, &b)) return b == x;
      if (Is(a, {"Neg"}, &b)) return Times(b, kRoot, &d) && d == x;
      return Times(a, kRoot, &b) && Is(b, {"Neg"}, &d) && d == x;
    }
    if (!Plus(e, 1, &a)) return false;
    if (Is(a, {"Erf"}, &b)) return Times(b, kRoot, &d) && d == x;
    Edge sum, cubic;
    *approximate = true;
    if (!Is(a, {"Tanh"}, &b) || !Times(b, kTanh, &sum) || !Is(sum, {"AddV2", "Add"}, &d, &cubic)) return false;
    if (!(d == x)) std::swap(d, cubic);
    return d == x && Times(cubic, 0.044715, &a) && Cube(a, x);
  }
  // a * b = gelu(x)
  bool Gelu(const Edge& a, const Edge& b, Edge* x, bool* approximate) {
    Edge p, q;
    if (Times(a, 0.5, x) && TwicePhi(b, *x, approximate)) return true;           // (x/2) * 2Phi
    if (IsNumber(a, 0.5) && Is(b, {"Mul"}, &p, &q)) {                             // 1/2 * (x * 2Phi)
      if (TwicePhi(q, p, approximate)) return *x = p, true;
      if (TwicePhi(p, q, approximate)) return *x = q, true;
    }
    return Times(b, 0.5, &p) && TwicePhi(p, a, approximate) && (*x = a, true);    // x * (2Phi/2)
  }
  // a + b = prelu(x); *slope: the constant a of the formula above.
  bool Prelu(const Edge& a, const Edge& b, Edge* x, Edge* slope) {
    Edge p, q, minus, y;
    if (!Is(a, {"Relu"}, x) || !Is(b, {"Mul"}, &p, &q)) return false;
    if (!Is(q, {"Relu"}, &minus)) std::swap(p, q);
    *slope = p;
    return Is(q, {"Relu"}, &minus) && Is(minus, {"Neg"}, &y) && y == *x;
  }

 private:
  Builder& b_;
};

Status ConvertMul(NodeContext& c) {
  const auto& in = c.node().inputs;
  Matcher m(c);
  for (const auto& [i, k] : {std::pair(0, 1), std::pair(1, 0)}) {
    if (in.size() != 2) break;
    Edge x;
    bool approximate = false;
    if (m.Gelu(in[static_cast<size_t>(i)], in[static_cast<size_t>(k)], &x, &approximate)) {
      const Value v = c.builder().ValueOf(x);
      if (v && c.type(v).dtype == DType::kF32) return Set(c, c.Make("gelu", {v}, {{"approximate", int64_t{approximate}}}));
    }
  }
  const Value a = c.Input(0), b = c.Input(1);
  return a && b ? Set(c, Elementwise(c, "mul", std::vector<Value>{a, b})) : Status();
}

Status ConvertAdd(NodeContext& c) {
  const auto& in = c.node().inputs;
  Matcher m(c);
  for (const auto& [i, k] : {std::pair(0, 1), std::pair(1, 0)}) {
    Edge x, slope;
    if (in.size() != 2 || !m.Prelu(in[static_cast<size_t>(i)], in[static_cast<size_t>(k)], &x, &slope)) continue;
    const Value v = c.builder().ValueOf(x), minus = c.builder().ValueOf(slope);
    if (!v || !minus || c.data_as<float>(minus).empty()) continue;
    std::vector<float> alpha;
    for (const float f : c.data_as<float>(minus)) alpha.push_back(-f);
    Shape s = c.shape(minus);
    while (s.rank() == c.rank(v) && s.rank() > 1 && s[0] == 1) s = Shape(s.dims().subspan(1));
    if (s.rank() != c.rank(v) - 1) continue;
    return Set(c, c.Make("prelu", {v, c.Constant<float>(s, alpha)}));
  }
  const Value a = c.Input(0), b = c.Input(1);
  return a && b ? Set(c, Elementwise(c, "add", std::vector<Value>{a, b})) : Status();
}

constexpr NodeRule kRules[] = {{"Mul", ConvertMul}, {"AddV2", ConvertAdd}, {"Add", ConvertAdd}};

}  // namespace

const std::span<const NodeRule> kFusionRules = kRules;

}  // namespace octet::importers::savedmodel
