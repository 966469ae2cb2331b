// SPDX-License-Identifier: Apache-2.0
// Pooling, reductions, resizing, products and the recurrent cell's fixed-point functions. Integer results
// are LiteRT 2.3's reference kernels'.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "ops/arg_util.h"
#include "ops/fixed_point_util.h"
#include "ops/move_attrs.h"
#include "ops/pool_util.h"
#include "ops/reduce_attrs.h"
#include "tests/ops/single_op.h"

namespace octet::ops::test {
namespace {

TensorType Int8(Shape shape, float scale, int32_t zero) {
  return {DType::kI8, shape, Quant::PerTensor(scale, zero)};
}

TEST(Compute, AveragePoolDividesByCellsInsideTheImage) {
  const PoolAttrs attrs{
      .padding = Padding::kSame, .stride_w = 1, .stride_h = 1, .filter_width = 2, .filter_height = 2};
  auto y = SingleOp("average_pool_2d").With(attrs).Run({Tensor::Of<float>({1, 2, 2, 1}, {1, 2, 3, 6})});
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].As<float>(), (std::vector<float>{3, 4, 4.5f, 6}));
  const Tensor q = Tensor::Of<int8_t>({1, 2, 2, 1}, {-47, 38, 38, 50}, Quant::PerTensor(0.05f, 3));
  auto z = SingleOp("average_pool_2d").With(attrs).Declare({q.type}).Run({q});
  ASSERT_TRUE(z.ok()) << z.error().message();
  EXPECT_EQ((*z)[0].As<int8_t>(), (std::vector<int8_t>{20, 44, 44, 50}));
}

// 65535 cells of 16 bits add up within 32, more need not.
TEST(Compute, AveragesOfTooManyCellsAreRefused) {
  for (const int32_t cells : {65535, 65536}) {
    const PoolAttrs attrs{.padding = Padding::kValid, .stride_w = 1, .stride_h = 1, .filter_width = cells, .filter_height = 1};
    const Tensor x = Tensor::Of<int16_t>({1, 1, cells, 1}, std::vector<int16_t>(static_cast<size_t>(cells), -32768), Quant::PerTensor(0.1f, 0));
    auto y = SingleOp("average_pool_2d").With(attrs).Declare({x.type}).Run({x});
    ASSERT_EQ(y.ok(), cells == 65535);
    if (y.ok()) EXPECT_EQ((*y)[0].As<int16_t>(), std::vector<int16_t>{-32768});
    else EXPECT_EQ(y.error().code(), Code::kUnsupported);
  }
}

// A window that reaches beyond the image leaves an empty output, however far.
TEST(Compute, PoolingWindowsBeyondTheImage) {
  PoolAttrs attrs{.padding = Padding::kValid, .stride_w = 1, .stride_h = 2, .filter_width = 1, .filter_height = 3};
  const Tensor x = Tensor::Of<float>({1, 2, 2, 1}, {1, 2, 3, 6});
  for (const int32_t height : {3, 6, 100}) {
    attrs.filter_height = height;
    auto y = SingleOp("max_pool_2d").With(attrs).Run({x});
    ASSERT_TRUE(y.ok()) << y.error().message();
    EXPECT_EQ((*y)[0].type.shape, (Shape{1, 0, 2, 1}));
  }
  attrs.filter_height = 1;
  attrs.filter_width = 4;
  auto y = SingleOp("max_pool_2d").With(attrs).Run({x});
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].type.shape, (Shape{1, 0, 0, 1}));
}

TEST(Compute, MeanOfInt8) {
  const Tensor x = Tensor::Of<int8_t>({1, 3, 2, 2}, {79, -107, -83, -68, -82, 77, 94, 21, -118, -104, -43, -18},
                                      Quant::PerTensor(0.05f, 3));
  auto y = SingleOp("mean").Declare({Int8({1, 2}, 0.04f, -7)}).Run({x, Tensor::Constant<int32_t>({2}, {1, 2})});
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].As<int8_t>(), (std::vector<int8_t>{-43, -52}));
}

TEST(Compute, ProductOfInt8RescalesEveryStep) {
  const Tensor x = Tensor::Of<int8_t>({2, 3}, {94, -54, 112, -128, -109, 121}, Quant::PerTensor(0.05f, 3));
  auto y = SingleOp("reduce_prod").Declare({Int8({2}, 0.9f, -7)}).Run({x, Tensor::Constant<int32_t>({1}, {1})});
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].As<int8_t>(), (std::vector<int8_t>{-86, 127}));
}

