// SPDX-License-Identifier: Apache-2.0
#include "quantizer/quantize.h"

#include <algorithm>
#include <string>
#include <vector>

#include "exporter/exporter.h"
#include "graph/text.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Runner;
using test::Samples;

TEST(Quantize, TheChoiceNeedsNoLabelsAndBeatsTheNaiveWay) {
  Builder b = SpreadModel(300.0f);
  const Samples data = TrainingSamples(64);
  auto result = QuantizeInt8(b.model, data, {}, {});
  ASSERT_TRUE(result.ok());
  EXPECT_NE(result->chosen.find("equalized"), std::string::npos);
  double best = INFINITY, naive = 0;
  for (const Candidate& c : result->candidates) {
    best = std::min(best, c.output_error);
    if (c.name == "as it is, min-max") naive = c.output_error;
  }
  EXPECT_LT(best * 2, naive);
}

TEST(Quantize, SameInputSameBytes) {
  Builder b = SpreadModel(30.0f);
  const Samples data = TrainingSamples(32);
  EXPECT_EQ(*exporter::Export(QuantizeInt8(b.model, data, {}, {})->model), *exporter::Export(QuantizeInt8(b.model, data, {}, {})->model));
}

// NEG knows no zero points: what it makes of integers is another number.
TEST(Quantize, SquaresAreIntegers) {
  Builder b;
  const auto x = b.Conv("conv", b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}}), 4, 3, 1, kOneStride);
  b.g().outputs = {b.Node("square", "y", {x})};
  const auto result = QuantizeInt8(b.model, TrainingSamples(32), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_TRUE(result->float_nodes.empty());
  const std::vector<float> input = test::RandomFloats(108, 77);
  EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 0.25f);  // Of 25.
}

TEST(Quantize, NegationsKeepTheirZeroPoints) {
  Builder b;
  const auto x = b.Conv("conv", b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}}), 4, 3, 1, kOneStride);
  b.g().outputs = {b.Node("exp", "y", {b.Node("neg", "turned", {b.Node("exp", "above", {x})})})};
  QuantizeOptions options;
  options.int8_only = true;
  const auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_TRUE(result->float_nodes.empty());
  const std::vector<float> input = test::RandomFloats(108, 77);
  EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 0.03f);
}

// What is always zero has no scale of its own, and sums have no tiny ones. Indices are the same of integers as of floats.
TEST(Quantize, ZerosAndIndicesStayWhatTheyAre) {
  Builder b;
  const auto x = b.Conv("conv", b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}}), 4, 3, 1, kOneStride);
  const auto nothing = b.Node("sub", "nothing", {x, x});
  const auto best = b.Node("arg_max", "best", {x, b.Constant<int32_t>("last", Shape{}, {-1})}, {DType::kI32, {}, {}},
                           [](graph::Node& n) { test::SetAttr<DType>(n, "output_type", DType::kI32); });
  b.g().outputs = {nothing, best};
  QuantizeOptions options;
  options.int8_only = true;
  const auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(Runner(result->model).Run(test::RandomFloats(108, 77)), std::vector<float>(Runner(b.model).Run(test::RandomFloats(108, 77)).size(), 0.0f));
  const graph::Graph& g = result->model.main();
  for (graph::NodeId id : g.order()) EXPECT_TRUE(g.node(id).op->name != "arg_max" || g.tensor(g.node(id).inputs[0]).type.dtype == DType::kI8);
}

// Elements of the input that are compared or ranked gain nothing by 8 bits: no QUANTIZE, and the same answers as in float.
TEST(Quantize, WhatOnlyDecidesStaysAsItComes) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto twice = b.Node("mul", "twice", {x, b.Constant<float>("two", Shape{}, {2})});
  const auto above = b.Node("greater", "above", {b.Node("neg", "turned", {twice}), b.Constant<float>("limit", Shape{}, {0.3f})}, {DType::kBool, {}, {}});
  b.g().outputs = {b.Node("cast", "y", {above}, {DType::kI32, {}, {}}, FromTruths), b.Conv("conv", x, 4, 3, 1, kOneStride)};
  const auto result = QuantizeInt8(b.model, TrainingSamples(32), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  const std::vector<float> input = test::RandomFloats(108, 77);
  EXPECT_EQ(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 0);
  std::vector<std::string_view> names;
  for (graph::NodeId id : result->model.main().order()) names.push_back(result->model.main().node(id).op->name);
  EXPECT_EQ(std::ranges::count(names, "quantize"), 1);
  EXPECT_EQ(std::ranges::count(names, "dequantize"), 1);
}

