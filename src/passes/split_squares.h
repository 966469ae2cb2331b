// SPDX-License-Identifier: Apache-2.0
// Not of the pipeline: quantize asks for them. Integers have no form of square, and those of 16 bits none of squared_difference.
#pragma once
#include "graph/graph.h"

namespace octet::passes {

// (a - b)^2 as sub and mul. How many there were.
int SplitSquares(graph::Graph& g);

// x^2 as x * x. How many there were.
int MultiplySquares(graph::Graph& g);

}  // namespace octet::passes
