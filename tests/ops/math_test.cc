// SPDX-License-Identifier: Apache-2.0
// Operators over axes and indices: running sums, reversed sequences, diagonals, sparse values, Fourier
// transforms. Their indices are data and checked when they run.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "ops/element_util.h"
#include "tests/ops/single_op.h"

namespace octet::ops::test {
namespace {

template <class T> using V = std::vector<T>;

TEST(Math, RunningSums) {
  struct Attrs {
    bool exclusive = false, reverse = false;
  };
  const Tensor x = Tensor::Of<int32_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto run = [&](int32_t axis, Attrs attrs) { return SingleOp("cumsum").With(attrs).Run({x, Tensor::Of<int32_t>({}, {axis})}); };
  EXPECT_EQ((*run(-1, {}))[0].As<int32_t>(), (V<int32_t>{1, 3, 6, 4, 9, 15}));
  EXPECT_EQ((*run(1, {true, true}))[0].As<int32_t>(), (V<int32_t>{5, 3, 0, 11, 6, 0}));
  EXPECT_EQ((*run(0, {false, true}))[0].As<int32_t>(), (V<int32_t>{5, 7, 9, 4, 5, 6}));
  EXPECT_FALSE(run(2, {}).ok());
  EXPECT_TRUE(SingleOp("cumsum").Run({Tensor::Of<float>({0, 3}, {}), Tensor::Of<int32_t>({1}, {0})}).ok());
}

TEST(Math, ReverseSequenceBothWays) {
  struct Attrs {
    int32_t seq_dim, batch_dim;
  };
  const Tensor x = Tensor::Of<int16_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto run = [&](Attrs attrs, V<int64_t> lengths) {
    return SingleOp("reverse_sequence").With(attrs).Run({x, Tensor::Of<int64_t>({static_cast<int32_t>(lengths.size())}, lengths)});
  };
  EXPECT_EQ((*run({1, 0}, {2, 3}))[0].As<int16_t>(), (V<int16_t>{2, 1, 3, 6, 5, 4}));
  EXPECT_EQ((*run({0, 1}, {0, 2, 1}))[0].As<int16_t>(), (V<int16_t>{1, 5, 3, 4, 2, 6}));
  EXPECT_FALSE(run({1, 0}, {2, 4}).ok());  // Longer than the sequence.
  EXPECT_FALSE(run({1, 0}, {2}).ok());
  EXPECT_FALSE(run({1, 1}, {2, 2, 2}).ok());
}

TEST(Math, Diagonals) {
  auto y = SingleOp("matrix_diag").Run({Tensor::Of<int8_t>({2, 2}, {1, 2, 3, 4})});
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].As<int8_t>(), (V<int8_t>{1, 0, 0, 2, 3, 0, 0, 4}));
  const Tensor x = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  auto z = SingleOp("matrix_set_diag").Run({x, Tensor::Of<float>({2}, {8, 9})});
  ASSERT_TRUE(z.ok()) << z.error().message();
  EXPECT_EQ((*z)[0].As<float>(), (V<float>{8, 2, 3, 4, 9, 6}));
  EXPECT_FALSE(SingleOp("matrix_set_diag").Run({x, Tensor::Of<float>({1}, {8})}).ok());
}

TEST(Math, SparseToDense) {
  const auto run = [](Tensor index, V<int32_t> shape, Tensor values) {
    return SingleOp("sparse_to_dense")
        .Declare({{DType::kI8, {}, {}}})
        .Run({std::move(index), Tensor::Constant<int32_t>({static_cast<int32_t>(shape.size())}, shape), std::move(values), Tensor::Of<int8_t>({}, {-1})});
  };
  auto y = run(Tensor::Of<int32_t>({2, 2}, {0, 1, 1, 0}), {2, 2}, Tensor::Of<int8_t>({2}, {5, 6}));
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].As<int8_t>(), (V<int8_t>{-1, 5, 6, -1}));
  EXPECT_EQ((*run(Tensor::Of<int32_t>({2}, {3, 0}), {4}, Tensor::Of<int8_t>({}, {7})))[0].As<int8_t>(), (V<int8_t>{7, -1, -1, 7}));
  EXPECT_EQ((*run(Tensor::Of<int32_t>({}, {2}), {3}, Tensor::Of<int8_t>({}, {7})))[0].As<int8_t>(), (V<int8_t>{-1, -1, 7}));
  EXPECT_FALSE(run(Tensor::Of<int32_t>({1, 2}, {0, 2}), {2, 2}, Tensor::Of<int8_t>({1}, {5})).ok());   // Outside.
  EXPECT_FALSE(run(Tensor::Of<int32_t>({1, 2}, {0, -1}), {2, 2}, Tensor::Of<int8_t>({1}, {5})).ok());
  EXPECT_FALSE(run(Tensor::Of<int32_t>({2, 2}, {0, 1, 1, 0}), {2, 2}, Tensor::Of<int8_t>({1}, {5})).ok());
}

