// SPDX-License-Identifier: Apache-2.0
#include "checker/target.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/model_builder.h"

namespace octet::checker {
namespace {

using test::Builder;

bool HasAttribute(const std::string& op, const std::string& name) {
  const ops::OpDef* def = ops::Find(op);
  return def && std::ranges::any_of(def->attrs.rows, [&](const ops::AttrRow& row) { return row.name == name; });
}

TEST(Targets, AllAreWellFormedAndNameKnownOperators) {
  const std::vector<std::string> names = TargetNames();
  for (const char* name : {"cpu", "gpu", "edgetpu", "nnapi", "coreml", "hexagon", "micro"}) {
    EXPECT_NE(std::ranges::find(names, name), names.end()) << name;
    auto target = LoadTarget(name);
    ASSERT_TRUE(target.ok()) << target.error().message();
    EXPECT_FALSE(target->sources.empty());
    for (const Need& need : target->needs) {
      EXPECT_TRUE(need.op == "*" || ops::Find(need.op)) << name << ": " << need.op;
      EXPECT_TRUE(need.op == "*" || std::ranges::find(target->ops, need.op) != target->ops.end()) << name << " has rules for " << need.op << ", which it lacks";
      for (const Condition& c : need.conditions)
        EXPECT_TRUE((c.kind != "attr" && c.kind != "equal") || HasAttribute(need.op, c.name)) << name << ": " << need.op << " " << c.name;
    }
    for (const std::string& op : target->ops) EXPECT_TRUE(op == "*" || ops::Find(op)) << name << ": " << op;
    for (const auto& [op, advice] : target->instead) {
      EXPECT_TRUE(ops::Find(op)) << name << ": " << op;
      EXPECT_EQ(std::ranges::find(target->ops, op), target->ops.end()) << name << " has " << op;
    }
  }
  EXPECT_FALSE(LoadTarget("toaster").ok());
}

TEST(Targets, WhatNoSourceSaysIsNamed) {
  auto target = ParseTarget("toy", "title Toy\nsource here\nop add\nunverified op mul\nunverified need add rank out <= 1 \"too deep\" -> \"flatten\"\n");
  ASSERT_TRUE(target.ok()) << target.error().message();
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{2, 2}, {}});
  b.g().outputs = {b.Node("add", "sum", {b.Node("mul", "product", {x, x}), x})};
  EXPECT_EQ(TakenOnTrust(*target, b.model), (std::vector<std::string>{"MUL"}));
  const std::vector<Obstacle> found = Evaluate(*target, b.model);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NE(found[0].reason.find("unverified"), std::string::npos);
  EXPECT_FALSE(ParseTarget("toy", "title Toy\nsource here\nop add\nunverified types i8 \"a\" -> \"b\"\n").ok());
}

// A layer of two products meets the obstacle twice; a node without outputs, as variables are assigned, has no layer's name.
TEST(Targets, ObstaclesAreToldOnceAndHavePlaces) {
  auto target = ParseTarget("toy", "title Toy\nsource here\nop add\n");
  ASSERT_TRUE(target.ok()) << target.error().message();
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{2, 2}, {}});
  b.g().outputs = {b.Node("mul", "twice", {b.Node("mul", "once", {x, x}), x})};
  for (const graph::NodeId id : b.g().order()) b.g().node(id).place = "layer";
  std::vector<Obstacle> found = Evaluate(*target, b.model);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].place, "layer");
  b.g().node(b.g().order()[1]).place = "";
  found = Evaluate(*target, b.model);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[1].place, "operator 1 of subgraph main");
}

