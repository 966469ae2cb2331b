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
  QuantizeOptions narrow;
  narrow.int8_only = true;
  const auto int8 = QuantizeInt8(b.model, data, narrow, {});
  ASSERT_TRUE(int8.ok()) << int8.error().message();
  EXPECT_TRUE(int8->int16_nodes.empty());
  EXPECT_GT(wide->output_sqnr_db, int8->output_sqnr_db + 3);
}

}  // namespace
}  // namespace octet::quantizer
