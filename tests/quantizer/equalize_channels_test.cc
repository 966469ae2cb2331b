// SPDX-License-Identifier: Apache-2.0
#include "quantizer/equalize_channels.h"

#include <algorithm>
#include <vector>

#include "quantizer/calibrate.h"
#include "quantizer/channel_gain.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Runner;
using test::Samples;

TEST(Equalize, EvensTheChannelsAndKeepsTheFloatOutputs) {
  Builder b = SpreadModel(300.0f);
  const Samples data = TrainingSamples(8);
  Statistics statistics = *Calibrate(b.model, data, {0, 8, 1}, false, {});
  const std::vector<float> x = test::RandomFloats(108, 3), before = Runner(b.model).Run(x);
  const float wide = Spread(statistics["first"].channel_max);
  EXPECT_GT(wide, 50.0f);
  const std::vector<EqualizedSpace> spaces = EqualizeChannels(b.g(), statistics);
  ASSERT_EQ(spaces.size(), 2u);  // Between first and dw, between dw and last.
  EXPECT_LT(spaces[0].spread_after, wide / 10);
  const std::vector<float> after = Runner(b.model).Run(x);
  float largest = 0;
  for (float v : before) largest = std::max(largest, std::abs(v));
  EXPECT_LT(test::LargestDifference(before, after), 1e-5f * largest);
}

// Two branches of unlike ranges side by side, one of them also read alone: both keep the int8 steps.
TEST(Equalize, RescalesTheOperandsOfAConcatenation) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto small = b.Conv("small", x, 4, 3, 1, kOneStride), large = b.Conv("large", x, 6, 3, 5, kOneStride);
  graph::Node& n = b.g().node(b.last);
  std::vector<float> w(b.g().tensor(n.inputs[1]).data<float>().begin(), b.g().tensor(n.inputs[1]).data<float>().end());
  for (float& v : w) v *= 200;
  b.g().SetInput(b.last, 1, b.Constant<float>("large/wide", Shape{6, 3, 3, 3}, w));
  const auto both = b.Node("concatenation", "both", {small, large}, {}, [](graph::Node& node) { test::SetAttr<int32_t>(node, "axis", 3); });
  const auto alone = b.Conv("alone", small, 4, 1, 9, kOneStride), joined = b.Conv("joined", both, 4, 1, 11, kOneStride);
  b.g().outputs = {b.Node("add", "y", {alone, joined})};
  const Samples data = TrainingSamples(32);
  const Statistics before = *Calibrate(b.model, data, {0, 32, 1}, false, {});
  const float ratio = before.at("large").max / before.at("small").max;
  EXPECT_GT(ratio, 20);
  Builder equalized = b;
  Statistics statistics = before;
  const std::vector<EqualizedSpace> spaces = EqualizeChannels(equalized.g(), statistics);
  ASSERT_EQ(spaces.size(), 1u);
  EXPECT_EQ(spaces[0].channels, 10);
  const Statistics after = *Calibrate(equalized.model, data, {0, 32, 1}, false, {});
  EXPECT_LT(after.at("large").max / after.at("small").max, ratio / 5);
  EXPECT_NEAR(after.at("both").max, statistics.at("both").max, 1e-4f * after.at("both").max);
  const std::vector<float> one = test::RandomFloats(108, 3), want = Runner(b.model).Run(one);
  float most = 0;
  for (float v : want) most = std::max(most, std::abs(v));
  EXPECT_LT(test::LargestDifference(want, Runner(equalized.model).Run(one)), 1e-5f * most);
}

TEST(Equalize, FoldsIntoALayerNorm) {
  const Builder b = NormModel();
  const Samples data = TrainingSamples(16);
  Builder equalized = b;
  Statistics statistics = *Calibrate(b.model, data, {0, 16, 1}, false, {});
  const float before = Spread(statistics.at("norm").channel_max);
  ASSERT_EQ(EqualizeChannels(equalized.g(), statistics).size(), 1u);
  EXPECT_LT(Spread(Calibrate(equalized.model, data, {0, 16, 1}, false, {})->at("norm").channel_max), before / 4);
  const std::vector<float> one = test::RandomFloats(108, 3), want = Runner(b.model).Run(one);
  float most = 0;
  for (float y : want) most = std::max(most, std::abs(y));
  EXPECT_LT(test::LargestDifference(want, Runner(equalized.model).Run(one)), 1e-5f * most);
}

