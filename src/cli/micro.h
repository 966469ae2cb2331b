// SPDX-License-Identifier: Apache-2.0
// What a user of TensorFlow Lite Micro needs to know of a model, on the host.
#pragma once
#include <string>

#include "tflite/view.h"

namespace octet::cli {

struct MicroNeeds {
  uint64_t arena_bytes = 0;        // Of tensors, as TFLite Micro's greedy planner places them (16-byte aligned).
  uint64_t lower_bound_bytes = 0;  // The largest sum of what is alive at one operator.
  uint64_t variable_bytes = 0;     // Kept between runs: part of the arena too, but never shared.
  std::vector<std::string> calls;  // "AddConv2D()", sorted: what the operator resolver needs.
  std::vector<std::string> missing;  // Operators that TFLite Micro has no kernel for.
};

MicroNeeds NeedsOf(const tflite::View& view);
// C++ source: the model as an array, the arena's size, and a function that fills a resolver.
std::string MicroSource(const tflite::View& view, const MicroNeeds& needs, const std::string& title);

}  // namespace octet::cli
