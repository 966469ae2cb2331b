// SPDX-License-Identifier: Apache-2.0
// Before the pipeline, which sees one graph at a time. TensorFlow's loops count their rounds, and carry what Python's loop had in
// scope, whether or not somebody reads it: such variables go from the loop, its condition and its body.
#pragma once
#include "graph/graph.h"

namespace octet::passes {

// Loops whose subgraphs nobody else calls. At least one variable stays.
Status DropLoopVariables(graph::Model& model);

}  // namespace octet::passes
