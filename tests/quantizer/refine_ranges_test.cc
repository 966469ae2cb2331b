// SPDX-License-Identifier: Apache-2.0
#include "quantizer/refine_ranges.h"

#include <vector>

#include "exporter/exporter.h"
#include "quantizer/calibrate.h"
#include "quantizer/choose_params.h"
#include "quantizer/rewrite.h"
#include "quantizer/tensor_ranges.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Samples;

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

}  // namespace
}  // namespace octet::quantizer
