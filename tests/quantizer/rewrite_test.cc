// SPDX-License-Identifier: Apache-2.0
#include "quantizer/rewrite.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "passes/rewrites.h"
#include "quantizer/calibrate.h"
#include "quantizer/quantize.h"
#include "quantizer/tensor_ranges.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Runner;
using test::Samples;

TEST(Rewrite, FollowsTheRules) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto conv = b.Conv("conv", x, 4, 3, 1, kOneStride);
  const auto pool = b.Node("max_pool_2d", "pool", {conv}, {}, [](graph::Node& n) {
    for (const char* name : {"stride_h", "stride_w", "filter_height", "filter_width"}) test::SetAttr<int32_t>(n, name, 2);
  });
  const auto flat = b.Node("reshape", "flat", {pool, b.Constant<int32_t>("s", Shape{2}, {1, 36})});
  b.g().outputs = {b.Node("softmax", "y", {flat}, {}, [](graph::Node& n) { test::SetAttr<float>(n, "beta", 1.0f); })};
  const Samples data = TrainingSamples(32);
  auto result = QuantizeInt8(b.model, data, {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_TRUE(result->float_nodes.empty());
  const graph::Graph& g = result->model.main();
  std::map<std::string, Quant> quants;
  for (const graph::Tensor& t : g.tensors())
    if (t.type.dtype == DType::kI8 && t.producer >= 0) quants[t.name] = t.type.quant;
  EXPECT_EQ(quants["conv"], quants["pool"]);
  EXPECT_EQ(quants["pool"], quants["flat"]);
  EXPECT_EQ(quants["y/int8"], Quant::PerTensor(1.0f / 256, -128));
  for (graph::NodeId id : g.order()) {
    if (g.node(id).op->name != "conv_2d") continue;
    const graph::Tensor &w = g.tensor(g.node(id).inputs[1]), &bias = g.tensor(g.node(id).inputs[2]);
    for (int8_t v : w.data<int8_t>()) EXPECT_GE(v, -127);
    for (size_t c = 0; c < 4; ++c) EXPECT_EQ(bias.type.quant.scale[c], g.tensor(g.node(id).inputs[0]).type.quant.scale0() * w.type.quant.scale[c]);
  }
  const std::vector<float> input = test::RandomFloats(108, 77);
  EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 0.02f);
}

// As the sizes of a transposed convolution with a free batch: no DEQUANTIZE for that.
TEST(Rewrite, AShapeIsReadOffTheIntegers) {
  Builder b;
  const auto conv = b.Conv("conv", b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}}), 4, 3, 1, kOneStride);
  const auto dims = b.Node("shape", "dims", {conv}, {DType::kI32, Shape{4}, {}}, [](graph::Node& n) { test::SetAttr(n, "out_type", DType::kI32); });
  b.g().outputs = {b.Node("relu", "y", {conv}), dims};
  RewriteOptions options;
  options.outputs = DType::kI8;
  const auto q = RewriteToInt8(b.model, {{"x", {-1, 1}}, {"conv", {-2, 2}}, {"y", {0, 2}}}, options);
  ASSERT_TRUE(q.ok()) << q.error().message();
  for (const graph::NodeId id : q->model.main().order()) EXPECT_NE(q->model.main().node(id).op->name, "dequantize");
}

TEST(Rewrite, IntegerEndsKeepTheirNames) {
  for (const auto& [in, out] : {std::pair(DType::kI8, DType::kI8), {DType::kU8, DType::kU8}, {DType::kI8, DType::kF32}, {DType::kF32, DType::kU8}}) {
    Builder b = SpreadModel(1.0f);
    QuantizeOptions options;
    options.rewrite.inputs = in;
    options.rewrite.outputs = out;
    auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
    ASSERT_TRUE(result.ok()) << result.error().message();
    const graph::Graph& g = result->model.main();
    EXPECT_EQ(g.tensor(g.inputs[0]).type.dtype, in);
    EXPECT_EQ(g.tensor(g.outputs[0]).type.dtype, out);
    EXPECT_EQ(g.tensor(g.inputs[0]).name, "x");
    EXPECT_EQ(g.tensor(g.outputs[0]).name, "last");
    EXPECT_TRUE(graph::Verify(result->model).ok());
  }
}

