// SPDX-License-Identifier: Apache-2.0
// TensorFlow's FakeQuant, of quantization-aware training: floats rounded to levels between trained limits.
#pragma once
#include "importers/lowering.h"

namespace octet::importers {

// Limits moved so that zero is a value; levels 0 (1 with narrow range) to 2^bits - 1.
struct Levels {
  float scale = 1;
  float zero = 0;  // Level of 0.
  float lowest = 0, highest = 255;
  float Round(float x) const;
};
Levels MakeLevels(float min, float max, int bits, bool narrow);

// An activation of 8 bits: QUANTIZE and DEQUANTIZE.
Result<Value> RoundToLevels(Lowering& c, Value x, const Levels& levels);

}  // namespace octet::importers
