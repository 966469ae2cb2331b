// SPDX-License-Identifier: Apache-2.0
#include "quantizer/quantize.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "exporter/exporter.h"
#include "passes/pass.h"
#include "graph/text.h"
#include "quantizer/causes.h"
#include "quantizer/channel_gain.h"
#include "quantizer/correct_bias.h"
#include "quantizer/gate.h"
#include "quantizer/lone_samples.h"
#include "quantizer/output_error.h"
#include "quantizer/recurrent_states.h"
#include "quantizer/refine_ranges.h"
#include "quantizer/roles.h"
#include "quantizer/sensitivity.h"
#include "quantizer/tensor_ranges.h"
#include "quantizer/statistics_cache.h"
#include "tests/model_builder.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Runner;
using test::Samples;

constexpr auto kOneStride = [](graph::Node& n) {
  test::SetAttr<int32_t>(n, "stride_h", 1);
  test::SetAttr<int32_t>(n, "stride_w", 1);
  test::SetAttr(n, "fused_activation_function", ops::Activation::kRelu);
};

// conv -> depthwise -> conv, with one output channel of the first made hundreds of times the others.
Builder SpreadModel(float factor) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto first = b.Conv("first", x, 8, 3, 1, kOneStride);
  graph::Node& n = b.g().node(b.last);
  std::vector<float> w(b.g().tensor(n.inputs[1]).data<float>().begin(), b.g().tensor(n.inputs[1]).data<float>().end());
  for (size_t i = 0; i < 27; ++i) w[i] *= factor;  // Channel 0.
  b.g().SetInput(b.last, 1, b.Constant<float>("first/wide", Shape{8, 3, 3, 3}, w));
  const auto dw = b.Depthwise("dw", first, 3, 5);
  b.g().outputs = {b.Conv("last", dw, 4, 1, 9, kOneStride)};
  return b;
}

Samples TrainingSamples(int count) { return {Shape{6, 6, 3}, test::RandomFloats(static_cast<size_t>(count) * 108, 21)}; }

TEST(ChooseParams, ZeroIsAlwaysRepresented) {
  for (const Range r : {Range{0.5f, 3.0f}, Range{-3.0f, -0.5f}, Range{-1.0f, 2.0f}, Range{0, 0}}) {
    const Quant q = ActivationQuant(DType::kI8, r);
    EXPECT_GT(q.scale0(), 0.0f);
    EXPECT_GE(q.zero0(), -128);
    EXPECT_LE(q.zero0(), 127);
    EXPECT_LE(std::abs(q.scale0() * static_cast<float>(-128 - q.zero0()) - std::min(0.0f, r.min)), q.scale0());
  }
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

bool Names(const std::vector<std::string>& causes, std::string_view what) {
  return std::ranges::any_of(causes, [&](const std::string& c) { return c.find(what) != std::string::npos; });
}

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

TEST(Gate, JudgesTheOutputThatIsAskedFor) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  b.g().outputs = {b.Conv("one", x, 4, 3, 1, kOneStride), b.Conv("two", x, 2, 3, 5, kOneStride)};
  Builder other = b;
  const graph::NodeId two = other.last;
  other.g().SetInput(two, 1, other.Constant<float>("noise", Shape{2, 3, 3, 3}, test::RandomFloats(54, 77)));
  const std::string folder = testing::TempDir();
  const std::string paths[] = {folder + "/gate_a.tflite", folder + "/gate_b.tflite"};
  ASSERT_TRUE(WriteFile(paths[0], *exporter::Export(b.model)).ok() && WriteFile(paths[1], *exporter::Export(other.model)).ok());
  const Samples data = TrainingSamples(64);
  const auto gate = [&](int output) { return Gate(paths[0], paths[1], data, {.metric = Metric::kCosine, .max_drop = 10, .output = output}, {}); };
  const auto first = gate(0), second = gate(1);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE(first->passed());
  EXPECT_FALSE(second->passed());
  ASSERT_EQ(first->outputs.size(), 2u);
  EXPECT_EQ(first->outputs[0].mean_difference, 0);
  EXPECT_LT(first->outputs[1].cosine, 0.9);
  EXPECT_FALSE(gate(2).ok());
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

// A LayerNorm as Keras computes it: x * (r * gain) + (term - m * (r * gain)), r and m being one number per row.
Builder NormModel() {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto conv = b.Conv("conv", x, 4, 3, 1, kOneStride);
  const auto axis = b.Constant<int32_t>("axis", Shape{1}, {3});
  const auto keep = [](graph::Node& n) { test::SetAttr(n, "keep_dims", true); };
  const auto m = b.Node("mean", "m", {conv, axis}, {}, keep), d = b.Node("squared_difference", "d", {conv, m}), v = b.Node("mean", "v", {d, axis}, {}, keep);
  const auto r = b.Node("rsqrt", "r", {b.Node("add", "e", {v, b.Constant<float>("epsilon", Shape{}, {0.01f})})});
  const auto scaled = b.Node("mul", "scaled", {r, b.Constant<float>("gain", Shape{4}, {0.1f, 300, -2, 1})});
  const auto rest = b.Node("sub", "rest", {b.Constant<float>("term", Shape{4}, {1, -50, 0.5f, 2}), b.Node("mul", "centre", {m, scaled})});
  const auto norm = b.Node("add", "norm", {b.Node("mul", "part", {conv, scaled}), rest});
  b.g().outputs = {b.Conv("last", norm, 4, 1, 9, kOneStride)};
  return b;
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
  const auto term = b.Node("add", "term", {scaled, b.Constant<float>("offset", Shape{8}, test::RandomFloats(8, 17))}, {}, [](graph::Node& node) { test::SetAttr(node, "fused_activation_function", ops::Activation::kRelu); });
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

TEST(Rewrite, FollowsTheRules) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto conv = b.Conv("conv", x, 4, 3, 1, kOneStride);
  const auto pool = b.Node("max_pool_2d", "pool", {conv}, {}, [](graph::Node& n) {
    for (const char* name : {"stride_h", "stride_w", "filter_height", "filter_width"}) test::SetAttr<int32_t>(n, name, 2);
  });
  const auto flat = b.Node("reshape", "flat", {pool, b.Constant<int32_t>("s", Shape{2}, {1, 36})});
  b.g().outputs = {b.Node("softmax", "y", {flat}, {}, [](graph::Node& n) { test::SetAttr<float>(n, "beta", 1.0f); })};
  const Samples data = TrainingSamples(32);
  auto result = QuantizeInt8(b.model, data, {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_TRUE(result->float_nodes.empty());
  const graph::Graph& g = result->model.main();
  std::map<std::string, Quant> quants;
  for (const graph::Tensor& t : g.tensors())
    if (t.type.dtype == DType::kI8 && t.producer >= 0) quants[t.name] = t.type.quant;
  EXPECT_EQ(quants["conv"], quants["pool"]);
  EXPECT_EQ(quants["pool"], quants["flat"]);
  EXPECT_EQ(quants["y/int8"], Quant::PerTensor(1.0f / 256, -128));
  for (graph::NodeId id : g.order()) {
    if (g.node(id).op->name != "conv_2d") continue;
    const graph::Tensor &w = g.tensor(g.node(id).inputs[1]), &bias = g.tensor(g.node(id).inputs[2]);
    for (int8_t v : w.data<int8_t>()) EXPECT_GE(v, -127);
    for (size_t c = 0; c < 4; ++c) EXPECT_EQ(bias.type.quant.scale[c], g.tensor(g.node(id).inputs[0]).type.quant.scale0() * w.type.quant.scale[c]);
  }
  const std::vector<float> input = test::RandomFloats(108, 77);
  EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 0.02f);
}

// As the sizes of a transposed convolution with a free batch: no DEQUANTIZE for that.
TEST(Rewrite, AShapeIsReadOffTheIntegers) {
  Builder b;
  const auto conv = b.Conv("conv", b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}}), 4, 3, 1, kOneStride);
  const auto dims = b.Node("shape", "dims", {conv}, {DType::kI32, Shape{4}, {}}, [](graph::Node& n) { test::SetAttr(n, "out_type", DType::kI32); });
  b.g().outputs = {b.Node("relu", "y", {conv}), dims};
  RewriteOptions options;
  options.outputs = DType::kI8;
  const auto q = RewriteToInt8(b.model, {{"x", {-1, 1}}, {"conv", {-2, 2}}, {"y", {0, 2}}}, options);
  ASSERT_TRUE(q.ok()) << q.error().message();
  for (const graph::NodeId id : q->model.main().order()) EXPECT_NE(q->model.main().node(id).op->name, "dequantize");
}

