// SPDX-License-Identifier: Apache-2.0
// Not of the pipeline: quantize asks for it, since an infinite number has no scale, nor has a range that ends near the largest float.
#pragma once
#include "graph/graph.h"

namespace octet::passes {

// Minus infinity, or the lowest float in its place, that is selected or added before a softmax becomes -1e9. Only rows that are masked
// as a whole may differ: they were NaN. How many masks there were.
int BoundMasks(graph::Graph& g);

}  // namespace octet::passes
