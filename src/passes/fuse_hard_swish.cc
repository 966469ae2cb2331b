// SPDX-License-Identifier: Apache-2.0
//   x * relu6(x + 3) / 6   becomes   hard_swish(x)   in whichever order the three are multiplied
#include <cmath>

#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr int kMostFactors = 4;

// A product as its factors, of which all numbers are one.
struct Product {
  std::vector<TensorId> factors;
  float number = 1;
};

void Collect(Graph& g, TensorId t, bool outermost, Product* product) {
  const NodeId id = g.tensor(t).producer;
  const bool divides = id >= 0 && g.node(id).op->name == "div",
             inner = id >= 0 && (divides || g.node(id).op->name == "mul") && (outermost || g.tensor(t).consumers.size() == 1);
  if (const std::optional<float> v = UniformValue(g, t)) {
    product->number *= *v;
  } else if (inner && product->factors.size() < kMostFactors && *FindAttr<ops::Activation>(g.node(id), "fused_activation_function") == ops::Activation::kNone) {
    const std::vector<TensorId> in = g.node(id).inputs;
    const std::optional<float> divisor = divides ? UniformValue(g, in[1]) : std::nullopt;
    if (divides && (!divisor || *divisor == 0)) {
      product->factors.push_back(t);
      return;
    }
    Collect(g, in[0], false, product);
    if (divides) product->number /= *divisor;
    else Collect(g, in[1], false, product);
  } else {
    product->factors.push_back(t);
  }
}

// relu6(x + 3), as two operators or as one with its activation.
bool IsHardSigmoid(Graph& g, TensorId t, TensorId x) {
  NodeId id = g.tensor(t).producer;
  bool clipped = false;
  if (id >= 0 && g.node(id).op->name == "relu6") {
    id = g.tensor(g.node(id).inputs[0]).producer;
    clipped = true;
  }
  if (id < 0 || g.node(id).op->name != "add") return false;
  if (*FindAttr<ops::Activation>(g.node(id), "fused_activation_function") != (clipped ? ops::Activation::kNone : ops::Activation::kRelu6)) return false;
  const auto& in = g.node(id).inputs;
  return (in[0] == x && UniformValue(g, in[1]) == 3.0f) || (in[1] == x && UniformValue(g, in[0]) == 3.0f);
}

bool Fuse(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if ((n.op->name != "mul" && n.op->name != "div") || g.tensor(n.outputs[0]).type.dtype != DType::kF32 || !g.tensor(n.outputs[0]).type.quant.empty())
    return false;
  Product product;
  Collect(g, n.outputs[0], true, &product);
  if (product.factors.size() != 2 || std::fabs(product.number * 6 - 1) > 1e-4f) return false;
  for (size_t i = 0; i < 2; ++i) {
    const TensorId x = product.factors[i];
    if (!IsHardSigmoid(g, product.factors[1 - i], x) || !(g.tensor(x).type.shape == g.tensor(n.outputs[0]).type.shape)) continue;
    Replace(g, id, "hard_swish", {x});
    return true;
  }
  return false;
}

}  // namespace

Result<int> FuseHardSwish(Graph& g) {
  return ForEachNode(g, [&](NodeId id) { return Fuse(g, id); });
}

}  // namespace octet::passes
