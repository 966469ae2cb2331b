// SPDX-License-Identifier: Apache-2.0
// Convolutions that run together on a band of rows at a time, against plans in which they do not.
#include "ops/node_def_util.h"
#include "tests/model_builder.h"

namespace octet {
namespace {

using graph::TensorId;
using test::Builder;
using test::Runner;

// How many nodes each band step stands for, in their order.
std::vector<int> Bands(const Runner& runner) {
  std::vector<int> bands;
  int fused = 0;
  for (int i = 0; i < runner.it->num_nodes(); ++i) {
    const std::string_view kernel = runner.it->node(i).kernel;
    if (kernel == "bands") bands.push_back(fused + 1);
    fused = kernel == "fused" ? fused + 1 : 0;
  }
  return bands;
}

// Against a plan without bands. Floats are the same, too: a sum has one order.
template <class T> void ExpectSameBits(const Builder& b, const std::vector<T>& x, const std::vector<int>& bands) {
  Runner one_by_one(b.model, {.keep_all_tensors = true});
  const std::vector<T> want = one_by_one.Run(x);
  EXPECT_TRUE(Bands(one_by_one).empty());
  for (int threads : {1, 2, 3}) {
    Runner runner(b.model, {.threads = threads});
    EXPECT_EQ(want, runner.Run(x)) << threads << " threads";
    EXPECT_EQ(bands, Bands(runner));
  }
}

size_t ElementsOfInput(Builder& b) { return static_cast<size_t>(b.g().tensor(b.g().inputs[0]).type.shape.elements()); }
void ExpectSameBits(Builder& b, std::vector<TensorId> outputs, const std::vector<int>& bands) {
  b.g().outputs = std::move(outputs);
  ExpectSameBits(b, test::RandomBytes(ElementsOfInput(b), 3), bands);
}

Quant Scale(float scale, int zero) { return Quant::PerTensor(scale, zero); }

// Integer convolutions of an image; every one has scales of its own.
struct Chain {
  Builder b;
  TensorId y;
  explicit Chain(Shape image) : y(b.Input("x", {DType::kI8, image, Scale(0.05f, 3)})) {}

  TensorId Product(bool depthwise, int32_t out, int32_t size, int32_t stride, ops::Padding padding) {
    const TensorType& x = b.g().tensor(y).type;
    const int32_t in = x.shape.back(), columns = depthwise ? in : out;
    const Shape shape = depthwise ? Shape{1, size, size, in} : Shape{out, size, size, in};
    const std::string name = "n" + std::to_string(++nodes_);
    std::vector<float> scales, bias_scales;
    std::vector<int32_t> biases;
    const auto seed = static_cast<uint32_t>(nodes_);
    for (int8_t v : test::RandomBytes(static_cast<size_t>(columns), seed + 50)) {
      scales.push_back(0.002f + 0.00001f * static_cast<float>(v));
      bias_scales.push_back(scales.back() * x.quant.scale0());
      biases.push_back(v * 40);
    }
    const SharedList<int32_t> zeros(std::vector<int32_t>(scales.size()));
    const TensorId w =
        b.Constant<int8_t>(name + "/w", shape, test::RandomBytes(static_cast<size_t>(shape.elements()), seed), {scales, zeros, depthwise ? 3 : 0, 0});
    const TensorId c = b.Constant<int32_t>(name + "/b", Shape{columns}, biases, {bias_scales, zeros, 0, 0});
    return y = b.Node(depthwise ? "depthwise_conv_2d" : "conv_2d", name, {y, w, c}, {DType::kI8, {}, Scale(0.11f, -9 * nodes_)}, [&](graph::Node& n) {
      test::SetAttr(n, "padding", padding);
      test::SetAttr(n, "stride_w", stride);
      test::SetAttr(n, "stride_h", stride);
    });
  }
  TensorId Conv(int32_t out, int32_t size = 1, int32_t stride = 1) { return Product(false, out, size, stride, ops::Padding::kSame); }
  TensorId Depthwise(int32_t size, int32_t stride, ops::Padding padding = ops::Padding::kSame) { return Product(true, 0, size, stride, padding); }
  // x * sigmoid(x): a table.
  TensorId Swish() {
    const std::string name = "s" + std::to_string(++nodes_);
    const TensorId gate = b.Node("logistic", name + "/gate", {y}, {DType::kI8, {}, Scale(1.0f / 256, -128)});
    return y = b.Node("mul", name, {y, gate}, {DType::kI8, {}, Scale(0.06f, -120)});
  }

 private:
  int nodes_ = 0;
};

TEST(Bands, ExpandAndDepthwise) {
  for (const Shape& image : {Shape{1, 61, 64, 8}, Shape{1, 7, 1200, 5}, Shape{1, 1000, 6, 8}})
    for (int32_t stride : {1, 2})
      for (int32_t size : {3, 5})
        for (ops::Padding padding : {ops::Padding::kSame, ops::Padding::kValid}) {
          SCOPED_TRACE(image.text() + " stride " + std::to_string(stride) + " size " + std::to_string(size));
          Chain c(image);
          c.Conv(88);
          const int64_t bytes = c.b.g().tensor(c.Depthwise(size, stride, padding)).type.shape.elements();
          ExpectSameBits(c.b, {c.Conv(9)}, {bytes >= 256 << 10 ? 3 : 2});
        }
}

TEST(Bands, TablesAndWindowsBetween) {
  Chain c({1, 80, 90, 3});
  c.Conv(48, 3);
  c.Swish();
  c.Depthwise(3, 1);
  c.Swish();
  c.Conv(48);
  c.Conv(6, 3, 2);
  ExpectSameBits(c.b, {c.y}, {8});
}

TEST(Bands, Floats) {
  for (int32_t stride : {1, 2}) {
    Builder b;
    const auto by = [](int32_t step, int32_t dilation) {
      return [=](graph::Node& n) {
        for (const char* name : {"stride_w", "stride_h"}) test::SetAttr(n, name, step);
        for (const char* name : {"dilation_w_factor", "dilation_h_factor"}) test::SetAttr(n, name, dilation);
      };
    };
    TensorId y = b.Conv("windows", b.Input("x", {DType::kF32, {1, 93, 70, 3}, {}}), 24, 3, 1, by(stride, 1));
    y = b.Depthwise("depthwise", b.Conv("expand", y, 40, 1, 2), 3, 3);
    y = b.Conv("dilated", b.Conv("project", y, 48, 1, 4), 7, 3, 5, by(1, 2));
    b.g().outputs = {y};
    ExpectSameBits(b, test::RandomFloats(ElementsOfInput(b), 6), {stride == 1 ? 5 : 4});
  }
}

TEST(Bands, WhatOthersReadStays) {
  Chain c({1, 80, 90, 16});
  const TensorId first = c.Conv(64), second = c.Depthwise(3, 2);
  ExpectSameBits(c.b, {second, first}, {});
}

TEST(Bands, BatchesAndSmallImagesStayAsTheyAre) {
  for (const Shape& image : {Shape{2, 80, 90, 16}, Shape{1, 20, 22, 16}}) {
    Chain c(image);
    c.Conv(64);
    ExpectSameBits(c.b, {c.Depthwise(3, 1)}, {});
  }
}

}  // namespace
}  // namespace octet
