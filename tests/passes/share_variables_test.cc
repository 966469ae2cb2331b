// SPDX-License-Identifier: Apache-2.0
#include "passes/rewrites.h"
#include "tests/model_builder.h"

namespace octet::passes {
namespace {

// A variable that is read, written, and read again by another handle; `between` stands before the last read.
std::string Counter(const std::string& between) {
  return R"(graph main
    input x: f32[3]
    var_handle () -> (v: resource[]) shared_name='a'
    var_handle () -> (w: resource[]) shared_name='b'
    read_variable (v) -> (before: f32[3])
    add (before, x) -> (sum: f32[3])
    assign_variable (v, sum) -> ()
    )" + between + R"(
    var_handle () -> (again: resource[]) shared_name='a'
    read_variable (again) -> (after: f32[3])
    exp (after) -> (y: f32[3])
    output y
    graph init
    )";
}

std::string ReadBy(const graph::Model& model) {
  for (const graph::NodeId id : model.main().order())
    if (model.main().node(id).op->name == "exp") return model.main().tensor(model.main().node(id).inputs[0]).name;
  return "";
}

TEST(ShareVariables, WhatWasWrittenIsNotReadAgain) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "sum"},
      {"assign_variable (w, x) -> ()", "sum"},                    // Another variable.
      {"assign_variable (v, x) -> ()", "x"},
      {"call_once () -> () init_subgraph_index=#1", "after"},    // Whoever is called may write it.
  };
  for (const auto& [between, value] : cases) {
    auto model = graph::Parse(Counter(between));
    ASSERT_TRUE(model.ok()) << model.error().message();
    const Result<int> shared = ShareVariables(model->main());
    ASSERT_TRUE(shared.ok());
    EXPECT_EQ(*shared, value == "after" ? 0 : 1) << between;
    EXPECT_EQ(ReadBy(*model), value) << between;
    const Status verified = graph::Verify(*model);
    EXPECT_TRUE(verified.ok()) << verified.message();
  }
}

// One handle per variable is enough.
TEST(ShareVariables, HandlesOfAVariableMerge) {
  auto model = graph::Parse(Counter(""));
  ASSERT_TRUE(model.ok()) << model.error().message();
  EXPECT_EQ(*MergeDuplicates(model->main()), 1);
  EXPECT_TRUE(graph::Verify(*model).ok());
}

}  // namespace
}  // namespace octet::passes
