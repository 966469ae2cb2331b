// SPDX-License-Identifier: Apache-2.0
#include "graph/text.h"
#include "passes/rewrites.h"
#include "tests/model_builder.h"
#include "tests/passes/loop_text.h"

namespace octet::passes {
namespace {

// Four rounds of x = x + x. `rounds` and `sum` nobody reads but themselves, `sum` reads x; `outputs` are the main graph's.
std::string Loop(const std::string& outputs) {
  const test::LoopText loop{.main = R"(
    input n: i32[]
    input x: f32[3]
    while (n, n, x, x) -> (rounds: i32[], m: i32[], y: f32[3], z: f32[3]) cond_subgraph_index=#1 body_subgraph_index=#2 @loop
    )" + outputs,
                            .variables = R"(
    input rounds: i32[]
    input n: i32[]
    input x: f32[3]
    input sum: f32[3])",
                            .condition = test::Below("4"),
                            .body = R"(
    const one: i32[] = [1]
    add (rounds, one) -> (round: i32[]) @count
    add (n, one) -> (next: i32[]) @next
    add (x, x) -> (twice: f32[3]) @twice
    add (sum, x) -> (more: f32[3]) @more
    output round
    output next
    output twice
    output more)"};
  return loop.text();
}

struct Case {
  std::string outputs;
  size_t variables, body_nodes;
};

TEST(DropLoopVariables, WhatNobodyReadsGoes) {
  for (const Case& c : {Case{"output y", 2, 2}, Case{"output z", 3, 3}, Case{"output y\noutput rounds", 3, 3}, Case{"output z\noutput rounds", 4, 4}}) {
    auto model = graph::Parse(Loop(c.outputs));
    ASSERT_TRUE(model.ok()) << model.error().message();
    const std::vector<graph::TensorId> outputs = model->main().outputs;
    const auto run = [](const graph::Model& m) {
      test::Runner runner(m);
      EXPECT_TRUE(runner.it->Allocate().ok());
      const float x[] = {1, 2, 3};
      std::memset(runner.it->input(0).data, 0, 4);
      std::memcpy(runner.it->input(1).data, x, sizeof x);
      EXPECT_TRUE(runner.it->Invoke().ok());
      return reinterpret_cast<const float*>(runner.it->output(0).data)[2];
    };
    const float want = run(*model);
    const Result<int> dropped = DropLoopVariables(*model);
    ASSERT_TRUE(dropped.ok()) << dropped.error().message();
    EXPECT_EQ(*dropped, c.variables < 4 ? 1 : 0);
    EXPECT_EQ(model->main().node(model->main().order()[0]).inputs.size(), c.variables) << c.outputs;
    EXPECT_EQ(model->subgraphs[2].num_nodes(), c.body_nodes) << c.outputs;
    EXPECT_EQ(model->main().outputs, outputs);  // Signatures name them.
    EXPECT_EQ(run(*model), want);
  }
}

TEST(DropLoopVariables, ABodyOfTwoLoopsStays) {
  std::string text = Loop("output y");
  const std::string loop =
      "    while (n, n, x, x) -> (rounds2: i32[], m2: i32[], y2: f32[3], z2: f32[3]) cond_subgraph_index=#1 body_subgraph_index=#2 @again\n    output y2\n";
  text.insert(text.find("    output y"), loop);
  auto model = graph::Parse(text);
  ASSERT_TRUE(model.ok()) << model.error().message();
  EXPECT_EQ(*DropLoopVariables(*model), 0);
  EXPECT_EQ(model->subgraphs[2].inputs.size(), 4u);
}

}  // namespace
}  // namespace octet::passes
