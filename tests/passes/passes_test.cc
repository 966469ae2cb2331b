// SPDX-License-Identifier: Apache-2.0
#include "tests/passes/meaning.h"

namespace octet {
namespace {

using test::Builder;
using test::ExpectBecomes;
using test::ExpectSameMeaning;
using test::Names;

constexpr auto kOneStride = [](graph::Node& n) {
  test::SetAttr<int32_t>(n, "stride_h", 1);
  test::SetAttr<int32_t>(n, "stride_w", 1);
};

// A layer that is called twice has its weights twice in some sources. The same bytes of other scales are other weights.
TEST(Passes, LayersOfEqualWeightsBecomeOne) {
  const std::vector<float> floats = test::RandomFloats(25, 3);
  std::vector<int8_t> bytes(25);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<int8_t>(i * 7);
  for (const auto& [first, second, merges] : {std::tuple(0.0f, 0.0f, true), std::tuple(0.02f, 0.02f, true), std::tuple(0.02f, 0.04f, false)}) {
    Builder b;
    const graph::TensorId x = b.Input("x", {DType::kF32, Shape{1, 5}, {}});
    const auto layer = [&](const std::string& name, float scale) {
      const graph::TensorId w =
          scale > 0 ? b.Constant<int8_t>(name + "/w", Shape{5, 5}, bytes, Quant::PerTensor(scale, 0)) : b.Constant<float>(name + "/w", Shape{5, 5}, floats);
      return b.Node("fully_connected", name, {x, w, graph::kNoTensor});
    };
    const graph::TensorId one = layer("one", first), two = layer("two", second);
    b.g().outputs = {b.Node("mul", "y", {one, two})};
    ASSERT_TRUE(graph::InferModel(b.model).ok());
    ExpectSameMeaning(b, Shape{1, 5}, merges ? Names{"fully_connected", "mul"} : Names{"fully_connected", "fully_connected", "mul"});
  }
}

TEST(Passes, EqualBranchesBecomeOne) {
  ExpectBecomes(
      R"(graph main
input x: f32[1,4]
exp (x) -> (one: f32[1,4])
exp (x) -> (two: f32[1,4])
abs (x) -> (other: f32[1,4])
mul (one, two) -> (product: f32[1,4])
add (product, other) -> (y: f32[1,4])
output y
)",
      R"(graph main
input x: f32[1,4]
exp (x) -> (one: f32[1,4])
abs (x) -> (other: f32[1,4])
mul (one, one) -> (product: f32[1,4]) fused_activation_function=0
add (product, other) -> (y: f32[1,4]) fused_activation_function=0 pot_scale_int16=true
output y
)");
}

TEST(Passes, ReshapesMergeAndIdentitiesGo) {
  ExpectBecomes(
      R"(graph main
input x: f32[2,3,4]
const flat/shape: i32[1] = [-1]
const back/shape: i32[2] = [6,4]
const one: f32[] = [1]
reshape (x, flat/shape) -> (flat: f32[24])
reshape (flat, back/shape) -> (back: f32[6,4])
mul (back, one) -> (same: f32[6,4])
exp (same) -> (y: f32[6,4])
output y
)",
      R"(graph main
input x: f32[2,3,4]
const back/shape: i32[2] = [6,4]
reshape (x, back/shape) -> (back: f32[6,4]) new_shape=[]
exp (back) -> (y: f32[6,4])
output y
)");
}

TEST(Passes, ConstantsAreComputed) {
  ExpectBecomes(
      R"(graph main
input x: f32[1,4]
const four: f32[4] = [1,2,3,4]
const one: f32[] = [1]
add (four, one) -> (sum: f32[4])
mul (x, sum) -> (y: f32[1,4])
output y
)",
      R"(graph main
input x: f32[1,4]
const sum: f32[4] = [2,3,4,5]
mul (x, sum) -> (y: f32[1,4]) fused_activation_function=0
output y
)");
}

TEST(Passes, ATensorMeetsItsOwnTranspose) {
  ExpectBecomes(
      R"(graph main
input x: f32[3,3]
const order: i32[2] = [1,0]
transpose (x, order) -> (turned: f32[3,3])
exp (turned) -> (e: f32[3,3])
transpose (e, order) -> (t: f32[3,3])
sub (e, t) -> (difference: f32[3,3])
transpose (difference, order) -> (y: f32[3,3])
output y
)",
      R"(graph main
input x: f32[3,3]
const /order: i32[2] = [1,0]
exp (x) -> (e/permuted: f32[3,3])
transpose (e/permuted, /order) -> (t/transposed: f32[3,3])
sub (e/permuted, t/transposed) -> (y: f32[3,3]) fused_activation_function=0 pot_scale_int16=true
output y
)");
}

