// SPDX-License-Identifier: Apache-2.0
// Greedy decoding of connectionist temporal classification: the best symbol of every step, repetitions and blanks left out.
#pragma once
#include "importers/lowering.h"

namespace octet::importers {

struct BestPath {
  Value symbols;  // int32, of every step: the scores' first two dimensions.
  Value given;    // bool: which of them the sequence has.
  Value cost;     // [batch, 1]: minus the sum of the best scores.
};

// scores [batch, steps, symbols], or steps first where time_axis is 0; lengths [batch]. A negative blank counts from the last symbol.
Result<BestPath> FindBestPath(Lowering& c, Value scores, Value lengths, int time_axis, int64_t blank, bool merges_repeated);

}  // namespace octet::importers
