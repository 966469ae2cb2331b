// SPDX-License-Identifier: Apache-2.0
#include "quantizer/choose_params.h"

#include <algorithm>

#include <gtest/gtest.h>


namespace octet::quantizer {
namespace {

TEST(ChooseParams, ZeroIsAlwaysRepresented) {
  for (const Range r : {Range{0.5f, 3.0f}, Range{-3.0f, -0.5f}, Range{-1.0f, 2.0f}, Range{0, 0}}) {
    const Quant q = ActivationQuant(DType::kI8, r);
    EXPECT_GT(q.scale0(), 0.0f);
    EXPECT_GE(q.zero0(), -128);
    EXPECT_LE(q.zero0(), 127);
    EXPECT_LE(std::abs(q.scale0() * static_cast<float>(-128 - q.zero0()) - std::min(0.0f, r.min)), q.scale0());
  }
}

TEST(ChooseParams, WhatIsAlwaysZeroTakesNoTinyScale) {
  EXPECT_EQ(ActivationQuant(DType::kI8, {0, 0}).scale0(), 1.0f / 255);
  EXPECT_EQ(ActivationQuant(DType::kI16, {0, 0}).scale0(), 1.0f / 32767);
}

TEST(ChooseParams, MseLeavesAnOutlierOut) {
  TensorStatistics s;
  s.min = 0;
  s.max = 100;
  s.histogram.assign(kHistogramBins, 0.0f);
  for (int i = 0; i < 20; ++i) s.histogram[i] = 100000;  // Nearly everything is below 1.
  s.histogram[kHistogramBins - 1] = 1;
  EXPECT_EQ(ChooseRange(s, Ranges::kMinMax).max, 100.0f);
  EXPECT_LT(ChooseRange(s, Ranges::kMse).max, 50.0f);
  EXPECT_LT(ChooseRange(s, Ranges::kPercentile).max, 2.0f);
}

}  // namespace
}  // namespace octet::quantizer
