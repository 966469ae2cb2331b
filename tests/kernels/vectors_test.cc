// SPDX-License-Identifier: Apache-2.0
// The fast variants of operators on the vector primitives against their references, in whole models.
#include <functional>
#include <numeric>

#include "graph/nibbles.h"
#include "ops/quant_util.h"
#include "tests/model_builder.h"
#include "tests/pick.h"

namespace octet {
namespace {

using test::Builder;
using test::Runner;

// kernel: which one the first node must have; empty: any.
template <class T> void ExpectSame(const graph::Model& model, const std::vector<T>& x, float tolerance, std::string_view kernel = {}) {
  const std::vector<T> want = Runner(model, {.kernels = runtime::Kernels::kReference}).Run(x);
  std::vector<T> before;
  for (int threads : {1, 3}) {
    Runner runner(model, {.threads = threads});
    const std::vector<T> got = runner.Run(x);
    if (!kernel.empty()) {
      EXPECT_EQ(kernel, runner.it->node(0).kernel);
    }
    ASSERT_EQ(want.size(), got.size());
    for (size_t i = 0; i < want.size(); ++i)
      ASSERT_LE(std::abs(static_cast<float>(want[i]) - static_cast<float>(got[i])), tolerance * std::max(1.0f, std::abs(static_cast<float>(want[i]))))
          << "element " << i;
    if (!before.empty()) {
      EXPECT_EQ(before, got) << "thread counts must not matter";
    }
    before = got;
  }
}

Quant RandomQuant(std::mt19937& random) {
  return Quant::PerTensor(std::ldexp(1.0f + static_cast<float>(random() % 1000) / 1000.0f, -static_cast<int>(random() % 8)),
                          static_cast<int32_t>(random() % 256) - 128);
}
std::vector<int8_t> Bytes(const Shape& s, std::mt19937& random) { return test::RandomBytes(static_cast<size_t>(s.elements()), random()); }

TEST(VectorProducts, BinaryBytesBroadcast) {
  std::mt19937 random(1);
  const Shape shapes[][2] = {{{2, 3, 37}, {2, 3, 37}}, {{2, 3, 37}, {37}}, {{2, 3, 37}, {2, 3, 1}}, {{1, 5, 4, 16}, {1, 1, 1, 16}}, {{4, 9}, {1}},
                             {{3, 1, 7}, {2, 1}}, {{900, 33}, {900, 1}}, {{5, 900, 3}, {5, 1, 3}}, {{1, 40, 50, 24}, {1, 40, 50, 1}},
                             {{3, 2048}, {3, 1}}, {{3, 2049}, {3, 1}}};
  for (const std::string op : {"add", "sub", "mul", "squared_difference", "prelu"}) {
    for (const auto& s : shapes) {
      for (bool swapped : {false, true}) {
        if (op == "prelu" && (swapped || s[0].rank() < s[1].rank() || s[0] == Shape{3, 1, 7})) continue;  // Its output has the shape of x.
        SCOPED_TRACE(op);
        Builder b;
        const auto x = b.Input("x", {DType::kI8, s[0], RandomQuant(random)});
        const auto c = b.Constant<int8_t>("c", s[1], Bytes(s[1], random), RandomQuant(random));
        const std::vector<graph::TensorId> in = swapped ? std::vector{c, x} : std::vector{x, c};
        b.g().outputs = {b.Node(op, "y", in, {DType::kI8, {}, RandomQuant(random)})};
        ExpectSame<int8_t>(b.model, Bytes(s[0], random), 0);
      }
    }
  }
}

std::vector<int16_t> Shorts(const Shape& s, std::mt19937& random) {
  std::vector<int16_t> v(static_cast<size_t>(s.elements()));
  for (int16_t& x : v) x = random() % 8 == 0 ? (random() % 2 ? INT16_MIN : INT16_MAX) : static_cast<int16_t>(random());
  return v;
}

TEST(VectorProducts, BinaryShortsBroadcast) {
  std::mt19937 random(5);
  const Shape shapes[][2] = {{{2, 3, 37}, {2, 3, 37}}, {{2, 3, 37}, {37}}, {{2, 3, 37}, {2, 3, 1}}, {{4, 9}, {1}}, {{3, 1, 7}, {2, 1}},
                             {{5, 900, 3}, {5, 1, 3}}, {{3000, 8}, {8}}, {{1, 40, 50, 24}, {1, 40, 50, 1}}, {{3, 1024}, {3, 1}}, {{3, 1025}, {3, 1}}};
  const auto quant = [&] { return Quant::PerTensor(std::ldexp(1.0f + static_cast<float>(random() % 1000) / 1000.0f, -6 - static_cast<int>(random() % 9)), 0); };
  for (const char* op : {"add", "sub", "mul"}) {
    for (const auto& s : shapes) {
      for (bool swapped : {false, true}) {
        SCOPED_TRACE(op);
        Builder b;
        const auto x = b.Input("x", {DType::kI16, s[0], quant()});
        const auto c = b.Constant<int16_t>("c", s[1], Shorts(s[1], random), quant());
        const std::vector<graph::TensorId> in = swapped ? std::vector{c, x} : std::vector{x, c};
        b.g().outputs = {b.Node(op, "y", in, {DType::kI16, {}, quant()})};
        ExpectSame<int16_t>(b.model, Shorts(s[0], random), 0);
      }
    }
  }
}

TEST(VectorProducts, BinaryFloatsBroadcast) {
  const Shape shapes[][2] = {{{2, 3, 37}, {37}}, {{2, 3, 37}, {2, 3, 1}}, {{800, 32, 2}, {800, 1, 2}}, {{3, 700}, {700}}, {{9000, 3}, {3}}, {{7, 5}, {1, 5}},
                             {{2, 1, 4}, {3, 4}}, {{1, 40, 50, 24}, {1, 40, 50, 1}}, {{3, 512}, {3, 1}}, {{3, 513}, {3, 1}}};
  uint32_t seed = 0;
  for (const std::string op : {"add", "sub", "mul", "squared_difference", "prelu"}) {
    for (const auto& s : shapes) {
      for (bool swapped : {false, true}) {
        if (op == "prelu" && (swapped || s[0] == Shape{2, 1, 4})) continue;  // Its output has the shape of x.
        SCOPED_TRACE(op + s[0].text());
        Builder b;
        const auto x = b.Input("x", {DType::kF32, s[0], {}});
        const auto c = b.Constant<float>("c", s[1], test::RandomFloats(static_cast<size_t>(s[1].elements()), ++seed));
        b.g().outputs = {b.Node(op, "y", swapped ? std::vector{c, x} : std::vector{x, c})};
        ExpectSame<float>(b.model, test::RandomFloats(static_cast<size_t>(s[0].elements()), ++seed), 0);
      }
    }
  }
}

// Every byte with every other, in an order that no vector repeats.
template <class T> void AllPairs(std::vector<T>* a, std::vector<T>* b) {
  for (uint32_t i = 0; i < 65536; ++i) {
    const uint32_t pair = i * 40503 % 65536;
    a->push_back(static_cast<T>(pair)), b->push_back(static_cast<T>(pair >> 8));
  }
}
constexpr int32_t kPairs = 65536;

TEST(VectorProducts, SumsOfAllBytes) {
  const struct {
    float a, b, out;
  } scales[] = {{0.05f, 0.05f, 0.05f}, {0.05f, 0.05f, 0.1f}, {0.02f, 0.031f, 0.027f}, {0.02f, 0.013f, 0.02f}, {1.0f, 1e-4f, 1.0f}, {1e-4f, 1.0f, 0.7f},
                {1e-6f, 3.0f, 2.0f},   {0.5f, 0.3f, 100.0f}, {0.5f, 0.3f, 1e-3f},     {0.011f, 0.04f, 0.0467f}};
  std::mt19937 random(17);
  std::vector<int8_t> x, y;
  AllPairs(&x, &y);
  for (const char* op : {"add", "sub"}) {
    for (const auto& s : scales) {
      for (const int32_t zero : {-128, 127, static_cast<int32_t>(random() % 256) - 128}) {
        SCOPED_TRACE(op + std::to_string(&s - scales) + ", zero point " + std::to_string(zero));
        Builder b;
        const auto in = b.Input("x", {DType::kI8, {kPairs}, Quant::PerTensor(s.a, zero)});
        const auto other = b.Constant<int8_t>("c", {kPairs}, y, Quant::PerTensor(s.b, -5));
        b.g().outputs = {b.Node(op, "y", {in, other}, {DType::kI8, {}, Quant::PerTensor(s.out, zero / 2)})};
        ExpectSame<int8_t>(b.model, x, 0, "vectors");
      }
    }
  }
}

// As LiteRT compares: with 8 fractional bits of what each value stands for.
template <class T> std::vector<int32_t> Fractional(const std::vector<T>& x, const Quant& q) {
  const ops::Multiplier m = ops::QuantizeMultiplier(static_cast<double>(q.scale0()));
  std::vector<int32_t> y;
  for (const T v : x) y.push_back(ops::RoundingDivideByPot(ops::RoundingDoublingHighMul((v - q.zero0()) * 256, m.mantissa), -m.shift));
  return y;
}
template <class T> void CompareAll(const Quant& a, const Quant& b) {
  const std::pair<const char*, bool (*)(int32_t, int32_t)> comparisons[] = {
      {"less", [](int32_t x, int32_t y) { return x < y; }},       {"less_equal", [](int32_t x, int32_t y) { return x <= y; }},
      {"greater", [](int32_t x, int32_t y) { return x > y; }},    {"greater_equal", [](int32_t x, int32_t y) { return x >= y; }},
      {"equal", [](int32_t x, int32_t y) { return x == y; }},     {"not_equal", [](int32_t x, int32_t y) { return x != y; }},
  };
  std::vector<T> x, y;
  AllPairs(&x, &y);
  const std::vector<int32_t> left = Fractional(x, a), right = Fractional(y, b);
  for (const auto& [op, holds] : comparisons) {
    Builder m;
    const auto in = m.Input("x", {DTypeOf<T>, {kPairs}, a}), other = m.Constant<T>("c", {kPairs}, y, b);
    m.g().outputs = {m.Node(op, "y", {in, other}, {DType::kBool, {}, {}})};
    const std::vector<T> found = Runner(m.model, {.threads = 2}).Run(x);
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(holds(left[i], right[i]), found[i] != 0) << op << " of " << +x[i] << " and " << +y[i];
  }
}

TEST(VectorProducts, ComparisonsOfAllBytes) {
  const Quant one = Quant::PerTensor(0.05f, 3);
  for (const Quant& other : {one, Quant::PerTensor(0.05f, 40), Quant::PerTensor(0.013f, 3), Quant::PerTensor(0.9f, 0), Quant::PerTensor(1.7f, 8)}) {
    CompareAll<int8_t>(one, other);
    CompareAll<uint8_t>(other, one);
  }
}

// The output lies where one of the inputs does.
template <class T> void SumOntoAnInput(int at) {
  constexpr int32_t kCount = 1300;
  const Shape shape{kCount};
  Builder b;
  std::vector<graph::TensorId> inputs;
  std::vector<T> memory(kCount), want(kCount, T{0});
  std::mt19937 random(18);
  for (int k = 0; k < 4; ++k) {
    std::vector<T> values(kCount);
    for (T& v : values) v = static_cast<T>(static_cast<int32_t>(random()) >> 8);
    for (size_t i = 0; i < values.size(); ++i) want[i] += values[i];
    inputs.push_back(k == at ? b.Input("x", {DTypeOf<T>, shape, {}}) : b.Constant<T>("c" + std::to_string(k), shape, values));
    if (k == at) memory = values;
  }
  b.g().outputs = {b.Node("add_n", "y", inputs, {DTypeOf<T>, {}, {}})};
  Runner runner(b.model, {.threads = 2});
  ASSERT_TRUE(runner.it->Allocate().ok());
  for (const int tensor : {runner.it->input_tensor(0), runner.it->output_tensor(0)})
    ASSERT_TRUE(runner.it->Bind(tensor, reinterpret_cast<std::byte*>(memory.data()), sizeof(T) * kCount).ok());
  ASSERT_TRUE(runner.it->Invoke().ok());
  EXPECT_EQ(want, memory) << "input " << at;
}

TEST(VectorProducts, SumsOfManyOntoAnInput) {
  for (int at = 0; at < 4; ++at) SumOntoAnInput<float>(at), SumOntoAnInput<int32_t>(at);
}

TEST(VectorProducts, EluLosesNothingNearZero) {
  std::vector<float> x;
  for (float v = -30.0f; v < -1e-9f; v *= 0.97f) x.push_back(v);
  for (float v : {0.0f, -0.0f, 3.5f, -INFINITY, INFINITY, NAN}) x.push_back(v);
  Builder b;
  b.g().outputs = {b.Node("elu", "y", {b.Input("x", {DType::kF32, {static_cast<int32_t>(x.size())}, {}})})};
  Runner runner(b.model);
  const std::vector<float> y = runner.Run(x);
  EXPECT_EQ("vectors", runner.it->node(0).kernel);
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i])) EXPECT_TRUE(std::isnan(y[i]));
    else if (x[i] < 0) EXPECT_NEAR(std::expm1(x[i]), y[i], 1e-6f * std::abs(std::expm1(x[i]))) << x[i];
    else EXPECT_EQ(x[i], y[i]);
  }
}

