// SPDX-License-Identifier: Apache-2.0
// Not of the pipeline. Weights of integer operators that came with four bits are worked on as bytes; in the file two lie in one.
#pragma once
#include "graph/graph.h"

namespace octet::passes {

// How many weights there were.
int PackNarrowWeights(graph::Graph& g);

}  // namespace octet::passes
