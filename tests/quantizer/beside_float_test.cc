// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "quantizer/quantize.h"
#include "tests/model_builder.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Runner;
using test::Samples;

constexpr int32_t kWidth = 8;

graph::TensorId Dense(Builder& b, const std::string& name, graph::TensorId x, int32_t out, float size, uint32_t seed) {
  const int32_t in = b.g().tensor(x).type.shape.back();
  std::vector<float> weights = test::RandomFloats(static_cast<size_t>(in * out), seed);
  for (float& w : weights) w *= size;
  const std::vector<float> bias(static_cast<size_t>(out), 0.1f);
  return b.Node("fully_connected", name, {x, b.Constant<float>(name + "/w", Shape{out, in}, weights), b.Constant<float>(name + "/b", Shape{out}, bias)});
}

Samples Data(float size) {
  std::vector<float> values = test::RandomFloats(64 * kWidth, 4);
  for (float& v : values) v *= size;
  return {Shape{kWidth}, values};
}

std::vector<std::string> InFloat(const QuantizeResult& result) {
  std::vector<std::string> names;
  for (const FloatNode& n : result.float_nodes) names.push_back(n.tensor);
  return names;
}

Result<QuantizeResult> Quantized(const Builder& b, const Samples& data, const QuantizeOptions& options = {}) {
  return QuantizeInt8(b.model, data, options, {});
}

// Parts of one size keep one scale, and so does whatever int8 reads or the caller wants in int8.
TEST(BesideFloat, PartsThatReachUnlikeFarAreJoinedInFloatForFloatReaders) {
  for (const float other : {1.0f, 100.0f}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, Shape{1, kWidth}, {}});
    const auto both = b.Node("concatenation", "both", {Dense(b, "small", x, 4, 1, 1), Dense(b, "other", x, 4, other, 2)}, {},
                             [](graph::Node& n) { test::SetAttr<int32_t>(n, "axis", 1); });
    b.g().outputs = {b.Node("reshape", "y", {both, b.Constant<int32_t>("shape", Shape{3}, {1, 2, 4})})};
    const bool unlike = other > 1;
    const std::vector<std::string> expected = unlike ? std::vector<std::string>{"both", "y"} : std::vector<std::string>();
    const Samples data = Data(1);
    const auto result = Quantized(b, data);
    ASSERT_TRUE(result.ok()) << result.error().message();
    EXPECT_EQ(InFloat(*result), expected);
    const std::vector<float> input = test::RandomFloats(kWidth, 7);
    const std::vector<float> a = Runner(b.model).Run(input), q = Runner(result->model).Run(input);
    for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(a[i], q[i], 0.1f) << i;  // A step of the other part is 2.
    QuantizeOptions whole, bytes;
    whole.int8_only = true;
    bytes.rewrite.outputs = DType::kI8;
    EXPECT_TRUE(Quantized(b, data, whole)->float_nodes.empty());
    EXPECT_TRUE(Quantized(b, data, bytes)->float_nodes.empty());
    b.g().outputs = {Dense(b, "last", both, 4, 1, 3)};
    EXPECT_TRUE(Quantized(b, data)->float_nodes.empty());
  }
}

TEST(BesideFloat, AFunctionOfAnInputIsRoundedOnce) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, kWidth}, {}});
  b.g().outputs = {Dense(b, "y", b.Node("elu", "bent", {x}), 4, 1, 1)};
  const auto result = Quantized(b, Data(20));
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(InFloat(*result), std::vector<std::string>{"bent"});
  QuantizeOptions bytes;
  bytes.rewrite.inputs = DType::kI8;
  EXPECT_TRUE(Quantized(b, Data(20), bytes)->float_nodes.empty());
}

// Between two operators that have no int8 form; a large layer there is worth the way.
TEST(BesideFloat, WhatCostsLessThanTheWayIntoInt8StaysInFloat) {
  for (const int32_t width : {4, 512}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, Shape{1, kWidth}, {}});
    const auto sine = b.Node("sin", "sine", {Dense(b, "first", x, 512, 1, 1)});
    const auto part = b.Node("slice", "part", {sine, b.Constant<int32_t>("begin", Shape{2}, {0, 0}), b.Constant<int32_t>("size", Shape{2}, {1, width})});
    b.g().outputs = {Dense(b, "last", b.Node("cos", "cosine", {Dense(b, "inner", part, width, 0.1f, 2)}), 4, 1, 3)};
    const auto result = Quantized(b, Data(1));
    ASSERT_TRUE(result.ok()) << result.error().message();
    const std::vector<std::string> small{"sine", "part", "inner", "cosine", "last"}, large{"sine", "cosine", "last"};
    EXPECT_EQ(InFloat(*result), width == 4 ? small : large);
  }
}

// Weights count once, and an open batch as one sample: what is in float is no more than all there is.
TEST(BesideFloat, SharesAreOfOneSampleWhereTheBatchIsOpen) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{kUnknown, kWidth}, {}});
  b.g().outputs = {b.Node("round", "y", {Dense(b, "dense", x, kWidth / 2, 1, 1)})};
  const auto result = Quantized(b, Data(1));
  ASSERT_TRUE(result.ok()) << result.error().message();
  ASSERT_EQ(InFloat(*result), (std::vector<std::string>{"y"}));
  EXPECT_EQ(result->float_nodes[0].bytes, kWidth / 2 * 2 * 4);
  EXPECT_GT(result->bytes, kWidth * kWidth / 2 * 4);
}

}  // namespace
}  // namespace octet::quantizer
