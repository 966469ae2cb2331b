// SPDX-License-Identifier: Apache-2.0
#include "quantizer/gate.h"

#include <string>

#include "base/file.h"
#include "exporter/exporter.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Samples;

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

}  // namespace
}  // namespace octet::quantizer
