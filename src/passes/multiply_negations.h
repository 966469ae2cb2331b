// SPDX-License-Identifier: Apache-2.0
// Not of the pipeline: quantize asks for it. NEG takes integers, but turns them as they are, whatever their zero points say.
#pragma once
#include "graph/graph.h"

namespace octet::passes {

// -x as x * -1. How many there were.
int MultiplyNegations(graph::Graph& g);

}  // namespace octet::passes
