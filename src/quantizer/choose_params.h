// SPDX-License-Identifier: Apache-2.0
// From ranges to scale and zero point, by TensorFlow Lite's 8-bit rules.
#pragma once
#include "quantizer/calibrate.h"

namespace octet::quantizer {

enum class Ranges : uint8_t { kMinMax, kPercentile, kMse, kKl, kEma, kClip999, kClip99, kFourth, kFourth2, kFourth3, kFourth4, kFourth5, kFourth6, kFourth7 };

struct Range {
  float min = 0, max = 0;
  float nearest = std::numeric_limits<float>::infinity();  // As TensorStatistics has it.
};

// The integers that activations take. 16x8 is symmetric and leaves the lowest out.
struct Levels {
  float low = 0, high = 0;
  constexpr float steps() const { return high - low; }
};
constexpr Levels LevelsOf(DType activation) { return activation == DType::kI16 ? Levels{-32767, 32767} : Levels{-128, 127}; }
inline constexpr Levels kInt8 = LevelsOf(DType::kI8), kInt16 = LevelsOf(DType::kI16);

// Zero is inside; never wider than what was seen. kPercentile: 99.99 % of the values; kClip999, kClip99: 99.9 % and 99 %.
// kFourth: the fourth part of what was seen; kFourth2: the fourth part of that, and so on.
// kMse: the range whose quantization error, sum h(x) * (Q(x) - x)^2 over the histogram, is least.
// kKl: the range whose 8-bit histogram loses the least information (Kullback-Leibler); known to fail on wide
// channels. kEma: moving average of the samples' own ranges, as some calibrators keep.
Range ChooseRange(const TensorStatistics& s, Ranges method);

// The statistics with everything below `low` counted at `low`.
TensorStatistics Above(const TensorStatistics& s, float low);

// Asymmetric int8: scale = (max - min) / 255, zero point so that min is -128; ranges below 4e-6 are widened, to 1 where all is zero.
// int16: symmetric, scale = max |x| / 32767, ranges the same.
Quant ActivationQuant(DType type, Range range);

}  // namespace octet::quantizer
