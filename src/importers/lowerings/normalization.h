// SPDX-License-Identifier: Apache-2.0
// Normalisations over any axes, which no operator of the .tflite has.
#pragma once
#include "importers/lowering.h"

namespace octet::importers {

struct Moments {
  Value mean, inverse_deviation;
};
// (x - mean) / sqrt(variance + epsilon) over `axes`; `moments` may be null.
Result<Value> Normalize(Lowering& c, Value x, std::span<const int32_t> axes, float epsilon, Moments* moments);
// x / sqrt(mean(x^2) + epsilon)
Result<Value> RmsNormalize(Lowering& c, Value x, std::span<const int32_t> axes, float epsilon);

}  // namespace octet::importers
