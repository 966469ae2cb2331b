// SPDX-License-Identifier: Apache-2.0
// Loops of a model, for passes that change what a loop carries.
#pragma once
#include <functional>
#include <vector>

#include "graph/graph.h"

namespace octet::passes {

// The subgraphs of a `while`. As many values go in as come out, of the body as of the node.
struct Loop {
  graph::Graph *condition, *body;
};

// Rewrites every loop whose subgraphs nobody else calls; what nobody reads any more goes. How many were.
Result<int> ForEachLoop(graph::Model& model, bool (*rewrite)(const Loop& loop, graph::Graph& g, graph::NodeId node));

// The loop with other inputs and outputs. The tensors that stay are the same ones: signatures name them.
void ReplaceLoop(graph::Graph& g, graph::NodeId node,
                 const std::function<void(std::vector<graph::TensorId>* inputs, std::vector<graph::TensorId>* outputs)>& change);

}  // namespace octet::passes
