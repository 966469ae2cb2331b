// SPDX-License-Identifier: Apache-2.0
// One graph of a model in integers: its nodes' operands and outputs, the conversions between float, int8 and int16 nodes, and its ends.
#pragma once
#include "quantizer/graph_scales.h"

namespace octet::quantizer {

// How a called graph's ends are handed over: the tensor whose scale they have, by its number in the classes; -1 for what is no integer.
struct Ends {
  DType type = DType::kI8;
  std::vector<int> inputs, outputs;
};

// The model, and what was decided for all of its graphs.
struct Rewriting {
  graph::Model& model;
  const RewriteOptions& options;
  ScaleClasses& classes;
};

// Subgraph `at` of the model, in place; subgraphs that it calls were rewritten before. `called`: null for the main graph, whose ends the options
// tell and whose signatures follow. An error where an operator refuses the types of its new operands.
Status RewriteGraph(const Rewriting& rewriting, int32_t at, const IntegerNodes& nodes, const GraphScales& scales, const Ends* called);

}  // namespace octet::quantizer
