// SPDX-License-Identifier: Apache-2.0
// Layers with constant weights and a bias: what is done to their outputs by channel goes into these.
#pragma once
#include <vector>

#include "graph/graph.h"

namespace octet::passes {

// Where an operator keeps its weights and bias, from its definition.
struct Linear {
  int weights = -1, bias = -1;
  int channel_axis = 0;  // Of the weights: one slice per output channel.
};

struct Affine {
  std::vector<float> factor, offset;
};

// The layer that the node is, with float weights (and bias, where it has one) that are constant.
bool FindLinear(const graph::Graph& g, graph::NodeId id, Linear* linear);
// W'[c] = W[c] * factor[c], b'[c] = b[c] * factor[c] + offset[c]. Constants may be shared with other layers, so new ones are made.
void FoldInto(graph::Graph& g, graph::NodeId layer, const Linear& linear, const Affine& affine);

}  // namespace octet::passes
