// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "quantizer/quantize.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Runner;

// Masks as Keras and PyTorch write them: the lowest float that is selected, minus infinity that is added, -1e9 times what a sample's
// ends leave. Beside such numbers the scores would have no steps of 8 bits.
TEST(Quantize, MasksComeJustBelowTheScores) {
  const bool shown[] = {true, true, false, true};
  const Shape row{4};
  for (const std::string_view form : {"selected", "added", "computed", "subtracted", "cast", "counted", "twice"}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
    const auto scores = b.Conv("scores", x, 4, 3, 1, kOneStride);
    const auto number = [&](float v) { return b.Constant<float>("number", Shape{}, {v}); };
    const auto peak =
        b.Node("reduce_max", "peak", {x, b.Constant<int32_t>("last", Shape{1}, {-1})}, {}, [](graph::Node& n) { test::SetAttr<bool>(n, "keep_dims", true); });
    const auto ends = b.Node("greater", "ends", {peak, b.Constant<float>("limits", row, {2, 0.5f, 0.7f, 2})}, {DType::kBool, {}, {}});
    const auto mask = b.Node("select_v2", "hides", {ends, number(1), number(0)});
    graph::TensorId masked = scores;
    if (form == "selected") masked = b.Node("select_v2", "masked", {b.g().AddConstant<bool>("mask", row, std::span(shown)), scores, number(-3.4e38f)});
    if (form == "added") masked = b.Node("add", "masked", {scores, b.Constant<float>("mask", row, {0, 0, -INFINITY, 0})});
    if (form == "computed") masked = b.Node("add", "masked", {scores, b.Node("mul", "far", {b.Node("sub", "left", {number(1), mask}), number(-1e9f)})});
    if (form == "subtracted") masked = b.Node("sub", "masked", {scores, b.Node("mul", "far", {number(1e9f), mask})});
    if (form == "cast")
      masked = b.Node("add", "masked", {scores, b.Node("mul", "far", {b.Node("cast", "hidden", {ends}, {DType::kF32, {}, {}}, FromTruths), number(-3.4e38f)})});
    const auto softmax = [&](const std::string& name, graph::TensorId in) {
      return b.Node("softmax", name, {in}, {}, [](graph::Node& n) { test::SetAttr<float>(n, "beta", 1.0f); });
    };
    std::vector<graph::TensorId> others;
    if (form == "counted") {  // A number that a wide range is compared with, too.
      const auto one = number(1);
      masked = b.Node("add", "masked", {scores, b.Node("mul", "far", {b.Node("sub", "left", {one, mask}), number(-1e9f)})});
      others = {b.Node("maximum", "count", {b.Node("mul", "many", {peak, number(20)}), one})};
    }
    if (form == "twice") {  // Equal constants, which a file has once.
      const auto hide = [&](const std::string& name, graph::TensorId x) { return b.Node("select_v2", name, {ends, number(-1e9f), x}); };
      others = {softmax("before", hide("first", scores))};
      masked = hide("masked", b.Node("mul", "other", {scores, number(0.7f)}));
    }
    b.g().outputs = {softmax("y", masked)};
    b.g().outputs.insert(b.g().outputs.end(), others.begin(), others.end());
    QuantizeOptions options;
    options.int8_only = true;
    options.repair = false;
    const auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
    ASSERT_TRUE(result.ok()) << form << result.error().message();
    EXPECT_TRUE(result->float_nodes.empty()) << form;
    const std::vector<float> input = test::RandomFloats(108, 77);
    EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 0.03f) << form;
  }
}

// Bounds that nothing reaches, what is padded before a maximum, what is selected for no sample: the data's range counts.
TEST(Quantize, WhatNothingShowsIsInNoRange) {
  const Shape sample{1, 6, 6, 3};
  for (const std::string_view form : {"clip", "pad", "select", "pick"}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, sample, {}});
    const auto number = [&](float v) { return b.Constant<float>("number", Shape{}, {v}); };
    graph::TensorId y = b.Conv("conv", x, 4, 3, 1, kOneStride);
    if (form == "clip") y = b.Node("maximum", "low", {b.Node("minimum", "high", {y, number(1e6f)}), number(-1e30f)});
    if (form == "pad") y = b.Node("padv2", "ring", {y, b.Constant<int32_t>("by", Shape{4, 2}, {0, 0, 1, 1, 1, 1, 0, 0}), number(-1e9f)});
    if (form == "select") y = b.Node("select_v2", "chosen", {b.Node("less", "always", {y, number(1e4f)}, {DType::kBool, {}, {}}), y, number(7e7f)});
    if (form == "pick") y = b.Node("sub", "left", {y, b.Node("mul", "far", {number(1e9f), b.Constant<float>("mask", Shape{4}, {0, 0, 1, 0})})});
    const auto last = b.Constant<int32_t>("last", Shape{}, {-1});
    if (form == "pick")
      y = b.Node("cast", "y",
                 {b.Node("arg_max", "best", {y, last}, {DType::kI32, {}, {}}, [](graph::Node& n) { test::SetAttr<DType>(n, "output_type", DType::kI32); })},
                 {DType::kF32, {}, {}}, [](graph::Node& n) { test::SetAttr<DType>(n, "in_data_type", DType::kI32); });
    else y = b.Node("reduce_max", "y", {y, b.Constant<int32_t>("places", Shape{2}, {1, 2})});
    b.g().outputs = {y};
    QuantizeOptions options;
    options.int8_only = true;
    options.repair = false;
    const auto result = QuantizeInt8(b.model, TrainingSamples(32), options, {});
    ASSERT_TRUE(result.ok()) << form << result.error().message();
    const std::vector<float> input = test::RandomFloats(108, 77), want = Runner(b.model).Run(input), got = Runner(result->model).Run(input);
    int wrong = 0;
    for (size_t i = 0; i < want.size(); ++i) wrong += std::abs(want[i] - got[i]) > 0.02f * (1 + std::abs(want[i]));
    EXPECT_LE(wrong, form == "pick" ? 2 : 0) << form;  // Numbers that are nearly as large may change places.
  }
}

// An input that is clipped first needs no steps beyond the bounds.
TEST(Quantize, AnInputEndsAtItsBounds) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 6, 6, 3}, {}});
  const auto number = [&](float v) { return b.Constant<float>("number", Shape{}, {v}); };
  b.g().outputs = {b.Node("maximum", "y", {b.Node("minimum", "high", {x, number(0.05f)}), number(-0.1f)})};
  const auto result = QuantizeInt8(b.model, TrainingSamples(32), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  const std::vector<float> input = test::RandomFloats(108, 77);
  EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 0.6f * 0.15f / 255);
}

}  // namespace
}  // namespace octet::quantizer