TEST(Rewrite, IntegerEndsKeepTheirNames) {
  for (const auto& [in, out] : {std::pair(DType::kI8, DType::kI8), {DType::kU8, DType::kU8}, {DType::kI8, DType::kF32}, {DType::kF32, DType::kU8}}) {
    Builder b = SpreadModel(1.0f);
    QuantizeOptions options;
    options.rewrite.inputs = in;
    options.rewrite.outputs = out;
    auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
    ASSERT_TRUE(result.ok()) << result.error().message();
    const graph::Graph& g = result->model.main();
    EXPECT_EQ(g.tensor(g.inputs[0]).type.dtype, in);
    EXPECT_EQ(g.tensor(g.outputs[0]).type.dtype, out);
    EXPECT_EQ(g.tensor(g.inputs[0]).name, "x");
    EXPECT_EQ(g.tensor(g.outputs[0]).name, "last");
    EXPECT_TRUE(graph::Verify(result->model).ok());
  }
}

TEST(Quantize, TheChoiceNeedsNoLabelsAndBeatsTheNaiveWay) {
  Builder b = SpreadModel(300.0f);
  const Samples data = TrainingSamples(64);
  auto result = QuantizeInt8(b.model, data, {}, {});
  ASSERT_TRUE(result.ok());
  EXPECT_NE(result->chosen.find("equalized"), std::string::npos);
  double best = INFINITY, naive = 0;
  for (const Candidate& c : result->candidates) {
    best = std::min(best, c.output_error);
    if (c.name == "as it is, min-max") naive = c.output_error;
  }
  EXPECT_LT(best * 2, naive);
}

TEST(Quantize, SameInputSameBytes) {
  Builder b = SpreadModel(30.0f);
  const Samples data = TrainingSamples(32);
  EXPECT_EQ(*exporter::Export(QuantizeInt8(b.model, data, {}, {})->model), *exporter::Export(QuantizeInt8(b.model, data, {}, {})->model));
}

TEST(StatisticsCache, KeepsEverythingAndTrustsNothing) {
  Builder b = SpreadModel(3.0f);
  const Samples data = TrainingSamples(8), other{Shape{6, 6, 3}, test::RandomFloats(8 * 108, 22)};
  const Statistics seen = *Calibrate(b.model, data, {0, 8, 1}, true, {});
  const std::vector<std::byte> bytes = Serialize(seen);
  const std::optional<Statistics> read = ParseStatistics(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(Serialize(*read), bytes);
  EXPECT_EQ(read->at("dw").channel_mean, seen.at("dw").channel_mean);
  for (size_t cut = 0; cut < bytes.size(); cut += 97) EXPECT_FALSE(ParseStatistics(std::span(bytes).first(cut)));
  std::vector<std::byte> longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(ParseStatistics(longer));
  const std::vector<std::byte> model = *exporter::Export(b.model), changed = *exporter::Export(SpreadModel(4.0f).model);
  const std::string name = CacheName(model, data, {0, 8, 1}, true);
  EXPECT_EQ(name, CacheName(model, TrainingSamples(8), {0, 8, 1}, true));
  EXPECT_NE(name, CacheName(changed, data, {0, 8, 1}, true));
  EXPECT_NE(name, CacheName(model, other, {0, 8, 1}, true));
  EXPECT_NE(name, CacheName(model, data, {0, 8, 2}, true));
  EXPECT_NE(name, CacheName(model, data, {0, 8, 1}, false));
}

TEST(StatisticsCache, SecondRunIsTheSameFile) {
  char folder[] = "/tmp/octet_cache_XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  Builder b = SpreadModel(3.0f);
  QuantizeOptions options;
  options.cache = folder;
  const Samples data = TrainingSamples(32);
  auto first = QuantizeInt8(b.model, data, options, {}), second = QuantizeInt8(b.model, data, options, {}), plain = QuantizeInt8(b.model, data, {}, {});
  ASSERT_TRUE(first.ok() && second.ok() && plain.ok());
  EXPECT_EQ(*exporter::Export(first->model), *exporter::Export(second->model));
  EXPECT_EQ(*exporter::Export(first->model), *exporter::Export(plain->model));
  const auto files = [&] { return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()); };
  const auto kept = files();
  EXPECT_GT(kept, 0);
  const Samples other(Shape{6, 6, 3}, test::RandomFloats(32 * 108, 77));  // Other data: nothing that is kept is taken for it.
  EXPECT_EQ(*exporter::Export(QuantizeInt8(b.model, other, options, {})->model), *exporter::Export(QuantizeInt8(b.model, other, {}, {})->model));
  EXPECT_GT(files(), kept);
  std::filesystem::remove_all(folder);
}

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

void FromTruths(graph::Node& n) { test::SetAttr<DType>(n, "in_data_type", DType::kBool); }