TEST(VectorProducts, BytesToBytes) {
  std::vector<uint8_t> all(256);
  std::iota(all.begin(), all.end(), uint8_t{0});
  for (float scale : {0.5f, 1.0f, 1.3f}) {
    Builder b;
    const auto x = b.Input("x", {DType::kU8, {256}, Quant::PerTensor(0.1f, 7)});
    const auto y = b.Node("quantize", "y", {x}, {DType::kI8, {}, Quant::PerTensor(0.1f * scale, -100)});
    b.g().outputs = {b.Node("quantize", "z", {y}, {DType::kU8, {}, Quant::PerTensor(0.07f, 3)})};
    ExpectSame<uint8_t>(b.model, all, 0);
  }
}

// Biases of 64 and of 32 bits, and none.
TEST(VectorProducts, ConvolutionsOfShorts) {
  std::mt19937 random(9);
  for (int round = 0; round < 30; ++round) {
    const auto pick = test::PickFrom(random);
    Builder b;
    const int32_t out = pick(9), in = pick(20);
    const Shape image{pick(2), 6 + pick(6), 6 + pick(6), in}, filter{out, pick(3), pick(3), in};
    const auto x = b.Input("x", {DType::kI16, image, Quant::PerTensor(1.0f / 4096, 0)});
    Quant scales{{}, {}, 0, 0}, bias_scales{{}, {}, 0, 0};
    for (int32_t i = 0; i < out; ++i) {
      scales.scale.push_back(0.001f * static_cast<float>(pick(50)));
      bias_scales.scale.push_back(scales.scale[static_cast<size_t>(i)] / 4096);
      scales.zero_point.push_back(0), bias_scales.zero_point.push_back(0);
    }
    std::vector<graph::TensorId> operands{x, b.Constant<int8_t>("w", filter, Bytes(filter, random), scales)};
    std::vector<int64_t> wide;
    std::vector<int32_t> narrow;
    for (int32_t i = 0; i < out; ++i) wide.push_back((i % 2 ? -1 : 1) * (int64_t{1} << (i * 4))), narrow.push_back(static_cast<int32_t>(random()) >> 8);
    if (round % 3 == 0) operands.push_back(b.Constant<int64_t>("b", {out}, wide, bias_scales));
    if (round % 3 == 1) operands.push_back(b.Constant<int32_t>("b", {out}, narrow, bias_scales));
    b.g().outputs = {b.Node("conv_2d", "y", operands, {DType::kI16, {}, Quant::PerTensor(0.002f, 0)}, [&](graph::Node& n) {
      test::SetAttr(n, "padding", round % 2 ? ops::Padding::kSame : ops::Padding::kValid);
      for (const char* name : {"stride_w", "stride_h"}) test::SetAttr<int32_t>(n, name, pick(2));
      for (const char* name : {"dilation_w_factor", "dilation_h_factor"}) test::SetAttr<int32_t>(n, name, pick(2));
    })};
    ExpectSame<int16_t>(b.model, Shorts(image, random), 0, "vectors_s16");
  }
}