TEST(Math, FourierTransformIsTheSum) {
  constexpr int kH = 4, kW = 8, kInW = 6;
  V<float> x;
  for (int i = 0; i < 3 * kInW; ++i) x.push_back(static_cast<float>((i * 7) % 11) - 4.0f);
  auto y = SingleOp("rfft2d").Declare({{DType::kC64, {}, {}}}).Run({Tensor::Of<float>({3, kInW}, x), Tensor::Constant<int32_t>({2}, {kH, kW})});
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].type.shape, (Shape{kH, kW / 2 + 1}));
  const V<C64> got = (*y)[0].As<C64>();
  for (int k = 0; k < kH; ++k) {
    for (int l = 0; l <= kW / 2; ++l) {
      C128 sum;
      for (int m = 0; m < 3; ++m)
        for (int n = 0; n < kInW; ++n)
          sum += static_cast<double>(x[static_cast<size_t>(m * kInW + n)]) * std::polar(1.0, -2 * std::numbers::pi * (k * m / 4.0 + l * n / 8.0));
      const C64 value = got[static_cast<size_t>(k * (kW / 2 + 1) + l)];
      EXPECT_NEAR(value.real(), static_cast<float>(sum.real()), 1e-4f);
      EXPECT_NEAR(value.imag(), static_cast<float>(sum.imag()), 1e-4f);
    }
  }
  EXPECT_FALSE(SingleOp("rfft2d").Declare({{DType::kC64, {}, {}}}).Run({Tensor::Of<float>({3, 6}, x), Tensor::Constant<int32_t>({2}, {3, 8})}).ok());
}

TEST(Math, SelectBySlices) {
  const Tensor a = Tensor::Of<int32_t>({2, 2}, {1, 2, 3, 4}), b = Tensor::Of<int32_t>({2, 2}, {5, 6, 7, 8});
  const auto run = [&](Tensor condition) { return SingleOp("select").Declare({a.type}).Run({std::move(condition), a, b}); };
  const auto flags = [](Shape shape, V<uint8_t> values) {
    Tensor t = Tensor::Of<uint8_t>(shape, std::move(values));
    t.type.dtype = DType::kBool;
    return t;
  };
  EXPECT_EQ((*run(flags({2}, {0, 1})))[0].As<int32_t>(), (V<int32_t>{5, 6, 3, 4}));
  EXPECT_EQ((*run(flags({}, {0})))[0].As<int32_t>(), (V<int32_t>{5, 6, 7, 8}));
  EXPECT_EQ((*run(flags({2, 2}, {1, 0, 0, 1})))[0].As<int32_t>(), (V<int32_t>{1, 6, 7, 4}));
  EXPECT_FALSE(run(flags({3}, {1, 0, 0})).ok());
}

TEST(Math, BitcastMovesTheLastDimension) {
  const Tensor x = Tensor::Of<uint32_t>({1, 2}, {0x04030201, 0x08070605});
  auto y = SingleOp("bitcast").Declare({{DType::kU8, {}, {}}}).Run({x});
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].type.shape, (Shape{1, 2, 4}));
  EXPECT_EQ((*y)[0].As<uint8_t>(), (V<uint8_t>{1, 2, 3, 4, 5, 6, 7, 8}));
  auto z = SingleOp("bitcast").Declare({{DType::kU64, {}, {}}}).Run({x});
  ASSERT_TRUE(z.ok()) << z.error().message();
  EXPECT_EQ((*z)[0].type.shape, (Shape{1}));
  EXPECT_FALSE(SingleOp("bitcast").Declare({{DType::kC128, {}, {}}}).Run({x}).ok());
}

}  // namespace
}  // namespace octet::ops::test
