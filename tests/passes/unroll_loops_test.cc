// SPDX-License-Identifier: Apache-2.0
#include "passes/unroll_loops.h"

#include <set>

#include "tests/loop_model.h"

namespace octet::passes {
namespace {

using test::Loop;
using test::Runner;

TEST(UnrollLoops, RoundsThatCanBeCountedAreWrittenOut) {
  for (const int32_t limit : {0, 1, 5}) {
    graph::Model model = Loop(limit, true);
    model.signatures = {{"serving_default", {}, {{"state", model.main().outputs[0]}}, 0}};
    const std::vector<float> x{0.5f, -1, 2}, want = limit ? Runner(model).Run(x) : x;
    ASSERT_TRUE(UnrollLoops(model).ok());
    EXPECT_EQ(model.subgraphs.size(), 1u);
    ASSERT_TRUE(graph::Verify(model).ok());
    EXPECT_EQ(model.signatures[0].outputs[0].tensor, model.main().outputs[0]);
    EXPECT_EQ(model.main().tensor(model.main().outputs[0]).name, limit ? "ox" : "x");
    EXPECT_EQ(model.main().num_nodes(), static_cast<size_t>(2 * limit));
    if (limit) {
      EXPECT_EQ(Runner(model).Run(x), want);
    }
    std::set<const void*> weights;  // One copy for all rounds.
    for (const graph::NodeId id : model.main().order())
      if (model.main().node(id).op->name == "fully_connected") weights.insert(model.main().tensor(model.main().node(id).inputs[1]).constant.get());
    EXPECT_LE(weights.size(), 1u);
  }
}

TEST(UnrollLoops, OthersStay) {
  for (graph::Model model : {Loop(5, false), Loop(33, true)}) {
    ASSERT_TRUE(UnrollLoops(model).ok());
    EXPECT_EQ(model.subgraphs.size(), 3u);
    EXPECT_EQ(model.main().num_nodes(), 1u);
    EXPECT_TRUE(graph::Verify(model).ok());
  }
}

}  // namespace
}  // namespace octet::passes
