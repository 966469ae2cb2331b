// SPDX-License-Identifier: Apache-2.0
// Elements moved apart, with a value before, between and behind them: DILATE and StableHLO's pad.
#pragma once
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops {

// Counts of padding elements per axis. Negative edges cut off; interior >= 0.
struct Spread {
  std::array<int64_t, kMaxRank> low{}, high{}, interior{};
};

// low + (n - 1) * (interior + 1) + 1 + high; an axis without elements has nothing between them.
Status InferSpread(const OpView& op, const Spread& spread, Shape* out);
// `padding` is the operand with the value.
Status PrepareSpread(Prepare& p, const Spread& spread, int padding);

}  // namespace octet::ops