TEST(Passes, BatchNormAndActivationDisappearIntoTheConvolution) {
  Builder b;
  const Shape shape{1, 5, 5, 3};
  const auto conv = b.Conv("conv", b.Input("x", {DType::kF32, shape, {}}), 4, 3, 1, kOneStride);
  const auto scaled = b.Node("mul", "bn/mul", {conv, b.Constant<float>("m", Shape{4}, {0.5f, -2.0f, 1.5f, 3.0f})});
  const auto shifted = b.Node("add", "bn/add", {scaled, b.Constant<float>("a", Shape{4}, {1.0f, 0.0f, -1.0f, 0.25f})});
  b.g().outputs = {b.Node("relu", "y", {shifted})};
  ExpectSameMeaning(b, shape, {"conv_2d"});
}

TEST(Passes, AConvolutionReadTwiceKeepsItsBatchNorm) {
  Builder b;
  const Shape shape{1, 5, 5, 3};
  const auto conv = b.Conv("conv", b.Input("x", {DType::kF32, shape, {}}), 4, 3, 1, kOneStride);
  const auto scaled = b.Node("mul", "scaled", {conv, b.Constant<float>("m", Shape{4}, {0.5f, -2.0f, 1.5f, 3.0f})});
  b.g().outputs = {b.Node("add", "y", {scaled, conv})};
  ExpectSameMeaning(b, shape, {"conv_2d", "mul", "add"});
}

TEST(Passes, WhatStandsBehindAReshapedConvolutionFoldsIntoIt) {
  Builder b;
  const Shape shape{1, 1, 9, 3};
  const auto conv = b.Conv("conv", b.Input("x", {DType::kF32, shape, {}}), 4, 1, 1, kOneStride);
  const auto sequence = b.Node("reshape", "sequence", {conv, b.Constant<int32_t>("s", Shape{3}, {1, 9, 4})});
  const auto scaled = b.Node("mul", "scaled", {sequence, b.Constant<float>("m", Shape{4}, {0.5f, -2.0f, 1.5f, 3.0f})});
  b.g().outputs = {b.Node("relu", "y", {scaled})};
  ExpectSameMeaning(b, shape, {"conv_2d", "reshape"});
}

TEST(Passes, NothingFoldsThroughAnActivation) {
  Builder b;
  const Shape shape{1, 5, 5, 3};
  const auto conv = b.Conv("conv", b.Input("x", {DType::kF32, shape, {}}), 4, 3, 1, kOneStride);
  const auto relu = b.Node("relu", "relu", {conv});
  b.g().outputs = {b.Node("mul", "y", {relu, b.Constant<float>("m", Shape{4}, {0.5f, -2.0f, 1.5f, 3.0f})})};
  ExpectSameMeaning(b, shape, {"conv_2d", "mul"});
}

TEST(Passes, PaddingThatSameWouldDoIsFused) {
  for (const auto& [pads, fused] :
       {std::pair(std::vector<int32_t>{0, 0, 0, 1, 0, 1, 0, 0}, true), std::pair(std::vector<int32_t>{0, 0, 1, 1, 1, 1, 0, 0}, false)}) {
    Builder b;
    const Shape shape{1, 8, 8, 3};
    const auto padded = b.Node("pad", "pad", {b.Input("x", {DType::kF32, shape, {}}), b.Constant<int32_t>("pads", Shape{4, 2}, pads)});
    b.g().outputs = {b.Conv("y", padded, 4, 3, 1, [](graph::Node& n) {
      test::SetAttr(n, "padding", ops::Padding::kValid);
      test::SetAttr<int32_t>(n, "stride_h", 2);
      test::SetAttr<int32_t>(n, "stride_w", 2);
    })};
    ExpectSameMeaning(b, shape, fused ? Names{"conv_2d"} : Names{"pad", "conv_2d"});
  }
}

graph::TensorId Transposed(Builder& b, const std::string& name, graph::TensorId x, std::vector<int32_t> order) {
  const Shape s{static_cast<int32_t>(order.size())};
  return b.Node("transpose", name, {x, b.Constant<int32_t>(name + "/order", s, order)});
}