// Masks as Keras and PyTorch write them: the lowest float that is selected, minus infinity that is added, -1e9 times what a sample's
// ends leave. Beside such numbers the scores would have no steps of 8 bits.
TEST(Quantize, MasksComeJustBelowTheScores) {
  const bool shown[] = {true, true, false, true};
  const Shape row{4};
  for (const std::string_view form : {"selected", "added", "computed", "subtracted", "cast", "counted", "twice"}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
    const auto scores = b.Conv("scores", x, 4, 3, 1, kOneStride);
    const auto number = [&](float v) { return b.Constant<float>("number", Shape{}, {v}); };
    const auto peak = b.Node("reduce_max", "peak", {x, b.Constant<int32_t>("last", Shape{1}, {-1})}, {}, [](graph::Node& n) { test::SetAttr<bool>(n, "keep_dims", true); });
    const auto ends = b.Node("greater", "ends", {peak, b.Constant<float>("limits", row, {2, 0.5f, 0.7f, 2})}, {DType::kBool, {}, {}});
    const auto mask = b.Node("select_v2", "hides", {ends, number(1), number(0)});
    graph::TensorId masked = scores;
    if (form == "selected") masked = b.Node("select_v2", "masked", {b.g().AddConstant<bool>("mask", row, std::span(shown)), scores, number(-3.4e38f)});
    if (form == "added") masked = b.Node("add", "masked", {scores, b.Constant<float>("mask", row, {0, 0, -INFINITY, 0})});
    if (form == "computed") masked = b.Node("add", "masked", {scores, b.Node("mul", "far", {b.Node("sub", "left", {number(1), mask}), number(-1e9f)})});
    if (form == "subtracted") masked = b.Node("sub", "masked", {scores, b.Node("mul", "far", {number(1e9f), mask})});
    if (form == "cast") masked = b.Node("add", "masked", {scores, b.Node("mul", "far", {b.Node("cast", "hidden", {ends}, {DType::kF32, {}, {}}, FromTruths), number(-3.4e38f)})});
    const auto softmax = [&](const std::string& name, graph::TensorId in) { return b.Node("softmax", name, {in}, {}, [](graph::Node& n) { test::SetAttr<float>(n, "beta", 1.0f); }); };
    std::vector<graph::TensorId> others;
    if (form == "counted") {  // A number that a wide range is compared with, too.
      const auto one = number(1);
      masked = b.Node("add", "masked", {scores, b.Node("mul", "far", {b.Node("sub", "left", {one, mask}), number(-1e9f)})});
      others = {b.Node("maximum", "count", {b.Node("mul", "many", {peak, number(20)}), one})};
    }
    if (form == "twice") {  // Equal constants, which a file has once.
      const auto hide = [&](const std::string& name, graph::TensorId x) { return b.Node("select_v2", name, {ends, number(-1e9f), x}); };
      others = {softmax("before", hide("first", scores))};
      masked = hide("masked", b.Node("mul", "other", {scores, number(0.7f)}));
    }
    b.g().outputs = {softmax("y", masked)};
    b.g().outputs.insert(b.g().outputs.end(), others.begin(), others.end());
    QuantizeOptions options;
    options.int8_only = true;
    options.repair = false;
    const auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
    ASSERT_TRUE(result.ok()) << form << result.error().message();
    EXPECT_TRUE(result->float_nodes.empty()) << form;
    const std::vector<float> input = test::RandomFloats(108, 77);
    EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 0.03f) << form;
  }
}

// Bounds that nothing reaches, what is padded before a maximum, what is selected for no sample: the data's range counts.
TEST(Quantize, WhatNothingShowsIsInNoRange) {
  const Shape sample{1, 6, 6, 3};
  for (const std::string_view form : {"clip", "pad", "select", "pick"}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, sample, {}});
    const auto number = [&](float v) { return b.Constant<float>("number", Shape{}, {v}); };
    graph::TensorId y = b.Conv("conv", x, 4, 3, 1, kOneStride);
    if (form == "clip") y = b.Node("maximum", "low", {b.Node("minimum", "high", {y, number(1e6f)}), number(-1e30f)});
    if (form == "pad") y = b.Node("padv2", "ring", {y, b.Constant<int32_t>("by", Shape{4, 2}, {0, 0, 1, 1, 1, 1, 0, 0}), number(-1e9f)});
    if (form == "select") y = b.Node("select_v2", "chosen", {b.Node("less", "always", {y, number(1e4f)}, {DType::kBool, {}, {}}), y, number(7e7f)});
    if (form == "pick") y = b.Node("sub", "left", {y, b.Node("mul", "far", {number(1e9f), b.Constant<float>("mask", Shape{4}, {0, 0, 1, 0})})});
    const auto last = b.Constant<int32_t>("last", Shape{}, {-1});
    if (form == "pick") y = b.Node("cast", "y", {b.Node("arg_max", "best", {y, last}, {DType::kI32, {}, {}}, [](graph::Node& n) { test::SetAttr<DType>(n, "output_type", DType::kI32); })}, {DType::kF32, {}, {}}, [](graph::Node& n) { test::SetAttr<DType>(n, "in_data_type", DType::kI32); });
    else y = b.Node("reduce_max", "y", {y, b.Constant<int32_t>("places", Shape{2}, {1, 2})});
    b.g().outputs = {y};
    QuantizeOptions options;
    options.int8_only = true;
    options.repair = false;
    const auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
    ASSERT_TRUE(result.ok()) << form << result.error().message();
    const std::vector<float> input = test::RandomFloats(108, 77), want = Runner(b.model).Run(input), got = Runner(result->model).Run(input);
    int wrong = 0;
    for (size_t i = 0; i < want.size(); ++i) wrong += std::abs(want[i] - got[i]) > 0.02f * (1 + std::abs(want[i]));
    EXPECT_LE(wrong, form == "pick" ? 2 : 0) << form;  // Numbers that are nearly as large may change places.
  }
}

// NEG knows no zero points: what it makes of integers is another number.
TEST(Quantize, NegationsKeepTheirZeroPoints) {
  Builder b;
  const auto x = b.Conv("conv", b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}}), 4, 3, 1, kOneStride);
  b.g().outputs = {b.Node("exp", "y", {b.Node("neg", "turned", {b.Node("exp", "above", {x})})})};
  QuantizeOptions options;
  options.int8_only = true;
  const auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_TRUE(result->float_nodes.empty());
  const std::vector<float> input = test::RandomFloats(108, 77);
  EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 0.03f);
}

// What is always zero has no scale of its own, and sums have no tiny ones. Indices are the same of integers as of floats.
TEST(Quantize, ZerosAndIndicesStayWhatTheyAre) {
  Builder b;
  const auto x = b.Conv("conv", b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}}), 4, 3, 1, kOneStride);
  const auto nothing = b.Node("sub", "nothing", {x, x});
  const auto best = b.Node("arg_max", "best", {x, b.Constant<int32_t>("last", Shape{}, {-1})}, {DType::kI32, {}, {}}, [](graph::Node& n) { test::SetAttr<DType>(n, "output_type", DType::kI32); });
  b.g().outputs = {nothing, best};
  QuantizeOptions options;
  options.int8_only = true;
  const auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(Runner(result->model).Run(test::RandomFloats(108, 77)), std::vector<float>(Runner(b.model).Run(test::RandomFloats(108, 77)).size(), 0.0f));
  const graph::Graph& g = result->model.main();
  for (graph::NodeId id : g.order()) EXPECT_TRUE(g.node(id).op->name != "arg_max" || g.tensor(g.node(id).inputs[0]).type.dtype == DType::kI8);
}