// What a window's node has of these attributes.
auto Window(bool same, int32_t stride) {
  return [=](graph::Node& n) {
    test::SetAttr(n, "padding", same ? ops::Padding::kSame : ops::Padding::kValid);
    for (const char* name : {"stride_w", "stride_h"}) test::SetAttr(n, name, stride);
    for (const char* name : {"dilation_w_factor", "dilation_h_factor"}) test::SetAttr<int32_t>(n, name, 1);
  };
}

// Images and weights of a convolution in three forms: floats, dynamic range, bytes.
struct Forms {
  Builder b;
  std::mt19937& random;
  int form;
  graph::TensorId Image(const Shape& s) { return form < 2 ? b.Input("x", {DType::kF32, s, {}}) : b.Input("x", {DType::kI8, s, Quant::PerTensor(0.05f, 7)}); }
  graph::TensorId Weights(const Shape& s, int axis = 0) {
    if (form == 0) return b.Constant<float>("w", s, test::RandomFloats(static_cast<size_t>(s.elements()), random()));
    Quant scales{{}, {}, axis, 0};
    for (int32_t i = 0; i < s[axis]; ++i) scales.scale.push_back(0.001f * static_cast<float>(1 + random() % 50)), scales.zero_point.push_back(0);
    return b.Constant<int8_t>("w", s, Bytes(s, random), scales);
  }
  graph::TensorId Bias(int32_t n) {
    if (form < 2) return b.Constant<float>("b", {n}, test::RandomFloats(static_cast<size_t>(n), random()));
    std::vector<int32_t> values;
    Quant scales{{}, {}, 0, 0};
    for (int32_t i = 0; i < n; ++i) values.push_back(static_cast<int32_t>(random()) >> 16), scales.scale.push_back(0.001f), scales.zero_point.push_back(0);
    return b.Constant<int32_t>("b", {n}, values, scales);
  }
  TensorType Output() const { return form < 2 ? TensorType{DType::kF32, {}, {}} : TensorType{DType::kI8, {}, Quant::PerTensor(0.3f, -4)}; }
  void Expect(const Shape& image, std::string_view kernel) {
    if (form < 2) ExpectSame<float>(b.model, test::RandomFloats(static_cast<size_t>(image.elements()), random()), form == 0 ? 1e-5f : 1e-6f, kernel);
    else ExpectSame<int8_t>(b.model, Bytes(image, random), 0, kernel);
  }
};

