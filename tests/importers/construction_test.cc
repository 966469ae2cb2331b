// SPDX-License-Identifier: Apache-2.0
#include "importers/construction.h"

#include <gtest/gtest.h>


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

}  // namespace
}  // namespace octet::importers
