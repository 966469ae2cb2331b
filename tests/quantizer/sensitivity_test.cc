// SPDX-License-Identifier: Apache-2.0
#include "quantizer/sensitivity.h"

#include <cmath>
#include <vector>

#include "exporter/exporter.h"
#include "quantizer/quantize.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Runner;
using test::Samples;

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
  const std::vector<Injection> all{{{"first"}, coarse}, {{"dw"}, coarse},      {{"first", "dw"}, fine},
                                   {{"last"}, coarse},  {{"nowhere"}, coarse}, {{"first"}, fine}};
  const InjectedNoise together = *MeasureNoise(model, all, data, {0, 8, 1}, {});
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(MeasureNoise(model, {all[i]}, data, {0, 8, 1}, {})->noise[0], together.noise[i]) << i;
  for (size_t i : {0u, 1u, 2u, 3u, 5u}) EXPECT_GT(together.noise[i], 0) << i;
  EXPECT_EQ(together.noise[4], 0);
}

TEST(Sensitivity, InputsAreRoundedBeforeAnythingReadsThem) {
  Builder b = SpreadModel(3.0f);
  const Samples data = TrainingSamples(4);
  const std::vector<std::byte> bytes = *exporter::Export(b.model);
  const std::shared_ptr<const runtime::Model> model = *runtime::Model::FromBytes(bytes);
  const Quant coarse = Quant::PerTensor(0.25f, 3);
  const InjectedNoise measured = *MeasureNoise(model, {{{"x"}, coarse}, {{"first"}, coarse}, {{"x"}, coarse}}, data, {0, 4, 1}, {});
  double want = 0;
  for (int64_t s = 0; s < 4; ++s) {
    const auto* values = reinterpret_cast<const float*>(data.sample(0, s).data());
    std::vector<float> x(values, values + 108);
    const std::vector<float> plain = Runner(b.model).Run(x);
    for (float& v : x) v = 0.25f * std::round(v / 0.25f);
    const std::vector<float> rounded = Runner(b.model).Run(x);
    for (size_t i = 0; i < plain.size(); ++i) want += std::pow(static_cast<double>(rounded[i]) - static_cast<double>(plain[i]), 2);
  }
  EXPECT_NEAR(measured.noise[0], want, 1e-6 * want);
  EXPECT_EQ(measured.noise[2], measured.noise[0]);
  EXPECT_EQ(measured.noise[1], MeasureNoise(model, {{{"first"}, coarse}}, data, {0, 4, 1}, {})->noise[0]);
}

Result<QuantizeResult> QuantizeDecades(Builder& b, graph::TensorId rows, DType activation = DType::kI8) {
  const auto w = b.Constant<float>("w", Shape{8, 8}, test::RandomFloats(64, 5));
  b.g().outputs = {b.Node("fully_connected", "y", {rows, w, b.Constant<float>("b", Shape{8}, std::vector<float>(8, 0.5f))}, {},
                          [](graph::Node& n) { test::SetAttr<bool>(n, "keep_num_dims", true); })};
  QuantizeOptions options;
  options.rewrite.activation = activation;
  return QuantizeInt8(b.model, Decades(64), options, {});
}

TEST(Quantize, WhatReadsAnInputOfManyDecadesStaysInFloat) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 8}, {}}), little = b.Constant<float>("little", Shape{8}, std::vector<float>(8, 0.01f));
  const auto q = QuantizeDecades(b, b.Node("add", "both", {b.Node("log", "log", {x}), b.Node("mul", "part", {x, little})}));
  ASSERT_TRUE(q.ok()) << q.error().message();
  ASSERT_GE(q->float_nodes.size(), 2u);
  EXPECT_EQ(q->float_nodes[0].tensor, "log");
  EXPECT_NE(q->float_nodes[0].reason.find("the input x alone"), std::string::npos) << q->float_nodes[0].reason;
  EXPECT_GT(q->output_sqnr_db, 25);
}