TEST(Targets, RulesAreRead) {
  constexpr const char* kRules =
      "title Toy\nsource here\n# a comment\nop add mul\nneed mul rank out <= 3 \"too deep\" -> \"flatten\"\ninstead relu \"use mul\"\n"
      "types i8 \"integers only\" -> \"quantize\"\nstatic \"fixed sizes\" -> \"--input\"\n";
  auto target = ParseTarget("toy", kRules);
  ASSERT_TRUE(target.ok()) << target.error().message();
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{kUnknown, 2, 2, 2}, {}});
  const auto y = b.Node("mul", "block/scale", {x, b.Constant<float>("m", Shape{}, {2.0f})});
  b.g().outputs = {b.Node("relu", "block/act", {y})};
  const std::vector<Obstacle> found = Evaluate(*target, b.model);
  ASSERT_EQ(found.size(), 4u);
  EXPECT_NE(found[0].reason.find("integers only"), std::string::npos);
  EXPECT_EQ(found[1].place, "block/scale");
  EXPECT_EQ(found[1].advice, "flatten");
  EXPECT_EQ(found[2].op, "relu");
  EXPECT_EQ(found[2].advice, "use mul");
  EXPECT_EQ(found[3].reason, "fixed sizes");
}

TEST(Targets, ConditionsLookIntoTypesConstantsAndVersions) {
  constexpr const char* kRules =
      "title Toy\nsource here\nop mul mean cast\nneed mul type 0 i8 or rank 0 == 1 \"float matrix\" -> \"quantize\"\nneed mean each 1 != 0 \"the batch\" -> \"keep it\"\n"
      "need mean value 1 1 <= 1 \"the second axis\" -> \"keep it\"\nneed cast version <= 1 \"too new\" -> \"older\"\nneed cast computed 0 \"constant\" -> \"fold\"\n";
  auto target = ParseTarget("toy", kRules);
  ASSERT_TRUE(target.ok()) << target.error().message();
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{2, 3}, {}}), v = b.Input("v", {DType::kF32, Shape{3}, {}}), u = b.Input("u", {DType::kU16, Shape{3}, {}});
  const auto cube = b.Input("cube", {DType::kF32, Shape{2, 3, 4}, {}});
  b.g().outputs = {b.Node("mul", "matrix", {x, x}), b.Node("mul", "vector", {v, v}), b.Node("mean", "batch", {x, b.Constant<int32_t>("a", Shape{1}, {0})}),
                   b.Node("mean", "both", {cube, b.Constant<int32_t>("c", Shape{2}, {1, 2})}), b.Node("cast", "cast", {u})};
  std::vector<std::string> found;
  for (const Obstacle& o : Evaluate(*target, b.model)) found.push_back(o.place + ": " + o.reason);
  EXPECT_EQ(found, (std::vector<std::string>{"matrix: float matrix", "batch: the batch", "both: the second axis", "cast: too new"}));
}