// A layer's last tensor has the layer's name: what names it does not mean the layer's other nodes.
TEST(Rewrite, ATensorsNameIsNoLayersName) {
  Builder b = NormModel();
  for (graph::NodeId id : b.g().order()) b.g().node(id).place = "norm";
  const Statistics statistics = *Calibrate(b.model, TrainingSamples(8), {0, 8, 1}, true, {});
  RewriteOptions options;
  options.keep_float["norm"] = "asked for";
  auto rewritten = RewriteToInt8(b.model, TensorRanges(b.model, statistics, true).All(Ranges::kMinMax, {}), options);
  ASSERT_TRUE(rewritten.ok());
  ASSERT_EQ(rewritten->float_nodes.size(), 1u);
  EXPECT_EQ(rewritten->float_nodes[0].tensor, "norm");
}

// The middle convolution with 16 bits between int8 neighbours: a QUANTIZE each way, and finer results.
TEST(Rewrite, SomeLayersTakeSixteenBits) {
  Builder b = SpreadModel(30.0f);
  const Samples data = TrainingSamples(8);
  TensorRanges ranges(b.model, *Calibrate(b.model, data, {0, 8, 1}, false, {}), true);
  RewriteOptions options;
  options.int16["last"] = "asked for";
  options.int16["dw"] = "asked for";
  const auto all = ranges.All(Ranges::kMinMax, {});
  auto mixed = RewriteToInt8(b.model, all, options);
  ASSERT_TRUE(mixed.ok()) << mixed.error().message();
  ASSERT_TRUE(graph::Verify(mixed->model).ok());
  EXPECT_EQ(mixed->int16_nodes.size(), 2u);
  EXPECT_TRUE(mixed->float_nodes.empty());
  const graph::Graph& g = mixed->model.main();
  int to_wide = 0;
  for (graph::NodeId id : g.order()) {
    const graph::Node& n = g.node(id);
    const DType in = g.tensor(n.inputs[0]).type.dtype, out = g.tensor(n.outputs[0]).type.dtype;
    if (n.op->name == "quantize") to_wide += in == DType::kI8 && out == DType::kI16;
    if (n.op->name != "depthwise_conv_2d") continue;
    EXPECT_TRUE(in == DType::kI16 && out == DType::kI16 && g.tensor(n.inputs[2]).type.dtype == DType::kI64);
  }
  EXPECT_EQ(to_wide, 1);
  const std::vector<float> x = test::RandomFloats(108, 77), want = Runner(b.model).Run(x);
  EXPECT_LT(test::LargestDifference(want, Runner(mixed->model).Run(x)), test::LargestDifference(want, Runner(RewriteToInt8(b.model, all, {})->model).Run(x)));
}

// A concatenation takes the union of its operands' ranges, in whatever order they come; what has a scale of its own is
// requantized once, everything else is written in the concatenation's scale.
TEST(Rewrite, AFixedScaleDoesNotClipTheOtherOperandsOfAConcatenation) {
  for (const std::array<int, 3> order : {std::array{0, 1, 2}, {1, 0, 2}, {2, 0, 1}, {2, 1, 0}}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
    const std::array operands{b.Conv("wide", x, 4, 3, 1, kOneStride), b.Conv("narrow", x, 4, 3, 5, kOneStride),
                              b.Node("logistic", "gate", {b.Conv("before", x, 4, 3, 9, kOneStride)})};
    b.g().outputs = {b.Node("concatenation", "y",
                            {operands[static_cast<size_t>(order[0])], operands[static_cast<size_t>(order[1])], operands[static_cast<size_t>(order[2])]}, {},
                            [](graph::Node& n) { test::SetAttr<int32_t>(n, "axis", 3); })};
    const std::map<std::string, Range> ranges{{"x", {-1, 1}}, {"wide", {0, 6}}, {"narrow", {0, 0.5f}}, {"before", {0, 4}}, {"gate", {0, 1}}, {"y", {0, 6}}};
    const auto q = RewriteToInt8(b.model, ranges, {});
    ASSERT_TRUE(q.ok()) << q.error().message();
    const graph::Graph& g = q->model.main();
    int between = 0;
    for (graph::NodeId id : g.order()) {
      const graph::Node& n = g.node(id);
      const bool direct = n.op->name == "conv_2d" && n.place != "before";
      EXPECT_FLOAT_EQ(direct ? g.tensor(n.outputs[0]).type.quant.scale0() : 6.0f / 255.0f, 6.0f / 255.0f);
      between += n.op->name == "quantize" && g.tensor(n.inputs[0]).type.dtype == DType::kI8;
    }
    EXPECT_EQ(between, 1);
  }
}