TEST(VectorProducts, ConvolutionsOfGroups) {
  constexpr std::string_view kNames[] = {"packed_f32", "packed_hybrid", "packed_s8"};
  std::mt19937 random(12);
  for (int round = 0; round < 96; ++round) {
    const auto pick = test::PickFrom(random);
    Forms f{{}, random, round % 3};
    const int32_t groups = 1 + pick(round % 4 == 0 ? 12 : 4), in = pick(round % 5 == 0 ? 20 : 5), out = pick(round % 2 == 0 ? 6 : 40);
    const Shape image{pick(2), 5 + pick(6), 5 + pick(6), groups * in}, filter{groups * out, pick(3), pick(3), in};
    const auto x = f.Image(image);
    const auto window = [&](graph::Node& n) {
      Window(round % 2, 1 + round / 3 % 2)(n);
      if (round % 8 == 7) test::SetAttr<int32_t>(n, "dilation_w_factor", 2);
    };
    f.b.g().outputs = {f.b.Node("conv_2d", "y", {x, f.Weights(filter), f.Bias(groups * out)}, f.Output(), window)};
    f.Expect(image, kNames[round % 3]);
  }
}

TEST(VectorProducts, SeveralOutputsOfAChannel) {
  std::mt19937 random(14);
  for (int round = 0; round < 24; ++round) {
    const auto pick = test::PickFrom(random);
    Forms f{{}, random, round % 3};
    const int32_t in = 1 + pick(20), times = 1 + pick(3), size = 1 + pick(2);
    const Shape image{pick(2), 6 + pick(9), 6 + pick(9), in}, filter{1, size, size, in * times};
    const auto x = f.Image(image);
    f.b.g().outputs = {f.b.Node("depthwise_conv_2d", "y", {x, f.Weights(filter, 3), f.Bias(in * times)}, f.Output(), Window(round % 2, 1 + round / 3 % 2))};
    f.Expect(image, "channels_repeated");
  }
}

TEST(VectorProducts, TransposedConvolutions) {
  std::mt19937 random(13);
  for (int round = 0; round < 36; ++round) {
    const auto pick = test::PickFrom(random);
    Forms f{{}, random, round % 3};
    const int32_t stride = pick(3), size = pick(4), in = pick(20), out = pick(40);
    const bool same = round % 2;
    const Shape image{pick(2), pick(7), pick(7), in}, filter{out, size, size, in};
    const auto length = [&](int32_t n) { return same ? n * stride - static_cast<int32_t>(random() % static_cast<uint32_t>(stride)) : (n - 1) * stride + size; };
    const std::vector<int32_t> shape{image[0], length(image[1]), length(image[2]), out};
    const auto x = f.Image(image), of = f.b.Constant<int32_t>("shape", {4}, shape);
    f.b.g().outputs = {f.b.Node("transpose_conv", "y", {of, f.Weights(filter), x, f.Bias(out)}, f.Output(), Window(same, stride))};
    f.Expect(image, "packed");
  }
}

// A layer of x with the weights.
using Layer = std::function<graph::TensorId(Builder& b, const std::string& name, graph::TensorId x, graph::TensorId weights)>;

template <class T> std::vector<T> Values(const Shape& s, std::mt19937& random) {
  if constexpr (std::is_same_v<T, float>) return test::RandomFloats(static_cast<size_t>(s.elements()), random());
  else if constexpr (std::is_same_v<T, int8_t>) return Bytes(s, random);
  else return Shorts(s, random);
}

// Layers one behind the other, whose weights are one constant in several shapes: none reads what another one packed.
template <class T, class Weight>
void ExpectPackedApart(const TensorType& input, const std::vector<Shape>& shapes, const Quant& scale, const Layer& layer, float tolerance,
                       std::string_view kernel) {
  std::mt19937 random(16);
  const std::vector<Weight> values = Values<Weight>(shapes[0], random);
  const auto buffer = graph::MakeBuffer(std::as_bytes(std::span(values)));
  Builder b;
  graph::TensorId y = b.Input("x", input);
  for (const Shape& s : shapes) y = layer(b, s.text(), y, b.g().AddConstant("weights " + s.text(), {DTypeOf<Weight>, s, scale}, buffer));
  b.g().outputs = {y};
  ExpectSame<T>(b.model, Values<T>(input.shape, random), tolerance, kernel);
}

TEST(VectorProducts, TransposedConvolutionsOfOneConstantInTwoShapes) {
  const Layer layer = [](Builder& b, const std::string& name, graph::TensorId x, graph::TensorId weights) {
    const auto shape = b.Constant<int32_t>("shape " + name, {4}, std::vector{1, 5, 5, b.g().tensor(weights).type.shape[0]});
    return b.Node("transpose_conv", name, {shape, weights, x}, {DType::kF32, {}, {}}, Window(true, 1));
  };
  ExpectPackedApart<float, float>({DType::kF32, {1, 5, 5, 20}, {}}, {{6, 3, 3, 20}, {20, 3, 3, 6}}, {}, layer, 1e-5f, "packed");
}

// Of groups, and by Winograd's transforms: the larger one first, and the smaller one.
TEST(VectorProducts, ConvolutionsOfOneConstantInTwoShapes) {
  const Layer layer = [](Builder& b, const std::string& name, graph::TensorId x, graph::TensorId weights) {
    return b.Node("conv_2d", name, {x, weights, graph::kNoTensor}, {}, Window(true, 1));
  };
  const Shape many{64, 3, 3, 32}, few{32, 3, 3, 64}, halves{36, 1, 1, 18}, quarters{72, 1, 1, 9};
  ExpectPackedApart<float, float>({DType::kF32, {1, 12, 12, 32}, {}}, {many, few}, {}, layer, 1e-3f, "winograd_f32");
  ExpectPackedApart<float, float>({DType::kF32, {1, 12, 12, 64}, {}}, {few, many}, {}, layer, 1e-3f, "winograd_f32");
  ExpectPackedApart<float, float>({DType::kF32, {1, 4, 4, 36}, {}}, {halves, quarters}, {}, layer, 1e-4f, "packed_f32");
}