TEST(Compute, BatchMatmulOfInt8) {
  const Tensor a = Tensor::Of<int8_t>({2, 3}, {31, -6, -61, -88, 49, 60}, Quant::PerTensor(0.02f, 5));
  const Tensor b = Tensor::Of<int8_t>({4, 3}, {-120, -99, -13, -28, 99, 4, -21, -18, 42, 22, -84, 60},
                                      Quant::PerTensor(0.03f, -4));
  auto y =
      SingleOp("batch_matmul").With(BatchMatmulAttrs{.adj_y = true}).Declare({Int8({2, 4}, 0.12f, 2)}).Run({a, b});
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].As<int8_t>(), (std::vector<int8_t>{-5, -9, -15, -11, 33, 38, 19, -10}));
}

TEST(Compute, BatchMatmulBroadcastsAndTransposes) {
  // x [2, 1, 1, 2] (stored transposed) times y [3, 2, 1]
  const Tensor x = Tensor::Of<float>({2, 1, 2, 1}, {1, 2, 3, 4}),
               y = Tensor::Of<float>({3, 2, 1}, {1, 1, 2, 0, 0, 2});
  auto z = SingleOp("batch_matmul").With(BatchMatmulAttrs{.adj_x = true}).Run({x, y}, 1, 2);
  ASSERT_TRUE(z.ok()) << z.error().message();
  EXPECT_EQ((*z)[0].type.shape, (Shape{2, 3, 1, 1}));
  EXPECT_EQ((*z)[0].As<float>(), (std::vector<float>{3, 2, 4, 7, 6, 8}));
}

TEST(Compute, ResizeBilinearOfInt8) {
  const Tensor x = Tensor::Of<int8_t>({1, 2, 2, 1}, {65, 116, 73, -56}, Quant::PerTensor(0.05f, 3));
  auto y = SingleOp("resize_bilinear")
               .With(ResizeAttrs{.half_pixel_centers = true})
               .Run({x, Tensor::Constant<int32_t>({2}, {3, 3})});
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].As<int8_t>(), (std::vector<int8_t>{65, 91, 116, 69, 50, 30, 73, 9, -56}));
}

TEST(Compute, ReductionsOverAnyAxes) {
  std::vector<float> values(2 * 3 * 4);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const Tensor x = Tensor::Of<float>({2, 3, 4}, values);
  auto sum = SingleOp("sum").With(ReduceAttrs{.keep_dims = true}).Run({x, Tensor::Constant<int32_t>({2}, {0, -1})});
  ASSERT_TRUE(sum.ok()) << sum.error().message();
  EXPECT_EQ((*sum)[0].type.shape, (Shape{1, 3, 1}));
  EXPECT_EQ((*sum)[0].As<float>(), (std::vector<float>{60, 92, 124}));
  auto max = SingleOp("reduce_max").Run({x, Tensor::Constant<int32_t>({1}, {1})});
  ASSERT_TRUE(max.ok());
  EXPECT_EQ((*max)[0].As<float>(), (std::vector<float>{8, 9, 10, 11, 20, 21, 22, 23}));
}

// Every byte but 0 is true.
TEST(Compute, LogicalReductionsOfAnyBytes) {
  Tensor x = Tensor::Of<uint8_t>({3, 40}, std::vector<uint8_t>(120, 2));
  x.type.dtype = DType::kBool;
  x.bytes[45] = std::byte{0};
  for (size_t i = 80; i < 120; ++i) x.bytes[i] = std::byte{0};
  const Tensor axis = Tensor::Constant<int32_t>({1}, {1});
  auto all = SingleOp("reduce_all").Run({x, axis}), any = SingleOp("reduce_any").Run({x, axis});
  ASSERT_TRUE(all.ok() && any.ok());
  EXPECT_EQ((*all)[0].As<uint8_t>(), (std::vector<uint8_t>{1, 0, 0}));
  EXPECT_EQ((*any)[0].As<uint8_t>(), (std::vector<uint8_t>{1, 1, 0}));
}

