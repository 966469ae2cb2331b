// SPDX-License-Identifier: Apache-2.0
// From ranges to scale and zero point, by TensorFlow Lite's 8-bit rules.
#pragma once
#include "quantizer/calibrate.h"

namespace octet::quantizer {

enum class Ranges : uint8_t { kMinMax, kPercentile, kMse };

struct Range {
  float min = 0, max = 0;
};

// Zero is inside; never wider than what was seen. kPercentile: 99.99 % of the values.
// kMse: the range whose quantization error, sum h(x) * (Q(x) - x)^2 over the histogram, is least.
Range ChooseRange(const TensorStatistics& s, Ranges method);

// Asymmetric int8: scale = (max - min) / 255, zero point so that min is -128; ranges below 1e-6 are widened.
Quant ActivationQuant(Range range);

}  // namespace octet::quantizer
