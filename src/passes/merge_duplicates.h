// SPDX-License-Identifier: Apache-2.0
// Not of the pipeline: quantize asks for it. SavedModels read a layer's weights once per call of the layer.
#pragma once
#include "graph/graph.h"

namespace octet::passes {

// Weights and biases of the same bytes become one constant, so that they are quantized once. How many went.
int ShareWeights(graph::Graph& g);

}  // namespace octet::passes
