// SPDX-License-Identifier: Apache-2.0
// Not of the pipeline: quantize asks for it where activations have 16 bits, which squared_difference has no form for.
#pragma once
#include "graph/graph.h"

namespace octet::passes {

// (a - b)^2 as sub and mul. How many there were.
int SplitSquares(graph::Graph& g);

}  // namespace octet::passes
