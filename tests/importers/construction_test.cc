// SPDX-License-Identifier: Apache-2.0
#include "importers/construction.h"

#include <gtest/gtest.h>

#include "graph/graph.h"

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

TEST(Construction, WhatBecomesMuchLargerWaitsUntilSomebodyLooks) {
  Construction model;
  const float one = 1.0f;
  const int32_t wide = 1 << 19;
  const ops::Value x = model.Constant({DType::kF32, Shape{1}, {}}, std::as_bytes(std::span(&one, 1)), "x");
  const ops::Value size = model.Constant({DType::kI32, Shape{1}, {}}, std::as_bytes(std::span(&wide, 1)), "size");
  const auto make = [&](std::string_view op, std::vector<graph::TensorId> in) {
    const ops::OpDef& def = *ops::Find(op);
    const ops::Value y{model.graph().AddTensor(model.UniqueName("y"), {DType::kF32, {}, {}})};
    const graph::NodeId node = model.graph().AddNode(def, graph::Attributes(def.attrs), std::move(in), {y.id}, "y");
    EXPECT_TRUE(graph::InferNode(model.graph(), node).ok());
    EXPECT_TRUE(model.Fold(node).ok());
    return y;
  };
  const ops::Value small = make("neg", {x.id}), large = make("broadcast_to", {x.id, size.id}), behind = make("neg", {large.id});
  EXPECT_TRUE(model.graph().is_constant(small.id));
  EXPECT_FALSE(model.graph().is_constant(large.id));
  EXPECT_FALSE(model.graph().is_constant(behind.id));
  const graph::Buffer bytes = model.BytesOf(behind);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->size(), sizeof(float) << 19);
  EXPECT_EQ(reinterpret_cast<const float*>(bytes->data())[wide - 1], -1.0f);
  EXPECT_TRUE(model.graph().is_constant(large.id));
}

}  // namespace
}  // namespace octet::importers
