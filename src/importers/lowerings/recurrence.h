// SPDX-License-Identifier: Apache-2.0
// A recurrent layer over a sequence [batch, time, features] or [time, batch, features]: a loop, or written out step by step where
// there are few or the source asks for it. What does not depend on the state is computed for all steps at once before.
#pragma once
#include <memory>
#include <vector>

#include "importers/lowerings/cell.h"

namespace octet::importers {

struct Recurrence {
  std::vector<std::unique_ptr<Cell>> cells;  // The one nearest to the input first.
  int time_axis = 1;
  bool backwards = false;
  bool keeps_time = false;     // The sequence is in the input's order, not in that of the steps.
  bool wants_sequence = true;
  bool unroll = false;         // Steps one by one, also more than a few.
  Value mask;                  // bool, the input's first two dimensions: which steps count; empty: all.
  bool zero_output = false;    // A masked step shows zeros, not what the step before showed.
};

struct Unrolled {
  Value sequence;             // Empty where not wanted.
  Value last;                 // What the last step shows.
  std::vector<Value> states;  // After the last step.
};

// One step, or two of one cell, are no more operators than TFLiteConverter's loop has; more are a loop here, too. Where the source (Keras:
// unroll=True) or integer quantization asks for steps one by one, these are not so many that the file and loading it grow out of proportion: a step
// of a GRU with 32 units takes 0.35 us written out and 0.5 us in a loop, but 1.1 kB of the file and 30 us of loading.
constexpr int32_t kFewSteps = 2, kMaxUnrolled = 32;
inline bool IsWrittenOut(int32_t steps, size_t cells, bool unroll) {
  return steps == 1 || (steps != kUnknown && (unroll ? steps <= kMaxUnrolled : static_cast<size_t>(steps) * cells <= kFewSteps));
}

// `states` of all cells before the first step; none, or empty ones, are zeros.
Result<Unrolled> RunRecurrence(Lowering& c, Recurrence& r, Value x, std::vector<Value> states);

}  // namespace octet::importers