// Longer than a vector, whose lanes meet at the end; the first of equal ones counts. Not-a-numbers are nothing, but in front, for places.
TEST(Compute, ExtremesOfLongLines) {
  std::mt19937 random(3);
  for (const Shape& shape : {Shape{5, 100}, Shape{37, 50}, Shape{4, 3, 70}, Shape{1, 9}}) {
    std::vector<int8_t> bytes(static_cast<size_t>(shape.elements()));
    for (int8_t& b : bytes) b = static_cast<int8_t>(random() % 60);
    std::vector<float> floats(bytes.begin(), bytes.end());
    floats[0] = floats[floats.size() / 2] = NAN;
    for (int32_t axis = 0; axis < shape.rank(); ++axis) {
      const int64_t outer = shape.elements(0, axis), n = shape[axis], inner = shape.elements(axis + 1, shape.rank());
      const auto check = [&]<class T>(const std::vector<T>& values) {
        const Tensor x = Tensor::Of<T>(shape, values), scalar = Tensor::Constant<int32_t>({}, {axis}), axes = Tensor::Constant<int32_t>({1}, {axis});
        auto most = SingleOp("reduce_max").Run({x, axes}), least = SingleOp("reduce_min").Run({x, axes});
        const ArgAttrs of_i32{DType::kI32};
        const auto place = [&](const char* op) -> Result<std::vector<Tensor>> {
          return SingleOp(op).With(of_i32).Declare({{DType::kI32, {}, {}}}).Run({x, scalar});
        };
        auto first = place("arg_max"), last = place("arg_min");
        ASSERT_TRUE(most.ok() && least.ok() && first.ok() && last.ok());
        for (int64_t i = 0; i < outer * inner; ++i) {
          const auto at = [&](int64_t k) { return values[static_cast<size_t>((i / inner * n + k) * inner + i % inner)]; };
          int32_t high = 0, low = 0;
          T largest = std::numeric_limits<T>::lowest(), smallest = std::numeric_limits<T>::max();
          for (int32_t k = 0; k < n; ++k) {
            if (at(k) > at(high)) high = k;
            if (at(k) < at(low)) low = k;
            largest = at(k) > largest ? at(k) : largest, smallest = at(k) < smallest ? at(k) : smallest;
          }
          const auto j = static_cast<size_t>(i);
          EXPECT_EQ(largest, (*most)[0].As<T>()[j]);
          EXPECT_EQ(smallest, (*least)[0].As<T>()[j]);
          EXPECT_EQ(high, (*first)[0].template As<int32_t>()[j]);
          EXPECT_EQ(low, (*last)[0].template As<int32_t>()[j]);
        }
      };
      check(bytes);
      check(floats);
    }
  }
}

// Each operand whole, one value, or stretched along some axes.
TEST(Compute, SelectStretchesItsOperands) {
  const Shape shapes[] = {{4, 3, 20}, {1, 3, 20}, {4, 1, 20}, {4, 3, 1}, {20}, {1}, {3, 1}};
  const auto value = [](const Shape& s, int64_t i, int64_t j, int64_t k) {
    const int64_t index[] = {i, j, k};
    int64_t at = 0;
    for (int d = 0; d < s.rank(); ++d) at = at * s[d] + (s[d] == 1 ? 0 : index[3 - s.rank() + d]);
    return static_cast<size_t>(at);
  };
  for (const Shape& sc : shapes)
    for (const Shape& sa : shapes)
      for (const Shape& sb : shapes) {
        Shape out;
        for (int d = 0; d < 3; ++d) {
          int32_t size = 1;
          for (const Shape* s : {&sc, &sa, &sb})
            if (d >= 3 - s->rank()) size = std::max(size, (*s)[d - 3 + s->rank()]);
          out.push_back(size);
        }
        std::vector<uint8_t> c(static_cast<size_t>(sc.elements()));
        std::vector<float> a(static_cast<size_t>(sa.elements())), b(static_cast<size_t>(sb.elements()));
        for (size_t i = 0; i < c.size(); ++i) c[i] = i % 3 == 0 ? 7 : 0;
        for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i);
        for (size_t i = 0; i < b.size(); ++i) b[i] = -1.0f - static_cast<float>(i);
        Tensor condition = Tensor::Of<uint8_t>(sc, c);
        condition.type.dtype = DType::kBool;
        auto y = SingleOp("select_v2").Declare({{DType::kF32, {}, {}}}).Run({condition, Tensor::Of<float>(sa, a), Tensor::Of<float>(sb, b)});
        ASSERT_TRUE(y.ok()) << y.error().message();
        const std::vector<float> got = (*y)[0].As<float>();
        size_t n = 0;
        for (int64_t i = 0; i < out[0]; ++i)
          for (int64_t j = 0; j < out[1]; ++j)
            for (int64_t k = 0; k < out[2]; ++k, ++n)
              ASSERT_EQ(c[value(sc, i, j, k)] ? a[value(sa, i, j, k)] : b[value(sb, i, j, k)], got[n]) << sc.text() << sa.text() << sb.text() << n;
      }
}

