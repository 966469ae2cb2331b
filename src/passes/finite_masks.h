// SPDX-License-Identifier: Apache-2.0
// Not of the pipeline: quantize asks for it. An infinite number has no scale, and one that hides a score by being far below all of them
// would spread 256 steps over what nobody looks at.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "graph/graph.h"

namespace octet::passes {

// The least and the largest value of a tensor of that name, if known.
using ScoreRange = std::function<std::optional<std::pair<float, float>>(const std::string& tensor)>;

// A constant of -10000 or less (minus infinity, the lowest float) that is selected or added before a softmax hides scores. It becomes
// what is just low enough for scores within their range: e^-12 of the lowest one; -1e9 where that is not known. Only rows that are
// masked as a whole may differ. How many masks there were.
int BoundMasks(graph::Graph& g, const ScoreRange& range);

}  // namespace octet::passes