// 16 bits reach four decades and a half.
TEST(Quantize, WhatSixteenBitsCannotHoldStaysInFloat) {
  Builder b;
  const auto q = QuantizeDecades(b, b.Node("log", "log", {b.Input("x", {DType::kF32, Shape{1, 6, 8}, {}})}), DType::kI16);
  ASSERT_TRUE(q.ok()) << q.error().message();
  ASSERT_FALSE(q->float_nodes.empty());
  EXPECT_EQ(q->float_nodes[0].tensor, "log");
  EXPECT_NE(q->float_nodes[0].reason.find("in 16 bits the input x alone"), std::string::npos) << q->float_nodes[0].reason;
  EXPECT_GT(q->output_sqnr_db, 25);
}

// Six operators, which save nothing before the last of them is in float.
TEST(Quantize, AChainThatRuinsTheOutputsIsLeftInFloatAsAWhole) {
  Builder b;
  const auto axis = b.Constant<int32_t>("axis", Shape{1}, {2});
  const auto keep = [](graph::Node& n) { test::SetAttr(n, "keep_dims", true); };
  const auto x = b.Node("sqrt", "root", {b.Input("x", {DType::kF32, Shape{1, 6, 8}, {}})}), m = b.Node("mean", "m", {x, axis}, {}, keep);
  const auto v = b.Node("mean", "v", {b.Node("squared_difference", "d", {x, m}), axis}, {}, keep);
  const auto r = b.Node("rsqrt", "r", {b.Node("add", "e", {v, b.Constant<float>("epsilon", Shape{}, {1e-6f})})});
  const auto q = QuantizeDecades(b, b.Node("mul", "norm", {b.Node("sub", "centred", {x, m}), r}));
  ASSERT_TRUE(q.ok()) << q.error().message();
  EXPECT_GT(q->float_nodes.size(), 4u);
  EXPECT_LE(q->float_nodes.size(), 12u);
  EXPECT_GT(q->output_sqnr_db, 20);
}

// Sums under a logarithm, whose weights are more than the twentieth part of a small file.
TEST(Quantize, WhatSavesTheOutputsMayHaveWeights) {
  Builder b;
  std::vector<float> near(64);
  for (size_t i = 0; i < near.size(); ++i) near[i] = i / 8 == i % 8 ? 1.0f : 1e-6f;
  const auto sums = b.Node("batch_matmul", "sums", {b.Input("x", {DType::kF32, Shape{1, 6, 8}, {}}), b.Constant<float>("near", Shape{8, 8}, near)});
  const auto more = b.Constant<float>("more", Shape{8, 8}, test::RandomFloats(64, 6));
  const auto q = QuantizeDecades(b, b.Node("batch_matmul", "product", {b.Node("log", "log", {sums}), more}));
  ASSERT_TRUE(q.ok()) << q.error().message();
  ASSERT_GE(q->float_nodes.size(), 2u);
  EXPECT_EQ(q->float_nodes[0].tensor, "sums");
  EXPECT_GT(q->output_sqnr_db, 25);
}

TEST(PlanFloat, WeightsOfSeveralOperatorsAreCountedOnce) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 8}, {}}), w = b.Constant<float>("w", Shape{8, 8}, std::vector<float>(64, 0.1f));
  const auto most = b.Node("batch_matmul", "most", {x, b.Constant<float>("w2", Shape{8, 32}, std::vector<float>(256, 0.1f))});  // Half stays in int8.
  b.g().outputs = {b.Node("batch_matmul", "second", {b.Node("batch_matmul", "first", {x, w}), w}), most};
  const Sensitivity noise = {1, {{"first", 1}, {"second", 2}}};
  const auto planned = [&](int64_t bytes) {
    size_t count = 0;
    for (const auto& step : PlanFloat(b.g(), noise, {4, bytes, kBadDb}, {})) count += step.size();
    return count;
  };
  EXPECT_EQ(planned(3 * 64 - 1), 0u);
  EXPECT_EQ(planned(3 * 64), 2u);
}

}  // namespace
}  // namespace octet::quantizer
