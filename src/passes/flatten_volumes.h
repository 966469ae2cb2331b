// SPDX-License-Identifier: Apache-2.0
// Not of the pipeline: quantize asks for it, since conv_3d has no form for quantized integers.
#pragma once
#include "graph/graph.h"

namespace octet::passes {

// Convolutions over volumes of known size as such over images: the frames under a filter lie side by side in the channels, and a
// filter of depth alone slides over [depth, height * width]. How many there were.
int FlattenVolumes(graph::Graph& g);

}  // namespace octet::passes
