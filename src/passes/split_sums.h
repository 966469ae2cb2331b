// SPDX-License-Identifier: Apache-2.0
// Not of the pipeline: quantize asks for it, since add_n has no form for quantized integers.
#pragma once
#include "graph/graph.h"

namespace octet::passes {

// a + b + c, … of floats as one addition after another. How many there were.
int SplitSums(graph::Graph& g);

}  // namespace octet::passes