// Elements of the input that are compared or ranked gain nothing by 8 bits: no QUANTIZE, and the same answers as in float.
TEST(Quantize, WhatOnlyDecidesStaysAsItComes) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto twice = b.Node("mul", "twice", {x, b.Constant<float>("two", Shape{}, {2})});
  const auto above = b.Node("greater", "above", {b.Node("neg", "turned", {twice}), b.Constant<float>("limit", Shape{}, {0.3f})}, {DType::kBool, {}, {}});
  b.g().outputs = {b.Node("cast", "y", {above}, {DType::kI32, {}, {}}, FromTruths), b.Conv("conv", x, 4, 3, 1, kOneStride)};
  const auto result = QuantizeInt8(b.model, TrainingSamples(32), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  const std::vector<float> input = test::RandomFloats(108, 77);
  EXPECT_EQ(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 0);
  std::vector<std::string_view> names;
  for (graph::NodeId id : result->model.main().order()) names.push_back(result->model.main().node(id).op->name);
  EXPECT_EQ(std::ranges::count(names, "quantize"), 1);
  EXPECT_EQ(std::ranges::count(names, "dequantize"), 1);
}

// An input that is clipped first needs no steps beyond the bounds.
TEST(Quantize, AnInputEndsAtItsBounds) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto number = [&](float v) { return b.Constant<float>("number", Shape{}, {v}); };
  b.g().outputs = {b.Node("maximum", "y", {b.Node("minimum", "high", {x, number(0.05f)}), number(-0.1f)})};
  const auto result = QuantizeInt8(b.model, TrainingSamples(32), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  const std::vector<float> input = test::RandomFloats(108, 77);
  EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 0.6f * 0.15f / 255);
}

// Of a truth, whole numbers are made, not the ends of a range.
TEST(Quantize, TruthsAreWholeNumbers) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto positive = b.Node("cast", "positive", {b.Node("greater", "is", {x, b.Constant<float>("zero", Shape{}, {0})}, {DType::kBool, {}, {}})}, {DType::kF32, {}, {}}, FromTruths);
  b.g().outputs = {b.Node("mul", "y", {x, b.Node("sub", "left", {positive, b.Constant<float>("half", Shape{}, {0.5f})})})};
  const std::vector<float> input = test::RandomFloats(108, 77);
  for (const DType activation : {DType::kI8, DType::kI16}) {
    QuantizeOptions options;
    options.int8_only = true;
    options.rewrite.activation = activation;
    const auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
    ASSERT_TRUE(result.ok()) << result.error().message();
    EXPECT_EQ(result->float_nodes.size(), activation == DType::kI8 ? 0u : 1u);
    EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), activation == DType::kI8 ? 0.02f : 0.0005f);
  }
}

// An integer division by zero is refused: what comes that near stays in float, whatever the budget.
TEST(Quantize, DivisorsNearZeroStayInFloat) {
  for (const float least : {0.001f, 1.0f}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
    const auto size = b.Node("add", "size", {b.Node("abs", "abs", {x}), b.Constant<float>("least", Shape{}, {least})});
    b.g().outputs = {b.Node("div", "y", {x, size})};
    QuantizeOptions options;
    options.int8_only = true;
    const auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
    ASSERT_TRUE(result.ok()) << result.error().message();
    EXPECT_EQ(result->float_nodes.size(), least < 1 ? 1u : 0u);
  }
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

TEST(Quantize, LimitsMayBeInfinite) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto above = b.Node("greater", "above", {x, b.Constant<float>("limit", Shape{}, {-INFINITY})}, {DType::kBool, {}, {}});
  b.g().outputs = {b.Node("mul", "y", {x, b.Node("cast", "truths", {above}, {DType::kF32, {}, {}}, FromTruths)})};
  const auto result = QuantizeInt8(b.model, TrainingSamples(32), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  const std::vector<float> input = test::RandomFloats(108, 77);
  EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 0.02f);
}

// What writes a variable makes no tensor.
TEST(Quantize, VariablesThatAreWrittenMakeNothing) {
  auto model = graph::Parse(R"(graph main
    input x: f32[1,4]
    call_once () -> () init_subgraph_index=#1
    var_handle () -> (v: resource[]) shared_name='a'
    read_variable (v) -> (before: f32[1,4])
    add (before, x) -> (sum: f32[1,4])
    assign_variable (v, sum) -> ()
    exp (sum) -> (y: f32[1,4])
    output y
    graph init
    const value: f32[1,4] = [1,2,3,4]
    var_handle () -> (handle: resource[]) shared_name='a'
    assign_variable (handle, value) -> ()
    )");
  ASSERT_TRUE(model.ok()) << model.error().message();
  const auto result = QuantizeInt8(*model, Samples(Shape{4}, test::RandomFloats(32 * 4, 5)), {}, {});
  EXPECT_TRUE(result.ok()) << result.error().message();
}

TEST(Quantize, NanInTheDataIsNamed) {
  Builder b = SpreadModel(1.0f);
  std::vector<float> values = test::RandomFloats(32 * 108, 2);
  values[5 * 108] = NAN;
  auto result = QuantizeInt8(b.model, Samples(Shape{6, 6, 3}, values), {}, {});
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("sample 5 holds NaN"), std::string::npos);
}

TEST(Quantize, Int16ActivationsAreNearlyFloat) {
  Builder b = SpreadModel(1.0f);
  QuantizeOptions options;
  options.rewrite.activation = DType::kI16;
  auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_TRUE(result->float_nodes.empty());
  const graph::Graph& g = result->model.main();
  for (graph::NodeId id : g.order()) {
    if (g.node(id).op->name != "conv_2d") continue;
    EXPECT_EQ(g.tensor(g.node(id).inputs[0]).type.dtype, DType::kI16);
    EXPECT_EQ(g.tensor(g.node(id).inputs[0]).type.quant.zero0(), 0);
    EXPECT_EQ(g.tensor(g.node(id).inputs[2]).type.dtype, DType::kI64);
  }
  const std::vector<float> x = test::RandomFloats(108, 77), want = Runner(b.model).Run(x), got = Runner(result->model).Run(x);
  float most = 0;
  for (float v : want) most = std::max(most, std::abs(v));
  EXPECT_LT(test::LargestDifference(want, got), 0.02f * most);
}

TEST(Quantize, SquaresStayIntegerIn16Bits) {
  Builder b;
  const auto conv = b.Conv("conv", b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}}), 4, 3, 1, kOneStride);
  b.g().outputs = {b.Node("squared_difference", "square", {conv, b.Constant<float>("mean", Shape{4}, {0.1f, -0.2f, 0.3f, 0.0f})})};
  QuantizeOptions options;
  options.rewrite.activation = DType::kI16;
  auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_TRUE(result->float_nodes.empty());
  const std::vector<float> x = test::RandomFloats(108, 77), want = Runner(b.model).Run(x), got = Runner(result->model).Run(x);
  EXPECT_LT(test::LargestDifference(want, got), 0.01f * *std::ranges::max_element(want));
}

// x -> conv -> y = conv * huge - conv * huge: what int8 cannot hold, float can.
Builder CancellingModel() {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto conv = b.Conv("conv", x, 4, 3, 1, kOneStride);
  const auto large = b.Node("add", "large", {conv, b.Constant<float>("offset", Shape{4}, {3000, -2000, 1000, 500})});
  const auto small = b.Node("sub", "small", {large, b.Constant<float>("back", Shape{4}, {3000, -2000, 1000, 500})});
  b.g().outputs = {b.Conv("last", small, 4, 1, 9, kOneStride)};
  return b;
}

