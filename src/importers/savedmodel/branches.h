// SPDX-License-Identifier: Apache-2.0
// Branches as TensorFlow 1 writes them, and as freezing lowers those of TensorFlow 2: Switch hands a value to both sides, Merge takes
// one back. The importer emits the nodes of both sides and an IF that hands on one of two values.
#pragma once
#include "graph/graph.h"

namespace octet::importers::savedmodel {

// Moves what only one side of such an IF reads into that side, so that it runs where that side is taken: numbers that choose the
// side (sizes of an image, say) may make no sense to the other one.
void SinkIntoBranches(graph::Model& model);

}  // namespace octet::importers::savedmodel
