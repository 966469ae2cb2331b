// SPDX-License-Identifier: Apache-2.0
// Loops and branches in integers: what goes in and out of a subgraph has one scale, and what decides stays as it is.
#include <algorithm>

#include "quantizer/quantize.h"
#include "tests/loop_model.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using graph::TensorId;
using test::Builder;
using test::Runner;
using test::Samples;

graph::Model Int8(const graph::Model& model, const Samples& data, const QuantizeOptions& options = {}) {
  auto result = QuantizeInt8(model, data, options, {});
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message());
  const Status verified = graph::Verify(result->model);
  EXPECT_TRUE(verified.ok()) << (verified.ok() ? "" : verified.message());
  EXPECT_TRUE(result->float_nodes.empty());
  return std::move(result->model);
}

const graph::Node& Call(const graph::Model& model, std::string_view op) {
  for (const graph::NodeId id : model.main().order())
    if (model.main().node(id).op->name == op) return model.main().node(id);
  ADD_FAILURE() << op;
  return model.main().node(0);
}

const TensorType& TypeOf(const graph::Graph& g, TensorId t) { return g.tensor(t).type; }

void ExpectSame(const TensorType& a, const TensorType& b) {
  EXPECT_EQ(a.dtype, b.dtype);
  EXPECT_EQ(a.quant, b.quant);
}

TEST(QuantizeCalls, ALoopsValueHasOneScaleInEveryRound) {
  for (const DType type : {DType::kI8, DType::kI16}) {
    QuantizeOptions options;
    options.rewrite.activation = type;
    const graph::Model loop = test::Loop(40, true), model = Int8(loop, {Shape{3}, test::RandomFloats(32 * 3, 5)}, options);
    const graph::Graph &main = model.main(), &condition = model.subgraphs[1], &body = model.subgraphs[2];
    const graph::Node& node = Call(model, "while");
    const TensorType value = TypeOf(main, node.outputs[1]);
    EXPECT_EQ(value.dtype, type);
    for (const TensorType& t :
         {TypeOf(main, node.inputs[1]), TypeOf(condition, condition.inputs[1]), TypeOf(body, body.inputs[1]), TypeOf(body, body.outputs[1])})
      ExpectSame(t, value);
    EXPECT_EQ(TypeOf(main, node.outputs[0]).dtype, DType::kI32);
    for (const graph::NodeId id : body.order()) EXPECT_NE(TypeOf(body, body.node(id).outputs[0]).dtype, DType::kF32);
    const std::vector<float> x = test::RandomFloats(3, 77);
    EXPECT_LT(test::LargestDifference(Runner(loop).Run(x), Runner(model).Run(x)), type == DType::kI8 ? 0.05f : 0.005f);
    EXPECT_EQ(Runner(model).Run(x), Runner(model, {.kernels = runtime::Kernels::kReference}).Run(x));
  }
}

// while (x[0] < 20) x = relu(w x + b): rounded and clipped, x might never get there.
graph::Model DecidedByValue() {
  const TensorType one{DType::kF32, Shape{1, 1}, {}};
  Builder main, cond, body;
  const TensorId cx = cond.Input("x", one);
  cond.g().outputs = {cond.Node("less", "go", {cx, cond.Constant<float>("limit", Shape{}, {20})}, {DType::kBool, {}, {}})};
  const TensorId bx = body.Input("x", one);
  const TensorId product =
      body.Node("fully_connected", "product", {bx, body.Constant<float>("w", Shape{1, 1}, {1.5f}), body.Constant<float>("b", Shape{1}, {0.5f})});
  body.g().outputs = {body.Node("relu", "next", {product})};
  const TensorId x = main.Input("x", one), y = main.g().AddTensor("y", one);
  const ops::OpDef& def = *ops::Find("while");
  main.g().AddNode(def, test::Calls(def, 1, 2), {x}, {y}, "loop");
  main.g().outputs = {y};
  main.model.subgraphs.push_back(std::move(cond.g()));
  main.model.subgraphs.push_back(std::move(body.g()));
  EXPECT_TRUE(graph::InferModel(main.model).ok());
  return std::move(main.model);
}