TEST(Quantize, SumsOfManyAreIntegers) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto a = b.Conv("a", x, 4, 3, 1, kOneStride), c = b.Conv("c", x, 4, 3, 5, kOneStride), d = b.Conv("d", x, 4, 3, 7, kOneStride);
  b.g().outputs = {b.Node("add_n", "sum", {a, c, d, a})};
  const auto result = QuantizeInt8(b.model, TrainingSamples(32), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_TRUE(result->float_nodes.empty());
  const std::vector<float> input = test::RandomFloats(108, 77), want = Runner(b.model).Run(input);
  EXPECT_LT(test::LargestDifference(want, Runner(result->model).Run(input)), 0.2f);
}

TEST(Quantize, WhatInt8CannotHoldStaysInFloatAndIsNamed) {
  Builder b = CancellingModel();
  const Samples data = TrainingSamples(64);
  auto mixed = QuantizeInt8(b.model, data, {}, {});
  ASSERT_TRUE(mixed.ok()) << mixed.error().message();
  ASSERT_FALSE(mixed->float_nodes.empty());
  EXPECT_LE(mixed->float_nodes.size(), 4u);
  bool add = false;
  for (const FloatNode& n : mixed->float_nodes) add |= n.tensor == "large";
  EXPECT_TRUE(add);
  QuantizeOptions options;
  options.int8_only = true;
  auto strict = QuantizeInt8(b.model, data, options, {});
  ASSERT_TRUE(strict.ok());
  EXPECT_TRUE(strict->float_nodes.empty());
  const std::vector<float> x = test::RandomFloats(108, 77), want = Runner(b.model).Run(x);
  EXPECT_LT(test::LargestDifference(want, Runner(mixed->model).Run(x)) * 5, test::LargestDifference(want, Runner(strict->model).Run(x)));
}

// A layer's last tensor has the layer's name: what names it does not mean the layer's other nodes.
TEST(Rewrite, ATensorsNameIsNoLayersName) {
  Builder b = NormModel();
  for (graph::NodeId id : b.g().order()) b.g().node(id).place = "norm";
  const Statistics statistics = *Calibrate(b.model, TrainingSamples(8), {0, 8, 1}, true, {});
  RewriteOptions options;
  options.keep_float["norm"] = "asked for";
  auto rewritten = RewriteToInt8(b.model, TensorRanges(b.model, statistics, true).All(Ranges::kMinMax, {}), options);
  ASSERT_TRUE(rewritten.ok());
  ASSERT_EQ(rewritten->float_nodes.size(), 1u);
  EXPECT_EQ(rewritten->float_nodes[0].tensor, "norm");
}

// The middle convolution with 16 bits between int8 neighbours: a QUANTIZE each way, and finer results.
TEST(Rewrite, SomeLayersTakeSixteenBits) {
  Builder b = SpreadModel(30.0f);
  const Samples data = TrainingSamples(8);
  TensorRanges ranges(b.model, *Calibrate(b.model, data, {0, 8, 1}, false, {}), true);
  RewriteOptions options;
  options.int16["last"] = "asked for";
  options.int16["dw"] = "asked for";
  const auto all = ranges.All(Ranges::kMinMax, {});
  auto mixed = RewriteToInt8(b.model, all, options);
  ASSERT_TRUE(mixed.ok()) << mixed.error().message();
  ASSERT_TRUE(graph::Verify(mixed->model).ok());
  EXPECT_EQ(mixed->int16_nodes.size(), 2u);
  EXPECT_TRUE(mixed->float_nodes.empty());
  const graph::Graph& g = mixed->model.main();
  int to_wide = 0;
  for (graph::NodeId id : g.order()) {
    const graph::Node& n = g.node(id);
    const DType in = g.tensor(n.inputs[0]).type.dtype, out = g.tensor(n.outputs[0]).type.dtype;
    if (n.op->name == "quantize") to_wide += in == DType::kI8 && out == DType::kI16;
    if (n.op->name != "depthwise_conv_2d") continue;
    EXPECT_TRUE(in == DType::kI16 && out == DType::kI16 && g.tensor(n.inputs[2]).type.dtype == DType::kI64);
  }
  EXPECT_EQ(to_wide, 1);
  const std::vector<float> x = test::RandomFloats(108, 77), want = Runner(b.model).Run(x);
  EXPECT_LT(test::LargestDifference(want, Runner(mixed->model).Run(x)), test::LargestDifference(want, Runner(RewriteToInt8(b.model, all, {})->model).Run(x)));
}

TEST(Quantize, TheFallbackMayBeSixteenBits) {
  Builder b = CancellingModel();
  QuantizeOptions options;
  options.fallback = DType::kI16;
  auto mixed = QuantizeInt8(b.model, TrainingSamples(64), options, {});
  ASSERT_TRUE(mixed.ok()) << mixed.error().message();
  EXPECT_TRUE(mixed->float_nodes.empty());
  EXPECT_FALSE(mixed->int16_nodes.empty());
  EXPECT_LE(mixed->int16_nodes.size(), 4u);
}

// A part of the model runs per injection; the sums are those of whole runs.
TEST(Sensitivity, TheNoiseOfATensorDoesNotDependOnWhatElseIsMeasured) {
  Builder b = SpreadModel(30.0f);
  const Samples data = TrainingSamples(8);
  const std::vector<std::byte> bytes = *exporter::Export(b.model);
  const std::shared_ptr<const runtime::Model> model = *runtime::Model::FromBytes(bytes);
  const Quant coarse = Quant::PerTensor(0.5f, 0), fine = Quant::PerTensor(0.01f, 0);
  const std::vector<Injection> all{{{"first"}, coarse}, {{"dw"}, coarse}, {{"first", "dw"}, fine}, {{"last"}, coarse}, {{"nowhere"}, coarse}, {{"first"}, fine}};
  const InjectedNoise together = *MeasureNoise(model, all, data, {0, 8, 1}, {});
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(MeasureNoise(model, {all[i]}, data, {0, 8, 1}, {})->noise[0], together.noise[i]) << i;
  for (size_t i : {0u, 1u, 2u, 3u, 5u}) EXPECT_GT(together.noise[i], 0) << i;
  EXPECT_EQ(together.noise[4], 0);
}

// Statistics are taken while tensors share memory, in blocks; they are those of the values one by one.
TEST(Calibrate, SeesEveryValueOfEveryChannel) {
  for (const int channels : {1, 3, 16, 37, 96}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, Shape{1, 5, 7, channels}, {}});
    b.g().outputs = {b.Node("relu", "y", {x})};
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
    EXPECT_EQ(all.at("y").max, std::max(0.0f, *std::ranges::max_element(values)));
    double binned = 0;
    for (float h : s.histogram) binned += static_cast<double>(h);
    EXPECT_EQ(binned, static_cast<double>(values.size()));
  }
}

