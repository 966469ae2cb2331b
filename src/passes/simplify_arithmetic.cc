// SPDX-License-Identifier: Apache-2.0
//   -a + b            becomes   b - a          and b - (-a) becomes b + a
//   -a * c + b        becomes   b - a * c      which is how TensorFlow writes the shift of a normalization
//   b - relu(-a)      becomes   b + minimum(a, 0), -(a - b) becomes b - a, and |-a| |a|: the logarithm of a sigmoid
//   maximum(x, 0)     becomes   relu, minimum(relu(x), 6) becomes relu6, and so in the other order
//   (a - b)^2         becomes   squared_difference(a, b)
//   1 / sqrt(x)       becomes   rsqrt(x)
//   x^2, x^0.5        becomes   x * x, which has an integer form, and sqrt(x)
//   0 - x             becomes   -x
//   select(c, x, zeros_like(x)) has a zero alone: the operator spreads it
//   x * tanh(relu(x) - log(sigmoid(|x|))) becomes -x * tanh(log(sigmoid(-x))): mish, written with importers' softplus
//   select(c, -8, 0) < 0 is c: whether the sign's bit is set, as TensorFlow asks it
//   not (a == b)      becomes   a != b         orders only of integers: not (a < b) holds where one is NaN, a >= b does not
// A change of sign rounds nothing: the numbers stay the same bits.
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

bool IsPlainFloat(const Graph& g, TensorId t) { return g.tensor(t).type.dtype == DType::kF32 && g.tensor(t).type.quant.empty(); }

// The node of that name that makes t, which nobody else reads, or -1.
NodeId SoleMaker(const Graph& g, TensorId t, std::string_view op) {
  const NodeId maker = Maker(g, t, op);
  return maker >= 0 && g.tensor(t).consumers.size() == 1 && !g.is_output(t) ? maker : -1;
}

// What t is the negative of: -a, or the product with -a, which loses its sign. kNoTensor where it is no negative.
TensorId TakeSign(Graph& g, TensorId t) {
  if (const NodeId neg = Maker(g, t, "neg"); neg >= 0) return g.node(neg).inputs[0];
  if (const NodeId relu = SoleMaker(g, t, "relu"); relu >= 0) {
    const NodeId neg = Maker(g, g.node(relu).inputs[0], "neg");
    if (neg < 0) return graph::kNoTensor;
    const float zero = 0;
    const TensorId bound = g.AddConstant<float>(g.node(relu).place + "/zero", Shape{}, std::span(&zero, 1));
    return g.node(Replace(g, relu, "minimum", {g.node(neg).inputs[0], bound})).outputs[0];
  }
  const NodeId mul = SoleMaker(g, t, "mul");
  if (mul < 0 || *FindAttr<ops::Activation>(g.node(mul), "fused_activation_function") != ops::Activation::kNone) return graph::kNoTensor;
  for (int i = 0; i < 2; ++i) {
    const NodeId neg = Maker(g, g.node(mul).inputs[static_cast<size_t>(i)], "neg");
    if (neg < 0) continue;
    g.SetInput(mul, i, g.node(neg).inputs[0]);
    return t;
  }
  return graph::kNoTensor;
}

// Sums and differences with a negative operand. The first operand of a difference stays where it is.
bool FlipSum(Graph& g, NodeId id) {
  const bool sum = g.node(id).op->name == "add";
  if ((!sum && g.node(id).op->name != "sub") || !IsPlainFloat(g, g.node(id).outputs[0])) return false;
  const ops::Activation fused = *FindAttr<ops::Activation>(g.node(id), "fused_activation_function");
  for (int i = 1; i >= (sum ? 0 : 1); --i) {
    const TensorId positive = TakeSign(g, g.node(id).inputs[static_cast<size_t>(i)]);
    if (positive == graph::kNoTensor) continue;
    const NodeId made = Replace(g, id, sum ? "sub" : "add", {g.node(id).inputs[static_cast<size_t>(1 - i)], positive});
    *FindAttr<ops::Activation>(g.node(made), "fused_activation_function") = fused;
    return true;
  }
  return false;
}

// |-a| and -(a - b).
bool DropSign(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if ((n.op->name != "abs" && n.op->name != "neg") || !IsPlainFloat(g, n.outputs[0])) return false;
  if (n.op->name == "abs") {
    const NodeId neg = Maker(g, n.inputs[0], "neg");
    if (neg >= 0) g.SetInput(id, 0, g.node(neg).inputs[0]);
    return neg >= 0;
  }
  const NodeId sub = n.op->name == "neg" ? SoleMaker(g, n.inputs[0], "sub") : -1;
  if (sub < 0 || *FindAttr<ops::Activation>(g.node(sub), "fused_activation_function") != ops::Activation::kNone) return false;
  const std::vector<TensorId> in = g.node(sub).inputs;
  Replace(g, id, "sub", {in[1], in[0]});
  return true;
}

