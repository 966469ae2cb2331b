// SPDX-License-Identifier: Apache-2.0
//   x * rsqrt(maximum(sum(x^2 along the last axis), 1e-12))   becomes   l2_normalization(x)
// and so where it is x / sqrt(...), or x / maximum(sqrt(sum(x^2)), 1e-6): the operator's own least norm is 1e-6. It stands for Keras 3's
// x * minimum(rsqrt(sum(x^2)), 1e12), too: rows below that norm are zero but for rounding.
//   e / sum(e along the last axis), with e = exp(x - max(x along the last axis))   becomes   softmax(x)
#include <cmath>

#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr float kLeastNorm = 1e-6f;

// What `op` bounds by a number that `fits`, or kNoTensor.
template <class F> TensorId Bounded(const Graph& g, TensorId t, std::string_view op, F fits) {
  const NodeId bound = Maker(g, t, op);
  if (bound < 0) return graph::kNoTensor;
  const auto& in = g.node(bound).inputs;
  for (size_t i = 0; i < 2; ++i) {
    const std::optional<float> v = UniformValue(g, in[i]);
    if (v && fits(*v)) return in[1 - i];
  }
  return graph::kNoTensor;
}

TensorId AtLeast(const Graph& g, TensorId t, float least) {
  return Bounded(g, t, "maximum", [=](float v) { return std::fabs(v - least) <= 1e-3f * least; });
}

TensorId Under(const Graph& g, TensorId t, std::string_view op) {
  const NodeId maker = Maker(g, t, op);
  return maker < 0 ? graph::kNoTensor : g.node(maker).inputs[0];
}

// What is reduced along its last axis, which stays as 1, to t; kNoTensor where that is not so.
TensorId ReducedLast(Graph& g, TensorId t, std::string_view op) {
  const NodeId reduce = Maker(g, t, op);
  if (reduce < 0 || !*FindAttr<bool>(g.node(reduce), "keep_dims") || !g.is_constant(g.node(reduce).inputs[1])) return graph::kNoTensor;
  const TensorId axes = g.node(reduce).inputs[1], x = g.node(reduce).inputs[0];
  const int rank = g.tensor(x).type.shape.rank();
  const std::span<const int32_t> axis = g.tensor(axes).data<int32_t>();
  return axis.size() == 1 && rank >= 1 && (axis[0] == -1 || axis[0] == rank - 1) ? x : graph::kNoTensor;
}

// Is t the sum of x's squares along the last axis?
bool IsSquaredNorm(Graph& g, TensorId t, TensorId x) {
  const TensorId squares = ReducedLast(g, t, "sum");
  if (squares == graph::kNoTensor) return false;
  if (Under(g, squares, "square") == x) return true;
  const NodeId mul = Maker(g, squares, "mul");
  return mul >= 0 && g.node(mul).inputs[0] == x && g.node(mul).inputs[1] == x &&
         *FindAttr<ops::Activation>(g.node(mul), "fused_activation_function") == ops::Activation::kNone;
}

bool IsNorm(Graph& g, TensorId t, TensorId x) {
  if (const TensorId square = AtLeast(g, Under(g, t, "sqrt"), kLeastNorm * kLeastNorm); square != graph::kNoTensor) return IsSquaredNorm(g, square, x);
  const TensorId norm = AtLeast(g, t, kLeastNorm);
  return norm != graph::kNoTensor && IsSquaredNorm(g, Under(g, norm, "sqrt"), x);
}

bool IsInverseNorm(Graph& g, TensorId t, TensorId x) {
  const TensorId inverse = Bounded(g, t, "minimum", [](float v) { return v >= 1 / kLeastNorm; });
  const TensorId square = inverse != graph::kNoTensor ? Under(g, inverse, "rsqrt") : AtLeast(g, Under(g, t, "rsqrt"), kLeastNorm * kLeastNorm);
  return square != graph::kNoTensor && IsSquaredNorm(g, square, x);
}

// The softmax's input, where e / sum is one.
TensorId SoftmaxOf(Graph& g, TensorId e, TensorId sum) {
  const NodeId difference = Maker(g, Under(g, e, "exp"), "sub");
  if (difference < 0 || ReducedLast(g, sum, "sum") != e ||
      *FindAttr<ops::Activation>(g.node(difference), "fused_activation_function") != ops::Activation::kNone)
    return graph::kNoTensor;
  const TensorId x = g.node(difference).inputs[0];
  return ReducedLast(g, g.node(difference).inputs[1], "reduce_max") == x ? x : graph::kNoTensor;
}

bool Fuse(Graph& g, NodeId id) {
  graph::Node& n = g.node(id);
  const bool product = n.op->name == "mul";
  if ((!product && n.op->name != "div") || g.tensor(n.outputs[0]).type.dtype != DType::kF32) return false;
  if (*FindAttr<ops::Activation>(n, "fused_activation_function") != ops::Activation::kNone) return false;
  for (size_t i = 0; i < (product ? 2u : 1u); ++i) {
    const TensorId x = n.inputs[i], norm = n.inputs[1 - i];
    if (!(g.tensor(x).type.shape == g.tensor(n.outputs[0]).type.shape) || (product ? !IsInverseNorm(g, norm, x) : !IsNorm(g, norm, x))) continue;
    Replace(g, id, "l2_normalization", {x});
    return true;
  }
  if (const TensorId x = product ? graph::kNoTensor : SoftmaxOf(g, n.inputs[0], n.inputs[1]); x != graph::kNoTensor) {
    const NodeId made = Replace(g, id, "softmax", {x});
    *FindAttr<float>(g.node(made), "beta") = 1.0f;
    return true;
  }
  return false;
}

}  // namespace

Result<int> FuseNormalization(Graph& g) {
  return ForEachNode(g, [&](NodeId id) { return Fuse(g, id); });
}

}  // namespace octet::passes
