// SPDX-License-Identifier: Apache-2.0
// graph -> .tflite bytes. Deterministic: the same model gives the same bytes.
#pragma once
#include <cstddef>
#include <vector>

#include "base/status.h"
#include "graph/graph.h"

namespace octet::exporter {

// Weights are 64-byte aligned and identical constants stored once; operator versions and the minimum
// runtime version are stamped from the operators' definitions.
Result<std::vector<std::byte>> Export(const graph::Model& model);

}  // namespace octet::exporter
