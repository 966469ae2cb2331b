// SPDX-License-Identifier: Apache-2.0
// Which open dimensions are one: that of an input goes through convolutions, sums and transposes to the end of a network.
#pragma once
#include "graph/graph.h"

namespace octet::graph {

struct Dimension {
  TensorId tensor = kNoTensor;
  int axis = 0;
  auto operator<=>(const Dimension&) const = default;
};

// The dimension that this open one always equals, as far up as operators tell.
Dimension OriginOf(const Graph& g, Dimension d);

}  // namespace octet::graph