TEST(QuantizeCalls, ALoopThatItsValuesEndStaysFloat) {
  std::vector<float> values(64);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 0.25f * static_cast<float>(1 + i % 16);
  const graph::Model loop = DecidedByValue();
  const auto result = QuantizeInt8(loop, Samples{Shape{1}, values}, {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  ASSERT_EQ(result->float_nodes.size(), 1u);
  EXPECT_EQ(Runner(result->model).Run(std::vector<float>{1}), Runner(loop).Run(std::vector<float>{1}));
}

// sum(x) < 0 ? tanh(w x) : x, the second branch handing through what the first computes with.
graph::Model Branches() {
  const TensorType row{DType::kF32, Shape{1, 3}, {}};
  Builder main, first, second;
  const TensorId fx = first.Input("x", row);
  const TensorId product =
      first.Node("fully_connected", "product",
                 {fx, first.Constant<float>("w", Shape{3, 3}, test::RandomFloats(9, 3)), first.Constant<float>("b", Shape{3}, {0.1f, 0.2f, 0.3f})});
  first.g().outputs = {first.Node("tanh", "bounded", {product})};
  second.g().outputs = {second.Input("x", row)};
  const TensorId x = main.Input("x", row);
  const TensorId sum = main.Node("sum", "total", {x, main.Constant<int32_t>("axes", Shape{2}, {0, 1})});
  const TensorId negative = main.Node("less", "negative", {sum, main.Constant<float>("zero", Shape{}, {0})}, {DType::kBool, {}, {}});
  const TensorId y = main.g().AddTensor("y", row);
  const ops::OpDef& def = *ops::Find("if");
  main.g().AddNode(def, test::Calls(def, 1, 2), {negative, x}, {y}, "branch");
  main.g().outputs = {y};
  main.model.subgraphs.push_back(std::move(first.g()));
  main.model.subgraphs.push_back(std::move(second.g()));
  EXPECT_TRUE(graph::InferModel(main.model).ok());
  return std::move(main.model);
}

TEST(QuantizeCalls, BranchesGiveWhatTheCallerReads) {
  std::vector<float> values = test::RandomFloats(64 * 3, 5);
  for (float& v : values) v *= 4;
  const graph::Model branches = Branches(), model = Int8(branches, {Shape{3}, values});
  const graph::Node& node = Call(model, "if");
  const TensorType wanted = TypeOf(model.main(), node.outputs[0]), given = TypeOf(model.main(), node.inputs[1]);
  EXPECT_EQ(wanted.dtype, DType::kI8);
  EXPECT_NEAR(given.quant.scale0(), 8.0f / 255, 0.005f);  // The input's own, nothing in between.
  for (size_t g : {1u, 2u}) {
    const graph::Graph& branch = model.subgraphs[g];
    ExpectSame(TypeOf(branch, branch.outputs[0]), wanted);
    ExpectSame(TypeOf(branch, branch.inputs[0]), given);
  }
  for (const std::vector<float>& x : {std::vector<float>{1, 2, 3}, std::vector<float>{-1, -2, 0.5f}})
    EXPECT_LT(test::LargestDifference(Runner(branches).Run(x), Runner(model).Run(x)), 0.1f);
}

TEST(QuantizeCalls, ALoopMayStayInFloatAsAWhole) {
  QuantizeOptions options;
  options.rewrite.keep_float["oi"] = "on request";  // Its first output.
  const graph::Model loop = test::Loop(40, true);
  const auto result = QuantizeInt8(loop, Samples{Shape{3}, test::RandomFloats(32 * 3, 5)}, options, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  ASSERT_EQ(result->float_nodes.size(), 1u);
  EXPECT_EQ(result->float_nodes[0].op, "while");
  const std::vector<float> x = test::RandomFloats(3, 77);
  EXPECT_EQ(Runner(result->model).Run(x), Runner(loop).Run(x));
}

}  // namespace
}  // namespace octet::quantizer
