// SPDX-License-Identifier: Apache-2.0
#include "passes/permutation.h"

#include <algorithm>
#include <cstring>

namespace octet::passes {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

Permutation Inverse(const Permutation& p) {
  Permutation q(p.size());
  for (size_t i = 0; i < p.size(); ++i) q[static_cast<size_t>(p[i])] = static_cast<int32_t>(i);
  return q;
}

Permutation Compose(const Permutation& first, const Permutation& second) {
  Permutation p;
  for (const int32_t i : second) p.push_back(first[static_cast<size_t>(i)]);
  return p;
}

bool IsIdentity(const Permutation& p) { return std::ranges::is_sorted(p); }

Shape Permuted(const Shape& s, const Permutation& p) {
  Shape out;
  for (const int32_t i : p) out.push_back(s[i]);
  return out;
}

std::optional<Permutation> PermutationOf(const Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (!n.op || n.op->name != "transpose" || !g.is_constant(n.inputs[1]) || g.tensor(n.inputs[1]).type.dtype != DType::kI32) return std::nullopt;
  const std::span<const int32_t> v = g.tensor(n.inputs[1]).data<int32_t>();
  Permutation p(v.begin(), v.end()), sorted = p;
  std::ranges::sort(sorted);
  for (size_t i = 0; i < sorted.size(); ++i)
    if (sorted[i] != static_cast<int32_t>(i)) return std::nullopt;
  return static_cast<int>(p.size()) == g.tensor(n.inputs[0]).type.shape.rank() ? std::optional(p) : std::nullopt;
}

NodeId TransposeBefore(const Graph& g, TensorId t) {
  const NodeId id = t == graph::kNoTensor ? -1 : g.tensor(t).producer;
  return id >= 0 && PermutationOf(g, id) ? id : -1;
}

TensorId AddTranspose(Graph& g, TensorId x, const Permutation& p, const std::string& place, NodeId before) {
  TensorType type = g.tensor(x).type;
  type.shape = Permuted(type.shape, p);
  const TensorId y = g.AddTensor(g.tensor(x).name + "/transposed", std::move(type));
  const TensorId order = g.AddConstant<int32_t>(place + "/order", Shape{static_cast<int32_t>(p.size())}, p);
  const ops::OpDef* op = ops::Find("transpose");
  g.AddNode(*op, graph::Attributes(op->attrs), {x, order}, {y}, place, before);
  return y;
}

TensorId PermuteConstant(Graph& g, TensorId t, const Shape& as, const Permutation& p) {
  const graph::Tensor from = g.tensor(t);
  const int rank = as.rank();
  const Shape out = Permuted(as, p);
  const auto size = static_cast<int64_t>(BitsOf(from.type.dtype) / 8);
  std::vector<std::byte> bytes(from.constant->size());
  std::vector<int64_t> step(static_cast<size_t>(rank));  // Of the source, per output dimension.
  for (int i = 0; i < rank; ++i) step[static_cast<size_t>(i)] = as.elements(p[static_cast<size_t>(i)] + 1, rank);
  for (int64_t i = 0; i < out.elements(); ++i) {
    int64_t rest = i, at = 0;
    for (int a = rank - 1; a >= 0; --a) {
      at += rest % out[a] * step[static_cast<size_t>(a)];
      rest /= out[a];
    }
    std::memcpy(bytes.data() + i * size, from.constant->data() + at * size, static_cast<size_t>(size));
  }
  TensorType type = from.type;
  type.shape = out;
  if (!type.quant.empty() && as.rank() == from.type.shape.rank())
    type.quant.axis = static_cast<int32_t>(std::ranges::find(p, type.quant.axis) - p.begin());
  return g.AddConstant(from.name + "/permuted", std::move(type), graph::MakeBuffer(std::move(bytes)));
}

}  // namespace octet::passes
