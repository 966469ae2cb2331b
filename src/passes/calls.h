// SPDX-License-Identifier: Apache-2.0
// How values flow between a node and the subgraphs that it calls.
#pragma once
#include <optional>
#include <vector>

#include "graph/graph.h"

namespace octet::passes {

struct CallFlow {
  std::vector<int32_t> subgraphs;  // In the attributes' order.
  int first = 0;                   // The node's input that is the subgraphs' first.
  bool loops = false;              // The last subgraph's outputs are everybody's next inputs; the first only says how long.

  // Whose outputs are the node's.
  std::vector<int32_t> makers() const { return loops ? std::vector{subgraphs.back()} : subgraphs; }
};

// Of loops and branches; nothing where the node calls nobody, or its operands are not what such a call needs.
std::optional<CallFlow> FlowOf(const graph::Model& model, const graph::Node& node);

// By how many nodes and signatures each subgraph is called.
std::vector<int> CallersOf(const graph::Model& model);

}  // namespace octet::passes
