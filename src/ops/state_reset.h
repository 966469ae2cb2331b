// SPDX-License-Identifier: Apache-2.0
// A recurrent operator keeps its state from one run to the next; most sources start every sequence anew. How its
// integer form is made to forget: steps put in front of the sequence, in which columns added to the input close
// the gates that would carry the old state over. The runtime needs to know nothing of it.
#pragma once
#include <cstdint>
#include <vector>

#include "ops/op_def.h"

namespace octet::ops {

struct StateReset {
  struct Weights {
    int operand = 0;             // [rows, old columns + columns] afterwards.
    std::vector<int8_t> values;
  };
  int input = 0, time_axis = 1;  // The operand that holds the sequence, [batch, time, columns] or time first.
  int steps = 0, columns = 0;    // Put in front; added.
  int8_t value = 0;              // Of all columns in those steps; the added columns are the zero point afterwards.
  std::vector<Weights> weights;
};

// Null or empty (steps == 0) where the operator has nothing to forget in this form.
using StateResetFn = StateReset (*)(const OpView&);

}  // namespace octet::ops
