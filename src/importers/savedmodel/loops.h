// SPDX-License-Identifier: Apache-2.0
// Loops as TensorFlow 1 writes them - frames of Enter, Merge, Switch, Exit and NextIteration - become While nodes with
// functions for condition and body, which the importer knows. In each loop variable
//   Enter -> Merge -> Switch -(again)-> ... -> NextIteration -> Merge
//                        \-(done)-> Exit
// the Merge is the value at the start of a round; Enters that lead nowhere else are values that stay.
#pragma once
#include "importers/savedmodel/graph_def.h"

namespace octet::importers::savedmodel {

// Of the main graph. A graph without such loops stays as it is.
Status RaiseLoops(GraphDef& graph);

}  // namespace octet::importers::savedmodel