// Rows gathered from a table become a lookup, which takes four bits; the answers stay near.
TEST(WeightsOnly, EmbeddingsTakeFourBits) {
  for (const bool four : {true, false}) {
    Builder b;
    const auto ids = b.Input("ids", {DType::kI32, Shape{1, 6}, {}});
    b.g().outputs = {b.Node("gather", "rows", {b.Constant<float>("table", Shape{50, 64}, test::RandomFloats(3200, 5)), ids})};
    const graph::Model before = b.model;
    ASSERT_TRUE((four ? QuantizeInt4Blocks(b.model) : QuantizeDynamicRange(b.model)).ok());
    const graph::Graph& g = b.model.main();
    DType table = DType::kF32;
    for (graph::NodeId id : g.order())
      if (g.node(id).op->name == "embedding_lookup") table = g.tensor(g.node(id).inputs[1]).type.dtype;
    EXPECT_EQ(table, four ? DType::kI4 : DType::kI8);
    EXPECT_EQ(g.tensor(g.outputs[0]).name, "rows");
    EXPECT_EQ(g.tensor(g.outputs[0]).type.shape, (Shape{1, 6, 64}));
    const auto session = [](const graph::Model& m) { return *exporter::Export(m); };
    const std::vector<std::byte> a = session(before), c = session(b.model);
    EXPECT_LT(c.size(), a.size() / (four ? 3 : 2));
    std::vector<float> answers[2];
    for (int k = 0; k < 2; ++k) {
      auto made = runtime::Interpreter::Create(*runtime::Model::FromBytes(k ? c : a));
      const auto interpreter = std::move(*made);
      ASSERT_TRUE(interpreter->Allocate().ok());
      for (int i = 0; i < 6; ++i) reinterpret_cast<int32_t*>(interpreter->input(0).data)[i] = 7 * i;
      ASSERT_TRUE(interpreter->Invoke().ok());
      answers[k] = RealValues(interpreter->output(0));
    }
    EXPECT_LT(test::LargestDifference(answers[0], answers[1]), four ? 0.2f : 0.01f);
  }
}

TEST(Quantize, RoundingAnewIsKeptOnlyWhereTheHeldOutHalfGains) {
  Builder b = SpreadModel(3.0f);
  auto result = QuantizeInt8(b.model, TrainingSamples(64), {}, {});
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(graph::Verify(result->model).ok());
  ASSERT_NE(result->chosen.find("rounded anew"), std::string::npos) << result->chosen;
  for (const Candidate& c : result->candidates) EXPECT_LE(c.sqnr_db, result->candidates.back().sqnr_db) << c.name;
}

// A dense layer and a softmax behind the usual layers: what goes into the softmax is compared, not what comes out.
TEST(OutputError, LooksBehindASoftmax) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto flat = b.Node("reshape", "flat", {x, b.Constant<int32_t>("s", Shape{2}, {1, 108})});
  const auto logits = b.Node("fully_connected", "logits", {flat, b.Constant<float>("w", Shape{4, 108}, test::RandomFloats(432, 4)), graph::kNoTensor});
  b.g().outputs = {b.Node("softmax", "y", {logits}, {}, [](graph::Node& n) { test::SetAttr<float>(n, "beta", 1.0f); })};
  const Samples data = TrainingSamples(16);
  const OutputError judge = *OutputError::Make(b.model, data, {0, 16, 1}, {});
  ASSERT_EQ(judge.Compared(b.model).main().outputs, std::vector{logits});
  EXPECT_GT(judge.Measure(b.model)->sqnr_db, 200.0);
  auto result = QuantizeInt8(b.model, data, {}, {});
  ASSERT_TRUE(result.ok());
  const OutputDistance d = *judge.Measure(result->model);
  EXPECT_GT(d.sqnr_db, 25.0);
  EXPECT_LT(d.sqnr_db, 200.0);
  EXPECT_LT(d.mean, 0.02);
}

// A score that is always far below the others has no part in the range, and is no error.
TEST(OutputError, IsNotWhatASoftmaxDoesNotSee) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto flat = b.Node("reshape", "flat", {x, b.Constant<int32_t>("s", Shape{2}, {1, 108})});
  const auto logits = b.Node("fully_connected", "logits", {flat, b.Constant<float>("w", Shape{4, 108}, test::RandomFloats(432, 4)), b.Constant<float>("b", Shape{4}, {0, 1, -300, 2})});
  b.g().outputs = {b.Node("softmax", "y", {logits}, {}, [](graph::Node& n) { test::SetAttr<float>(n, "beta", 1.0f); })};
  const Samples data = TrainingSamples(16);
  const auto result = QuantizeInt8(b.model, data, {}, {});
  ASSERT_TRUE(result.ok());
  EXPECT_GT(OutputError::Make(b.model, data, {0, 16, 1}, {})->Measure(result->model)->sqnr_db, 25.0);
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

// Columns of a table: thousandths beside thousands, years beside shares.
TEST(Quantize, InputsThatReachUnlikeFarAreBroughtTogether) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 4}, {}});
  const std::vector<float> reach = {0.001f, 1000, 1, 20}, middle = {0, 0, 5, 2000};
  std::vector<float> weights = test::RandomFloats(12, 3), values = test::RandomFloats(64 * 4, 4);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] /= reach[i % 4];
  for (size_t i = 0; i < values.size(); ++i) values[i] = middle[i % 4] + reach[i % 4] * values[i];
  b.g().outputs = {b.Node("fully_connected", "y", {x, b.Constant<float>("w", Shape{3, 4}, weights), b.Constant<float>("b", Shape{3}, {-100, 3, 50})})};
  const auto result = QuantizeInt8(b.model, Samples(Shape{4}, values), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->float_nodes.size(), 2u);
  const std::vector<float> input(values.begin(), values.begin() + 4);
  EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 1.0f);  // Of outputs up to 100.
  QuantizeOptions whole;
  whole.int8_only = true;
  EXPECT_TRUE(QuantizeInt8(b.model, Samples(Shape{4}, values), whole, {})->float_nodes.empty());
}

// 256 steps up to 1000 tell nothing of what differs by one: the layer that adds it stays in float.
TEST(OutputError, LooksAtWhatTellsSamplesApart) {
  Builder b;
  const auto x = b.Conv("conv", b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}}), 8, 3, 1, kOneStride);
  const auto flat = b.Node("reduce_max", "flat", {x, b.Constant<int32_t>("places", Shape{2}, {1, 2})});
  b.g().outputs = {b.Node("fully_connected", "y", {flat, b.Constant<float>("w", Shape{1, 8}, test::RandomFloats(8, 4)), b.Constant<float>("b", Shape{1}, {1000})})};
  const auto result = QuantizeInt8(b.model, TrainingSamples(64), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  const std::vector<float> input = test::RandomFloats(108, 77);
  EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 0.3f);
}

