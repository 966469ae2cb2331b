// SPDX-License-Identifier: Apache-2.0
// Not of the pipeline: quantize asks for it. Short loops whose rounds can be counted (a recurrent layer over a few known steps) written out: integer steps are
// so cheap that a loop around them costs as much again.
#pragma once
#include "graph/graph.h"

namespace octet::passes {

// Where all loops of the main graph are such, and nothing else calls a subgraph; else the model stays as it is.
Status UnrollLoops(graph::Model& model);

}  // namespace octet::passes
