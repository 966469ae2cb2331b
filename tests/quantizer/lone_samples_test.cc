// SPDX-License-Identifier: Apache-2.0
#include "quantizer/lone_samples.h"

#include <vector>

#include "quantizer/quantize.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Samples;

TEST(Quantize, ASampleThatAloneSetsTheInputsRangeIsLeftOut) {
  Builder b = SpreadModel(1.0f);
  std::vector<float> x = test::RandomFloats(64 * 108, 21);
  for (size_t i = 37 * 108; i < 38 * 108; ++i) x[i] *= 40;
  const Samples spoiled({6, 6, 3}, x);
  const auto range = [](const QuantizeResult& r) { return r.statistics.at("x").max; };
  auto repaired = QuantizeInt8(b.model, spoiled, {}, {});
  ASSERT_TRUE(repaired.ok());
  EXPECT_EQ(repaired->samples, 63);
  EXPECT_LT(range(*repaired), 1.01f);
  EXPECT_TRUE(Names(repaired->warnings, "sample 37 alone would set the range"));
  QuantizeOptions naive;
  naive.repair = false;
  EXPECT_GT(range(*QuantizeInt8(b.model, spoiled, naive, {})), 30);
  EXPECT_TRUE(FindLoneSamples(Samples({6, 6, 3}, test::RandomFloats(64 * 108, 21)), 64).samples.empty());
}

}  // namespace
}  // namespace octet::quantizer
