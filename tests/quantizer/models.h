// SPDX-License-Identifier: Apache-2.0
// Models and data that several tests of the quantizer take.
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "tests/model_builder.h"
#include "tests/samples.h"

namespace octet::quantizer {

inline constexpr auto kOneStride = [](graph::Node& n) {
  test::SetAttr<int32_t>(n, "stride_h", 1);
  test::SetAttr<int32_t>(n, "stride_w", 1);
  test::SetAttr(n, "fused_activation_function", ops::Activation::kRelu);
};

inline void FromTruths(graph::Node& n) { test::SetAttr<DType>(n, "in_data_type", DType::kBool); }

// conv -> depthwise -> conv, with one output channel of the first made hundreds of times the others.
inline test::Builder SpreadModel(float factor) {
  test::Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto first = b.Conv("first", x, 8, 3, 1, kOneStride);
  graph::Node& n = b.g().node(b.last);
  std::vector<float> w(b.g().tensor(n.inputs[1]).data<float>().begin(), b.g().tensor(n.inputs[1]).data<float>().end());
  for (size_t i = 0; i < 27; ++i) w[i] *= factor;  // Channel 0.
  b.g().SetInput(b.last, 1, b.Constant<float>("first/wide", Shape{8, 3, 3, 3}, w));
  const auto dw = b.Depthwise("dw", first, 3, 5);
  b.g().outputs = {b.Conv("last", dw, 4, 1, 9, kOneStride)};
  return b;
}

// A LayerNorm as Keras computes it: x * (r * gain) + (term - m * (r * gain)), r and m being one number per row.
inline test::Builder NormModel() {
  test::Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto conv = b.Conv("conv", x, 4, 3, 1, kOneStride);
  const auto axis = b.Constant<int32_t>("axis", Shape{1}, {3});
  const auto keep = [](graph::Node& n) { test::SetAttr(n, "keep_dims", true); };
  const auto m = b.Node("mean", "m", {conv, axis}, {}, keep), d = b.Node("squared_difference", "d", {conv, m}), v = b.Node("mean", "v", {d, axis}, {}, keep);
  const auto r = b.Node("rsqrt", "r", {b.Node("add", "e", {v, b.Constant<float>("epsilon", Shape{}, {0.01f})})});
  const auto scaled = b.Node("mul", "scaled", {r, b.Constant<float>("gain", Shape{4}, {0.1f, 300, -2, 1})});
  const auto rest = b.Node("sub", "rest", {b.Constant<float>("term", Shape{4}, {1, -50, 0.5f, 2}), b.Node("mul", "centre", {m, scaled})});
  const auto norm = b.Node("add", "norm", {b.Node("mul", "part", {conv, scaled}), rest});
  b.g().outputs = {b.Conv("last", norm, 4, 1, 9, kOneStride)};
  return b;
}

inline test::Samples TrainingSamples(int count) { return {Shape{6, 6, 3}, test::RandomFloats(static_cast<size_t>(count) * 108, 21)}; }

// Rows from thousandths to tens: 256 steps are too few for one of them, and no int8 operator can give them back.
inline test::Samples Decades(int count) {
  std::vector<float> values = test::RandomFloats(static_cast<size_t>(count) * 48, 4);
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::pow(10.0f, static_cast<float>(i / 8 % 6) - 4) * (1.5f + values[i]);
  return {Shape{6, 8}, values};
}

inline bool Names(const std::vector<std::string>& causes, std::string_view what) {
  return std::ranges::any_of(causes, [&](const std::string& c) { return c.find(what) != std::string::npos; });
}

}  // namespace octet::quantizer
