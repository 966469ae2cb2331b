// SPDX-License-Identifier: Apache-2.0
#include "quantizer/calibrate.h"

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

// The runtime would compute a LayerNorm in one step; its parts have ranges of their own.
TEST(Calibrate, SeesWhatTheRuntimeWouldFuse) {
  Builder b = NormModel();
  const Samples data = TrainingSamples(16);
  const Statistics statistics = *Calibrate(b.model, data, {0, 16, 1}, true, {});
  for (graph::NodeId id : b.g().order()) EXPECT_TRUE(statistics.contains(b.g().tensor(b.g().node(id).outputs[0]).name)) << b.g().node(id).place;
  QuantizeOptions options;
  options.int8_only = true;
  EXPECT_TRUE(QuantizeInt8(b.model, data, options, {})->float_nodes.empty());
}

// Of four strands of samples the last one alone meets it.
TEST(Quantize, NanInALaterStrandIsNamed) {
  Builder b;
  b.g().outputs = {b.Node("exp", "y", {b.Node("sqrt", "root", {b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}})})})};
  std::vector<float> values = test::RandomFloats(32 * 108, 2);
  for (float& v : values) v = std::abs(v);
  values[3 * 108 + 7] = -0.1f;
  const auto result = QuantizeInt8(b.model, Samples(Shape{6, 6, 3}, values), {}, {});
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("'root' becomes infinite or NaN"), std::string::npos) << result.error().message();
}

// Statistics are taken while tensors share memory, in blocks; they are those of the values one by one.
TEST(Calibrate, SeesEveryValueOfEveryChannel) {
  for (const int channels : {1, 3, 16, 37, 96}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, Shape{1, 5, 7, channels}, {}});
    b.g().outputs = {b.Node("abs", "y", {x})};
    const std::vector<float> values = test::RandomFloats(static_cast<size_t>(4 * 35 * channels), 11);
    const Samples data({5, 7, channels}, values);
    const Statistics all = *Calibrate(b.model, data, {0, 4, 1}, true, {});
    const TensorStatistics& s = all.at("x");
    std::vector<float> most(static_cast<size_t>(channels), 0.0f);
    std::vector<double> mean(most.size(), 0.0);
    for (size_t i = 0; i < values.size(); ++i) {
      const size_t c = i % most.size();
      most[c] = std::max(most[c], std::abs(values[i]));
      mean[c] += static_cast<double>(values[i]) / (4 * 35);
    }
    EXPECT_EQ(s.channel_max, most);
    for (size_t c = 0; c < mean.size(); ++c) EXPECT_NEAR(s.channel_mean[c], mean[c], 1e-6);
    EXPECT_EQ(s.min, std::min(0.0f, *std::ranges::min_element(values)));
    EXPECT_EQ(all.at("y").min, 0.0f);
    EXPECT_EQ(all.at("y").max, *std::ranges::max_element(most));
    double binned = 0;
    for (float h : s.histogram) binned += static_cast<double>(h);
    EXPECT_EQ(binned, static_cast<double>(values.size()));
  }
}

}  // namespace
}  // namespace octet::quantizer
