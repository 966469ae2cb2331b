// SPDX-License-Identifier: Apache-2.0
#include "passes/unroll_loops.h"

#include <set>

#include "tests/model_builder.h"

namespace octet::passes {
namespace {

using graph::TensorId;
using test::Builder;
using test::Runner;

const TensorType kCount{DType::kI32, Shape{}, {}}, kState{DType::kF32, Shape{1, 3}, {}};

// i = 0; while (i < limit) { i = i + 1; x = tanh(w x + b) }; the count is an input where it is not known.
graph::Model Loop(int32_t limit, bool known) {
  Builder main, cond, body;
  cond.g().name = "cond";
  body.g().name = "body";
  const TensorId ci = cond.Input("i", kCount);
  cond.Input("x", kState);
  cond.g().outputs = {cond.Node("less", "go", {ci, cond.Constant<int32_t>("limit", Shape{}, {limit})}, {DType::kBool, {}, {}})};
  const TensorId bi = body.Input("i", kCount), bx = body.Input("x", kState);
  const TensorId next = body.Node("add", "next", {bi, body.Constant<int32_t>("one", Shape{}, {1})}, kCount);
  const TensorId w = body.Constant<float>("w", Shape{3, 3}, test::RandomFloats(9, 3)), b = body.Constant<float>("b", Shape{3}, {0.1f, -0.2f, 0.3f});
  body.g().outputs = {next, body.Node("tanh", "step", {body.Node("fully_connected", "product", {bx, w, b})})};
  const TensorId x = main.Input("x", kState), i = known ? main.Constant<int32_t>("start", Shape{}, {0}) : main.Input("start", kCount);
  const TensorId oi = main.g().AddTensor("oi", kCount), ox = main.g().AddTensor("ox", kState);
  const ops::OpDef& def = *ops::Find("while");
  graph::Attributes attrs(def.attrs);
  *static_cast<ops::Subgraph*>(def.attrs.rows[0].at(attrs.get())) = ops::Subgraph{1};
  *static_cast<ops::Subgraph*>(def.attrs.rows[1].at(attrs.get())) = ops::Subgraph{2};
  main.g().AddNode(def, std::move(attrs), {i, x}, {oi, ox}, "loop");
  main.g().outputs = {ox};
  main.model.subgraphs.push_back(std::move(cond.g()));
  main.model.subgraphs.push_back(std::move(body.g()));
  const Status inferred = graph::InferModel(main.model);
  EXPECT_TRUE(inferred.ok()) << (inferred.ok() ? "" : inferred.message());
  return std::move(main.model);
}

TEST(UnrollLoops, RoundsThatCanBeCountedAreWrittenOut) {
  for (const int32_t limit : {0, 1, 5}) {
    graph::Model model = Loop(limit, true);
    const std::vector<float> x{0.5f, -1, 2}, want = limit ? Runner(model).Run(x) : x;
    ASSERT_TRUE(UnrollLoops(model).ok());
    EXPECT_EQ(model.subgraphs.size(), 1u);
    ASSERT_TRUE(graph::Verify(model).ok());
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

TEST(UnrollLoops, OthersAreNamed) {
  graph::Model unknown = Loop(5, false), endless = Loop(1'000'000, true);
  const Status data = UnrollLoops(unknown), count = UnrollLoops(endless);
  ASSERT_FALSE(data.ok() || count.ok());
  EXPECT_NE(data.message().find("how often it runs depends on the data"), std::string::npos);
  EXPECT_NE(count.message().find("more than 1024 times"), std::string::npos);
}

}  // namespace
}  // namespace octet::passes