// The operand beside a constant of one value, or kNoTensor.
TensorId Beside(const Graph& g, const graph::Node& n, float* value) {
  for (size_t i = 0; i < 2; ++i) {
    const std::optional<float> v = UniformValue(g, n.inputs[i]);
    if (!v || !(g.tensor(n.inputs[1 - i]).type.shape == g.tensor(n.outputs[0]).type.shape)) continue;
    *value = *v;
    return n.inputs[1 - i];
  }
  return graph::kNoTensor;
}

struct Clip {
  float low, high;
  std::string_view op;
};
constexpr Clip kClips[] = {{0, 6, "relu6"}, {-1, 1, "relu_n1_to_1"}};

// The clip that `inner`, which makes t for this reader alone, and the bound at hand are together, or null.
const Clip* FindClip(const Graph& g, TensorId t, bool upper, float bound, TensorId* x) {
  for (const Clip& clip : kClips) {
    if (bound != (upper ? clip.high : clip.low)) continue;
    float other = 0;
    if (const NodeId relu = SoleMaker(g, t, "relu"); upper && clip.low == 0 && relu >= 0) {
      *x = g.node(relu).inputs[0];
      return &clip;
    }
    const NodeId inner = SoleMaker(g, t, upper ? "maximum" : "minimum");
    if (inner < 0) continue;
    *x = Beside(g, g.node(inner), &other);
    if (*x != graph::kNoTensor && other == (upper ? clip.low : clip.high)) return &clip;
  }
  return nullptr;
}

bool Rectify(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  const bool upper = n.op->name == "minimum";
  if ((!upper && n.op->name != "maximum") || !IsPlainFloat(g, n.outputs[0])) return false;
  float bound = 0;
  const TensorId beside = Beside(g, n, &bound);
  if (beside == graph::kNoTensor) return false;
  TensorId x = graph::kNoTensor;
  if (const Clip* clip = FindClip(g, beside, upper, bound, &x)) {
    Replace(g, id, clip->op, {x});
    return true;
  }
  if (upper || bound != 0) return false;
  Replace(g, id, "relu", {beside});
  return true;
}

// The difference whose square the node is, read by nobody else, or -1.
NodeId Squared(Graph& g, const graph::Node& n) {
  if (n.op->name != "square" && (n.op->name != "mul" || n.inputs[0] != n.inputs[1])) return -1;
  const NodeId difference = Maker(g, n.inputs[0], "sub");
  const bool alone = difference >= 0 && !g.is_output(n.inputs[0]) && g.tensor(n.inputs[0]).consumers.size() == n.inputs.size();
  return alone && *FindAttr<ops::Activation>(g.node(difference), "fused_activation_function") == ops::Activation::kNone ? difference : -1;
}

bool SquareDifference(Graph& g, NodeId id) {
  graph::Node& n = g.node(id);
  const NodeId difference = Squared(g, n);
  if (difference < 0 || !IsPlainFloat(g, n.outputs[0])) return false;
  const auto* fused = FindAttr<ops::Activation>(n, "fused_activation_function");
  if (fused && *fused != ops::Activation::kNone) return false;
  Replace(g, id, "squared_difference", std::vector<TensorId>(g.node(difference).inputs));
  return true;
}

bool InvertRoot(Graph& g, NodeId id) {
  graph::Node& n = g.node(id);
  if (n.op->name != "div" || !IsPlainFloat(g, n.outputs[0]) || UniformValue(g, n.inputs[0]) != 1.0f) return false;
  const NodeId root = Maker(g, n.inputs[1], "sqrt");
  if (root < 0 || !(g.tensor(n.inputs[1]).type.shape == g.tensor(n.outputs[0]).type.shape) ||
      *FindAttr<ops::Activation>(n, "fused_activation_function") != ops::Activation::kNone)
    return false;
  Replace(g, id, "rsqrt", {g.node(root).inputs[0]});
  return true;
}

bool NamePower(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.op->name != "pow" || !IsPlainFloat(g, n.outputs[0]) || !(g.tensor(n.inputs[0]).type.shape == g.tensor(n.outputs[0]).type.shape)) return false;
  const std::optional<float> power = UniformValue(g, n.inputs[1]);
  if (power != 2.0f && power != 0.5f) return false;
  const TensorId x = n.inputs[0];
  if (power == 2.0f) Replace(g, id, "mul", {x, x});
  else Replace(g, id, "sqrt", {x});
  return true;
}

bool NameNegative(Graph& g, NodeId id) {
  graph::Node& n = g.node(id);
  if (n.op->name != "sub" || !IsPlainFloat(g, n.outputs[0]) || UniformValue(g, n.inputs[0]) != 0.0f) return false;
  if (!(g.tensor(n.inputs[1]).type.shape == g.tensor(n.outputs[0]).type.shape) ||
      *FindAttr<ops::Activation>(n, "fused_activation_function") != ops::Activation::kNone)
    return false;
  Replace(g, id, "neg", {n.inputs[1]});
  return true;
}

