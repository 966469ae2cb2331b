// SPDX-License-Identifier: Apache-2.0
// Computes nodes whose inputs are all constant.
#include "graph/fold.h"
#include "passes/rewrites.h"

namespace octet::passes {

Result<int> FoldConstants(graph::Graph& g) {
  int rewrites = 0;
  for (const std::vector<graph::NodeId> nodes = g.order(); graph::NodeId id : nodes) {
    OCTET_ASSIGN(const bool folded, graph::FoldNode(g, id));
    rewrites += folded;
  }
  return rewrites;
}

}  // namespace octet::passes
