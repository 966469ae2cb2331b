// SPDX-License-Identifier: Apache-2.0
// A pass is one rewrite, in one file, listed once in pipeline.cc; the order there is the order in
// which they run. Passes keep the model's meaning exactly, and its inputs and outputs by order and name.
#pragma once
#include <string_view>

#include "graph/graph.h"

namespace octet::passes {

struct Pass {
  std::string_view name;
  std::string_view summary;               // One line of docs/passes.md.
  // One of the two: over each graph, or over all at once where a rewrite changes what a call hands over.
  // Number of rewrites; 0: nothing left to do.
  Result<int> (*run)(graph::Graph&);
  Result<int> (*run_model)(graph::Model&) = nullptr;
};

std::span<const Pass> Pipeline();

// Runs all passes until none finds anything to do, verifying the model after each that did.
Status Optimize(graph::Model& model);

}  // namespace octet::passes
