// SPDX-License-Identifier: Apache-2.0
// Layer normalization as converters write it out: mean, squared difference, mean, reciprocal root, and
// x * scale + moved with scale = root * gamma and moved = beta - mean * scale (or -mean * scale). One kernel computes
// it row by row, step by step in the same roundings.
#pragma once
#include "ops/op_def.h"

namespace octet::ops {

struct WrittenOut {
  const OpDef* def = nullptr;
  const void* attributes = nullptr;
  std::span<const int32_t> inputs;  // Tensors.
  int32_t output = -1;
  bool reduces_rows = false;        // Every row of input 0 to one element.
};

struct NormalizedRows {
  size_t nodes = 0;  // 0: they are something else.
  int32_t x = -1, epsilon = -1, gamma = -1, beta = -1;  // beta: -1 where there is none.
};
// What the first of `nodes`, which follow each other, begin with. Shapes are the caller's to check.
NormalizedRows FindNormalizedRows(std::span<const WrittenOut> nodes);

struct NormalizeParams {
  int64_t rows = 0, length = 0;
  float epsilon = 0;
  bool has_beta = false;
};
Status RunNormalizedRows(const void* params, const Run& run);  // in: x, gamma, beta where there is one. out: y.

}  // namespace octet::ops