TEST(Compute, CumulativeSumsForwardAndBack) {
  const Tensor x = Tensor::Of<int32_t>({2, 3, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}), axis = Tensor::Constant<int32_t>({}, {1});
  const auto sums = [&](bool exclusive, bool reverse) {
    SingleOp op("cumsum");
    op.Set("exclusive", exclusive);
    op.Set("reverse", reverse);
    auto y = op.Run({x, axis});
    return y.ok() ? (*y)[0].As<int32_t>() : std::vector<int32_t>();
  };
  EXPECT_EQ(sums(false, false), (std::vector<int32_t>{1, 2, 4, 6, 9, 12, 7, 8, 16, 18, 27, 30}));
  EXPECT_EQ(sums(true, false), (std::vector<int32_t>{0, 0, 1, 2, 4, 6, 0, 0, 7, 8, 16, 18}));
  EXPECT_EQ(sums(false, true), (std::vector<int32_t>{9, 12, 8, 10, 5, 6, 27, 30, 20, 22, 11, 12}));
  EXPECT_EQ(sums(true, true), (std::vector<int32_t>{8, 10, 5, 6, 0, 0, 20, 22, 11, 12, 0, 0}));
}

TEST(Compute, TopKPrefersTheLowerIndex) {
  const Tensor x = Tensor::Of<float>({1, 5}, {1, 3, 3, NAN, 2});
  auto y =
      SingleOp("topk_v2").Declare({x.type, {DType::kI32, {}, {}}}).Run({x, Tensor::Constant<int32_t>({}, {5})}, 2);
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[1].As<int32_t>(), (std::vector<int32_t>{1, 2, 4, 0, 3}));
}

// Of 5 steps for 2 rows of 3 values, 4 units: a step multiplies 4 x (3 + 4) weights.
TEST(Compute, SimpleRecurrentLayersCostTheirProducts) {
  const Tensor sequence = Tensor::Of<float>({2, 5, 3}, std::vector<float>(30)), state = Tensor::State<float>({2, 4}, std::vector<float>(8)),
               bias = Tensor::Constant<float>({4}, std::vector<float>(4));
  const Tensor w = Tensor::Constant<float>({4, 3}, std::vector<float>(12)), r = Tensor::Constant<float>({4, 4}, std::vector<float>(16));
  const Cost step = SingleOp("rnn").EstimateCost({Tensor::Of<float>({2, 3}, std::vector<float>(6)), w, r, bias, state});
  EXPECT_EQ(step.macs, 2 * 28);
  EXPECT_EQ(step.bytes, 28 * 4 + 2 * (3 + 4) * 4);
  const Cost forward = SingleOp("unidirectional_sequence_rnn").EstimateCost({sequence, w, r, bias, state});
  EXPECT_EQ(forward.macs, 5 * 2 * 28);
  EXPECT_EQ(forward.bytes, 28 * 4 + 5 * 2 * (3 + 4) * 4);
  EXPECT_EQ(SingleOp("bidirectional_sequence_rnn").EstimateCost({sequence, w, r, bias, state, w, r, bias, state}).macs, 2 * forward.macs);
  // Hybrid and time-major, it runs once per step.
  const Tensor w8 = Tensor::Constant<int8_t>({4, 3}, std::vector<int8_t>(12)), r8 = Tensor::Constant<int8_t>({4, 4}, std::vector<int8_t>(16));
  SingleOp hybrid("bidirectional_sequence_rnn");
  hybrid.Set("time_major", true);
  EXPECT_EQ(hybrid.EstimateCost({sequence, w8, r8, bias, state, w8, r8, bias, state}).macs, 2 * 2 * forward.macs);
}

TEST(FixedPoint, FollowsTheRealFunctions) {
  for (int32_t raw = -32768; raw <= 32767; raw += 37) {
    const double x = raw / 4096.0;  // Q3
    const auto q = static_cast<int16_t>(raw);
    EXPECT_NEAR((fixed::Tanh<int16_t, 3>(q)) / 32768.0, std::tanh(x), 6e-4) << x;
    EXPECT_NEAR((fixed::Logistic<int16_t, 3>(q)) / 32768.0, 1 / (1 + std::exp(-x)), 4e-4) << x;
  }
  for (int32_t raw = std::numeric_limits<int32_t>::min(); raw < -1000; raw = raw / 2 + raw / 4) {
    const double x = raw / static_cast<double>(1 << 26);  // Q5
    EXPECT_NEAR((fixed::ExpOfNegative<int32_t, 5>(raw)) / 2147483648.0, std::exp(x), 3e-7) << x;
  }
  for (int32_t x : {2, 3, 100, 65536, 1 << 29, std::numeric_limits<int32_t>::max()}) {
    const Multiplier m = fixed::InverseSqrt(x);
    EXPECT_NEAR(std::ldexp(m.mantissa, m.shift - 31) * std::sqrt(static_cast<double>(x)), 1.0, 2e-6) << x;
  }
}

}  // namespace
}  // namespace octet::ops::test
