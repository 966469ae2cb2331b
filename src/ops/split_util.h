// SPDX-License-Identifier: Apache-2.0
// Split, split_v and unpack: the outputs are bands of the input along one axis.
#pragma once
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops {

// Reads `outer` rows of the input operand and hands out bytes[i] of each to output i.
struct Bands {
  int input;
  int count;
  int64_t outer;
  const int64_t* bytes;
};
// Output i gets extent[i] of the input's dimension `axis`.
Status SetBands(Prepare& p, int input, int axis, std::span<const int64_t> extent);

}  // namespace octet::ops
