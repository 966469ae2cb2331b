// SPDX-License-Identifier: Apache-2.0
// Rows gathered from a constant table, said as a lookup: only lookups take tables of few bits beside float results.
#pragma once
#include "graph/graph.h"

namespace octet::passes {

// Can the node be said so? Its table, rank 2, is operand 0 and then operand 1 of the lookup.
bool IsRowGather(const graph::Graph& g, graph::NodeId id);
//   indices, table -> gather -> y   becomes   indices -> reshape -> embedding_lookup(table) -> reshape -> y
// Returns the lookup, which keeps the node's place.
graph::NodeId MakeLookup(graph::Graph& g, graph::NodeId id);

}  // namespace octet::passes
