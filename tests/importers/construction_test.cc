// SPDX-License-Identifier: Apache-2.0
#include "importers/construction.h"

#include <gtest/gtest.h>

#include "importers/lowerings/broadcast.h"

namespace octet::importers {
namespace {

TEST(Construction, ALargeConstantThatNobodyReadsGoesAndComesAgain) {
  Construction model;
  const std::vector<float> values(1 << 16, 1.0f), few(4, 1.0f);
  const TensorType large{DType::kF32, Shape{1 << 16}, {}}, small{DType::kF32, Shape{4}, {}};
  const auto bytes = std::as_bytes(std::span(values));
  const ops::Value a = model.Constant(large, bytes, "a"), b = model.Constant(large, graph::MakeBuffer(bytes), "b");
  EXPECT_EQ(a, b);  // The same bytes are one constant.
  const ops::Value c = model.Constant(small, std::as_bytes(std::span(few)), "c");
  EXPECT_FALSE(model.ReleaseUnread(c));
  EXPECT_TRUE(model.ReleaseUnread(a));
  EXPECT_FALSE(model.ReleaseUnread(a));
  EXPECT_FALSE(model.graph().is_constant(a.id));
  const ops::Value again = model.Constant(large, bytes, "again");
  EXPECT_NE(again, a);
  const ops::OpDef& abs = *ops::Find("abs");
  model.graph().AddNode(abs, graph::Attributes(abs.attrs), {again.id}, {model.graph().AddTensor("y", large)}, "y");
  EXPECT_FALSE(model.ReleaseUnread(again));
}

// LiteRT ends the process where these broadcast over five dimensions.
TEST(Broadcast, NeighboursThatBroadcastAlikeAreMerged) {
  Merged m;
  ASSERT_TRUE(MergeForBroadcast("equal", Shape{kUnknown, 6, 6, 2, 2}, Shape{kUnknown, 1, 1, 2, 1}, &m));
  EXPECT_EQ(m.a, (std::vector<int32_t>{-1, 36, 2, 2}));
  EXPECT_EQ(m.b, (std::vector<int32_t>{-1, 1, 2, 1}));
  EXPECT_EQ(m.out, (std::vector<int32_t>{-1, 6, 6, 2, 2}));
  m = {};
  ASSERT_TRUE(MergeForBroadcast("greater", Shape{}, Shape{2, 1, 3, 4, 5}, &m));
  EXPECT_EQ(m.a, (std::vector<int32_t>{1}));
  EXPECT_EQ(m.b, (std::vector<int32_t>{120}));
  m = {};
  EXPECT_TRUE(MergeForBroadcast("equal", Shape{2, 3, 2, 3, 2}, Shape{2, 1, 2, 1, 2}, &m));  // Five kinds in a row.
  EXPECT_TRUE(m.spread);
  m = {};
  EXPECT_FALSE(MergeForBroadcast("equal", Shape{kUnknown, 3, 2, 3, 2}, Shape{kUnknown, 1, 2, 1, 2}, &m));
  m = {};
  EXPECT_FALSE(MergeForBroadcast("equal", Shape{kUnknown, 3, 2, 3, 2}, Shape{2, 3, 2, 1, 2}, &m));
  EXPECT_FALSE(MergeForBroadcast("equal", Shape{2, 3, 4}, Shape{4}, &m));
  EXPECT_FALSE(MergeForBroadcast("add", Shape{2, 1, 3, 4, 5}, Shape{}, &m));
}

}  // namespace
}  // namespace octet::importers
