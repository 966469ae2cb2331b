// SPDX-License-Identifier: Apache-2.0
// Whether an older TensorFlow Lite can run a model. Operators are always written in the oldest version that says what they
// do, so that there is nothing to lower: what is newer than the runtime is refused.
#pragma once
#include <string_view>

#include "base/status.h"
#include "graph/graph.h"

namespace octet::exporter {

// `release` is "2.11" or "2.11.0". An error names every operator that needs a later one, with its place.
Status CheckRuntime(const graph::Model& model, std::string_view release);

}  // namespace octet::exporter
