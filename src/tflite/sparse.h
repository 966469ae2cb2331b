// SPDX-License-Identifier: Apache-2.0
// Sparse constants. A tensor's dimensions, and the blocks that some are cut into, are levels in the order of
// storage; each is dense or lists its indices in compressed rows (segments, indices).
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace octet::tflite {

namespace fb {
struct SparsityParameters;
}

// The dense tensor of `type` whose stored values are `values`. Every list is checked against the shape and
// the values; the message says what does not fit. `bytes` is the size of the dense tensor.
Result<std::vector<uint64_t>> Densify(const fb::SparsityParameters& sparsity, const TensorType& type, std::span<const std::byte> values, uint64_t bytes);

}  // namespace octet::tflite
