// SPDX-License-Identifier: Apache-2.0
#include "tflite/value_check.h"

#include <algorithm>
#include <cstring>

namespace octet::tflite {
namespace {

constexpr double kOutsideShare = 0.01, kMargin = 0.05;  // Of the values; of the range.
constexpr double kCorner = 1.0 / 8;                     // Of the range.

}  // namespace

ValueCheck::ValueCheck(const InputMetadata& in) : promised_(in.min.size() == 1 && in.max.size() == 1) {
  if (!promised_) return;
  low_ = static_cast<double>(in.min[0]);
  high_ = static_cast<double>(in.max[0]);
}

void ValueCheck::Restart() {
  least_ = std::numeric_limits<double>::infinity();
  most_ = -least_;
  count_ = outside_ = 0;
}

void ValueCheck::Add(std::span<const std::byte> floats) {
  if (!promised_) return;
  const double margin = kMargin * (high_ - low_);
  const size_t values = floats.size() / sizeof(float), step = values / kMostValues + 1;
  for (size_t i = 0; i < values; i += step, ++count_) {
    float v;
    std::memcpy(&v, floats.data() + i * sizeof v, sizeof v);
    const auto x = static_cast<double>(v);
    least_ = std::min(least_, x);
    most_ = std::max(most_, x);
    outside_ += x < low_ - margin || x > high_ + margin;
  }
}

bool ValueCheck::outside() const { return static_cast<double>(outside_) > kOutsideShare * static_cast<double>(count_); }

bool ValueCheck::narrow() const { return count_ > 0 && most_ - least_ < kCorner * (high_ - low_); }

std::string ValueCheck::Text() const {
  return Format("expected values from %g to %g, as the model's metadata say, found %g to %g; is the preprocessing the same?", low_, high_, least_, most_);
}

}  // namespace octet::tflite
