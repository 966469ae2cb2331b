// SPDX-License-Identifier: Apache-2.0
// Computing a node whose inputs are all constant, with the operator's own reference kernel.
#pragma once
#include "graph/graph.h"

namespace octet::graph {

// Turns the node's outputs into constants and erases it. False where it stays: an input is not constant, it has
// side effects, makes a graph output, or its result would be large.
Result<bool> FoldNode(Graph& g, NodeId node);

}  // namespace octet::graph
