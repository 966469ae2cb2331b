// SPDX-License-Identifier: Apache-2.0
// Makes an integer operator start every sequence anew, as its own definition says (ops/state_reset.h).
#pragma once
#include "graph/graph.h"

namespace octet::quantizer {

// Puts the steps in front of the sequence and takes them off the output; operators without such a form are
// left alone.
Status PrependReset(graph::Graph& g, graph::NodeId node);

}  // namespace octet::quantizer
