// SPDX-License-Identifier: Apache-2.0
// Permutations of dimensions: y = transpose(x, p) has y.shape[i] = x.shape[p[i]], so that axis a of y is axis p[a] of x.
#pragma once
#include <optional>
#include <vector>

#include "graph/graph.h"

namespace octet::passes {

using Permutation = std::vector<int32_t>;

Permutation Inverse(const Permutation& p);
// transpose(transpose(x, first), second) = transpose(x, Compose(first, second))
Permutation Compose(const Permutation& first, const Permutation& second);
bool IsIdentity(const Permutation& p);
Shape Permuted(const Shape& s, const Permutation& p);
// Of a transpose with a constant permutation; nothing otherwise.
std::optional<Permutation> PermutationOf(const graph::Graph& g, graph::NodeId node);
// The transpose that makes t, or -1.
graph::NodeId TransposeBefore(const graph::Graph& g, graph::TensorId t);
// A new transpose of x in front of node `before` (-1: at the end); its output.
graph::TensorId AddTranspose(graph::Graph& g, graph::TensorId x, const Permutation& p, const std::string& place, graph::NodeId before);
// A constant with its dimensions permuted.
graph::TensorId PermuteConstant(graph::Graph& g, graph::TensorId t, const Shape& as, const Permutation& p);

// Whether reshape-transposes lets a transpose meet another, so that both become one: p of t, where t is what a reshape makes
// of a transpose; or p in front of a reshape that a transpose reads.
bool MeetsAbove(const graph::Graph& g, graph::TensorId t, const Permutation& p);
bool MeetsBelow(const graph::Graph& g, graph::NodeId reshape, const Permutation& p);

}  // namespace octet::passes
