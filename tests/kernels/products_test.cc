// SPDX-License-Identifier: Apache-2.0
// Fast kernels against the reference: the same bits for integers, for every shape and thread count.
#include "tests/model_builder.h"
#include "tests/pick.h"

namespace octet {
namespace {

using test::Builder;
using test::Runner;

struct Case {
  int32_t height, width, in, out, filter_h, filter_w, stride, dilation;
  ops::Padding padding;
  ops::Activation activation;
};

Case RandomCase(std::mt19937& random) {
  const auto pick = test::PickFrom(random);
  Case c{pick(5, 13), pick(5, 13), pick(1, 40), pick(1, 40), pick(1, 4), pick(1, 4), pick(1, 3), 1, random() % 2 ? ops::Padding::kSame : ops::Padding::kValid,
         static_cast<ops::Activation>(random() % 4)};
  if ((c.stride == 1 || random() % 4 == 0) && random() % 3 == 0) c.dilation = pick(1, 2);
  if (random() % 3 == 0) c.filter_h = c.filter_w = c.stride = 1;
  return c;
}

// Scales that make shifts to the left and to the right, per channel or not.
Quant WeightScales(std::mt19937& random, int32_t channels, int32_t axis) {
  Quant q{{}, {}, axis, 0};
  const int32_t n = random() % 3 ? channels : 1;
  for (int32_t i = 0; i < n; ++i) q.scale.push_back(std::ldexp(1.0f + static_cast<float>(random() % 1000) / 1000.0f, -static_cast<int>(random() % 14)));
  q.zero_point.assign(static_cast<size_t>(n), 0);
  return q;
}

std::vector<int32_t> RandomBias(std::mt19937& random, int32_t n) {
  std::vector<int32_t> b(static_cast<size_t>(n));
  for (int32_t& v : b) v = static_cast<int32_t>(random()) >> (random() % 20 + 8);
  return b;
}

const TensorType kInt8Input{DType::kI8, {}, Quant::PerTensor(0.05f, -3)};

void SetWindow(graph::Node& n, const Case& c) {
  test::SetAttr(n, "padding", c.padding);
  test::SetAttr<int32_t>(n, "stride_h", c.stride);
  test::SetAttr<int32_t>(n, "stride_w", c.stride);
  test::SetAttr<int32_t>(n, "dilation_h_factor", c.dilation);
  test::SetAttr<int32_t>(n, "dilation_w_factor", c.dilation);
  test::SetAttr(n, "fused_activation_function", c.activation);
}

template <class T> void ExpectSameOnAllPaths(const graph::Model& model, const std::vector<T>& x, float tolerance) {
  Runner reference(model, {.kernels = runtime::Kernels::kReference});
  const std::vector<T> want = reference.Run(x);
  std::vector<T> before;
  for (int threads : {1, 3}) {
    Runner fast(model, {.threads = threads});
    const std::vector<T> got = fast.Run(x);
    ASSERT_EQ(want.size(), got.size());
    for (size_t i = 0; i < want.size(); ++i)
      ASSERT_LE(std::abs(static_cast<float>(want[i]) - static_cast<float>(got[i])), tolerance) << "element " << i << ", " << threads << " threads";
    if (!before.empty()) {
      EXPECT_EQ(before, got) << "thread counts must not matter";
    }
    before = got;
  }
}

TEST(KernelProducts, ConvInt8) {
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    const Case c = RandomCase(random);
    SCOPED_TRACE(round);
    Builder b;
    TensorType in = kInt8Input;
    in.shape = Shape{2, c.height, c.width, c.in};
    const TensorType out{DType::kI8, {}, Quant::PerTensor(0.07f, 11)};
    if ((c.filter_h - 1) * c.dilation >= c.height || (c.filter_w - 1) * c.dilation >= c.width) continue;
    const auto x = b.Input("x", in);
    const auto w = b.Constant<int8_t>("w", Shape{c.out, c.filter_h, c.filter_w, c.in},
                                      test::RandomBytes(static_cast<size_t>(c.out * c.filter_h * c.filter_w * c.in), random()), WeightScales(random, c.out, 0));
    const auto bias = b.Constant<int32_t>("b", Shape{c.out}, RandomBias(random, c.out));
    b.g().outputs = {b.Node("conv_2d", "y", {x, w, bias}, out, [&](graph::Node& n) { SetWindow(n, c); })};
    ExpectSameOnAllPaths<int8_t>(b.model, test::RandomBytes(static_cast<size_t>(in.shape.elements()), random()), 0);
  }
}

TEST(KernelProducts, DepthwiseInt8) {
  std::mt19937 random(2);
  for (int round = 0; round < 60; ++round) {
    const Case c = RandomCase(random);
    SCOPED_TRACE(round);
    if ((c.filter_h - 1) * c.dilation >= c.height || (c.filter_w - 1) * c.dilation >= c.width) continue;
    Builder b;
    TensorType in = kInt8Input;
    in.shape = Shape{2, c.height, c.width, c.in};
    const auto x = b.Input("x", in);
    const auto w = b.Constant<int8_t>("w", Shape{1, c.filter_h, c.filter_w, c.in},
                                      test::RandomBytes(static_cast<size_t>(c.filter_h * c.filter_w * c.in), random()), WeightScales(random, c.in, 3));
    const auto bias = b.Constant<int32_t>("b", Shape{c.in}, RandomBias(random, c.in));
    b.g().outputs = {b.Node("depthwise_conv_2d", "y", {x, w, bias}, {DType::kI8, {}, Quant::PerTensor(0.07f, 11)}, [&](graph::Node& n) {
      SetWindow(n, c);
      test::SetAttr<int32_t>(n, "depth_multiplier", 1);
    })};
    ExpectSameOnAllPaths<int8_t>(b.model, test::RandomBytes(static_cast<size_t>(in.shape.elements()), random()), 0);
  }
}

// Strides beyond the window's width, and rows of one output: columns that no two windows share.
TEST(KernelProducts, DepthwiseInt8OfFewOutputs) {
  for (int32_t stride : {1, 2, 3, 4, 5}) {
    for (int32_t channels : {4, 8, 16, 24, 32, 40}) {
      for (int32_t outputs : {1, 2, 3}) {
        SCOPED_TRACE(testing::Message() << "stride " << stride << ", " << channels << " channels, " << outputs << " outputs");
        std::mt19937 random(9);
        const Case c{7, (outputs - 1) * stride + 3, channels, channels, 3, 3, stride, 1, ops::Padding::kValid, ops::Activation::kNone};
        Builder b;
        TensorType in = kInt8Input;
        in.shape = Shape{1, c.height, c.width, c.in};
        const auto x = b.Input("x", in);
        const auto w = b.Constant<int8_t>("w", Shape{1, 3, 3, c.in}, test::RandomBytes(static_cast<size_t>(9 * c.in), random()), WeightScales(random, c.in, 3));
        const auto bias = b.Constant<int32_t>("b", Shape{c.in}, RandomBias(random, c.in));
        b.g().outputs = {b.Node("depthwise_conv_2d", "y", {x, w, bias}, {DType::kI8, {}, Quant::PerTensor(0.9f, 11)}, [&](graph::Node& n) {
          SetWindow(n, c);
          test::SetAttr<int32_t>(n, "depth_multiplier", 1);
        })};
        ExpectSameOnAllPaths<int8_t>(b.model, test::RandomBytes(static_cast<size_t>(in.shape.elements()), random()), 0);
      }
    }
  }
}

// Windows that slide over the image itself: images narrower than the window, borders on both sides, channels of whole vectors, of a last
// one that overlaps, and of two pixels to a vector; with floors and (a scale of 0.002) without.
TEST(KernelProducts, DepthwiseInt8Slides) {
  std::mt19937 random(12);
  for (int32_t size : {3, 5}) {
    for (int32_t stride : {1, 2}) {
      for (int32_t channels : {8, 16, 24, 40, 72, 100, 144}) {
        for (int32_t width : {1, 2, 3, 4, 5, 6, 8, 11, 13}) {
          const auto padding = width >= size && random() % 3 == 0 ? ops::Padding::kValid : ops::Padding::kSame;
          const Case c{7 + width % 3, width, channels, channels, size, size, stride, 1, padding, ops::Activation::kNone};
          SCOPED_TRACE(testing::Message() << size << " x " << size << ", stride " << stride << ", " << channels << " channels, width " << width);
          Builder b;
          const TensorType in{DType::kI8, Shape{1 + width % 2, c.height, c.width, c.in}, Quant::PerTensor(0.05f, static_cast<int32_t>(random() % 256) - 128)};
          const auto x = b.Input("x", in);
          const auto w = b.Constant<int8_t>("w", Shape{1, size, size, c.in}, test::RandomBytes(static_cast<size_t>(size * size * c.in), random()),
                                            WeightScales(random, c.in, 3));
          const auto bias = b.Constant<int32_t>("b", Shape{c.in}, RandomBias(random, c.in));
          b.g().outputs = {
              b.Node("depthwise_conv_2d", "y", {x, w, bias}, {DType::kI8, {}, Quant::PerTensor(random() % 4 ? 0.9f : 0.002f, 11)}, [&](graph::Node& n) {
                SetWindow(n, c);
                test::SetAttr<int32_t>(n, "depth_multiplier", 1);
              })};
          ExpectSameOnAllPaths<int8_t>(b.model, test::RandomBytes(static_cast<size_t>(in.shape.elements()), random()), 0);
        }
      }
    }
  }
}

TEST(KernelProducts, DenseInt8) {
  std::mt19937 random(3);
  for (int round = 0; round < 60; ++round) {
    const auto rows = static_cast<int32_t>(1 + random() % 20), depth = static_cast<int32_t>(1 + random() % 300), out = static_cast<int32_t>(1 + random() % 70);
    Builder b;
    TensorType in = kInt8Input;
    in.shape = Shape{rows, depth};
    const auto x = b.Input("x", in);
    const auto w = b.Constant<int8_t>("w", Shape{out, depth}, test::RandomBytes(static_cast<size_t>(out * depth), random()), WeightScales(random, out, 0));
    const auto bias = b.Constant<int32_t>("b", Shape{out}, RandomBias(random, out));
    b.g().outputs = {b.Node("fully_connected", "y", {x, w, bias}, {DType::kI8, {}, Quant::PerTensor(0.9f, -5)})};
    ExpectSameOnAllPaths<int8_t>(b.model, test::RandomBytes(static_cast<size_t>(rows * depth), random()), 0);
  }
}

// Wider than RandomCase: large filters, many channels, one column, any zero point, saturating weights.
TEST(KernelProducts, Int8WindowsOfEveryKind) {
  std::mt19937 random(5);
  const auto pick = test::PickFrom(random);
  for (int round = 0; round < 120; ++round) {
    const bool depthwise = round % 2 == 0, column = round % 7 == 3;
    const int32_t size = pick(1, 7), channels = random() % 3 ? pick(1, 200) : 16 * pick(1, 16), many = depthwise ? (round % 10 == 0 ? pick(2, 20) : 1) : 1;
    const int32_t in = many > 1 ? 1 : channels, out = depthwise ? in * many : pick(1, 130);
    Case c{pick(7, 20), column ? 1 : pick(7, 24), in, out, size, column ? 1 : pick(1, 7), pick(1, 3), 1, random() % 2 ? ops::Padding::kSame : ops::Padding::kValid, static_cast<ops::Activation>(random() % 4)};
    if (column) c.padding = ops::Padding::kValid;
    if (c.stride == 1 && random() % 4 == 0 && (c.filter_w - 1) * 2 < c.width && (c.filter_h - 1) * 2 < c.height) c.dilation = 2;
    SCOPED_TRACE(round);
    Builder b;
    const TensorType type{DType::kI8, Shape{pick(1, 2), c.height, c.width, c.in}, Quant::PerTensor(0.05f, pick(-128, 127))};
    const auto x = b.Input("x", type);
    const int64_t elements = int64_t{c.out} * c.filter_h * c.filter_w * (depthwise ? 1 : c.in);
    std::vector<int8_t> values = test::RandomBytes(static_cast<size_t>(elements), random());
    if (round % 5 == 0) std::ranges::fill(values, random() % 2 ? int8_t{-128} : int8_t{127});
    const Shape shape = depthwise ? Shape{1, c.filter_h, c.filter_w, c.out} : Shape{c.out, c.filter_h, c.filter_w, c.in};
    const auto w = b.Constant<int8_t>("w", shape, values, WeightScales(random, c.out, depthwise ? 3 : 0));
    const auto bias = b.Constant<int32_t>("b", Shape{c.out}, RandomBias(random, c.out));
    b.g().outputs = {b.Node(depthwise ? "depthwise_conv_2d" : "conv_2d", "y", {x, w, bias},
                            {DType::kI8, {}, Quant::PerTensor(round % 3 ? 3.0f : 0.07f, pick(-128, 127))}, [&](graph::Node& n) {
                              SetWindow(n, c);
                              if (depthwise) test::SetAttr<int32_t>(n, "depth_multiplier", many);
                            })};
    ExpectSameOnAllPaths<int8_t>(b.model, test::RandomBytes(static_cast<size_t>(type.shape.elements()), random()), 0);
  }
}

// Pixels in groups of four, six and seven; channels in whole vectors, in half ones and in less.
TEST(KernelProducts, FloatDepthwiseOfEveryWidth) {
  for (int32_t width = 3; width < 16; ++width)
    for (int32_t channels : {1, 7, 8, 11, 16, 24, 41})
      for (int32_t stride : {1, 2}) {
        SCOPED_TRACE(testing::Message() << width << " x " << channels << ", stride " << stride);
        Builder b;
        const auto count = static_cast<size_t>(9 * channels);
        const auto x = b.Input("x", {DType::kF32, Shape{1, 5, width, channels}, {}});
        const auto w = b.Constant<float>("w", Shape{1, 3, 3, channels}, test::RandomFloats(count, 1));
        const auto bias = b.Constant<float>("b", Shape{channels}, test::RandomFloats(static_cast<size_t>(channels), 2));
        b.g().outputs = {b.Node("depthwise_conv_2d", "y", {x, w, bias}, {}, [&](graph::Node& n) {
          test::SetAttr<int32_t>(n, "depth_multiplier", 1);
          test::SetAttr<int32_t>(n, "stride_h", stride);
          test::SetAttr<int32_t>(n, "stride_w", stride);
        })};
        ExpectSameOnAllPaths<float>(b.model, test::RandomFloats(static_cast<size_t>(5 * width * channels), 3), 1e-5f);
      }
}

// 3x3 windows of stride 1 over whole and over cut tiles, for both tile sizes where the processor uses them.
TEST(KernelProducts, Int8WindowsThatWinogradTakes) {
  std::mt19937 random(6);
  const auto pick = test::PickFrom(random);
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    const Case c{pick(7, 30), pick(7, 30), 16 * pick(1, 5), round % 2 ? pick(64, 90) : pick(1, 40), 3, 3, 1, 1, random() % 2 ? ops::Padding::kSame : ops::Padding::kValid, static_cast<ops::Activation>(random() % 4)};
    Builder b;
    const TensorType type{DType::kI8, Shape{pick(1, 2), c.height, c.width, c.in}, Quant::PerTensor(0.05f, pick(-128, 127))};
    const auto x = b.Input("x", type);
    std::vector<int8_t> values = test::RandomBytes(static_cast<size_t>(c.out * 9 * c.in), random());
    if (round % 4 == 0) std::ranges::fill(values, random() % 2 ? int8_t{-128} : int8_t{127});
    const auto w = b.Constant<int8_t>("w", Shape{c.out, 3, 3, c.in}, values, WeightScales(random, c.out, 0));
    const auto bias = b.Constant<int32_t>("b", Shape{c.out}, RandomBias(random, c.out));
    b.g().outputs = {b.Node("conv_2d", "y", {x, w, bias}, {DType::kI8, {}, Quant::PerTensor(round % 3 ? 9.0f : 0.07f, pick(-128, 127))},
                            [&](graph::Node& n) { SetWindow(n, c); })};
    ExpectSameOnAllPaths<int8_t>(b.model, test::RandomBytes(static_cast<size_t>(type.shape.elements()), random()), 0);
  }
}

