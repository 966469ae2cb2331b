// SPDX-License-Identifier: Apache-2.0
// Pools against sums of their windows' cells one by one, in 64 bits or double: windows of every size beside the image's,
// so that both ways to sum are met.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "ops/pool_util.h"
#include "tests/ops/single_op.h"
#include "tests/pick.h"

namespace octet::ops::test {
namespace {

struct Case {
  Shape in;
  PoolAttrs attrs;
};

Case RandomCase(std::mt19937& random) {
  const auto pick = octet::test::PickFrom(random);
  Case c{.in = {pick(1, 2), pick(1, 20), pick(1, 20), pick(0, 3) ? pick(1, 5) : pick(60, 140)}, .attrs = {}};
  c.attrs = {.padding = pick(0, 1) ? Padding::kSame : Padding::kValid, .stride_w = pick(1, 4), .stride_h = pick(1, 4)};
  const int32_t beyond = c.attrs.padding == Padding::kSame ? 9 : 0;
  c.attrs.filter_height = pick(1, c.in[1] + beyond);
  c.attrs.filter_width = pick(1, c.in[2] + beyond);
  if (beyond && pick(0, 9) == 0) c.attrs.filter_width = std::numeric_limits<int32_t>::max();
  c.attrs.fused_activation_function = pick(0, 2) ? Activation::kNone : Activation::kRelu;
  return c;
}

// Calls cell(index of a value of the input) for each cell of an output's window, then window(index of the output, cells).
template <class Cell, class Window> void Walk(const Case& c, const Shape& out, Cell cell, Window window) {
  const octet::ops::Window h = SlideWindow(c.attrs.padding, c.in[1], c.attrs.filter_height, c.attrs.stride_h, 1);
  const octet::ops::Window w = SlideWindow(c.attrs.padding, c.in[2], c.attrs.filter_width, c.attrs.stride_w, 1);
  for (int64_t o = 0; o < out.elements(); ++o) {
    const int64_t channel = o % out[3], x = o / out[3] % out[2], y = o / out[3] / out[2] % out[1], n = o / out[3] / out[2] / out[1];
    const int64_t y0 = y * c.attrs.stride_h - h.pad_before, x0 = x * c.attrs.stride_w - w.pad_before;
    int64_t cells = 0;
    for (int64_t i = std::max<int64_t>(y0, 0); i < std::min<int64_t>(y0 + c.attrs.filter_height, c.in[1]); ++i)
      for (int64_t j = std::max<int64_t>(x0, 0); j < std::min<int64_t>(x0 + c.attrs.filter_width, c.in[2]); ++j, ++cells)
        cell(((n * c.in[1] + i) * c.in[2] + j) * c.in[3] + channel);
    window(o, cells);
  }
}

template <class T> std::vector<T> RandomValues(const Shape& shape, std::mt19937& random) {
  std::vector<T> values(static_cast<size_t>(shape.elements()));
  for (T& v : values) {
    if constexpr (std::is_same_v<T, float>) v = std::normal_distribution<float>()(random);
    else v = static_cast<T>(random());
  }
  return values;
}

Result<std::vector<Tensor>> Pool(std::string_view op, const Case& c, const Tensor& x, int threads) {
  return SingleOp(op).With(c.attrs).Declare({x.type}).Run({x}, 1, threads);
}

template <class T> void ExpectIntegers(std::mt19937& random) {
  const Case c = RandomCase(random);
  const Tensor x = Tensor::Of<T>(c.in, RandomValues<T>(c.in, random), Quant::PerTensor(0.5f, std::is_same_v<T, int16_t> ? 0 : 3));
  const std::vector<T> in = x.As<T>();
  const int64_t low = c.attrs.fused_activation_function == Activation::kRelu ? x.type.quant.zero0() : std::numeric_limits<T>::min();
  const int threads = 1 + static_cast<int>(random() % 3);
  const auto average = Pool("average_pool_2d", c, x, threads), largest = Pool("max_pool_2d", c, x, threads);
  ASSERT_TRUE(average.ok()) << average.error().message();
  ASSERT_TRUE(largest.ok()) << largest.error().message();
  const Shape out = (*average)[0].type.shape;
  const std::vector<T> averages = (*average)[0].As<T>(), maxima = (*largest)[0].As<T>();
  int64_t sum = 0, most = std::numeric_limits<T>::min();
  Walk(c, out, [&](int64_t i) { sum += in[i], most = std::max<int64_t>(most, in[i]); }, [&](int64_t o, int64_t n) {
    const int64_t mean = (sum > 0 ? sum + n / 2 : sum - n / 2) / n;
    ASSERT_EQ(averages[o], std::max(mean, low)) << c.in.text() << " window " << c.attrs.filter_height << "x" << c.attrs.filter_width;
    ASSERT_EQ(maxima[o], std::max(most, low)) << c.in.text() << " window " << c.attrs.filter_height << "x" << c.attrs.filter_width;
    sum = 0, most = std::numeric_limits<T>::min();
  });
}

TEST(Pool, IntegersAreTheReferences) {
  std::mt19937 random(1);
  for (int i = 0; i < 150; ++i) {
    ExpectIntegers<int8_t>(random);
    ExpectIntegers<uint8_t>(random);
    ExpectIntegers<int16_t>(random);
  }
}

TEST(Pool, FloatsAreWithinRoundingAndTheSameForEveryThreadCount) {
  std::mt19937 random(2);
  for (int i = 0; i < 150; ++i) {
    const Case c = RandomCase(random);
    std::vector<float> in = RandomValues<float>(c.in, random);
    const auto run = [&](std::string_view op, int threads) {
      auto y = Pool(op, c, Tensor::Of<float>(c.in, in), threads);
      EXPECT_TRUE(y.ok()) << y.error().message();
      return std::move((*y)[0]);
    };
    const Tensor average = run("average_pool_2d", 1), l2 = run("l2_pool_2d", 1);
    ASSERT_EQ(average.bytes, run("average_pool_2d", 3).bytes);
    ASSERT_EQ(l2.bytes, run("l2_pool_2d", 3).bytes);
    const std::vector<float> averages = average.As<float>(), roots = l2.As<float>();
    const double low = c.attrs.fused_activation_function == Activation::kRelu ? 0 : -INFINITY;
    double sum = 0, squares = 0, sizes = 0;
    const auto add = [&](int64_t k) { sum += in[k], squares += double{in[k]} * in[k], sizes += std::abs(in[k]); };
    Walk(c, average.type.shape, add, [&](int64_t o, int64_t n) {
      ASSERT_NEAR(averages[o], std::max(sum / n, low), 1e-6 * sizes) << c.in.text();
      ASSERT_NEAR(roots[o], std::sqrt(squares / n), 1e-6 * sizes) << c.in.text();
      sum = squares = sizes = 0;
    });
    // The largest is exact; not-a-numbers count for nothing.
    in[random() % in.size()] = std::numeric_limits<float>::quiet_NaN();
    const Tensor largest = run("max_pool_2d", 2);
    const std::vector<float> maxima = largest.As<float>();
    float most = std::numeric_limits<float>::lowest();
    Walk(c, largest.type.shape, [&](int64_t k) { most = most < in[k] ? in[k] : most; }, [&](int64_t o, int64_t) {
      ASSERT_EQ(maxima[o], std::max<float>(most, static_cast<float>(low))) << c.in.text();
      most = std::numeric_limits<float>::lowest();
    });
  }
}

// Cell by cell these would be 10^12 combinations each.
TEST(Pool, AWindowAsLargeAsTheImageCostsAFewPasses) {
  for (const Shape& shape : {Shape{1, 1000, 1000, 1}, Shape{1, 1, 1000000, 1}, Shape{1, 1000000, 1, 1}}) {
    const Case c{.in = shape, .attrs = {.padding = Padding::kSame, .stride_w = 1, .stride_h = 1, .filter_width = shape[2], .filter_height = shape[1]}};
    const Tensor x = Tensor::Of<int8_t>(shape, std::vector<int8_t>(1000000, 7), Quant::PerTensor(0.5f, 0));
    for (const std::string_view op : {"average_pool_2d", "max_pool_2d"}) {
      const auto y = Pool(op, c, x, 1);
      ASSERT_TRUE(y.ok()) << y.error().message();
      ASSERT_EQ((*y)[0].bytes, x.bytes) << shape.text();
    }
  }
}

}  // namespace
}  // namespace octet::ops::test
