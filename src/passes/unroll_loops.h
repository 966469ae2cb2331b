// SPDX-License-Identifier: Apache-2.0
// Not of the pipeline: quantize asks for it. A loop whose rounds can be counted (a recurrent layer over a known number of steps) written out: integer kernels need
// scales, and a loop's body has one for all rounds only where every tensor stays in one graph.
#pragma once
#include "graph/graph.h"

namespace octet::passes {

// Loops of the main graph. What cannot be counted, or is too long, stays as it is: an error tells.
Status UnrollLoops(graph::Model& model);

}  // namespace octet::passes