// Rows of 24 values in both.
TEST(VectorProducts, AConvolutionAndADenseLayerOfOneConstant) {
  const Layer layer = [](Builder& b, const std::string& name, graph::TensorId x, graph::TensorId weights) {
    const TensorType out{DType::kI8, {}, Quant::PerTensor(8.0f, 3)};
    if (b.g().tensor(weights).type.shape.rank() == 2) return b.Node("fully_connected", name, {x, weights, graph::kNoTensor}, out);
    return b.Node("conv_2d", name, {x, weights, graph::kNoTensor}, out, Window(true, 1));
  };
  const Quant scale = Quant::PerTensor(0.01f, 0);
  ExpectPackedApart<int8_t, int8_t>({DType::kI8, {1, 3, 4, 8}, Quant::PerTensor(0.5f, -7)}, {{2, 3, 3, 8}, {6, 24}}, scale, layer, 0, "packed_s8");
}

TEST(VectorProducts, MatricesOfOneConstantInTwoShapes) {
  const Layer layer = [](Builder& b, const std::string& name, graph::TensorId x, graph::TensorId weights) {
    return b.Node("batch_matmul", name, {x, weights}, {DType::kI16, {}, Quant::PerTensor(0.02f, 0)});
  };
  const Quant scale = Quant::PerTensor(0.05f, 0);
  ExpectPackedApart<int16_t, int8_t>({DType::kI16, {2, 3, 8}, Quant::PerTensor(0.001f, 0)}, {{2, 8, 8}, {8, 16}}, scale, layer, 0, "vectors");
}

// Output slices between the input's, beyond it, and reached from several of its slices.
TEST(VectorProducts, TransposedVolumes) {
  std::mt19937 random(15);
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    const auto pick = test::PickFrom(random);
    const int32_t in = pick(20), out = pick(40);
    const bool same = round % 2;
    const Shape volume{pick(2), pick(5), pick(6), pick(7), in}, filter{pick(4), pick(4), pick(4), out, in};
    const char* const strides[] = {"stride_d", "stride_h", "stride_w"};
    std::vector<int32_t> shape{volume[0]}, stride;
    for (int i = 0; i < 3; ++i) {
      const int32_t s = stride.emplace_back(pick(3)), n = volume[1 + i], rest = static_cast<int32_t>(random() % static_cast<uint32_t>(s));
      shape.push_back(same ? n * s - rest : (n - 1) * s + filter[i] + rest);
    }
    shape.push_back(out);
    const auto floats = [&](const Shape& s) { return test::RandomFloats(static_cast<size_t>(s.elements()), random()); };
    Builder b;
    const auto y_shape = b.Constant<int32_t>("shape", {5}, shape), w = b.Constant<float>("w", filter, floats(filter));
    std::vector<graph::TensorId> inputs{y_shape, w, b.Input("x", {DType::kF32, volume, {}})};
    if (round % 3) inputs.push_back(b.Constant<float>("b", Shape{out}, floats(Shape{out})));
    b.g().outputs = {b.Node("conv_3d_transpose", "y", inputs, {DType::kF32, {}, {}}, [&](graph::Node& n) {
      for (int i = 0; i < 3; ++i) test::SetAttr(n, strides[i], stride[i]);
      test::SetAttr(n, "padding", same ? ops::Padding::kSame : ops::Padding::kValid);
      test::SetAttr(n, "fused_activation_function", static_cast<ops::Activation>(random() % 4));
    })};
    ExpectSame<float>(b.model, floats(volume), 1e-6f * static_cast<float>(filter.elements(0, 3) * in), "packed_f32");
  }
}

TEST(VectorProducts, MatricesOfShortsAndBytes) {
  std::mt19937 random(10);
  for (bool adj_y : {false, true}) {
    for (int32_t k : {1, 15, 300}) {
      Builder b;
      const Shape sx{2, 3, 7, k}, sy = adj_y ? Shape{3, 5, k} : Shape{3, k, 5};
      const Quant quant = Quant::PerTensor(0.03f, 0);
      const auto x = b.Input("x", {DType::kI16, sx, Quant::PerTensor(1.0f / 4096, 0)});
      const auto y = b.Constant<int8_t>("w", sy, Bytes(sy, random), quant);
      b.g().outputs = {
          b.Node("batch_matmul", "y", {x, y}, {DType::kI16, {}, Quant::PerTensor(0.003f, 0)}, [&](graph::Node& n) { test::SetAttr(n, "adj_y", adj_y); })};
      ExpectSame<int16_t>(b.model, Shorts(sx, random), 0, "vectors");
      Builder computed;
      const auto from = computed.Constant<int16_t>("x", sx, Shorts(sx, random), Quant::PerTensor(1.0f / 4096, 0));
      const auto by = computed.Input("w", {DType::kI8, sy, quant});
      computed.g().outputs = {computed.Node("batch_matmul", "y", {from, by}, {DType::kI16, {}, Quant::PerTensor(0.003f, 0)},
                                            [&](graph::Node& n) { test::SetAttr(n, "adj_y", adj_y); })};
      ExpectSame<int8_t>(computed.model, Bytes(sy, random), 0, "vectors");  // The outputs byte by byte.
    }
  }
}

