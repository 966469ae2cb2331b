// SPDX-License-Identifier: Apache-2.0
// What optimising must leave true.
#pragma once
#include <string_view>

#include "passes/pass.h"
#include "tests/model_builder.h"

namespace octet::test {

inline std::vector<std::string> Operators(const graph::Model& model) {
  std::vector<std::string> names;
  for (graph::NodeId id : model.main().order()) names.emplace_back(model.main().node(id).op->name);
  return names;
}
using Names = std::vector<std::string>;

// Optimising must change neither the numbers nor the output's name.
inline void ExpectSameMeaning(Builder& b, const Shape& input, const Names& operators) {
  const std::string name = b.g().tensor(b.g().outputs[0]).name;
  const std::vector<float> x = RandomFloats(static_cast<size_t>(input.elements()), 5);
  const std::vector<float> before = Runner(b.model, {.kernels = runtime::Kernels::kReference}).Run(x);
  const Status status = passes::Optimize(b.model);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(Operators(b.model), operators);
  EXPECT_EQ(b.g().tensor(b.g().outputs[0]).name, name);
  EXPECT_LT(LargestDifference(before, Runner(b.model, {.kernels = runtime::Kernels::kReference}).Run(x)), 1e-4f);
}

// The same as texts: what a model is, and what it becomes.
inline void ExpectBecomes(std::string_view before, std::string_view after) {
  Result<graph::Model> model = graph::Parse(before);
  ASSERT_TRUE(model.ok()) << model.error().message();
  const graph::Graph& g = model->main();
  const std::vector<float> x = RandomFloats(static_cast<size_t>(g.tensor(g.inputs[0]).type.shape.elements()), 5);
  const std::vector<float> want = Runner(*model, {.kernels = runtime::Kernels::kReference}).Run(x);
  const Status status = passes::Optimize(*model);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(graph::Print(*model), after);
  EXPECT_LT(LargestDifference(want, Runner(*model, {.kernels = runtime::Kernels::kReference}).Run(x)), 1e-4f);
}

}  // namespace octet::test
