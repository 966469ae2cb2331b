// SPDX-License-Identifier: Apache-2.0
// Element-wise operators where the recorded vectors are thin: int16 tables, shifts, divisions, quantized
// comparisons, casts at the edges. Integer results are LiteRT 2.3's reference kernels'.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ops/add_sub_util.h"
#include "ops/element_util.h"
#include "tests/ops/single_op.h"

namespace octet::ops::test {
namespace {

template <class T> using V = std::vector<T>;
const V<int16_t> kSixteen = {-32768, -20000, -3000, -1, 0, 7, 900, 12345, 32767};
const V<int8_t> kEight = {-128, -90, -3, -1, 0, 7, 99, 101, 127};

Quant Q(float scale, int32_t zero = 0) { return Quant::PerTensor(scale, zero); }

// One output of the given type from inputs of 9 numbers.
template <class Y, class A = NoAttrs> V<Y> Apply(std::string_view op, std::vector<Tensor> inputs, Quant out = {}, const A& attrs = {}) {
  SingleOp single(op);
  if constexpr (!std::is_same_v<A, NoAttrs>) single.With(attrs);
  single.Declare({{DTypeOf<Y>, inputs[0].type.shape, std::move(out)}});
  auto y = single.Run(std::move(inputs));
  EXPECT_TRUE(y.ok()) << y.error().message();
  return y.ok() ? (*y)[0].As<Y>() : V<Y>();
}
V<uint8_t> ApplyBool(std::string_view op, std::vector<Tensor> inputs) {
  auto y = SingleOp(op).Declare({{DType::kBool, inputs[0].type.shape, {}}}).Run(std::move(inputs));
  EXPECT_TRUE(y.ok()) << y.error().message();
  return y.ok() ? (*y)[0].As<uint8_t>() : V<uint8_t>();
}
V<int16_t> Apply16(std::string_view op, const V<int16_t>& x, float in, float out) {
  return Apply<int16_t>(op, {Tensor::Of<int16_t>({9}, x, Q(in))}, Q(out));
}

TEST(Elementwise, LogisticAndTanhOfInt16) {
  constexpr float kOne = 1.0f / 32768, kPowerOfTwo = 1.0f / 4096;
  EXPECT_EQ(Apply16("logistic", kSixteen, kPowerOfTwo, kOne), (V<int16_t>{11, 247, 10639, 16382, 16384, 16398, 18177, 31234, 32757}));
  EXPECT_EQ(Apply16("logistic", kSixteen, 0.00031f, kOne), (V<int16_t>{1, 67, 9271, 16381, 16384, 16402, 18654, 32070, 32767}));
  EXPECT_EQ(Apply16("tanh", kSixteen, kPowerOfTwo, kOne), (V<int16_t>{-32767, -32764, -20465, -8, 0, 56, 7086, 32611, 32767}));
  EXPECT_EQ(Apply16("tanh", kSixteen, 0.00031f, kOne), (V<int16_t>{-32767, -32767, -23940, -11, 0, 72, 8911, 32737, 32767}));
  auto refused = SingleOp("tanh").Declare({{DType::kI16, {9}, Q(0.5f)}}).Run({Tensor::Of<int16_t>({9}, kSixteen, Q(kOne))});
  EXPECT_FALSE(refused.ok());  // The table answers in 2^-15 only.
}

TEST(Elementwise, InterpolatedFunctionsOfInt16) {
  const V<int16_t> positive = {32767, 20000, 3000, 1, 0, 7, 900, 12345, 32767};
  EXPECT_EQ(Apply16("exp", kSixteen, 0.0001f, 0.001f), (V<int16_t>{38, 136, 741, 1000, 1000, 1001, 1094, 3437, 26486}));
  EXPECT_EQ(Apply16("log", kSixteen, 0.0001f, 0.0002f), (V<int16_t>{-32768, -32768, -32768, -31780, -31772, -31219, -12038, 1053, 5934}));
  EXPECT_EQ(Apply16("rsqrt", positive, 0.001f, 0.0005f), (V<int16_t>{349, 448, 1155, 26975, 27144, 25960, 2108, 570, 349}));
  EXPECT_EQ(Apply16("gelu", kSixteen, 0.0002f, 0.0003f), (V<int16_t>{0, 0, -549, -1, -1, 1, 343, 8174, 21844}));
}

// Rows of stretched operands arrive in pieces (binary_util.cc): below, at and far above a piece's length, each side stretched, neither, both.
template <class T> void CheckRows(std::string_view op, int n, T (*f)(T, T)) {
  for (const auto& [wide_a, wide_b] : {std::pair{n, n}, std::pair{n, 1}, std::pair{1, n}}) {
    V<T> a(static_cast<size_t>(3 * wide_a)), b(static_cast<size_t>(2 * wide_b)), wanted;
    for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<T>((i * 37 + 11) % 1009);
    for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<T>((i * 53 + 5) % 997 + 1);
    for (int r = 0; r < 6; ++r) {
      for (int i = 0; i < n; ++i) wanted.push_back(f(a[static_cast<size_t>(r / 2 * wide_a + i % wide_a)], b[static_cast<size_t>(r % 2 * wide_b + i % wide_b)]));
    }
    SingleOp single(op);
    single.Declare({{DTypeOf<T>, {3, 2, n}, {}}});
    auto y = single.Run({Tensor::Of<T>({3, 1, wide_a}, a), Tensor::Of<T>({1, 2, wide_b}, b)});
    ASSERT_TRUE(y.ok()) << y.error().message();
    EXPECT_EQ((*y)[0].template As<T>(), wanted) << op << ", rows of " << wide_a << " and " << wide_b;
  }
}

TEST(Elementwise, StretchedRowsOfAnyLength) {
  for (const int n : {1, 2, 511, 512, 1023, 1024, 1025, 4096, 4099, 20001}) {
    CheckRows<float>("floor_mod", n, [](float x, float y) { return std::fmod(x, y); });
    CheckRows<int32_t>("floor_div", n, [](int32_t x, int32_t y) { return x / y; });
    CheckRows<int16_t>("floor_div", n, [](int16_t x, int16_t y) { return static_cast<int16_t>(x / y); });
    CheckRows<int64_t>("maximum", n, [](int64_t x, int64_t y) { return std::max(x, y); });
    CheckRows<int32_t>("bitwise_xor", n, [](int32_t x, int32_t y) { return x ^ y; });
  }
}

TEST(Elementwise, SoftmaxAndItsLogarithm) {
  const struct {
    float beta = 1.0f;
  } attrs;
  EXPECT_EQ(Apply<int16_t>("softmax", {Tensor::Of<int16_t>({9}, kSixteen, Q(0.0002f))}, Q(1.0f / 32768), attrs),
            (V<int16_t>{2, 2, 25, 45, 45, 46, 55, 539, 32009}));
  EXPECT_EQ(Apply<int16_t>("softmax", {Tensor::Of<int8_t>({9}, kEight, Q(0.02f))}, Q(1.0f / 65536, -32768), attrs),
            (V<int16_t>{-32609, -32427, -30826, -30746, -30706, -30396, -17830, -17220, -6617}));
  EXPECT_EQ(Apply<int8_t>("log_softmax", {Tensor::Of<int8_t>({9}, kEight, Q(0.05f, 3))}, Q(1.0f / 16, 127)),
            (V<int8_t>{-84, -53, 16, 18, 19, 24, 98, 99, 120}));
  EXPECT_EQ(Apply<int8_t>("l2_normalization", {Tensor::Of<int8_t>({9}, kEight, Q(0.05f, 3))}, Q(1.0f / 128)),
            (V<int8_t>{-68, -49, -3, -2, -2, 2, 50, 51, 65}));
}

// Each of 1,000 classes has 0.001: less than half of a step, where LiteRT's reference kernel ends the process.
TEST(Elementwise, SoftmaxOfManyEqualClasses) {
  const struct {
    float beta = 1.0f;
  } attrs;
  for (const int32_t n : {400, 1000, 3000})
    for (const int8_t y :
         Apply<int8_t>("softmax", {Tensor::Of<int8_t>({n}, std::vector<int8_t>(static_cast<size_t>(n), 5), Q(0.02f))}, Q(1.0f / 256, -128), attrs))
      ASSERT_EQ(y, n == 400 ? -127 : -128) << n;
}

TEST(Elementwise, PowerOfTwoScalesShift) {
  const V<int16_t> other = {11, -20001, 3001, 5, -6, 7, -901, 12, 32767};
  constexpr float kFine = 1.0f / 8192, kCoarse = 1.0f / 2048;
  const Tensor x = Tensor::Of<int16_t>({9}, kSixteen, Q(kFine)), y = Tensor::Of<int16_t>({9}, other, Q(kCoarse));
  EXPECT_EQ(Apply<int16_t>("add", {x, y}, Q(kCoarse)), (V<int16_t>{-8181, -25001, 2251, 5, -6, 9, -676, 3098, 32767}));
  const Tensor coarse = Tensor::Of<int16_t>({9}, kSixteen, Q(kCoarse)), fine = Tensor::Of<int16_t>({9}, other, Q(kFine));
  EXPECT_EQ(Apply<int16_t>("sub", {coarse, fine}, Q(kCoarse)), (V<int16_t>{-32768, -15000, -3750, -2, 2, 5, 1125, 12342, 24575}));
  // Without scales int16 is numbers that wrap.
  EXPECT_EQ(Apply<int16_t>("add", {Tensor::Of<int16_t>({2}, {32767, 5}), Tensor::Of<int16_t>({1}, {1})}), (V<int16_t>{-32768, 6}));
}

TEST(Elementwise, EightBitsBySign) {
  const struct {
    float alpha = -0.37f;
  } attrs;
  const Tensor x = Tensor::Of<int8_t>({9}, kEight, Q(0.05f, 3));
  EXPECT_EQ(Apply<int8_t>("leaky_relu", {x}, Q(0.04f, -7), attrs), (V<int8_t>{54, 36, -4, -5, -5, -2, 113, 116, 127}));
  EXPECT_EQ(Apply<int8_t>("prelu", {x, Tensor::Of<int8_t>({1}, {77}, Q(0.01f, -9))}, Q(0.04f, -7)),
            (V<int8_t>{-128, -107, -13, -11, -10, -2, 113, 116, 127}));
  EXPECT_EQ(Apply<int8_t>("sqrt", {Tensor::Of<int8_t>({9}, kEight, Q(0.05f, -128))}, Q(0.02f, -128)),
            (V<int8_t>{-128, -60, -3, -3, -2, 1, 40, 41, 50}));
  EXPECT_EQ(ApplyBool("less", {x, Tensor::Of<int8_t>({1}, {40}, Q(0.03f, -4))}), (V<uint8_t>{1, 1, 1, 1, 1, 1, 0, 0, 0}));
}

// Tables of smooth functions are filled by vectors where no rounding is in doubt: every entry is what the formula gives, with scales that
// put many results on a half (gelu of large x is x), that saturate, or that leave nothing.
TEST(Elementwise, TablesAreTheFormulasEntries) {
  const auto gelu = [](float x) { return 0.5f * x * std::erfc(x * -0.70710678118654752440f); };
  const auto gelu_tanh = [](float x) { return 0.5f * x * (1.0f + std::tanh(0.79788456080286535588f * (x + 0.044715f * x * x * x))); };
  const struct {
    std::string_view op;
    bool approximate;
    float (*f)(float);
    std::vector<Quant> out;
  } functions[] = {{"logistic", false, [](float x) { return 1.0f / (1.0f + std::exp(-x)); }, {Q(1.0f / 256, -128)}},
                   {"tanh", false, [](float x) { return std::tanh(x); }, {Q(1.0f / 128)}},
                   {"exp", false, [](float x) { return std::exp(x); }, {Q(0.01f, -128), Q(2, 5), Q(1e-6f), Q(3e30f)}},
                   {"gelu", false, +gelu, {Q(0.02f, -120), Q(2), Q(0.5f, 7), Q(1e-7f)}},
                   {"gelu", true, +gelu_tanh, {Q(0.02f, -120), Q(2), Q(0.5f, 7), Q(1e-7f)}}};
  V<int8_t> all(256);
  for (int i = 0; i < 256; ++i) all[static_cast<size_t>(i)] = static_cast<int8_t>(i - 128);
  for (const auto& [op, approximate, f, outs] : functions) {
    for (const Quant& out : outs) {
      for (const float scale : {1e-6f, 0.003f, 0.0231f, 0.125f, 1.0f, 37.5f, 1e30f}) {
        V<int8_t> wanted;
        for (const int8_t q : all) {
          const float y = std::round(f(scale * static_cast<float>(q + 3)) * (1.0f / out.scale0())) + static_cast<float>(out.zero0());
          wanted.push_back(std::isnan(y) ? int8_t{0} : static_cast<int8_t>(std::clamp(y, -128.0f, 127.0f)));
        }
        const Tensor x = Tensor::Of<int8_t>({256}, all, Q(scale, -3));
        EXPECT_EQ(op == "gelu" ? Apply<int8_t>(op, {x}, out, approximate) : Apply<int8_t>(op, {x}, out), wanted) << op << ' ' << scale << ' ' << out.scale0();
      }
    }
  }
}

TEST(Elementwise, Divisions) {
  const Tensor a = Tensor::Of<uint8_t>({6}, {3, 200, 128, 90, 255, 0}, Q(0.02f, 10)), b = Tensor::Of<uint8_t>({6}, {7, 90, 250, 3, 60, 255}, Q(0.5f, 100));
  EXPECT_EQ(Apply<uint8_t>("div", {a, b}, Q(0.05f, 40))[1], 25);
  constexpr int32_t kLeast = std::numeric_limits<int32_t>::min();
  const Tensor x = Tensor::Of<int32_t>({6}, {7, -7, 7, -7, kLeast, -8}), y = Tensor::Of<int32_t>({6}, {2, 2, -2, -2, -1, 4});
  EXPECT_EQ(Apply<int32_t>("div", {x, y}), (V<int32_t>{3, -3, -3, 3, kLeast, -2}));
  EXPECT_EQ(Apply<int32_t>("floor_div", {x, y}), (V<int32_t>{3, -4, -4, 3, kLeast, -2}));
  EXPECT_EQ(Apply<int32_t>("floor_mod", {x, y}), (V<int32_t>{1, 1, -1, -1, 0, 0}));
  EXPECT_EQ(Apply<float>("floor_mod", {Tensor::Of<float>({3}, {5.5f, -5.5f, 5.5f}), Tensor::Of<float>({3}, {2, 2, -2})}), (V<float>{1.5f, 0.5f, -0.5f}));
  for (const char* op : {"div", "floor_div", "floor_mod"}) {
    auto zero = SingleOp(op).Run({x, Tensor::Of<int32_t>({1}, {0})});
    EXPECT_FALSE(zero.ok()) << op;
  }
  // The zero point of a quantized divisor is its zero.
  EXPECT_FALSE(SingleOp("div").Declare({{DType::kU8, {6}, Q(0.05f)}}).Run({a, Tensor::Of<uint8_t>({1}, {100}, Q(0.5f, 100))}).ok());
  EXPECT_FALSE(SingleOp("pow").Run({x, Tensor::Of<int32_t>({1}, {-1})}).ok());
  EXPECT_EQ(Apply<int32_t>("pow", {Tensor::Of<int32_t>({3}, {3, -2, 0}), Tensor::Of<int32_t>({3}, {4, 3, 0})}), (V<int32_t>{81, -8, 1}));
}

TEST(Elementwise, ShiftsClampTheirDistance) {
  EXPECT_EQ(Apply<int8_t>("right_shift", {Tensor::Of<int8_t>({4}, {-128, 127, -1, 64}), Tensor::Of<int8_t>({4}, {100, 1, -5, 6})}), (V<int8_t>{-1, 63, -1, 1}));
  EXPECT_EQ(Apply<uint32_t>("right_shift", {Tensor::Of<uint32_t>({2}, {~0u, 8}), Tensor::Of<uint32_t>({2}, {77, 3})}), (V<uint32_t>{1, 1}));
}

TEST(Elementwise, CastsAtTheEdges) {
  const Tensor x = Tensor::Of<float>({5}, {std::nanf(""), 1e20f, -1e20f, -2.9f, 300.5f});
  EXPECT_EQ(Apply<int8_t>("cast", {x}), (V<int8_t>{127, 127, -128, -2, 127}));
  EXPECT_EQ(Apply<uint32_t>("cast", {x}), (V<uint32_t>{~0u, ~0u, 0, 0, 300}));
  EXPECT_EQ(ApplyBool("cast", {x}), (V<uint8_t>{1, 1, 1, 1, 1}));
  EXPECT_EQ(Apply<int8_t>("cast", {Tensor::Of<int32_t>({2}, {300, -129})}), (V<int8_t>{44, 127}));
  EXPECT_EQ(Apply<float>("cast", {Tensor::Of<C64>({1}, {C64(2.5f, 9)})}), (V<float>{2.5f}));
  Tensor packed = Tensor::Of<int8_t>({3}, {});
  packed.type.dtype = DType::kI4;
  packed.bytes = {std::byte{0x7f}, std::byte{0x08}};
  EXPECT_EQ(Apply<float>("cast", {packed}), (V<float>{-1, 7, -8}));
  auto back = SingleOp("cast").Declare({{DType::kI4, {3}, {}}}).Run({Tensor::Of<float>({3}, {-1, 9, -8})});
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ((*back)[0].bytes, packed.bytes);
}

TEST(Elementwise, HalfPrecisionRoundsOnce) {
  const Tensor x = Tensor::Of<F16>({2}, {F16(2048.0f), F16(0.1f)});
  const auto y = Apply<F16>("add", {x, Tensor::Of<F16>({1}, {F16(3.0f)})});
  EXPECT_EQ(static_cast<float>(y[0]), 2052.0f);  // 2051 lies between 2050 and 2052: to even.
  EXPECT_EQ(static_cast<float>(Apply<BF16>("floor", {Tensor::Of<BF16>({1}, {BF16(-1.5f)})})[0]), -2.0f);
}

// What a type variable names must be one type: a kernel for floats would read bytes as floats.
TEST(Elementwise, MixedTypesAreRefused) {
  auto y = SingleOp("add").Run({Tensor::Of<float>({4}, {1, 2, 3, 4}), Tensor::Of<int32_t>({4}, {1, 2, 3, 4})});
  ASSERT_FALSE(y.ok());
  EXPECT_EQ(y.error().code(), Code::kUnsupported);
}

TEST(Elementwise, BroadcastsSixDimensions) {
  const Tensor a = Tensor::Of<int64_t>({2, 1, 1, 2, 1, 1}, {1, 2, 3, 4}), b = Tensor::Of<int64_t>({1, 3, 1, 1, 1, 2}, {10, 20, 30, 40, 50, 60});
  const auto y = Apply<int64_t>("mul", {a, b});
  ASSERT_EQ(y.size(), 24u);
  EXPECT_EQ(y[0], 10);
  EXPECT_EQ(y[3], 40);   // [0, 0, 0, 1, 0, 1]
  EXPECT_EQ(y[23], 240);
}

}  // namespace
}  // namespace octet::ops::test
