// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "quantizer/quantize.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"

namespace octet::quantizer {
namespace {

using test::Builder;

TEST(Quantize, RoundingAnewIsKeptOnlyWhereTheHeldOutHalfGains) {
  Builder b = SpreadModel(3.0f);
  auto result = QuantizeInt8(b.model, TrainingSamples(64), {}, {});
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(graph::Verify(result->model).ok());
  ASSERT_NE(result->chosen.find("rounded anew"), std::string::npos) << result->chosen;
  for (const Candidate& c : result->candidates) EXPECT_LE(c.sqnr_db, result->candidates.back().sqnr_db) << c.name;
}

}  // namespace
}  // namespace octet::quantizer