// Both scales are that of a tanh, 2^-15: as powers of two, LiteRT would refuse to add them up to the wider sum.
TEST(Rewrite, SumsOfSixteenBitsAreNeverShifted) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 4}, {}}), z = b.Input("z", {DType::kF32, Shape{1, 4}, {}});
  b.g().outputs = {b.Node("add", "y", {b.Node("tanh", "a", {x}), b.Node("tanh", "b", {z})})};
  RewriteOptions options;
  options.activation = DType::kI16;
  const Range one{-1, 1}, two{-1.5f, 2 * 32767 / 32768.0f};
  const auto rewritten = RewriteToInt8(b.model, {{"x", one}, {"z", one}, {"a", one}, {"b", one}, {"y", two}}, options);
  ASSERT_TRUE(rewritten.ok()) << rewritten.error().message();
  const graph::Graph& g = rewritten->model.main();
  const auto add = *std::ranges::find_if(g.order(), [&](graph::NodeId id) { return g.node(id).op->name == "add"; });
  EXPECT_EQ(g.tensor(g.node(add).outputs[0]).type.quant.scale0(), 0x1p-14f);
  EXPECT_FALSE(*passes::FindAttr<bool>(g.node(add), "pot_scale_int16"));
}

// LiteRT's sums are 15 bits finer than their operands: of a mask of 1e9 and a result that stays below 10, one step is too much, and
// kernels end the process.
TEST(Rewrite, SumsOfSixteenBitsTakeNoCoarserSteps) {
  for (const float reach : {10.0f, 1e9f}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, Shape{1, 4}, {}}), z = b.Input("z", {DType::kF32, Shape{1, 4}, {}});
    b.g().outputs = {b.Node("sub", "y", {x, z})};
    RewriteOptions options;
    options.activation = DType::kI16;
    const auto rewritten = RewriteToInt8(b.model, {{"x", {-1, 1}}, {"z", {0, reach}}, {"y", {-10, 10}}}, options);
    ASSERT_TRUE(rewritten.ok()) << rewritten.error().message();
    EXPECT_EQ(rewritten->float_nodes.size(), reach > 10 ? 1u : 0u);
  }
}

// 90,000 numbers of 16 bits may add up to more than 32 bits hold, of 8 bits they do not.
TEST(Rewrite, AveragesOfManyCellsStayInFloatWhereSumsHaveNoRoom) {
  for (const DType type : {DType::kI8, DType::kI16}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, Shape{1, 300, 300, 1}, {}});
    b.g().outputs = {b.Node("average_pool_2d", "y", {x}, {}, [](graph::Node& n) {
      for (const char* attribute : {"filter_width", "filter_height", "stride_w", "stride_h"}) test::SetAttr<int32_t>(n, attribute, 300);
    })};
    RewriteOptions options;
    options.activation = type;
    const auto rewritten = RewriteToInt8(b.model, {{"x", {-1, 1}}, {"y", {-1, 1}}}, options);
    ASSERT_TRUE(rewritten.ok()) << rewritten.error().message();
    EXPECT_EQ(rewritten->float_nodes.size(), type == DType::kI8 ? 0u : 1u);
  }
}

TEST(Rewrite, StepsOfOneLayerShareWeightsBiasesAndScales) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 4}, {}});
  const auto w = b.Constant<float>("w", Shape{4, 4}, test::RandomFloats(16, 3)), bias = b.Constant<float>("b", Shape{4}, {0.1f, 0.2f, 0.3f, 0.4f});
  graph::TensorId h = x;
  for (int step = 0; step < 4; ++step) {
    h = b.Node("fully_connected", "step" + std::to_string(step), {h, w, bias});
    b.g().node(b.last).place = "rnn";
    h = b.Node("tanh", "h" + std::to_string(step), {h});
    b.g().node(b.last).place = "rnn";
  }
  b.g().outputs = {h};
  auto result = QuantizeInt8(b.model, Samples(Shape{4}, test::RandomFloats(64 * 4, 8)), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  std::set<graph::TensorId> weights;
  const graph::Graph& g = result->model.main();
  for (graph::NodeId id : g.order())
    if (g.node(id).op->name == "fully_connected") weights.insert(g.node(id).inputs[1]);
  EXPECT_EQ(weights.size(), 1u);
}

}  // namespace
}  // namespace octet::quantizer
