// SPDX-License-Identifier: Apache-2.0
#include "graph/text.h"
#include "passes/pass.h"
#include "passes/rewrites.h"
#include "tests/model_builder.h"
#include "tests/passes/loop_text.h"

namespace octet::passes {
namespace {

// x doubles while both counts are below four. The second one begins with `start` and grows by `step`.
std::string Loop(const std::string& start, const std::string& step, const std::string& outputs) {
  const test::LoopText loop{.main = test::Whole("zero", "0") + test::Whole("start", start) + R"(
    input x: f32[3]
    while (zero, start, x) -> (rounds: i32[], steps: i32[], y: f32[3]) cond_subgraph_index=#1 body_subgraph_index=#2 @loop
    )" + outputs,
                            .variables = R"(
    input rounds: i32[]
    input steps: i32[]
    input x: f32[3])",
                            .condition = R"(
    const limit: i32[] = [4]
    const bound: i32[] = [4]
    less (rounds, limit) -> (a: bool[]) @a
    less (steps, bound) -> (b: bool[]) @b
    logical_and (a, b) -> (go: bool[]) @go
    output go)",
                            .body = test::Whole("one", "1") + test::Whole("step", step) + R"(
    add (rounds, one) -> (round: i32[]) @count
    add (steps, step) -> (next: i32[]) @next
    add (x, x) -> (twice: f32[3]) @twice
    output round
    output next
    output twice)"};
  return loop.text();
}

struct Case {
  std::string start, step, outputs;
  bool merges;
};

TEST(MergeLoopVariables, ValuesThatAreMadeAlikeAreOne) {
  for (const Case& c : {Case{"0", "1", "output y", true}, Case{"1", "1", "output y", false}, Case{"0", "2", "output y", false},
                        Case{"0", "1", "output y\noutput steps", false}}) {
    SCOPED_TRACE(c.start + " " + c.step + " " + c.outputs);
    auto model = graph::Parse(Loop(c.start, c.step, c.outputs));
    ASSERT_TRUE(model.ok()) << model.error().message();
    const std::vector<float> x{1, 2, 3}, want = test::Runner(*model).Run(x);
    auto merged = *model;
    const Result<int> rewrites = MergeLoopVariables(merged);
    ASSERT_TRUE(rewrites.ok());
    EXPECT_EQ(*rewrites, c.merges ? 1 : 0);
    ASSERT_TRUE(Optimize(*model).ok());
    EXPECT_EQ(model->main().node(model->main().order()[0]).inputs.size(), c.merges ? 2u : 3u);
    EXPECT_EQ(model->subgraphs[1].num_nodes(), c.merges ? 1u : 3u);
    EXPECT_EQ(test::Runner(*model).Run(x), want);
  }
}

}  // namespace
}  // namespace octet::passes