// Of a truth, whole numbers are made, not the ends of a range.
TEST(Quantize, TruthsAreWholeNumbers) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto positive = b.Node("cast", "positive", {b.Node("greater", "is", {x, b.Constant<float>("zero", Shape{}, {0})}, {DType::kBool, {}, {}})},
                               {DType::kF32, {}, {}}, FromTruths);
  b.g().outputs = {b.Node("mul", "y", {x, b.Node("sub", "left", {positive, b.Constant<float>("half", Shape{}, {0.5f})})})};
  const std::vector<float> input = test::RandomFloats(108, 77);
  for (const DType activation : {DType::kI8, DType::kI16}) {
    QuantizeOptions options;
    options.int8_only = true;
    options.rewrite.activation = activation;
    const auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
    ASSERT_TRUE(result.ok()) << result.error().message();
    EXPECT_EQ(result->float_nodes.size(), activation == DType::kI8 ? 0u : 1u);
    EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), activation == DType::kI8 ? 0.02f : 0.0005f);
  }
}

// An integer division by zero is refused: what comes that near stays in float, whatever the budget.
TEST(Quantize, DivisorsNearZeroStayInFloat) {
  for (const float least : {0.001f, 1.0f}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
    const auto size = b.Node("add", "size", {b.Node("abs", "abs", {x}), b.Constant<float>("least", Shape{}, {least})});
    b.g().outputs = {b.Node("div", "y", {x, size})};
    QuantizeOptions options;
    options.int8_only = true;
    const auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
    ASSERT_TRUE(result.ok()) << result.error().message();
    EXPECT_EQ(result->float_nodes.size(), least < 1 ? 1u : 0u);
  }
}

// Lengths as a capsule divides by them: the square of a short one is no step, where the length itself would be a dozen.
TEST(Quantize, ADivisorOfWhatMayRoundToZeroStaysInFloat) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 8}, {}});
  const auto square = b.Node("sum", "square", {b.Node("mul", "squares", {x, x}), b.Constant<int32_t>("last", Shape{1}, {-1})}, {},
                             [](graph::Node& n) { test::SetAttr(n, "keep_dims", true); });
  const auto length = b.Node("sqrt", "length", {b.Node("add", "positive", {square, b.Constant<float>("least", Shape{}, {1e-7f})})});
  b.g().outputs = {b.Node("div", "y", {x, length})};
  std::vector<float> values = test::RandomFloats(64 * 8, 4);
  for (size_t i = 0; i < values.size(); ++i) values[i] *= i / 8 % 4 == 0 ? 0.05f : 1;
  QuantizeOptions options;
  options.int8_only = true;
  const auto result = QuantizeInt8(b.model, Samples(Shape{8}, values), options, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  ASSERT_EQ(result->float_nodes.size(), 1u);
  EXPECT_EQ(result->float_nodes[0].tensor, "y");
}

// As many as are above their mean: never none, but for what rounding makes of rows whose numbers lie close together.
TEST(Quantize, ADivisorThatCountsDecisionsStaysInFloat) {
  Builder b;
  const auto keep = [](graph::Node& n) { test::SetAttr(n, "keep_dims", true); };
  const auto last = b.Constant<int32_t>("last", Shape{1}, {-1});
  const auto x = b.Node("tanh", "x", {b.Input("raw", {DType::kF32, Shape{1, 4}, {}})});
  const auto above = b.Node("greater_equal", "above", {x, b.Node("mean", "middle", {x, last}, {}, keep)}, {DType::kBool, {}, {}});
  const auto count = b.Node("sum", "count", {b.Node("cast", "truths", {above}, {DType::kF32, {}, {}}, FromTruths), last}, {}, keep);
  b.g().outputs = {b.Node("div", "y", {x, count})};
  QuantizeOptions options;
  options.int8_only = true;
  const auto result = QuantizeInt8(b.model, Samples(Shape{4}, test::RandomFloats(64 * 4, 4)), options, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  ASSERT_EQ(result->float_nodes.size(), 1u);
  EXPECT_EQ(result->float_nodes[0].tensor, "y");
  EXPECT_NE(result->float_nodes[0].reason.find("count"), std::string::npos);
}

TEST(Quantize, LimitsMayBeInfinite) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto above = b.Node("greater", "above", {x, b.Constant<float>("limit", Shape{}, {-INFINITY})}, {DType::kBool, {}, {}});
  b.g().outputs = {b.Node("mul", "y", {x, b.Node("cast", "truths", {above}, {DType::kF32, {}, {}}, FromTruths)})};
  const auto result = QuantizeInt8(b.model, TrainingSamples(32), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  const std::vector<float> input = test::RandomFloats(108, 77);
  EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 0.02f);
}

// What writes a variable makes no tensor.
TEST(Quantize, VariablesThatAreWrittenMakeNothing) {
  auto model = graph::Parse(R"(graph main
    input x: f32[1,4]
    call_once () -> () init_subgraph_index=#1
    var_handle () -> (v: resource[]) shared_name='a'
    read_variable (v) -> (before: f32[1,4])
    add (before, x) -> (sum: f32[1,4])
    assign_variable (v, sum) -> ()
    exp (sum) -> (y: f32[1,4])
    output y
    graph init
    const value: f32[1,4] = [1,2,3,4]
    var_handle () -> (handle: resource[]) shared_name='a'
    assign_variable (handle, value) -> ()
    )");
  ASSERT_TRUE(model.ok()) << model.error().message();
  const auto result = QuantizeInt8(*model, Samples(Shape{4}, test::RandomFloats(32 * 4, 5)), {}, {});
  EXPECT_TRUE(result.ok()) << result.error().message();
}