// As in front of a batch norm that nothing could take in: the numbers of a product take what a concatenation's branches give off.
TEST(Equalize, EndsAtNumbersPerChannel) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto small = b.Conv("small", x, 4, 3, 1, kOneStride), large = b.Conv("large", x, 4, 3, 5, kOneStride);
  graph::Node& n = b.g().node(b.last);
  std::vector<float> w(b.g().tensor(n.inputs[1]).data<float>().begin(), b.g().tensor(n.inputs[1]).data<float>().end());
  for (float& v : w) v *= 200;
  b.g().SetInput(b.last, 1, b.Constant<float>("large/wide", Shape{4, 3, 3, 3}, w));
  const auto both = b.Node("concatenation", "both", {small, large}, {}, [](graph::Node& node) { test::SetAttr<int32_t>(node, "axis", 3); });
  const auto scaled = b.Node("mul", "scaled", {both, b.Constant<float>("gain", Shape{8}, {1, 2, 1, 1, 0.01f, 0.01f, -0.02f, 0.01f})});
  const auto term = b.Node("add", "term", {scaled, b.Constant<float>("offset", Shape{8}, test::RandomFloats(8, 17))}, {},
                           [](graph::Node& node) { test::SetAttr(node, "fused_activation_function", ops::Activation::kRelu); });
  const auto joined = b.Conv("joined", term, 4, 1, 11, kOneStride), other = b.Conv("other", both, 4, 1, 13, kOneStride);
  b.g().outputs = {b.Node("add", "y", {joined, other})};
  const Samples data = TrainingSamples(32);
  Builder equalized = b;
  Statistics statistics = *Calibrate(b.model, data, {0, 32, 1}, false, {});
  const float before = statistics.at("large").max / statistics.at("small").max;
  ASSERT_EQ(EqualizeChannels(equalized.g(), statistics).size(), 2u);
  const Statistics after = *Calibrate(equalized.model, data, {0, 32, 1}, false, {});
  EXPECT_LT(after.at("large").max / after.at("small").max, before / 5);
  const std::vector<float> one = test::RandomFloats(108, 3), want = Runner(b.model).Run(one);
  float most = 0;
  for (float v : want) most = std::max(most, std::abs(v));
  EXPECT_LT(test::LargestDifference(want, Runner(equalized.model).Run(one)), 1e-5f * most);
}

// As behind a LayerNorm: what is multiplied by one number per channel takes the factors there; a term goes along.
TEST(Equalize, FoldsIntoGainsBeforeDenseLayers) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto conv = b.Conv("conv", x, 4, 3, 1, kOneStride);
  const auto gained = b.Node("mul", "gained", {conv, b.Constant<float>("gain", Shape{4}, {0.1f, 300, -2, 1})});
  const auto moved = b.Node("add", "moved", {b.Constant<float>("term", Shape{1, 1, 4}, {1, -50, 0.5f, 2}), gained});
  b.g().outputs = {b.Conv("last", moved, 4, 1, 9, kOneStride)};
  const Samples data = TrainingSamples(16);
  const Statistics before = *Calibrate(b.model, data, {0, 16, 1}, false, {});
  Builder equalized = b;
  Statistics statistics = before;
  const std::vector<EqualizedSpace> spaces = EqualizeChannels(equalized.g(), statistics);
  ASSERT_EQ(spaces.size(), 2u);  // The gain ends what the convolution begins.
  EXPECT_EQ(spaces[1].place, "gained");
  EXPECT_LT(spaces[1].spread_after, spaces[1].spread_before / 5);
  const std::vector<float> one = test::RandomFloats(108, 3), want = Runner(b.model).Run(one);
  float most = 0;
  for (float v : want) most = std::max(most, std::abs(v));
  EXPECT_LT(test::LargestDifference(want, Runner(equalized.model).Run(one)), 1e-5f * most);
  // A slope is no factor of the output.
  Builder slope;
  const auto y = slope.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  slope.g().outputs = {slope.Node("prelu", "p", {y, slope.Constant<float>("slope", Shape{1, 1, 3}, {0.1f, 0.2f, 0.3f})})};
  EXPECT_FALSE(GrowsWith(slope.g(), slope.last, 1));
  EXPECT_TRUE(GrowsWith(b.g(), b.g().tensor(gained).producer, 1));
}

TEST(Equalize, LeavesWhatOthersReadAlone) {
  Builder b = SpreadModel(300.0f);
  b.g().outputs.push_back(0);  // Any tensor: here the input, which must not matter ...
  b.g().outputs.pop_back();
  graph::TensorId first = -1;
  for (size_t i = 0; i < b.g().tensors().size(); ++i)
    if (b.g().tensors()[i].name == "first") first = static_cast<graph::TensorId>(i);
  b.g().outputs.push_back(first);  // ... but a tensor that the user reads is the user's.
  Statistics statistics = *Calibrate(b.model, TrainingSamples(8), {0, 8, 1}, false, {});
  EXPECT_EQ(EqualizeChannels(b.g(), statistics).size(), 1u);
}

}  // namespace
}  // namespace octet::quantizer
