// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/signs.h"

#include <gtest/gtest.h>

#include "ops/builtin.h"

namespace octet::importers {
namespace {

using graph::TensorId;

class SignsTest : public testing::Test {
 protected:
  TensorId Add(std::string_view op, std::vector<TensorId> in, DType type = DType::kF32) {
    const ops::OpDef& def = *ops::Find(op);
    const TensorId y = g_.AddTensor("y", {type, Shape{4}, {}});
    g_.AddNode(def, graph::Attributes(def.attrs), std::move(in), {y}, "y");
    return y;
  }
  TensorId Numbers(std::vector<float> v) {
    return g_.AddConstant<float>("c", Shape{static_cast<int32_t>(v.size())}, v);
  }
  bool Never(TensorId v) { return NeverNegative(g_, v, {}); }

  graph::Graph g_;
  const TensorId x_ = g_.AddTensor("x", {DType::kF32, Shape{4}, {}}), some_ = Numbers({-1.0f}), none_ = Numbers({1.0f});
};

TEST_F(SignsTest, WhatIsMovedKeepsItsSign) {
  const TensorId size = Add("abs", {x_});
  EXPECT_FALSE(Never(x_));
  EXPECT_TRUE(NeverNegative(g_, x_, {x_}));
  EXPECT_TRUE(Never(size));
  for (const std::string_view op : {"reshape", "transpose", "tile", "pad", "mirror_pad", "gather", "reverse_v2"}) {
    EXPECT_TRUE(Never(Add(op, {size, some_}))) << op;
    EXPECT_FALSE(Never(Add(op, {x_, none_}))) << op;
  }
  EXPECT_TRUE(Never(Add("split", {some_, size})));
  EXPECT_FALSE(Never(Add("split", {none_, x_})));
}

TEST_F(SignsTest, OfSeveralThatAreMovedEachCounts) {
  const TensorId size = Add("abs", {x_});
  EXPECT_TRUE(Never(Add("concatenation", {size, none_})));
  EXPECT_FALSE(Never(Add("concatenation", {size, x_})));
  EXPECT_TRUE(Never(Add("padv2", {size, some_, none_})));
  EXPECT_FALSE(Never(Add("padv2", {size, none_, some_})));
  EXPECT_FALSE(Never(Add("neg", {size})));
}

TEST_F(SignsTest, NumbersAreFollowedToWhereTheyCameFrom) {
  const TensorId moved = Add("cast", {Add("reshape", {Add("gather", {x_, none_}), none_})}, DType::kI32);
  EXPECT_EQ(SourceOfNumbers(g_, moved), x_);
  const TensorId joined = Add("concatenation", {x_, none_});
  EXPECT_EQ(SourceOfNumbers(g_, Add("reshape", {joined, none_})), joined);
}

}  // namespace
}  // namespace octet::importers
