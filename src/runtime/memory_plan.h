// SPDX-License-Identifier: Apache-2.0
// Places buffers whose lives overlap at different addresses of one arena, and lets the others share.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace octet::runtime {

inline constexpr uint64_t kArenaAlignment = 64;  // A cache line.

struct Life {
  uint64_t bytes = 0;
  int first = 0, last = 0;  // Steps, both included.
};

struct Placement {
  std::vector<uint64_t> offsets;   // One per life, a multiple of kArenaAlignment.
  uint64_t arena_bytes = 0;
  uint64_t lower_bound_bytes = 0;  // The largest sum of what is alive at one step.
};

// Greedy best fit over several orders; the smallest arena wins. Deterministic.
Placement PlaceMemory(std::span<const Life> lives);

}  // namespace octet::runtime