// Blocks of 3 are the reference's: packed ones are whole groups of four.
TEST(VectorProducts, DenseBlocks) {
  std::mt19937 random(11);
  for (int32_t rows : {1, 3, 50}) {
    for (const auto& [depth, block] : {std::pair{64, 32}, {48, 16}, {12, 4}, {9, 3}}) {
      for (int32_t columns : {1, 16, 37, 150}) {
        SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(depth) + " x " + std::to_string(columns));
        Builder b;
        Quant scales{{}, {}, 0, block};
        for (int32_t i = 0; i < columns * depth / block; ++i)
          scales.scale.push_back(std::ldexp(1.0f, -3 - static_cast<int>(random() % 5))), scales.zero_point.push_back(0);
        std::vector<int8_t> values;
        for (int32_t i = 0; i < columns * depth; ++i) values.push_back(static_cast<int8_t>(static_cast<int32_t>(random() % 16) - 8));
        const auto x = b.Input("x", {DType::kF32, {rows, depth}, {}});
        const auto w =
            b.g().AddConstant("w", {DType::kI4, {columns, depth}, scales}, graph::MakeBuffer(std::as_bytes(std::span<const int8_t>(graph::Pack4(values)))));
        const auto bias = b.Constant<float>("b", {columns}, test::RandomFloats(static_cast<size_t>(columns), random()));
        b.g().outputs = {b.Node("fully_connected", "y", random() % 2 ? std::vector{x, w, bias} : std::vector{x, w})};
        ExpectSame<float>(b.model, test::RandomFloats(static_cast<size_t>(rows * depth), random()), 1e-6f, block == 3 ? "reference" : "packed_blocks");
      }
    }
  }
}

TEST(VectorProducts, DenseShorts) {
  std::mt19937 random(6);
  for (int32_t depth : {1, 5, 16, 48, 255, 256, 257, 700}) {
    Builder b;
    const Shape s{3, depth}, weights{7, depth}, out{7};
    const auto x = b.Input("x", {DType::kI16, s, Quant::PerTensor(1.0f / 4096, 0)});
    std::vector<int8_t> w = Bytes(weights, random);
    w[0] = -128;
    const auto c = b.Constant<int8_t>("w", weights, w, Quant::PerTensor(0.01f, 0));
    const auto bias = b.Constant<int64_t>("b", out, std::vector<int64_t>{0, 1, -1, int64_t{1} << 33, -(int64_t{1} << 33), 100000, -100000});
    b.g().outputs = {b.Node("fully_connected", "y", {x, c, bias}, {DType::kI16, {}, Quant::PerTensor(static_cast<float>(depth) / 4096, 0)})};
    ExpectSame<int16_t>(b.model, Shorts(s, random), 0);
    ExpectSame<int16_t>(b.model, std::vector<int16_t>(static_cast<size_t>(s.elements()), INT16_MIN), 0);
  }
}

TEST(VectorProducts, SoftmaxBytesOfAnyDepth) {
  std::mt19937 random(2);
  for (int32_t depth : {1, 2, 10, 33, 128, 1001, 5000}) {
    Builder b;
    const Shape s{3, depth};
    const auto x = b.Input("x", {DType::kI8, s, Quant::PerTensor(0.001f * static_cast<float>(1 + random() % 300), 4)});
    b.g().outputs = {
        b.Node("softmax", "y", {x}, {DType::kI8, {}, Quant::PerTensor(1.0f / 256, -128)}, [](graph::Node& n) { test::SetAttr<float>(n, "beta", 1.0f); })};
    ExpectSame<int8_t>(b.model, Bytes(s, random), 0);
    ExpectSame<int8_t>(b.model, std::vector<int8_t>(static_cast<size_t>(s.elements()), 7), 0);
  }
}

// Values with not-a-numbers among floats.
template <class T> std::vector<T> Some(const Shape& s, std::mt19937& random) {
  std::vector<T> v(static_cast<size_t>(s.elements()));
  for (T& x : v) x = std::is_same_v<T, float> && random() % 5 == 0 ? static_cast<T>(NAN) : static_cast<T>(static_cast<int32_t>(random()) >> 12);
  return v;
}
Shape SomeShape(std::mt19937& random) {
  const auto pick = test::PickFrom(random);
  Shape s;
  for (int32_t rank = pick(5); rank > 0; --rank) s.push_back(pick(5));
  s[pick(0, s.rank() - 1)] = pick(80);
  return s;
}

template <class T> void MaximaOverSomeAxes(std::mt19937& random) {
  const Shape s = SomeShape(random), ranks{s.rank()};
  std::vector<int32_t> axes;
  std::vector<int64_t> step(static_cast<size_t>(s.rank()), 0);  // Of the output.
  int64_t count = 1;
  for (int d = s.rank() - 1; d >= 0; --d) {
    if (random() % 2) axes.push_back(random() % 2 ? d : d - s.rank());
    else step[static_cast<size_t>(d)] = count, count *= s[d];
  }
  const std::vector<T> x = Some<T>(s, random);
  std::vector<T> want(static_cast<size_t>(count), std::numeric_limits<T>::lowest());
  for (int64_t i = 0; i < s.elements(); ++i) {
    int64_t to = 0, rest = i;
    for (int d = s.rank() - 1; d >= 0; rest /= s[d--]) to += rest % s[d] * step[static_cast<size_t>(d)];
    T& most = want[static_cast<size_t>(to)];
    if (most < x[static_cast<size_t>(i)]) most = x[static_cast<size_t>(i)];
  }
  Builder b;
  const auto in = b.Input("x", {DTypeOf<T>, s, {}}), over = b.Constant<int32_t>("axes", {static_cast<int32_t>(axes.size())}, axes);
  b.g().outputs = {b.Node("reduce_max", "y", {in, over}, {DTypeOf<T>, {}, {}}, [&](graph::Node& n) { test::SetAttr(n, "keep_dims", random() % 2 == 0); })};
  for (int threads : {1, 3}) EXPECT_EQ(want, Runner(b.model, {.threads = threads}).Run(x)) << s.text();
}

TEST(VectorProducts, MaximaOverAnyAxes) {
  std::mt19937 random(19);
  for (int round = 0; round < 60; ++round) {
    MaximaOverSomeAxes<float>(random);
    MaximaOverSomeAxes<int8_t>(random);
    MaximaOverSomeAxes<uint8_t>(random);
    MaximaOverSomeAxes<int16_t>(random);
    MaximaOverSomeAxes<int32_t>(random);
    MaximaOverSomeAxes<int64_t>(random);
  }
}