TEST(Quantize, Int16ActivationsAreNearlyFloat) {
  Builder b = SpreadModel(1.0f);
  QuantizeOptions options;
  options.rewrite.activation = DType::kI16;
  auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_TRUE(result->float_nodes.empty());
  const graph::Graph& g = result->model.main();
  for (graph::NodeId id : g.order()) {
    if (g.node(id).op->name != "conv_2d") continue;
    EXPECT_EQ(g.tensor(g.node(id).inputs[0]).type.dtype, DType::kI16);
    EXPECT_EQ(g.tensor(g.node(id).inputs[0]).type.quant.zero0(), 0);
    EXPECT_EQ(g.tensor(g.node(id).inputs[2]).type.dtype, DType::kI64);
  }
  const std::vector<float> x = test::RandomFloats(108, 77), want = Runner(b.model).Run(x), got = Runner(result->model).Run(x);
  float most = 0;
  for (float v : want) most = std::max(most, std::abs(v));
  EXPECT_LT(test::LargestDifference(want, got), 0.02f * most);
}

TEST(Quantize, SquaresStayIntegerIn16Bits) {
  Builder b;
  const auto conv = b.Conv("conv", b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}}), 4, 3, 1, kOneStride);
  b.g().outputs = {b.Node("squared_difference", "square", {conv, b.Constant<float>("mean", Shape{4}, {0.1f, -0.2f, 0.3f, 0.0f})})};
  QuantizeOptions options;
  options.rewrite.activation = DType::kI16;
  auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_TRUE(result->float_nodes.empty());
  const std::vector<float> x = test::RandomFloats(108, 77), want = Runner(b.model).Run(x), got = Runner(result->model).Run(x);
  EXPECT_LT(test::LargestDifference(want, got), 0.01f * *std::ranges::max_element(want));
}

TEST(Quantize, SumsOfManyAreIntegers) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto a = b.Conv("a", x, 4, 3, 1, kOneStride), c = b.Conv("c", x, 4, 3, 5, kOneStride), d = b.Conv("d", x, 4, 3, 7, kOneStride);
  b.g().outputs = {b.Node("add_n", "sum", {a, c, d, a})};
  const auto result = QuantizeInt8(b.model, TrainingSamples(32), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_TRUE(result->float_nodes.empty());
  const std::vector<float> input = test::RandomFloats(108, 77), want = Runner(b.model).Run(input);
  EXPECT_LT(test::LargestDifference(want, Runner(result->model).Run(input)), 0.2f);
}

// Rows without variance make 1 / sqrt(v + e) tens of thousands, which are multiplied by zeros: in int8 all other rows would
// be lost beside them. The cause is named, and the range ends where it matters.
TEST(Quantize, ALayerNormsEpsilonMayBeNearZero) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 8}, {}});
  const auto axis = b.Constant<int32_t>("axis", Shape{1}, {2});
  const auto keep = [](graph::Node& n) { test::SetAttr(n, "keep_dims", true); };
  const auto m = b.Node("mean", "m", {x, axis}, {}, keep), v = b.Node("mean", "v", {b.Node("squared_difference", "d", {x, m}), axis}, {}, keep);
  const auto r = b.Node("rsqrt", "r", {b.Node("add", "e", {v, b.Constant<float>("epsilon", Shape{}, {1e-9f})})});
  b.g().outputs = {b.Node("mul", "y", {b.Node("sub", "centred", {x, m}), r})};
  std::vector<float> values = test::RandomFloats(64 * 48, 4);
  for (size_t row = 0; row < values.size() / 8; row += 3) std::fill_n(values.begin() + static_cast<int64_t>(row * 8), 8, 0.25f);
  for (const DType type : {DType::kI8, DType::kI16}) {
    QuantizeOptions options;
    options.int8_only = true;
    options.rewrite.activation = type;
    const auto q = QuantizeInt8(b.model, Samples(Shape{6, 8}, values), options, {});
    ASSERT_TRUE(q.ok()) << q.error().message();
    EXPECT_GT(q->output_sqnr_db, 25);
    EXPECT_TRUE(std::ranges::any_of(q->causes, [](const std::string& cause) { return cause.find("values of r ") != std::string::npos; }));
  }
}

TEST(Quantize, PerTensorWeightsHaveOneScale) {
  Builder b = SpreadModel(30.0f);
  QuantizeOptions options;
  options.rewrite.per_tensor_weights = true;
  auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
  ASSERT_TRUE(result.ok());
  for (const graph::Tensor& t : result->model.main().tensors()) EXPECT_LE(t.type.quant.scale.size(), 1u) << t.name;
}

}  // namespace
}  // namespace octet::quantizer
