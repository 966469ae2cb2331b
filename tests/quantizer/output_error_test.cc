// SPDX-License-Identifier: Apache-2.0
#include "quantizer/output_error.h"

#include <vector>

#include "quantizer/quantize.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Runner;
using test::Samples;

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
  const auto logits = b.Node("fully_connected", "logits",
                             {flat, b.Constant<float>("w", Shape{4, 108}, test::RandomFloats(432, 4)), b.Constant<float>("b", Shape{4}, {0, 1, -300, 2})});
  b.g().outputs = {b.Node("softmax", "y", {logits}, {}, [](graph::Node& n) { test::SetAttr<float>(n, "beta", 1.0f); })};
  const Samples data = TrainingSamples(16);
  const auto result = QuantizeInt8(b.model, data, {}, {});
  ASSERT_TRUE(result.ok());
  EXPECT_GT(OutputError::Make(b.model, data, {0, 16, 1}, {})->Measure(result->model)->sqnr_db, 25.0);
}

// 256 steps up to 1000 tell nothing of what differs by one: the layer that adds it stays in float.
TEST(OutputError, LooksAtWhatTellsSamplesApart) {
  Builder b;
  const auto x = b.Conv("conv", b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}}), 8, 3, 1, kOneStride);
  const auto flat = b.Node("reduce_max", "flat", {x, b.Constant<int32_t>("places", Shape{2}, {1, 2})});
  b.g().outputs = {
      b.Node("fully_connected", "y", {flat, b.Constant<float>("w", Shape{1, 8}, test::RandomFloats(8, 4)), b.Constant<float>("b", Shape{1}, {1000})})};
  const auto result = QuantizeInt8(b.model, TrainingSamples(64), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  const std::vector<float> input = test::RandomFloats(108, 77);
  EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 0.3f);
}

}  // namespace
}  // namespace octet::quantizer