TEST(KernelProducts, FloatWithinRoundingAndTheSameForAllThreads) {
  std::mt19937 random(4);
  for (int round = 0; round < 30; ++round) {
    const Case c = RandomCase(random);
    SCOPED_TRACE(round);
    if ((c.filter_h - 1) * c.dilation >= c.height || (c.filter_w - 1) * c.dilation >= c.width) continue;
    Builder b;
    const Shape shape{2, c.height, c.width, c.in};
    const auto x = b.Input("x", {DType::kF32, shape, {}});
    const auto mid = b.Conv("conv", x, c.out, std::min(c.filter_h, c.filter_w), random(), [&](graph::Node& n) { SetWindow(n, c); });
    b.g().outputs = {b.Depthwise("dw", mid, 3, random())};
    const float depth = static_cast<float>(c.filter_h * c.filter_w * c.in) * 9;
    ExpectSameOnAllPaths<float>(b.model, test::RandomFloats(static_cast<size_t>(shape.elements()), random()), 1e-6f * depth);
  }
}

// 3x3 windows of stride 1 over whole and over cut tiles, inside the image and at its border, of neighbours and dilated.
TEST(KernelProducts, FloatWindowsThatWinogradTakes) {
  std::mt19937 random(8);
  const auto pick = test::PickFrom(random);
  for (int round = 0; round < 30; ++round) {
    SCOPED_TRACE(round);
    const bool deep = round % 5 == 0;  // Small images, whose tiles are 2 x 2 where 4 x 4 fit them badly, and whose weights threads share.
    const int32_t dilation = deep || round % 3 ? 1 : pick(2, 4), least = 4 * dilation;
    const int32_t side = deep ? 9 : pick(least, 30), channels = deep ? 100 : 16;
    const Case c{deep ? 5 : pick(least, 30), side, channels + pick(0, 34), channels + pick(0, 34), 3, 3, 1, dilation, deep || random() % 2 ? ops::Padding::kSame : ops::Padding::kValid, static_cast<ops::Activation>(random() % 4)};
    Builder b;
    const Shape shape{deep ? 2 : pick(1, 2), c.height, c.width, c.in};
    const auto x = b.Input("x", {DType::kF32, shape, {}});
    b.g().outputs = {b.Conv("conv", x, c.out, 3, random(), [&](graph::Node& n) { SetWindow(n, c); })};
    const float depth = 9.0f * static_cast<float>(c.in);
    ExpectSameOnAllPaths<float>(b.model, test::RandomFloats(static_cast<size_t>(shape.elements()), random()), 1e-6f * depth);
  }
}

TEST(KernelProducts, WideRowsMeetTheirTails) {
  for (int32_t channels : {1, 15, 16, 17, 31, 32, 33}) {
    Builder b;
    TensorType in = kInt8Input;
    in.shape = Shape{1, 6, 6, channels};
    const auto x = b.Input("x", in);
    const auto w =
        b.Constant<int8_t>("w", Shape{channels, 1, 1, channels}, test::RandomBytes(static_cast<size_t>(channels * channels), 7), Quant::PerTensor(0.01f, 0));
    const auto bias = b.Constant<int32_t>("b", Shape{channels}, std::vector<int32_t>(static_cast<size_t>(channels), 100));
    b.g().outputs = {b.Node("conv_2d", "y", {x, w, bias}, {DType::kI8, {}, Quant::PerTensor(0.05f, 0)}, [](graph::Node& n) {
      test::SetAttr<int32_t>(n, "stride_h", 1);
      test::SetAttr<int32_t>(n, "stride_w", 1);
    })};
    ExpectSameOnAllPaths<int8_t>(b.model, test::RandomBytes(static_cast<size_t>(36 * channels), 9), 0);
  }
}

}  // namespace
}  // namespace octet
