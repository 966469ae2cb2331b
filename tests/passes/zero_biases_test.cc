// SPDX-License-Identifier: Apache-2.0
#include "passes/zero_biases.h"

#include "exporter/target_runtime.h"
#include "tests/model_builder.h"

namespace octet::passes {
namespace {

TEST(ZeroBiases, AreLeftOutAndGivenBack) {
  test::Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 3}, {}});
  const auto dense = [&](const std::string& name, graph::TensorId from, const std::vector<float>& bias) {
    return b.Node("fully_connected", name,
                  {from, b.Constant<float>(name + "/w", Shape{3, 3}, test::RandomFloats(9, 2)), b.Constant<float>(name + "/b", Shape{3}, bias)});
  };
  b.g().outputs = {dense("y", dense("one", x, {0, 0, 0}), {0, 0, 1})};
  const auto bias = [&](int i) { return b.g().node(b.g().order()[static_cast<size_t>(i)]).inputs[2]; };
  const std::vector<float> in = {1, 2, 3}, want = test::Runner(b.model).Run(in);
  EXPECT_EQ(LeaveOutZeroBiases(b.g()), 1);
  EXPECT_EQ(bias(0), graph::kNoTensor);
  EXPECT_NE(bias(1), graph::kNoTensor);
  EXPECT_EQ(test::Runner(b.model).Run(in), want);
  EXPECT_TRUE(exporter::CheckRuntime(b.model, "1.5").ok());  // All releases know layers without a bias.
  EXPECT_EQ(GiveBiases(b.g()), 1);
  ASSERT_NE(bias(0), graph::kNoTensor);
  EXPECT_EQ(b.g().tensor(bias(0)).type.shape, Shape{3});
  EXPECT_EQ(test::Runner(b.model).Run(in), want);
}

}  // namespace
}  // namespace octet::passes
