// SPDX-License-Identifier: Apache-2.0
// Is the calibration set one to trust? Looks at the inputs only.
#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"
#include "quantizer/choose_params.h"

namespace octet::quantizer {

struct InputSummary {
  float min = 0, max = 0, low = 0, high = 0;  // low, high: 0.1 % and 99.9 % of the values.
  std::vector<float> histogram;               // 64 bins over [min, max], shares.
};
InputSummary Summarize(const data::Dataset& data, int input, int64_t samples);

// Warnings about the set itself: too few samples, constant, one class only.
std::vector<std::string> CheckCalibration(const data::Dataset& calibration, int64_t samples);

// Warnings about the set against data that is known to be real (a holdout): values outside the
// calibrated range, a range far too wide, another distribution.
std::vector<std::string> CompareInputs(const data::Dataset& calibration, int64_t samples, const data::Dataset& reference);

// The first two of these, for the range that a quantized file gives its input `name`: "" where it fits the data.
std::string DoubtRange(const std::string& name, Range calibrated, const data::Dataset& reference, int input, int64_t samples);

}  // namespace octet::quantizer