// One value in a thousand is far out in a tensor that a clamp follows: its range may end at the clamp's, and the
// model's outputs show it.
TEST(RefineRanges, ChoosesByTheModelsOutputs) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto conv = b.Conv("conv", x, 8, 3, 1, kOneStride);
  b.g().outputs = {b.Node("relu_n1_to_1", "y", {b.Node("mul", "four times", {conv, b.Constant<float>("four", Shape{}, {4.0f})})})};
  const Samples data = TrainingSamples(16);
  const TensorRanges ranges(b.model, *Calibrate(b.model, data, {0, 16, 1}, true, {}), true);
  const Rewritten plain = *RewriteToInt8(b.model, ranges.All(Ranges::kMinMax, {}), {});
  ASSERT_FALSE(plain.classes.empty());
  const std::vector<ScaleClass> one{{{"conv"}, ActivationQuant(DType::kI8, ranges.Of("conv", Ranges::kMinMax)), false}};
  const std::vector<std::byte> bytes = *exporter::Export(b.model);
  const std::vector<RangeChange> better = *RefineRanges(*runtime::Model::FromBytes(bytes), one, DType::kI8, ranges, data, {0, 16, 1}, {});
  ASSERT_EQ(better.size(), 1u);
  EXPECT_LT(ranges.Of("conv", better[0].method).max, ranges.Of("conv", Ranges::kMinMax).max);
  RangeMethods methods;
  better[0].Apply(&methods);
  EXPECT_EQ(methods.at("conv"), better[0].method);
  EXPECT_TRUE(better[0].Undo(&methods));
  EXPECT_TRUE(methods.empty());
}

// Rows without variance make 1 / sqrt(v + e) tens of thousands, which are multiplied by zeros: in int8 all other rows would
// be lost beside them. The cause is named, and the range ends where it matters.
TEST(Quantize, ALayerNormsEpsilonMayBeNearZero) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 8}, {}});
  const auto axis = b.Constant<int32_t>("axis", Shape{1}, {2});
  const auto keep = [](graph::Node& n) { test::SetAttr(n, "keep_dims", true); };
  const auto m = b.Node("mean", "m", {x, axis}, {}, keep), v = b.Node("mean", "v", {b.Node("squared_difference", "d", {x, m}), axis}, {}, keep);
  const auto r = b.Node("rsqrt", "r", {b.Node("add", "e", {v, b.Constant<float>("epsilon", Shape{}, {1e-9f})})});
  b.g().outputs = {b.Node("mul", "y", {b.Node("sub", "centred", {x, m}), r})};
  std::vector<float> values = test::RandomFloats(64 * 48, 4);
  for (size_t row = 0; row < values.size() / 8; row += 3) std::fill_n(values.begin() + static_cast<int64_t>(row * 8), 8, 0.25f);
  for (const DType type : {DType::kI8, DType::kI16}) {
    QuantizeOptions options;
    options.int8_only = true;
    options.rewrite.activation = type;
    const auto q = QuantizeInt8(b.model, Samples(Shape{6, 8}, values), options, {});
    ASSERT_TRUE(q.ok()) << q.error().message();
    EXPECT_GT(q->output_sqnr_db, 25);
    EXPECT_TRUE(std::ranges::any_of(q->causes, [](const std::string& cause) { return cause.find("values of r ") != std::string::npos; }));
  }
}

TEST(Quantize, PerTensorWeightsHaveOneScale) {
  Builder b = SpreadModel(30.0f);
  QuantizeOptions options;
  options.rewrite.per_tensor_weights = true;
  auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
  ASSERT_TRUE(result.ok());
  for (const graph::Tensor& t : result->model.main().tensors()) EXPECT_LE(t.type.quant.scale.size(), 1u) << t.name;
}

// An LSTM over five steps whose state is one sequence's.
Builder LstmModel(float cell_drive) {
  Builder b;
  constexpr int32_t kSteps = 5, kIn = 3, kUnits = 4;
  const auto x = b.Input("x", {DType::kF32, Shape{1, kSteps, kIn}, {}});
  std::vector<graph::TensorId> in{x};
  for (uint32_t gate = 0; gate < 4; ++gate) in.push_back(b.Constant<float>("w" + std::to_string(gate), Shape{kUnits, kIn}, test::RandomFloats(kUnits * kIn, 50 + gate)));
  for (uint32_t gate = 0; gate < 4; ++gate) in.push_back(b.Constant<float>("r" + std::to_string(gate), Shape{kUnits, kUnits}, test::RandomFloats(kUnits * kUnits, 60 + gate)));
  in.insert(in.end(), 3, graph::kNoTensor);
  for (uint32_t gate = 0; gate < 4; ++gate) in.push_back(b.Constant<float>("b" + std::to_string(gate), Shape{kUnits}, std::vector<float>(kUnits, gate == 1 ? cell_drive : 0.1f)));
  in.insert(in.end(), 2, graph::kNoTensor);
  for (const char* name : {"h", "c"}) {
    in.push_back(b.g().AddTensor(name, {DType::kF32, Shape{1, kUnits}, {}}));
    b.g().tensor(in.back()).is_variable = b.g().tensor(in.back()).resets = true;
  }
  b.g().outputs = {b.Node("unidirectional_sequence_lstm", "lstm", in, {}, [](graph::Node& n) { test::SetAttr(n, "fused_activation_function", ops::Activation::kTanh); })};
  return b;
}

TEST(Quantize, AnLstmInIntegersStartsEverySequenceAnew) {
  for (const float drive : {0.5f, 4.0f}) {
    Builder b = LstmModel(drive);
    const Samples data{Shape{5, 3}, test::RandomFloats(64 * 15, 5)};
    auto result = QuantizeInt8(b.model, data, {}, {});
    ASSERT_TRUE(result.ok()) << result.error().message();
    EXPECT_TRUE(result->float_nodes.empty());
    EXPECT_TRUE(graph::Verify(result->model).ok());
    Runner integer(result->model);
    const std::vector<float> x = test::RandomFloats(15, 99);
    const std::vector<float> want = Runner(b.model).Run(x), first = integer.Run(x);
    EXPECT_LT(test::LargestDifference(want, first), 0.04f);
    for (const float other : {0.9f, -0.9f, 30.0f, -30.0f}) {  // Also states far outside of the calibrated ones.
      integer.Run(std::vector<float>(15, other));             // The runner does not reset variables.
      EXPECT_EQ(integer.Run(x), first) << other;
    }
  }
}

// An LSTM has weights and biases of several gates: a factor behind it belongs to none of them.
// Inputs far from zero make the rounding of an LSTM's weights a constant in front of every gate, which its biases take back.
TEST(CorrectBias, ReachesTheGatesOfAnLstm) {
  Builder b = LstmModel(0.1f);
  std::vector<float> x = test::RandomFloats(64 * 15, 9);
  for (float& v : x) v += 40;
  const Samples data(Shape{5, 3}, std::move(x));
  const Statistics statistics = *Calibrate(b.model, data, {0, 64, 1}, false, {});
  graph::Model corrected = b.model;
  CorrectBias(corrected, statistics, {});
  for (size_t gate = 0; gate < 4; ++gate) {
    const graph::Node& n = b.g().node(b.last);
    const std::span<const float> w = b.g().tensor(n.inputs[1 + gate]).data<float>(), before = b.g().tensor(n.inputs[12 + gate]).data<float>();
    const std::span<const float> after = corrected.main().tensor(corrected.main().node(b.last).inputs[12 + gate]).data<float>();
    const std::vector<double>& mean = statistics.at("x").channel_mean;
    float most = 0;
    for (float v : w) most = std::max(most, std::abs(v));
    for (size_t o = 0; o < 4; ++o) {
      double shift = 0;
      for (size_t k = 0; k < 3; ++k) shift += static_cast<double>(w[o * 3 + k] - std::round(w[o * 3 + k] / most * 127) * most / 127) * mean[k];
      EXPECT_NEAR(after[o], before[o] + static_cast<float>(shift), 1e-4f);
    }
  }
}

