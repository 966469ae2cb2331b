// SPDX-License-Identifier: Apache-2.0
#include "passes/rewrites.h"
#include "tests/model_builder.h"
#include "tests/passes/loop_text.h"

namespace octet::passes {
namespace {

// x doubles until n is k + 1, k being 2 where the body hands it on and growing where it does not.
std::string Loop(const std::string& next_k) {
  const test::LoopText loop{.main = R"(
    input n: i32[]
    input x: f32[3]
    const two: i32[] = [2]
    while (n, x, two) -> (m: i32[], y: f32[3], k: i32[]) cond_subgraph_index=#1 body_subgraph_index=#2 @loop
    output y)",
                            .variables = R"(
    input n: i32[]
    input x: f32[3]
    input k: i32[])",
                            .condition = R"(
    const one: i32[] = [1]
    add (k, one) -> (bound: i32[]) @bound
    less (n, bound) -> (go: bool[]) @go
    output go)",
                            .body = R"(
    const two: i32[] = [2]
    add (n, two) -> (next: i32[]) @next
    add (k, two) -> (later: i32[]) @later
    mul (later, two) -> (unread: i32[]) @unread
    add (x, x) -> (twice: f32[3]) @twice
    output next
    output twice
    output )" + next_k};
  return loop.text();
}

TEST(HoistConditions, WhatNoRoundChangesIsComputedBeforeTheLoop) {
  for (const auto& [next_k, hoists] : {std::pair("k", true), std::pair("unread", false)}) {
    auto model = graph::Parse(Loop(next_k));
    ASSERT_TRUE(model.ok()) << model.error().message();
    const auto run = [](const graph::Model& m) {
      test::Runner runner(m);
      EXPECT_TRUE(runner.it->Allocate().ok());
      const int32_t n = -20;
      const float x[] = {1, 2, 3};
      std::memcpy(runner.it->input(0).data, &n, sizeof n);
      std::memcpy(runner.it->input(1).data, x, sizeof x);
      EXPECT_TRUE(runner.it->Invoke().ok());
      return reinterpret_cast<const float*>(runner.it->output(0).data)[2];
    };
    auto changed = *model;
    const Result<int> hoisted = HoistConditions(changed);
    ASSERT_TRUE(hoisted.ok()) << hoisted.error().message();
    EXPECT_EQ(*hoisted, hoists ? 1 : 0) << next_k;
    const Status verified = graph::Verify(changed);
    EXPECT_TRUE(verified.ok()) << verified.message();
    EXPECT_EQ(changed.subgraphs[1].num_nodes(), hoists ? 1u : 2u);
    if (hoists) {
      EXPECT_EQ(run(changed), run(*model));
    }
  }
}

}  // namespace
}  // namespace octet::passes