// One thing that each target refuses, and that it says so at the layer's place.
struct Refusal {
  const char *target, *reason;
  void (*build)(Builder& b);
};
TensorType Image(DType type, int32_t batch = 1) { return {type, Shape{batch, 8, 8, 3}, {}}; }
void AddConv(Builder& b, DType type, int dilation, int stride, int32_t batch = 1) {
  const auto x = b.Input("x", Image(type, batch));
  const auto w = type == DType::kF32 ? b.Constant<float>("w", Shape{4, 3, 3, 3}, std::vector<float>(108, 0.5f))
                                     : b.Constant<int8_t>("w", Shape{4, 3, 3, 3}, std::vector<int8_t>(108, 5));
  const auto bias = type == DType::kF32 ? b.Constant<float>("b", Shape{4}, {0, 0, 0, 0}) : b.Constant<int32_t>("b", Shape{4}, {0, 0, 0, 0});
  const auto y = b.g().AddTensor("layer", {type, Shape{batch, 8, 8, 4}, {}});
  const ops::OpDef& def = *ops::Find("conv_2d");
  const graph::NodeId node = b.g().AddNode(def, graph::Attributes(def.attrs), {x, w, bias}, {y}, "block/layer");
  for (const char* name : {"dilation_w_factor", "dilation_h_factor"}) test::SetAttr(b.g().node(node), name, int32_t{dilation});
  for (const char* name : {"stride_w", "stride_h"}) test::SetAttr(b.g().node(node), name, int32_t{stride});
  b.g().outputs = {y};
}
const Refusal kRefusals[] = {
    {"gpu", "does not have REVERSE_V2", [](Builder& b) { b.g().outputs = {b.Node("reverse_v2", "block/layer", {b.Input("x", Image(DType::kF32)), b.Constant<int32_t>("a", Shape{1}, {1})})}; }},
    {"gpu", "more than 4 dimensions", [](Builder& b) { b.g().outputs = {b.Node("abs", "block/layer", {b.Input("x", {DType::kF32, Shape{1, 2, 2, 2, 2}, {}})})}; }},
    {"edgetpu", "8-bit integers only", [](Builder& b) { AddConv(b, DType::kF32, 1, 1); }},
    {"edgetpu", "a batch", [](Builder& b) { AddConv(b, DType::kI8, 1, 1, 2); }},
    {"hexagon", "dilated", [](Builder& b) { AddConv(b, DType::kI8, 2, 1); }},
    {"hexagon", "strides above 3", [](Builder& b) { AddConv(b, DType::kI8, 1, 4); }},
    {"nnapi", "another type than float32", [](Builder& b) { b.g().outputs = {b.Node("div", "block/layer", {b.Input("x", Image(DType::kI32)), b.Input("y", Image(DType::kI32))})}; }},
    {"coreml", "integers", [](Builder& b) { AddConv(b, DType::kI8, 1, 1); }},
    {"coreml", "does not have SUB", [](Builder& b) { b.g().outputs = {b.Node("sub", "block/layer", {b.Input("x", Image(DType::kF32)), b.Input("y", Image(DType::kF32))})}; }},
    {"micro", "does not have GELU", [](Builder& b) { b.g().outputs = {b.Node("gelu", "block/layer", {b.Input("x", Image(DType::kF32))})}; }},
    {"micro", "known beforehand", [](Builder& b) { b.g().outputs = {b.Node("relu", "block/layer", {b.Input("x", {DType::kF32, Shape{kUnknown, 4}, {}})})}; }},
};

TEST(Targets, EachRefusesWhatItDoesNotRun) {
  for (const Refusal& r : kRefusals) {
    auto target = LoadTarget(r.target);
    ASSERT_TRUE(target.ok());
    Builder b;
    r.build(b);
    const std::vector<Obstacle> found = Evaluate(*target, b.model);
    const auto at = std::ranges::find_if(found, [&](const Obstacle& o) { return o.reason.find(r.reason) != std::string::npos; });
    ASSERT_NE(at, found.end()) << r.target << ": " << r.reason;
    EXPECT_TRUE(at->place == "block/layer" || at->op.empty()) << at->place;
    EXPECT_FALSE(at->advice.empty());
  }
}

TEST(Targets, EachTakesAConvolutionItIsMadeFor) {
  for (const char* name : {"cpu", "gpu", "edgetpu", "nnapi", "coreml", "hexagon", "micro"}) {
    auto target = LoadTarget(name);
    Builder b;
    AddConv(b, std::string_view(name) == "edgetpu" || std::string_view(name) == "hexagon" ? DType::kI8 : DType::kF32, 1, 1);
    for (const Obstacle& o : Evaluate(*target, b.model)) ADD_FAILURE() << name << ": " << o.place << ": " << o.reason;
  }
}

TEST(Targets, MistakesAreNamedByLine) {
  auto target = ParseTarget("toy", "title Toy\nsource here\nop add\nneed add rank zero <= 3 \"a\" -> \"b\"\n");
  ASSERT_FALSE(target.ok());
  EXPECT_NE(target.error().message().find("line 4"), std::string::npos) << target.error().message();
}

}  // namespace
}  // namespace octet::checker