bool SpreadZero(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.op->name != "select_v2" || !IsPlainFloat(g, n.outputs[0])) return false;
  for (int i : {1, 2}) {
    const TensorId like = n.inputs[static_cast<size_t>(i)], other = n.inputs[static_cast<size_t>(3 - i)];
    const NodeId zeros = Maker(g, like, "zeros_like");
    if (zeros < 0 ||
        (g.node(zeros).inputs[0] != other && !(g.tensor(other).type.shape.known() && g.tensor(other).type.shape == g.tensor(n.outputs[0]).type.shape)))
      continue;
    const float zero = 0;
    g.SetInput(id, i, g.AddConstant<float>(n.place + "/zero", Shape{}, std::span(&zero, 1)));
    return true;
  }
  return false;
}

// Is t relu(x) - log(sigmoid(|x|))?
bool IsSoftplus(Graph& g, TensorId t, TensorId x) {
  const auto under = [&](TensorId y, std::string_view op) { return Maker(g, y, op) < 0 ? graph::kNoTensor : g.node(Maker(g, y, op)).inputs[0]; };
  const NodeId difference = Maker(g, t, "sub");
  if (difference < 0 || *FindAttr<ops::Activation>(g.node(difference), "fused_activation_function") != ops::Activation::kNone) return false;
  const std::vector<TensorId>& terms = g.node(difference).inputs;
  return under(terms[0], "relu") == x && under(under(under(terms[1], "log"), "logistic"), "abs") == x;
}

bool ShortenMish(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.op->name != "mul" || !IsPlainFloat(g, n.outputs[0])) return false;
  for (int i : {0, 1}) {
    const TensorId x = n.inputs[static_cast<size_t>(i)], factor = n.inputs[static_cast<size_t>(1 - i)];
    const NodeId tanh = SoleMaker(g, factor, "tanh");
    if (tanh < 0 || !IsSoftplus(g, g.node(tanh).inputs[0], x)) continue;
    const TensorType type = g.tensor(x).type;
    const std::string place = n.place;
    TensorId negative = graph::kNoTensor, y = x;
    for (const std::string_view op : {"neg", "logistic", "log"}) {
      const TensorId made = g.AddTensor(place + "/" + std::string(op), type);
      g.AddNode(*ops::Find(op), graph::Attributes(ops::Find(op)->attrs), {y}, {made}, place, tanh);
      y = made;
      if (op == "neg") negative = made;
    }
    g.SetInput(tanh, 0, y);
    g.SetInput(id, i, negative);
    return true;
  }
  return false;
}

constexpr std::pair<std::string_view, std::string_view> kOpposites[] = {{"equal", "not_equal"}, {"less", "greater_equal"}, {"greater", "less_equal"}};

bool Negate(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.op->name != "logical_not") return false;
  for (const auto& [a, b] : kOpposites) {
    for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
      const NodeId comparison = SoleMaker(g, n.inputs[0], from);
      if (comparison < 0) continue;
      const std::vector<TensorId> inputs = g.node(comparison).inputs;
      if (a != "equal" && IsFloat(g.tensor(inputs[0]).type.dtype)) return false;
      Replace(g, id, to, inputs);
      return true;
    }
  }
  return false;
}

std::optional<int32_t> OneInteger(const Graph& g, TensorId t) {
  const graph::Tensor& own = g.tensor(t);
  if (!own.constant || own.type.dtype != DType::kI32 || own.type.shape.elements() != 1) return std::nullopt;
  return own.data<int32_t>()[0];
}

// Which of two numbers was selected is what selected them.
bool AskCondition(Graph& g, NodeId id) {
  const graph::Node& less = g.node(id);
  const NodeId select = less.op->name == "less" ? Maker(g, less.inputs[0], "select_v2") : -1;
  if (select < 0 || g.is_output(less.outputs[0])) return false;
  const std::vector<TensorId>& from = g.node(select).inputs;
  const std::optional<int32_t> yes = OneInteger(g, from[1]), no = OneInteger(g, from[2]), bound = OneInteger(g, less.inputs[1]);
  const Shape& asked = g.tensor(from[0]).type.shape;
  if (!yes || !no || !bound || *yes >= *bound || *no < *bound || asked.rank() != g.tensor(less.outputs[0]).type.shape.rank()) return false;
  g.SetInput(id, 0, from[0]);
  return Bypass(g, id);
}

}  // namespace

Result<int> SimplifyArithmetic(Graph& g) {
  return ForEachNode(g, [&](NodeId id) {
    return FlipSum(g, id) || DropSign(g, id) || Rectify(g, id) || SquareDifference(g, id) || InvertRoot(g, id) || NamePower(g, id) || NameNegative(g, id) ||
           SpreadZero(g, id) || ShortenMish(g, id) || Negate(g, id) || AskCondition(g, id);
  });
}

}  // namespace octet::passes
