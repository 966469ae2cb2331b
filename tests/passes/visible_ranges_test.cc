// SPDX-License-Identifier: Apache-2.0
#include "passes/visible_ranges.h"

#include "tests/model_builder.h"

namespace octet::passes {
namespace {

using graph::TensorId;

class VisibleRangesTest : public testing::Test {
 protected:
  TensorId In(const std::string& name, float min, float max, float peak = INFINITY) {
    seen_[name] = {min, max, peak};
    return b.Input(name, {DType::kF32, Shape{1, 4}, {}});
  }
  TensorId Made(std::string_view op, const std::string& name, std::vector<TensorId> inputs, float min, float max, float peak = INFINITY) {
    seen_[name] = {min, max, peak};
    return b.Node(op, name, std::move(inputs));
  }
  TensorId Number(const std::string& name, float v) {
    seen_[name] = {std::min(v, 0.0f), std::max(v, 0.0f), INFINITY};
    return b.Constant<float>(name, Shape{}, {v});
  }
  Interval Of(TensorId t) {
    const auto found = VisibleRanges(b.g(), [&](const std::string& name) { return seen_.contains(name) ? std::optional(seen_[name]) : std::nullopt; });
    const auto at = found.find(t);
    return at == found.end() ? Interval() : at->second;
  }
  test::Builder b;

 private:
  std::map<std::string, SeenValues> seen_;
};

TEST_F(VisibleRangesTest, AMaskEndsJustBelowTheScores) {
  const TensorId scores = In("scores", -4, 6), shown = In("shown", 0, 1), far = Number("far", -1e9f);
  const TensorId hidden = Made("mul", "hidden", {shown, far}, -1e9f, 0), masked = Made("add", "masked", {scores, hidden}, -1e9f, 6, 2);
  b.g().outputs = {b.Node("softmax", "y", {masked}, {}, [](graph::Node& n) { test::SetAttr<float>(n, "beta", 1.0f); })};
  EXPECT_EQ(Of(masked).low, -10);       // e^-12 of the least row's peak.
  EXPECT_EQ(Of(hidden).low, -16);       // What brings the highest score there.
  EXPECT_EQ(Of(far).low, -16 * 256.0f);  // So that the mask's smallest step still hides.
  EXPECT_EQ(Of(shown).low, -INFINITY);
  b.g().outputs.push_back(masked);
  EXPECT_EQ(Of(hidden).low, -INFINITY);  // Every reader must agree.
}

TEST_F(VisibleRangesTest, BoundsThatNothingReachesEndAtTheData) {
  const TensorId x = In("x", -3, 5), most = Number("most", 1e6f), least = Number("least", -1e30f);
  b.g().outputs = {b.Node("exp", "y", {Made("maximum", "bounded", {Made("minimum", "high", {x, most}, -3, 5), least}, -3, 5)})};
  EXPECT_EQ(Of(most).high, 5);
  EXPECT_EQ(Of(least).low, -3);
  EXPECT_FALSE(IsBounded(b.g(), most));
  EXPECT_TRUE(IsBounded(b.g(), x));
}

TEST_F(VisibleRangesTest, WhatAFunctionIsMadeOfEndsWhereThatIsLevel) {
  const TensorId x = In("x", -60, 70), unit = Made("elu", "unit", {x}, -1, 70);
  b.g().outputs = {unit};
  EXPECT_EQ(Of(x).low, -8);
  EXPECT_EQ(Of(x).high, INFINITY);
  b.g().outputs.push_back(Made("logistic", "gate", {x}, 0, 1));
  EXPECT_EQ(Of(x).low, -8);
  EXPECT_EQ(Of(x).high, INFINITY);  // The other reader's.
  EXPECT_TRUE(IsBounded(b.g(), x));
  const TensorId z = In("z", -60, 70);
  b.g().outputs.push_back(Made("tanh", "state", {z}, -1, 1));
  EXPECT_EQ(Of(z).low, -4);
  EXPECT_EQ(Of(z).high, 4);
  b.g().outputs.push_back(z);
  EXPECT_EQ(Of(z).high, INFINITY);
  EXPECT_FALSE(IsBounded(b.g(), z));
}

// x * logistic(x), and the relu6(x + 3) of a hard sigmoid.
TEST_F(VisibleRangesTest, WhatAGateIsMadeOfEndsWhereThatIsLevel) {
  const TensorId x = In("x", -60, 70), swish = Made("mul", "swish", {Made("logistic", "gate", {x}, 0, 1), x}, -0.3f, 70);
  const TensorId z = In("z", -60, 70), three = Number("three", 3), hard = Made("add", "hard", {z, three}, 0, 6);
  test::SetAttr(b.g().node(b.last), "fused_activation_function", ops::Activation::kRelu6);
  b.g().outputs = {swish, hard};
  EXPECT_EQ(Of(x).low, -10);
  EXPECT_EQ(Of(x).high, INFINITY);
  EXPECT_EQ(Of(z).low, -3);
  EXPECT_EQ(Of(z).high, 3);
}

// A factor is no mask: its small values, too, make what is seen.
TEST_F(VisibleRangesTest, SmallFactorsKeepWhatTheyMakeSmall) {
  const TensorId x = In("x", -38, 12), factors = b.Constant<float>("factors", Shape{4}, {0.1f, 0.2f, 1, 2});
  const TensorId part = Made("strided_slice", "part",
                             {Made("mul", "product", {x, factors}, -9, 10), b.Constant<int32_t>("0", Shape{2}, {0, 0}),
                              b.Constant<int32_t>("3", Shape{2}, {1, 3}), b.Constant<int32_t>("1", Shape{2}, {1, 1})},
                             -6, 9);
  b.g().outputs = {b.Node("exp", "y", {part})};
  EXPECT_LT(Of(x).low, -38);
  EXPECT_GT(Of(x).high, 12);
}

TEST_F(VisibleRangesTest, APartThatValuesDecideIsNotAll) {
  const TensorId begin = b.Input("begin", {DType::kI32, Shape{2}, {}}), x = In("x", -38, 12);
  b.g().outputs = {b.Node("exp", "y", {Made("slice", "part", {x, begin, b.Constant<int32_t>("size", Shape{2}, {1, 2})}, -6, 9)})};
  EXPECT_EQ(Of(x).low, -INFINITY);
}

TEST_F(VisibleRangesTest, InfiniteNumbersBecomeFinite) {
  b.g().outputs = {b.Node("add", "y", {In("x", 0, 1), b.Constant<float>("mask", Shape{4}, {0, -INFINITY, -3.4e38f, 7})})};
  EXPECT_EQ(MakeFinite(b.g()), 1);
  const auto mask = b.g().tensor(b.g().node(b.g().order()[0]).inputs[1]).data<float>();
  EXPECT_EQ(std::vector<float>(mask.begin(), mask.end()), (std::vector<float>{0, -1e9f, -1e9f, 7}));
  EXPECT_EQ(MakeFinite(b.g()), 0);
}

}  // namespace
}  // namespace octet::passes
