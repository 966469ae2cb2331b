// SPDX-License-Identifier: Apache-2.0
// The ends of a model that is quantized: --io says their type, whatever float its source has there.
#pragma once
#include "graph/graph.h"

namespace octet::quantizer {

// Inputs and outputs of halves and doubles become float32, in which the model computes: the casts beside them go.
void WidenEnds(graph::Model& model);

}  // namespace octet::quantizer
