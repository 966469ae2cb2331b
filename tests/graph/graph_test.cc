// SPDX-License-Identifier: Apache-2.0
#include "graph/graph.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>

namespace octet::graph {
namespace {

// x -> reshape -> a -> reshape -> b
struct Chain {
  Model model;
  TensorId x, shape, a, b;
  NodeId first, second;

  Chain() {
    Graph& g = model.subgraphs.emplace_back();
    const ops::OpDef& reshape = *ops::Find("reshape");
    const int32_t flat[] = {-1};
    x = g.AddTensor("x", {DType::kF32, Shape{2, 3}, {}});
    shape = g.AddConstant<int32_t>("shape", Shape{1}, flat);
    a = g.AddTensor("a", {});
    b = g.AddTensor("b", {});
    first = g.AddNode(reshape, Attributes(reshape.attrs), {x, shape}, {a}, "first");
    second = g.AddNode(reshape, Attributes(reshape.attrs), {a, shape}, {b}, "second");
    g.inputs = {x};
    g.outputs = {b};
  }
  Graph& g() { return model.main(); }
};

// Files share one table of options where attributes are equal: what lies between the members of a struct is anything.
TEST(Attributes, AreTheirValuesAlone) {
  const ops::AttrLayout& layout = ops::Find("conv_2d")->attrs;
  alignas(std::max_align_t) std::byte raw[2][256];
  ASSERT_LE(layout.bytes, sizeof raw[0]);
  for (std::byte* attributes : raw) layout.init(std::memset(attributes, 0, sizeof raw[0]));
  std::byte* const gap = static_cast<std::byte*>(layout.rows[0].at(raw[1])) + 1;  // Behind a member of one byte.
  ASSERT_EQ(layout.rows[0].kind, ops::AttrKind::kI8);
  for (const ops::AttrRow& row : layout.rows) ASSERT_NE(row.at(raw[1]), gap);
  *gap = std::byte{0xff};
  const Attributes clean(layout, raw[0]), filled(layout, raw[1]);
  ASSERT_NE(std::memcmp(clean.get(), filled.get(), layout.bytes), 0);
  EXPECT_EQ(clean.content(), filled.content());
  EXPECT_TRUE(clean == filled);
}

TEST(Graph, BooleansAreZeroOrOne) {
  graph::Graph g;
  const auto t =
      g.AddConstant("mask", {DType::kBool, Shape{3}, {}}, graph::MakeBuffer(std::as_bytes(std::span<const uint8_t>(std::array<uint8_t, 3>{0, 230, 1}))));
  EXPECT_EQ(std::vector<uint8_t>(g.tensor(t).data<uint8_t>().begin(), g.tensor(t).data<uint8_t>().end()), (std::vector<uint8_t>{0, 1, 1}));
}

TEST(Graph, InfersAlongTheChainAndVerifies) {
  Chain c;
  ASSERT_TRUE(InferAll(c.g()).ok());
  EXPECT_EQ(c.g().tensor(c.b).type.shape, Shape{6});
  EXPECT_TRUE(Verify(c.model).ok());
}

TEST(Graph, UnknownBatchStaysUnknown) {
  Chain c;
  c.g().tensor(c.x).type.shape = Shape{kUnknown, 3};
  ASSERT_TRUE(InferAll(c.g()).ok());
  EXPECT_EQ(c.g().tensor(c.b).type.shape, Shape{kUnknown});
}

TEST(Graph, ReplaceUsesKeepsUseListsTrue) {
  Chain c;
  c.g().ReplaceUses(c.a, c.x);
  EXPECT_EQ(c.g().uses(c.a), 0);
  EXPECT_EQ(c.g().uses(c.x), 2);
  EXPECT_EQ(c.g().SoleConsumer(c.x), -1);
  EXPECT_TRUE(Verify(c.model).ok());
  c.g().RemoveDead();
  EXPECT_EQ(c.g().num_nodes(), 1u);
  EXPECT_EQ(c.g().tensor(c.a).producer, -1);
  EXPECT_TRUE(Verify(c.model).ok());
}

TEST(Graph, SortPutsProducersFirstAndFindsCycles) {
  Chain c;
  const ops::OpDef& reshape = *ops::Find("reshape");
  const TensorId late = c.g().AddTensor("late", {});
  c.g().AddNode(reshape, Attributes(reshape.attrs), {c.x, c.shape}, {late}, "late");
  c.g().SetInput(c.first, 0, late);
  EXPECT_FALSE(Verify(c.model).ok());
  ASSERT_TRUE(c.g().Sort());
  EXPECT_TRUE(Verify(c.model).ok());
  c.g().SetInput(c.first, 0, c.b);
  EXPECT_FALSE(c.g().Sort());
}

TEST(Graph, ErrorsNameTheNode) {
  Chain c;
  const int32_t bad[] = {5, -1, -1};
  c.g().SetConstant(c.shape, {DType::kI32, Shape{3}, {}}, MakeBuffer(std::as_bytes(std::span(bad))));
  const Status status = InferAll(c.g());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.message(), "reshape at 'first': more than one dimension is -1");
}

TEST(Graph, PrintsOneLinePerThing) {
  Chain c;
  ASSERT_TRUE(InferAll(c.g()).ok());
  EXPECT_EQ(Print(c.model),
            "graph main\n"
            "input x: f32[2,3]\n"
            "const shape: i32[1] = [-1]\n"
            "reshape (x, shape) -> (a: f32[6]) new_shape=[] @first\n"
            "reshape (a, shape) -> (b: f32[6]) new_shape=[] @second\n"
            "output b\n");
}

}  // namespace
}  // namespace octet::graph
