// SPDX-License-Identifier: Apache-2.0
#include "passes/flatten_volumes.h"

#include "ops/conv_3d_util.h"
#include "tests/passes/meaning.h"

namespace octet::passes {
namespace {

struct Case {
  Shape input, filter;
  ops::Conv3dAttrs attrs;
  bool bias;
  test::Names operators;
};

TEST(FlattenVolumes, AreImagesOfTheSameNumbers) {
  using ops::Activation, ops::Padding;
  const Case cases[] = {
      {{2, 5, 6, 7, 3}, {3, 2, 3, 3, 4}, {Padding::kSame, 2, 1, 2, Activation::kRelu}, true,
       {"pad", "gather", "gather", "gather", "concatenation", "reshape", "conv_2d", "reshape"}},
      {{1, 6, 5, 5, 2}, {2, 3, 3, 2, 3}, {Padding::kValid, 1, 1, 1, Activation::kNone, 2, 2, 1}, false,
       {"gather", "gather", "concatenation", "reshape", "conv_2d", "reshape"}},
      {{2, 3, 6, 4, 3}, {1, 3, 2, 3, 2}, {Padding::kSame, 1, 2, 1}, true, {"reshape", "conv_2d", "reshape"}},
      {{2, 3, 6, 4, 3}, {1, 3, 2, 3, 2}, {Padding::kValid, 2, 1, 1}, true, {"gather", "reshape", "conv_2d", "reshape"}},
      {{2, 7, 3, 4, 3}, {3, 1, 1, 3, 2}, {Padding::kSame, 2, 1, 1, Activation::kRelu6}, true, {"reshape", "conv_2d", "reshape"}},
      {{1, 7, 3, 4, 3}, {3, 1, 1, 3, 2}, {Padding::kValid, 1, 1, 1, Activation::kNone, 3}, false, {"reshape", "conv_2d", "reshape"}},
  };
  for (const Case& c : cases) {
    test::Builder b;
    const auto x = b.Input("x", {DType::kF32, c.input, {}});
    const auto w = b.Constant<float>("w", c.filter, test::RandomFloats(static_cast<size_t>(c.filter.elements()), 2));
    const auto bias = c.bias ? b.Constant<float>("b", Shape{c.filter[4]}, test::RandomFloats(static_cast<size_t>(c.filter[4]), 3)) : graph::kNoTensor;
    b.g().outputs = {b.Node("conv_3d", "y", {x, w, bias}, {}, [&](graph::Node& n) { n.attrs.as<ops::Conv3dAttrs>() = c.attrs; })};
    const TensorType type = b.g().tensor(b.g().outputs[0]).type;
    const std::vector<float> in = test::RandomFloats(static_cast<size_t>(c.input.elements()), 5), want = test::Runner(b.model).Run(in);
    EXPECT_EQ(FlattenVolumes(b.g()), 1);
    EXPECT_EQ(test::Operators(b.model), c.operators);
    EXPECT_TRUE(graph::InferAll(b.g()).ok());
    EXPECT_EQ(b.g().tensor(b.g().outputs[0]).type.shape, type.shape);
    EXPECT_LT(test::LargestDifference(want, test::Runner(b.model).Run(in)), 1e-4f);
  }
}

TEST(FlattenVolumes, OfUnknownSizeStay) {
  test::Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, kUnknown, 4, 4, 1}, {}});
  const auto w = b.Constant<float>("w", Shape{1, 1, 1, 1, 1}, {2.0f});
  b.g().outputs = {b.Node("conv_3d", "y", {x, w}, {}, [](graph::Node& n) { n.attrs.as<ops::Conv3dAttrs>() = {ops::Padding::kSame, 1, 1, 1}; })};
  EXPECT_EQ(FlattenVolumes(b.g()), 0);
}

}  // namespace
}  // namespace octet::passes