// On the last axis more often than not: values of the inputs in turn.
template <class T> void Stack(std::mt19937& random) {
  const Shape s = SomeShape(random);
  const auto pick = test::PickFrom(random);
  const int32_t count = pick(6), input = pick(0, count - 1), axis = random() % 2 ? s.rank() : pick(0, s.rank());
  const int64_t inner = s.elements(axis, s.rank());
  std::vector<T> x, want(static_cast<size_t>(s.elements() * count));
  std::vector<graph::TensorId> inputs;
  Builder b;
  for (int32_t k = 0; k < count; ++k) {
    std::vector<T> values(static_cast<size_t>(s.elements()));
    for (T& v : values) v = static_cast<T>(random());
    for (int64_t i = 0; i < s.elements(); ++i) want[static_cast<size_t>((i / inner * count + k) * inner + i % inner)] = values[static_cast<size_t>(i)];
    inputs.push_back(k == input ? b.Input("x", {DTypeOf<T>, s, {}}) : b.Constant<T>("c" + std::to_string(k), s, values));
    if (k == input) x = values;
  }
  b.g().outputs = {b.Node("pack", "y", inputs, {DTypeOf<T>, {}, {}}, [&](graph::Node& n) {
    test::SetAttr(n, "values_count", count);
    test::SetAttr(n, "axis", random() % 2 ? axis : axis - s.rank() - 1);
  })};
  for (int threads : {1, 3}) EXPECT_EQ(want, Runner(b.model, {.threads = threads}).Run(x)) << s.text() << " on axis " << axis;
}

TEST(VectorProducts, StacksOnAnyAxis) {
  std::mt19937 random(20);
  for (int round = 0; round < 60; ++round) Stack<int8_t>(random), Stack<int16_t>(random), Stack<float>(random), Stack<int64_t>(random);
}

TEST(VectorProducts, MeansOfBytes) {
  std::mt19937 random(3);
  for (const std::vector<int32_t>& axes : {std::vector<int32_t>{1, 2}, {3}, {0, 1, 2, 3}, {1}, {2, 3}}) {
    Builder b;
    const Shape s{2, 5, 7, 19};
    const auto x = b.Input("x", {DType::kI8, s, Quant::PerTensor(0.1f, 3)});
    const auto a = b.Constant<int32_t>("a", Shape{static_cast<int32_t>(axes.size())}, axes);
    b.g().outputs = {b.Node("mean", "y", {x, a}, {DType::kI8, {}, Quant::PerTensor(0.03f, -5)})};
    ExpectSame<int8_t>(b.model, Bytes(s, random), 0);
  }
}

TEST(VectorProducts, MatricesOfBytesAndFloats) {
  std::mt19937 random(4);
  for (int round = 0; round < 24; ++round) {
    const auto pick = test::PickFrom(random);
    const int32_t m = pick(40), k = pick(70), n = pick(50);
    const bool adj_x = round % 2, adj_y = round / 2 % 2, bytes = round % 3 != 0, computed = round / 4 % 2;  // y; x is constant then.
    Builder b;
    const Shape sx = adj_x ? Shape{2, 3, k, m} : Shape{2, 3, m, k}, sy = adj_y ? Shape{1, 3, n, k} : Shape{1, 3, k, n};
    const auto attrs = [&](graph::Node& node) {
      test::SetAttr(node, "adj_x", adj_x);
      test::SetAttr(node, "adj_y", adj_y);
    };
    if (bytes) {
      const Quant x_quant = Quant::PerTensor(0.02f, -9), y_quant = Quant::PerTensor(0.03f, random() % 2 ? 0 : 17);
      const auto x = computed ? b.Constant<int8_t>("x", sx, Bytes(sx, random), x_quant) : b.Input("x", {DType::kI8, sx, x_quant});
      const auto y = computed ? b.Input("w", {DType::kI8, sy, y_quant}) : b.Constant<int8_t>("w", sy, Bytes(sy, random), y_quant);
      b.g().outputs = {b.Node("batch_matmul", "y", {x, y}, {DType::kI8, {}, Quant::PerTensor(0.2f, 6)}, attrs)};
      ExpectSame<int8_t>(b.model, Bytes(computed ? sy : sx, random), 0);
    } else {
      const auto floats = [&](const Shape& s) { return test::RandomFloats(static_cast<size_t>(s.elements()), random()); };
      const auto x = computed ? b.Constant<float>("x", sx, floats(sx)) : b.Input("x", {DType::kF32, sx, {}});
      const auto y = computed ? b.Input("w", {DType::kF32, sy, {}}) : b.Constant<float>("w", sy, floats(sy));
      b.g().outputs = {b.Node("batch_matmul", "y", {x, y}, {}, attrs)};
      ExpectSame<float>(b.model, floats(computed ? sy : sx), 1e-5f);
    }
  }
}

Quant WeightScales(std::mt19937& random, int32_t channels, int32_t axis, bool per_channel) {
  Quant q{{}, {}, axis, 0};
  for (int32_t i = 0; i < (per_channel ? channels : 1); ++i) q.scale.push_back(0.001f * static_cast<float>(1 + random() % 50)), q.zero_point.push_back(0);
  return q;
}

