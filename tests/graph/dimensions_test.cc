// SPDX-License-Identifier: Apache-2.0
#include "graph/dimensions.h"

#include <gtest/gtest.h>

#include "tests/model_builder.h"

namespace octet::graph {
namespace {

using test::Builder;
using test::SetAttr;

constexpr int32_t kOpen = kUnknown;

class OriginsTest : public ::testing::Test {
 protected:
  TensorId Input(const char* name, Shape shape) { return b_.Input(name, {DType::kF32, shape, {}}); }
  TensorId Constant(const char* name, std::vector<int32_t> v) { return b_.Constant<int32_t>(name, Shape{static_cast<int32_t>(v.size())}, std::move(v)); }
  Dimension Of(TensorId t, int axis) { return Origins().Of(b_.g(), {t, axis}); }

  Builder b_;
};

TEST_F(OriginsTest, LengthsGoThroughOperatorsThatKeepThem) {
  const TensorId x = Input("x", {kOpen, 8, 8, 4});
  const TensorId conv = b_.Conv("conv", x, 4, 3, 1, [](Node& n) { SetAttr(n, "stride_w", 2), SetAttr(n, "stride_h", 2); });
  const TensorId turned = b_.Node("transpose", "turned", {conv, Constant("order", {3, 0, 1, 2})});
  const TensorId sum = b_.Node("add", "sum", {turned, turned});
  EXPECT_EQ(Of(sum, 1), (Dimension{x, 0}));
  const TensorId rows = b_.Node("reshape", "rows", {x, Constant("shape", {-1, 256})});
  EXPECT_EQ(Of(rows, 0), (Dimension{x, 0}));
  const TensorId pixels = b_.Node("reshape", "pixels", {x, Constant("pixel", {-1, 4})});  // 64 times as many.
  EXPECT_EQ(Of(pixels, 0), (Dimension{pixels, 0}));
}

TEST_F(OriginsTest, PartsAreOtherLengths) {
  const TensorId x = Input("x", {kOpen, 4});
  const auto sliced = [&](const char* name, std::vector<int32_t> begin, std::vector<int32_t> end, std::vector<int32_t> step, int end_mask) {
    const std::string n(name);
    return b_.Node("strided_slice", name, {x, Constant((n + "b").c_str(), begin), Constant((n + "e").c_str(), end), Constant((n + "s").c_str(), step)}, {},
                   [&](Node& node) { SetAttr(node, "end_mask", end_mask); });
  };
  const TensorId whole = sliced("whole", {0, 1}, {0, 3}, {1, 1}, 1), head = sliced("head", {0, 0}, {5000, 4}, {1, 1}, 0);
  const TensorId half = sliced("half", {0, 0}, {0, 4}, {2, 1}, 1);
  EXPECT_EQ(Of(whole, 0), (Dimension{x, 0}));
  EXPECT_EQ(Of(head, 0), (Dimension{head, 0}));
  EXPECT_EQ(Of(half, 0), (Dimension{half, 0}));
}

TEST_F(OriginsTest, WhatTwoOperandsTellIsOneOnlyWhereTheyAre) {
  const TensorId x = Input("x", {kOpen, 4}), y = Input("y", {kOpen, 4}), same = b_.Node("tanh", "same", {x});
  EXPECT_EQ(Of(b_.Node("add", "one", {x, same}), 0), (Dimension{x, 0}));
  const TensorId either = b_.Node("add", "either", {x, y});  // Of the two, one may have a single row.
  EXPECT_EQ(Of(either, 0), (Dimension{either, 0}));
  EXPECT_EQ(Of(b_.Node("tanh", "behind", {either}), 0), (Dimension{either, 0}));  // It is one as far up as that.
  const TensorId beside = b_.Node("concatenation", "beside", {x, y}, {}, [](Node& n) { SetAttr(n, "axis", 1); });  // These must have as many.
  EXPECT_EQ(Of(beside, 0), (Dimension{x, 0}));
}

TEST_F(OriginsTest, AProductsRowsAreNotWhatIsSummed) {
  const TensorId x = Input("x", {2, kOpen, kOpen}), y = Input("y", {2, kOpen, 5});
  const TensorId product = b_.Node("batch_matmul", "product", {x, y});
  EXPECT_EQ(Of(product, 1), (Dimension{x, 1}));
  EXPECT_EQ(b_.g().tensor(product).type.shape[2], 5);
}

}  // namespace
}  // namespace octet::graph
