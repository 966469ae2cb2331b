// SPDX-License-Identifier: Apache-2.0
// Not of the pipeline. A dense layer without a bias has one of zeros while it is worked on, which batch norms fold into and the
// quantizer corrects; in a float file it would be bytes for nothing.
#pragma once
#include "graph/graph.h"

namespace octet::passes {

// How many layers there were.
int GiveBiases(graph::Graph& g);
int LeaveOutZeroBiases(graph::Graph& g);

}  // namespace octet::passes
