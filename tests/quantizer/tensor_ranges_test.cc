// SPDX-License-Identifier: Apache-2.0
#include "quantizer/tensor_ranges.h"

#include "quantizer/calibrate.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"

namespace octet::quantizer {
namespace {

using test::Builder;

// A handful of samples does not show how far values reach.
TEST(TensorRanges, FewSamplesWidenWhatIsComputed) {
  Builder b = SpreadModel(1.0f);
  for (const int count : {8, 32}) {
    const Statistics statistics = *Calibrate(b.model, TrainingSamples(count), {0, count, 1}, true, {});
    const float seen = statistics.at("first").max;
    const TensorRanges repaired(b.model, statistics, true), naive(b.model, statistics, false);
    EXPECT_EQ(repaired.Of("first", Ranges::kMinMax).max, count < 16 ? 1.25f * seen : seen);
    EXPECT_EQ(naive.Of("first", Ranges::kMinMax).max, seen);
    EXPECT_EQ(repaired.Of("x", Ranges::kMinMax).max, statistics.at("x").max);
  }
}

}  // namespace
}  // namespace octet::quantizer