TEST(Passes, TransposesCancelAcrossRegionsOfElementwiseOperators) {
  Builder b;
  const Shape shape{1, 4, 5, 3};
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto a = Transposed(b, "first", x, {0, 3, 1, 2});
  const auto r = b.Node("abs", "abs", {a});
  const auto s = b.Node("mul", "scale", {r, b.Constant<float>("m", Shape{3, 1, 1}, {1, -2, 3})});
  const auto c = b.Node("concatenation", "both", {s, a}, {}, [](graph::Node& n) { test::SetAttr<int32_t>(n, "axis", 1); });
  b.g().outputs = {Transposed(b, "last", c, {0, 2, 3, 1})};
  ExpectSameMeaning(b, shape, {"abs", "mul", "concatenation"});
}

TEST(Passes, TransposesThatCancelBetweenTwoOutputsLeaveACopy) {
  ExpectBecomes(
      R"(graph main
input x: f32[2,3,4]
const there: i32[3] = [2,0,1]
const back: i32[3] = [1,2,0]
exp (x) -> (e: f32[2,3,4])
transpose (e, there) -> (turned: f32[4,2,3])
transpose (turned, back) -> (y: f32[2,3,4])
transpose (turned, back) -> (z: f32[2,3,4])
output y
output z
)",
      R"(graph main
input x: f32[2,3,4]
const /shape: i32[3] = [2,3,4]
exp (x) -> (y: f32[2,3,4])
reshape (y, /shape) -> (z: f32[2,3,4]) new_shape=[]
output y
output z
)");
}

TEST(Passes, ATransposeBeforeAFlattenedImageGoesIntoTheWeights) {
  Builder b;
  const Shape shape{1, 2, 3, 4};
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto t = Transposed(b, "t", x, {0, 3, 1, 2});
  const auto flat = b.Node("reshape", "flat", {t, b.Constant<int32_t>("shape", Shape{2}, {1, 24})});
  const auto w = b.Constant<float>("w", Shape{5, 24}, test::RandomFloats(120, 3));
  b.g().outputs = {b.Node("fully_connected", "fc", {flat, w, b.Constant<float>("b", Shape{5}, {1, 2, 3, 4, 5})})};
  ExpectSameMeaning(b, shape, {"reshape", "fully_connected"});
}

TEST(Passes, TransposesGoThroughReshapesThatKeepDimensionsTogether) {
  Builder b;
  const Shape shape{2, 3, 4, 6};  // To channels second, rows and columns joined, and channels last again.
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto t = Transposed(b, "t", x, {0, 3, 1, 2});
  const auto joined = b.Node("reshape", "joined", {t, b.Constant<int32_t>("shape", Shape{3}, {2, 6, 12})});
  b.g().outputs = {b.Node("abs", "abs", {Transposed(b, "back", joined, {0, 2, 1})})};
  ExpectSameMeaning(b, shape, {"reshape", "abs"});
}

TEST(Passes, QuantizeMeetsDequantizeAcrossWhatOnlyMoves) {
  Builder b;
  const Shape shape{2, 3, 4};
  const TensorType grid{DType::kI8, shape, Quant::PerTensor(0.0625f, 0)};
  const auto rounded = b.Node("quantize", "rounded", {b.Input("x", {DType::kF32, shape, {}})}, grid);
  const auto a = b.Node("abs", "abs", {b.Node("dequantize", "real", {rounded})});
  const auto flat = b.Node("reshape", "flat", {a, b.Constant<int32_t>("shape", Shape{2}, {2, 12})});
  const auto most = b.Node("reduce_max", "most", {flat, b.Constant<int32_t>("axis", Shape{1}, {1})});
  b.g().outputs = {b.Node("dequantize", "y", {b.Node("quantize", "again", {most}, {DType::kI8, {}, Quant::PerTensor(0.0625f, 0)})})};
  ExpectSameMeaning(b, shape, {"quantize", "abs", "reshape", "reduce_max", "dequantize"});
}

TEST(Passes, NegationsOfIntegersMindZeroPoints) {
  Builder b;
  const Shape shape{2, 3, 4};
  const auto rounded = b.Node("quantize", "rounded", {b.Input("x", {DType::kF32, shape, {}})}, {DType::kI8, shape, Quant::PerTensor(0.0625f, -128)});
  const auto negative = b.Node("neg", "negative", {b.Node("dequantize", "real", {rounded})});
  b.g().outputs = {b.Node("dequantize", "y", {b.Node("quantize", "again", {negative}, {DType::kI8, shape, Quant::PerTensor(0.0625f, 127)})})};
  ExpectSameMeaning(b, shape, {"quantize", "mul", "dequantize"});
}

}  // namespace
}  // namespace octet
