// SPDX-License-Identifier: Apache-2.0
// Not of the pipeline: who makes operators integer asks for it. NEG takes integers, but turns them as they are, whatever their zero points say.
#pragma once
#include "graph/graph.h"

namespace octet::passes {

// -x as x * -1. False where the node is no such operator of floats.
bool MultiplyNegation(graph::Graph& g, graph::NodeId id);
// All of them. How many there were.
int MultiplyNegations(graph::Graph& g);

}  // namespace octet::passes
