// SPDX-License-Identifier: Apache-2.0
#include "quantizer/causes.h"

#include <string>
#include <vector>

#include "quantizer/calibrate.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Samples;

TEST(Causes, AreNamedBeforeAnythingIsQuantized) {
  Builder wide = SpreadModel(300.0f);
  const std::vector<std::string> spread = CausesIn(wide.g(), *Calibrate(wide.model, TrainingSamples(8), {0, 8, 1}, true, {}));
  ASSERT_FALSE(spread.empty());
  EXPECT_TRUE(Names(spread, "channel 0 of first is"));
  Builder even = SpreadModel(1.0f);
  EXPECT_TRUE(CausesIn(even.g(), *Calibrate(even.model, TrainingSamples(8), {0, 8, 1}, true, {})).empty());
  Builder dead = SpreadModel(1.0f);
  const graph::NodeId first = dead.g().order()[0];
  dead.g().SetInput(first, 2, dead.Constant<float>("low", Shape{8}, {0, -100, 0, -100, 0, 0, 0, 0}));
  EXPECT_TRUE(Names(CausesIn(dead.g(), *Calibrate(dead.model, TrainingSamples(8), {0, 8, 1}, true, {})), "2 of 8 channels of first are always zero"));
}

TEST(Causes, OneSampleThatSetsARangeIsNamed) {
  Builder b = SpreadModel(1.0f);
  EXPECT_EQ(LoneSample(*Calibrate(b.model, TrainingSamples(32), {0, 32, 1}, false, {})), "");
  for (const int64_t lone : {0, 13, 31}) {
    std::vector<float> x = test::RandomFloats(32 * 108, 21);
    for (int64_t i = lone * 108; i < (lone + 1) * 108; ++i) x[static_cast<size_t>(i)] *= 25;
    const std::string text = LoneSample(*Calibrate(b.model, Samples({6, 6, 3}, x), {0, 32, 1}, false, {}));
    EXPECT_NE(text.find(Format("sample %lld alone sets the range", static_cast<long long>(lone))), std::string::npos) << text;
  }
}

// A mask ends just below the scores on purpose; what is cut off without loss is no cause either.
TEST(Causes, WhatIsCutOffOnPurposeIsNone) {
  LayerRow row;
  row.tensor = "masked";
  row.saturated = 0.5;
  row.step = 0.1;
  row.min = -30;
  EXPECT_EQ(CausesOf({row}, {}, {}).size(), 1u);
  row.isolated_db = 50;
  EXPECT_TRUE(CausesOf({row}, {}, {}).empty());
  row.isolated_db = NAN;
  row.min = -1e9f;
  EXPECT_TRUE(CausesOf({row}, {}, {}).empty());
}

}  // namespace
}  // namespace octet::quantizer
