// SPDX-License-Identifier: Apache-2.0
// A recurrent operator keeps its state from one run to the next; a Keras layer starts every sequence anew.
// The integer form gets one step in front that closes the input and forget gates, so that whatever was there
// is forgotten: x = [x, 0...], a first step of the largest value in all columns, and weights in the added
// columns that pull those two gates below what any state can open. The runtime needs to know nothing of it.
#pragma once
#include "graph/graph.h"

namespace octet::quantizer {

// `node`: an LSTM over sequences in its integer form; other operators are left alone.
Status PrependReset(graph::Graph& g, graph::NodeId node);

}  // namespace octet::quantizer
