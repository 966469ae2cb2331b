// SPDX-License-Identifier: Apache-2.0
// Images seen through a projective transformation: pixel (x, y) of the result is what lies at
//   ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k),   k = c0 x + c1 y + 1
#pragma once
#include <string>

#include "importers/lowering.h"

namespace octet::importers {

constexpr int32_t kMostWarped = 4096;  // Rows or columns.

// In the words of TensorFlow's op.
struct WarpMode {
  std::string interpolation;  // NEAREST or BILINEAR.
  std::string outside;        // CONSTANT, REFLECT, WRAP or NEAREST.
};
// images [n, h, w, c] of known size and transformations [1 or n, 8] -> float32 [n, height, width, c]. `fill`: a scalar, what lies outside.
Result<Value> Warp(Lowering& c, Value images, Value transforms, int32_t height, int32_t width, const WarpMode& mode, Value fill);

}  // namespace octet::importers
