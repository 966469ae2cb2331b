// SPDX-License-Identifier: Apache-2.0
#include "quantizer/sensitivity.h"

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

}  // namespace
}  // namespace octet::quantizer
