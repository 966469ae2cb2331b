// SPDX-License-Identifier: Apache-2.0
#include "passes/merge_broadcasts.h"

#include "passes/pass.h"
#include "tests/model_builder.h"

namespace octet::passes {
namespace {

// LiteRT ends the process where these broadcast over five dimensions.
TEST(MergeBroadcasts, NeighboursThatBroadcastAlikeAreMerged) {
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

// Whatever the source: also what a later pass leaves, or a file of LiteRT's own form has.
TEST(MergeBroadcasts, RewritesAnyGraph) {
  for (const bool spread : {false, true}) {
    test::Builder b;
    const Shape shape = spread ? Shape{2, 3, 2, 3, 2} : Shape{1, 3, 2, 3, 2};
    const auto x = b.Input("x", {DType::kF32, shape, {}});
    const Shape other = spread ? Shape{2, 1, 2, 1, 2} : Shape{3, 2, 1, 1};
    b.g().outputs = {b.Node("pow", "y", {x, b.Constant<float>("power", other, test::RandomFloats(static_cast<size_t>(other.elements()), 3))})};
    std::vector<float> in = test::RandomFloats(static_cast<size_t>(shape.elements()), 5);
    for (float& v : in) v = std::abs(v);
    const std::vector<float> want = test::Runner(b.model).Run(in);
    ASSERT_TRUE(Optimize(b.model).ok());
    EXPECT_EQ(test::Runner(b.model).Run(in), want);
    const graph::Graph& g = b.g();
    for (graph::NodeId id : g.order()) {
      const graph::Node& n = g.node(id);
      if (n.op->name != "pow") continue;
      const Shape &p = g.tensor(n.inputs[0]).type.shape, &q = g.tensor(n.inputs[1]).type.shape;
      EXPECT_TRUE(p == q || std::max(p.rank(), q.rank()) <= 4);
    }
    EXPECT_EQ(g.tensor(g.outputs[0]).type.shape, shape);
    EXPECT_EQ(g.tensor(g.outputs[0]).name, "y");
  }
}

}  // namespace
}  // namespace octet::passes
