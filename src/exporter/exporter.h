// SPDX-License-Identifier: Apache-2.0
// graph -> .tflite bytes. Deterministic: the same model gives the same bytes.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "base/status.h"
#include "graph/graph.h"

namespace octet::exporter {

// flatbuffers' offsets are signed 32 bits. Models with more constants keep these behind the flatbuffer.
inline constexpr uint64_t kMaxConstantsInside = (1ull << 31) - (16u << 20);

// Weights are 64-byte aligned (small constants 16) and identical ones stored once; operator versions and the minimum
// runtime version are stamped from the operators' definitions.
Result<std::vector<std::byte>> Export(const graph::Model& model, uint64_t max_constants_inside = kMaxConstantsInside);

// The same, into a file, constant by constant: it is never whole in memory.
Status ExportFile(const graph::Model& model, const std::string& path, uint64_t max_constants_inside = kMaxConstantsInside);

}  // namespace octet::exporter
