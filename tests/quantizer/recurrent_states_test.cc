// SPDX-License-Identifier: Apache-2.0
#include "quantizer/recurrent_states.h"

#include <algorithm>
#include <string>
#include <vector>

#include "quantizer/quantize.h"
#include "tests/model_builder.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Samples;

// c = 0.999 * c + 0.02 * tanh(W x), thirty times over: what a step adds is less than one int8 step of the widest channel.
Builder GatheringModel(int steps) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 4}, {}});
  const auto name = [](const char* what, int step) { return std::string(what) + std::to_string(step); };
  const auto place = [&](const char* where) { b.g().node(b.last).place = where; };
  const auto keep = b.Constant<float>("keep", Shape{}, {0.999f}), share = b.Constant<float>("share", Shape{}, {0.02f});
  const auto w = b.Constant<float>("w", Shape{4, 4}, test::RandomFloats(16, 3)), bias = b.Constant<float>("b", Shape{4}, std::vector<float>(4, 0.1f));
  graph::TensorId c = b.Node("tanh", "begin", {b.Node("mul", "wide", {x, b.Constant<float>("first", Shape{}, {8})})});
  const auto start = b.Node("mul", "start", {c, b.Constant<float>("second", Shape{}, {6})});
  c = start;
  for (int step = 0; step < steps; ++step) {
    const auto added =
        b.Node("mul", name("added", step), {b.Node("tanh", name("candidate", step), {b.Node("fully_connected", name("product", step), {x, w, bias})}), share});
    place("rnn/added");
    const auto kept = b.Node("mul", name("kept", step), {c, keep});
    place("rnn/kept");
    c = b.Node("add", name("c", step), {kept, added});
    place("rnn/c");
  }
  b.g().outputs = {b.Node("sub", "gathered", {c, start})};
  return b;
}

// Without 16 bits the outputs keep less.
void ExpectLessInInt8Only(const graph::Model& model, const Samples& data, double wide_db) {
  QuantizeOptions narrow;
  narrow.int8_only = true;
  const auto int8 = QuantizeInt8(model, data, narrow, {});
  ASSERT_TRUE(int8.ok()) << int8.error().message();
  EXPECT_TRUE(int8->int16_nodes.empty());
  EXPECT_GT(wide_db, int8->output_sqnr_db + 3);
}

TEST(StateCarriers, AreFoundByTheWayFromStepToStep) {
  const std::vector<std::string> names = StateCarriers(GatheringModel(5).g());
  for (const char* name : {"kept1", "kept4", "c0", "c3", "added2"}) EXPECT_EQ(std::ranges::count(names, name), 1) << name;
  for (const char* name : {"wide", "product1", "candidate1"}) EXPECT_EQ(std::ranges::count(names, name), 0) << name;
  EXPECT_TRUE(StateCarriers(GatheringModel(2).g()).empty());
  // Sums one behind the other that are layers of their own carry no state.
  Builder b;
  graph::TensorId t = b.Input("x", {DType::kF32, Shape{1, 4}, {}});
  for (int i = 0; i < 5; ++i) {
    t = b.Node("add", "sum" + std::to_string(i), {t, t});
    b.g().node(b.last).place = "layer" + std::to_string(i);
  }
  b.g().outputs = {t};
  EXPECT_TRUE(StateCarriers(b.g()).empty());
}

TEST(Quantize, StatesThatGatherTakeSixteenBits) {
  const Builder b = GatheringModel(30);
  const Samples data(Shape{4}, test::RandomFloats(64 * 4, 8));
  const auto wide = QuantizeInt8(b.model, data, {}, {});
  ASSERT_TRUE(wide.ok()) << wide.error().message();
  EXPECT_TRUE(wide->float_nodes.empty());
  EXPECT_GT(wide->int16_nodes.size(), 60u);
  ExpectLessInInt8Only(b.model, data, wide->output_sqnr_db);
}

// A stem, and blocks that add a twentieth of what is there: less than the stream's steps of 8 bits tell apart.
Builder StreamModel(int blocks, bool attends) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 8}, {}});
  const auto dense = [&](const std::string& name, graph::TensorId in, float size, uint32_t seed) {
    std::vector<float> w = test::RandomFloats(64, seed);
    for (float& v : w) v *= size;
    const auto weights = b.Constant<float>(name + "/w", Shape{8, 8}, w), bias = b.Constant<float>(name + "/b", Shape{8}, std::vector<float>(8, 0.01f));
    return b.Node("fully_connected", name, {in, weights, bias}, {}, [](graph::Node& n) { test::SetAttr<bool>(n, "keep_num_dims", true); });
  };
  graph::TensorId stream = dense("stem", x, 20, 3);
  for (int k = 0; k < blocks; ++k) {
    const std::string at = std::to_string(k);
    graph::TensorId part = b.Node("tanh", "part" + at, {dense("in" + at, stream, 0.05f, 10 + static_cast<uint32_t>(k))});
    if (attends)
      part = b.Node("batch_matmul", "mixed" + at,
                    {b.Node("batch_matmul", "scores" + at, {part, part}, {}, [](graph::Node& n) { test::SetAttr(n, "adj_y", true); }), part});
    stream = b.Node("add", "sum" + at, {stream, dense("out" + at, part, 0.2f, 30 + static_cast<uint32_t>(k))});
  }
  const auto start = b.g().node(b.g().order()[0]).outputs[0];
  b.g().outputs = {b.Node("sub", "added", {stream, start})};
  return b;
}

TEST(ResidualStreams, AreSumsUponSumsAndWhatTheyBeginWith) {
  EXPECT_TRUE(ResidualStreams(StreamModel(1, true).g()).empty());
  const std::vector<std::string> names = ResidualStreams(StreamModel(4, true).g());
  for (const char* name : {"stem", "sum0", "sum1", "sum3"}) EXPECT_EQ(std::ranges::count(names, name), 1) << name;
  for (const char* name : {"in1", "out0", "part2", "mixed3"}) EXPECT_EQ(std::ranges::count(names, name), 0) << name;
}

TEST(Quantize, AStreamThatBlocksAddLittleToTakesSixteenBits) {
  const Builder b = StreamModel(4, true);
  const Samples data(Shape{6, 8}, test::RandomFloats(64 * 48, 8));
  const auto wide = QuantizeInt8(b.model, data, {}, {});
  ASSERT_TRUE(wide.ok()) << wide.error().message();
  EXPECT_TRUE(std::ranges::any_of(wide->int16_nodes, [](const FloatNode& n) { return n.tensor == "sum1"; }));
  ExpectLessInInt8Only(b.model, data, wide->output_sqnr_db);
}

}  // namespace
}  // namespace octet::quantizer
