// SPDX-License-Identifier: Apache-2.0
// What softmax and log_softmax of 8-bit integers share: differences to the row's maximum in Q5.26, where
// exp(-32) is nothing.
#pragma once
#include "ops/fixed_point_util.h"

namespace octet::ops {

inline constexpr int kDiffIntegerBits = 5, kSumIntegerBits = 12;

struct ScaledDifference {
  Multiplier multiplier;  // beta * s_in in Q5.26, above one.
  int32_t least = 0;      // Differences below it count as minus infinity.
  // difference <= 0.
  int32_t operator()(int32_t difference) const {
    const auto shifted = static_cast<int32_t>(static_cast<uint32_t>(difference) << multiplier.shift);
    return RoundingDoublingHighMul(shifted, multiplier.mantissa);
  }
};

inline ScaledDifference ScaleDifferences(double beta, double scale) {
  const Multiplier m = QuantizeMultiplier(std::min(beta * scale * (1 << (31 - kDiffIntegerBits)), static_cast<double>(INT32_MAX)));
  const double radius = ((1 << kDiffIntegerBits) - 1) * static_cast<double>(1ll << (31 - kDiffIntegerBits)) / static_cast<double>(1ll << m.shift);
  return {m, -static_cast<int32_t>(std::floor(radius))};
}

// Int16 in and out: exponentials and the reciprocal of their sum by interpolated tables.
Status PrepareSoftmax16(Prepare& p, float beta);

}  // namespace octet::ops
