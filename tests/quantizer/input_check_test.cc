// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <vector>

#include "quantizer/quantize.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Samples;

TEST(Quantize, DataOfAnotherSizeAreNamed) {
  Builder b = SpreadModel(1.0f);
  for (const auto& [factor, word] : {std::pair(1.0f, ""), std::pair(2550.0f, "smaller values"), std::pair(1.0f / 255, "larger values")}) {
    std::vector<float> values = test::RandomFloats(32 * 108, 21);
    for (float& v : values) v *= factor;
    auto result = QuantizeInt8(b.model, Samples(Shape{6, 6, 3}, values), {}, {});
    ASSERT_TRUE(result.ok());
    const auto named = std::ranges::count_if(result->warnings, [](const std::string& w) { return w.find("was the model trained on") != w.npos; });
    const auto so = std::ranges::count_if(result->warnings, [&](const std::string& w) { return *word && w.find(word) != w.npos; });
    EXPECT_EQ(named, *word ? 1 : 0) << factor;
    EXPECT_EQ(so, named) << factor;
  }
}

TEST(Quantize, NanInTheDataIsNamed) {
  Builder b = SpreadModel(1.0f);
  std::vector<float> values = test::RandomFloats(32 * 108, 2);
  values[5 * 108] = NAN;
  auto result = QuantizeInt8(b.model, Samples(Shape{6, 6, 3}, values), {}, {});
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("sample 5 holds NaN"), std::string::npos);
}

}  // namespace
}  // namespace octet::quantizer