// The integers are the reference's; what differs is at most the last rounding of a float.
TEST(VectorProducts, DynamicRange) {
  std::mt19937 random(5);
  for (int round = 0; round < 30; ++round) {
    const auto pick = test::PickFrom(random);
    const int32_t in = pick(40), out = pick(40), size = 5 + pick(12), filter = pick(4), stride = pick(2);
    const bool per_channel = random() % 2;
    SCOPED_TRACE(round);
    Builder b;
    const Shape s{2, size, size, in};
    const auto x = b.Input("x", {DType::kF32, s, {}});
    const auto strides = [&](graph::Node& n) {
      test::SetAttr<int32_t>(n, "stride_h", stride);
      test::SetAttr<int32_t>(n, "stride_w", stride);
      test::SetAttr(n, "padding", ops::Padding::kSame);
    };
    graph::TensorId y = 0;
    if (round % 3 == 0) {
      const Shape w{out, filter, filter, in};
      const auto weights = b.Constant<int8_t>("w", w, Bytes(w, random), WeightScales(random, out, 0, per_channel));
      y = b.Node("conv_2d", "y", {x, weights, b.Constant<float>("b", Shape{out}, test::RandomFloats(static_cast<size_t>(out), random()))}, {}, strides);
    } else if (round % 3 == 1) {
      const Shape w{1, filter, filter, in};
      const auto weights = b.Constant<int8_t>("w", w, Bytes(w, random), WeightScales(random, in, 3, per_channel));
      y = b.Node("depthwise_conv_2d", "y", {x, weights, b.Constant<float>("b", Shape{in}, test::RandomFloats(static_cast<size_t>(in), random()))}, {},
                 [&](graph::Node& n) {
                   strides(n);
                   test::SetAttr<int32_t>(n, "depth_multiplier", 1);
                 });
    } else {
      const Shape w{out, in};
      const auto weights = b.Constant<int8_t>("w", w, Bytes(w, random), WeightScales(random, out, 0, false));
      y = b.Node("fully_connected", "y", {x, weights, b.Constant<float>("b", Shape{out}, test::RandomFloats(static_cast<size_t>(out), random()))}, {},
                 [&](graph::Node& n) { test::SetAttr(n, "asymmetric_quantize_inputs", round % 2 == 0); });
    }
    b.g().outputs = {y};
    ExpectSame<float>(b.model, test::RandomFloats(static_cast<size_t>(s.elements()), random()), 1e-6f);
  }
}

// Windows of volumes: at their borders, dilated, wider than their stride and narrower, of one cell; lines that are cut, and several at once.
TEST(VectorProducts, WindowsOfVolumes) {
  std::mt19937 random(9);
  const auto pick = test::PickFrom(random);
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    const bool one = round % 6 == 0, long_lines = round % 4 == 1, dilated = round % 5 == 2;
    const int32_t in = pick(1, 20), out = round % 7 ? pick(1, 40) : 150, most = one ? 1 : 3;
    const Shape shape{pick(1, 2), pick(5, 7), pick(5, 9), long_lines ? pick(100, 160) : pick(5, 12), in};
    const Shape filter{pick(1, most), pick(1, most), pick(1, most), in, out};
    const auto floats = [&](const Shape& s) { return test::RandomFloats(static_cast<size_t>(s.elements()), random()); };
    Builder b;
    std::vector<graph::TensorId> inputs{b.Input("x", {DType::kF32, shape, {}}), b.Constant<float>("w", filter, floats(filter))};
    if (round % 3) inputs.push_back(b.Constant<float>("b", Shape{out}, floats(Shape{out})));
    b.g().outputs = {b.Node("conv_3d", "y", inputs, {}, [&](graph::Node& n) {
      for (const char* stride : {"stride_d", "stride_h", "stride_w"}) test::SetAttr<int32_t>(n, stride, round % 12 == 0 ? 1 : pick(1, 3));
      for (const char* dilation : {"dilation_d_factor", "dilation_h_factor", "dilation_w_factor"})
        test::SetAttr<int32_t>(n, dilation, dilated ? pick(1, 2) : 1);
      test::SetAttr(n, "padding", random() % 2 ? ops::Padding::kSame : ops::Padding::kValid);
      test::SetAttr(n, "fused_activation_function", static_cast<ops::Activation>(random() % 4));
    })};
    ExpectSame<float>(b.model, floats(shape), 1e-6f * static_cast<float>(filter.elements(0, 4)), "packed_f32");
  }
}

// x * sigmoid(x), and 1 - that: one table over x.
TEST(VectorProducts, PointWiseBytesBecomeOneTable) {
  Builder b;
  const Shape s{1, 9, 31};
  const auto x = b.Input("x", {DType::kI8, s, Quant::PerTensor(0.05f, 13)});
  const auto gate = b.Node("logistic", "gate", {x}, {DType::kI8, {}, Quant::PerTensor(1.0f / 256, -128)});
  const auto swish = b.Node("mul", "swish", {x, gate}, {DType::kI8, {}, Quant::PerTensor(0.04f, -100)});
  const auto one = b.Constant<int8_t>("one", Shape{1}, {100}, Quant::PerTensor(0.01f, 0));
  b.g().outputs = {b.Node("sub", "y", {one, swish}, {DType::kI8, {}, Quant::PerTensor(0.03f, 9)})};
  std::vector<int8_t> values(static_cast<size_t>(s.elements()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int8_t>(i);
  ExpectSame<int8_t>(b.model, values, 0);
  Runner fast(b.model);
  fast.Run(values);
  EXPECT_EQ("fused", fast.it->node(0).kernel);
  EXPECT_EQ("fused", fast.it->node(1).kernel);
  EXPECT_EQ("table", fast.it->node(2).kernel);
  Runner kept(b.model, {.keep_all_tensors = true});
  EXPECT_EQ(fast.Run(values), kept.Run(values));
}

// What somebody else reads is still computed.
TEST(VectorProducts, TablesLeaveSharedTensorsAlone) {
  Builder b;
  const Shape s{4, 50};
  const auto x = b.Input("x", {DType::kI8, s, Quant::PerTensor(0.05f, 13)});
  const auto gate = b.Node("logistic", "gate", {x}, {DType::kI8, {}, Quant::PerTensor(1.0f / 256, -128)});
  const auto swish = b.Node("mul", "swish", {x, gate}, {DType::kI8, {}, Quant::PerTensor(0.04f, -100)});
  const auto tanh = b.Node("tanh", "tanh", {swish}, {DType::kI8, {}, Quant::PerTensor(1.0f / 128, 0)});
  const auto axis = b.Constant<int32_t>("axis", Shape{1}, {1});
  const auto mean =
      b.Node("mean", "mean", {gate, axis}, {DType::kI8, {}, Quant::PerTensor(1.0f / 256, -128)}, [](graph::Node& n) { test::SetAttr(n, "keep_dims", true); });
  b.g().outputs = {b.Node("mul", "y", {tanh, mean}, {DType::kI8, {}, Quant::PerTensor(0.01f, 0)})};
  std::mt19937 random(6);
  ExpectSame<int8_t>(b.model, Bytes(s, random), 0);
}

}  // namespace
}  // namespace octet