TEST(Optimize, NothingIsFoldedIntoAnLstm) {
  Builder b = LstmModel(0.5f);
  const auto y = b.g().outputs[0];
  b.g().outputs = {b.Node("mul", "scaled", {y, b.Constant<float>("factor", Shape{1}, {3})})};
  const std::vector<float> x = test::RandomFloats(15, 99), want = Runner(b.model).Run(x);
  ASSERT_TRUE(passes::Optimize(b.model).ok());
  EXPECT_EQ(Runner(b.model).Run(x), want);
}

// c = 0.999 * c + 0.02 * tanh(W x), thirty times over: what a step adds is less than one int8 step of the widest channel.
Builder GatheringModel(int steps) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 4}, {}});
  const auto name = [](const char* what, int step) { return std::string(what) + std::to_string(step); };
  const auto place = [&](const char* where) { b.g().node(b.last).place = where; };
  const auto keep = b.Constant<float>("keep", Shape{}, {0.999f}), share = b.Constant<float>("share", Shape{}, {0.02f});
  const auto w = b.Constant<float>("w", Shape{4, 4}, test::RandomFloats(16, 3)), bias = b.Constant<float>("b", Shape{4}, std::vector<float>(4, 0.1f));
  graph::TensorId c = b.Node("tanh", "begin", {b.Node("mul", "wide", {x, b.Constant<float>("first", Shape{}, {8})})});
  const auto start = b.Node("mul", "start", {c, b.Constant<float>("second", Shape{}, {6})});
  c = start;
  for (int step = 0; step < steps; ++step) {
    const auto added = b.Node("mul", name("added", step), {b.Node("tanh", name("candidate", step), {b.Node("fully_connected", name("product", step), {x, w, bias})}), share});
    place("rnn/added");
    const auto kept = b.Node("mul", name("kept", step), {c, keep});
    place("rnn/kept");
    c = b.Node("add", name("c", step), {kept, added});
    place("rnn/c");
  }
  b.g().outputs = {b.Node("sub", "gathered", {c, start})};
  return b;
}

TEST(StateCarriers, AreFoundByTheWayFromStepToStep) {
  const std::vector<std::string> names = StateCarriers(GatheringModel(5).g());
  for (const char* name : {"kept1", "kept4", "c0", "c3", "added2"}) EXPECT_EQ(std::ranges::count(names, name), 1) << name;
  for (const char* name : {"wide", "product1", "candidate1"}) EXPECT_EQ(std::ranges::count(names, name), 0) << name;
  EXPECT_TRUE(StateCarriers(GatheringModel(2).g()).empty());
  // Sums one behind the other that are layers of their own carry no state.
  Builder b;
  graph::TensorId t = b.Input("x", {DType::kF32, Shape{1, 4}, {}});
  for (int i = 0; i < 5; ++i) {
    t = b.Node("add", "sum" + std::to_string(i), {t, t});
    b.g().node(b.last).place = "layer" + std::to_string(i);
  }
  b.g().outputs = {t};
  EXPECT_TRUE(StateCarriers(b.g()).empty());
}

TEST(Quantize, StatesThatGatherTakeSixteenBits) {
  const Builder b = GatheringModel(30);
  const Samples data(Shape{4}, test::RandomFloats(64 * 4, 8));
  const auto wide = QuantizeInt8(b.model, data, {}, {});
  ASSERT_TRUE(wide.ok()) << wide.error().message();
  EXPECT_TRUE(wide->float_nodes.empty());
  EXPECT_GT(wide->int16_nodes.size(), 60u);
  QuantizeOptions narrow;
  narrow.int8_only = true;
  const auto int8 = QuantizeInt8(b.model, data, narrow, {});
  ASSERT_TRUE(int8.ok()) << int8.error().message();
  EXPECT_TRUE(int8->int16_nodes.empty());
  EXPECT_GT(wide->output_sqnr_db, int8->output_sqnr_db + 3);
}

// A concatenation takes the union of its operands' ranges, in whatever order they come; what has a scale of its own is
// requantized once, everything else is written in the concatenation's scale.
TEST(Rewrite, AFixedScaleDoesNotClipTheOtherOperandsOfAConcatenation) {
  for (const std::array<int, 3> order : {std::array{0, 1, 2}, {1, 0, 2}, {2, 0, 1}, {2, 1, 0}}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
    const std::array operands{b.Conv("wide", x, 4, 3, 1, kOneStride), b.Conv("narrow", x, 4, 3, 5, kOneStride), b.Node("logistic", "gate", {b.Conv("before", x, 4, 3, 9, kOneStride)})};
    b.g().outputs = {b.Node("concatenation", "y", {operands[static_cast<size_t>(order[0])], operands[static_cast<size_t>(order[1])], operands[static_cast<size_t>(order[2])]}, {},
                            [](graph::Node& n) { test::SetAttr<int32_t>(n, "axis", 3); })};
    const std::map<std::string, Range> ranges{{"x", {-1, 1}}, {"wide", {0, 6}}, {"narrow", {0, 0.5f}}, {"before", {0, 4}}, {"gate", {0, 1}}, {"y", {0, 6}}};
    const auto q = RewriteToInt8(b.model, ranges, {});
    ASSERT_TRUE(q.ok()) << q.error().message();
    const graph::Graph& g = q->model.main();
    int between = 0;
    for (graph::NodeId id : g.order()) {
      const graph::Node& n = g.node(id);
      const bool direct = n.op->name == "conv_2d" && n.place != "before";
      EXPECT_FLOAT_EQ(direct ? g.tensor(n.outputs[0]).type.quant.scale0() : 6.0f / 255.0f, 6.0f / 255.0f);
      between += n.op->name == "quantize" && g.tensor(n.inputs[0]).type.dtype == DType::kI8;
    }
    EXPECT_EQ(between, 1);
  }
}

TEST(Rewrite, StepsOfOneLayerShareWeightsBiasesAndScales) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 4}, {}});
  const auto w = b.Constant<float>("w", Shape{4, 4}, test::RandomFloats(16, 3)), bias = b.Constant<float>("b", Shape{4}, {0.1f, 0.2f, 0.3f, 0.4f});
  graph::TensorId h = x;
  for (int step = 0; step < 4; ++step) {
    h = b.Node("fully_connected", "step" + std::to_string(step), {h, w, bias});
    b.g().node(b.last).place = "rnn";
    h = b.Node("tanh", "h" + std::to_string(step), {h});
    b.g().node(b.last).place = "rnn";
  }
  b.g().outputs = {h};
  auto result = QuantizeInt8(b.model, Samples(Shape{4}, test::RandomFloats(64 * 4, 8)), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  std::set<graph::TensorId> weights;
  const graph::Graph& g = result->model.main();
  for (graph::NodeId id : g.order())
    if (g.node(id).op->name == "fully_connected") weights.insert(g.node(id).inputs[1]);
  EXPECT_EQ(weights.size(), 1u);
}

}  // namespace
}  // namespace octet::quantizer
