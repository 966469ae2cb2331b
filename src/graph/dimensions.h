// SPDX-License-Identifier: Apache-2.0
// Which open dimensions are one: that of an input goes through convolutions, sums and transposes to the end of a network.
#pragma once
#include <map>
#include <optional>
#include <vector>

#include "graph/graph.h"

namespace octet::graph {

struct Dimension {
  TensorId tensor = kNoTensor;
  int axis = 0;
  auto operator<=>(const Dimension&) const = default;
};

// The dimension whose size the tensor's one element is, taken out of a shape by a slice or gather at a constant place.
std::optional<Dimension> DimensionRead(const Graph& g, TensorId t);

// Of one graph, to which nodes may be added meanwhile. What a node tells is asked of its operator's shape inference once and kept.
class Origins {
 public:
  // The dimension that this open one always equals, as far up as operators tell.
  Dimension Of(const Graph& g, Dimension d);

 private:
  const std::vector<Dimension>& Before(const Graph& g, Dimension d);
  std::map<Dimension, std::vector<Dimension>> before_;
};

// Is x of the type of a row of `list`, as far as that is known?
bool HasTypeOfRow(const Graph& g, TensorId list, TensorId x);
// And of a row's size, however large the open dimensions are?
bool HasSizeOfRow(const Graph& g, TensorId list, TensorId x, Origins* origins);

}  // namespace octet::graph
