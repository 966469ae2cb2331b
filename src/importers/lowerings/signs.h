// SPDX-License-Identifier: Apache-2.0
// What is known of numbers' signs from the operators that make them.
#pragma once
#include <set>

#include "graph/graph.h"

namespace octet::importers {

// Whether no number of the tensor can be below zero, as of those `known`. False where that is not seen at once.
bool NeverNegative(const graph::Graph& g, graph::TensorId v, const std::set<graph::TensorId>& known);

// The tensor whose numbers these are, moved and cast at most.
graph::TensorId SourceOfNumbers(const graph::Graph& g, graph::TensorId v);

}  // namespace octet::importers
