// SPDX-License-Identifier: Apache-2.0
// Operators with weights and recurrent ones: storage forms, states, directions, and the habits of LiteRT's
// kernels that its results depend on.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/conv_3d_util.h"
#include "ops/lstm_util.h"
#include "ops/move_attrs.h"
#include "ops/weights_util.h"
#include "tests/model_builder.h"
#include "tests/ops/single_op.h"

namespace octet::ops::test {
namespace {

using octet::test::RandomBytes;
using octet::test::RandomFloats;

Tensor Floats(Shape shape, uint32_t seed) { return Tensor::Of<float>(shape, RandomFloats(static_cast<size_t>(shape.elements()), seed)); }
Tensor Zeros(Shape shape) { return Tensor::State<float>(shape, std::vector<float>(static_cast<size_t>(shape.elements()))); }

// Packed as files do: the first value in the lowest bits.
Tensor Packed(DType dtype, Shape shape, const std::vector<int8_t>& values, Quant quant) {
  const int bits = BitsOf(dtype), per_byte = 8 / bits;
  std::vector<uint8_t> bytes((values.size() + static_cast<size_t>(per_byte) - 1) / static_cast<size_t>(per_byte));
  for (size_t i = 0; i < values.size(); ++i)
    bytes[i / static_cast<size_t>(per_byte)] |= static_cast<uint8_t>((values[i] & ((1 << bits) - 1)) << (static_cast<int>(i) % per_byte * bits));
  Tensor t = Tensor::Of<uint8_t>({static_cast<int32_t>(bytes.size())}, bytes, std::move(quant));
  t.type.dtype = dtype;
  t.type.shape = shape;
  return t;
}

std::vector<int8_t> SmallValues(size_t n, int bits, uint32_t seed) {
  std::vector<int8_t> v = RandomBytes(n, seed);
  for (int8_t& x : v) x = static_cast<int8_t>(static_cast<int8_t>(x << (8 - bits)) >> (8 - bits));
  return v;
}

void ExpectNear(const std::vector<float>& a, const std::vector<float>& b, float tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance) << i;
}

// ------------------------------------------------------------------------------ storage forms

TEST(Weights, LowBitsComeFirstAndSignsExtend) {
  const std::byte bytes[] = {std::byte{0x8f}, std::byte{0x70}};
  int8_t four[4], two[8];
  UnpackBits(bytes, 4, 4, four);
  EXPECT_EQ(std::vector<int8_t>(four, four + 4), (std::vector<int8_t>{-1, -8, 0, 7}));
  UnpackBits(bytes, 2, 8, two);
  EXPECT_EQ(std::vector<int8_t>(two, two + 8), (std::vector<int8_t>{-1, -1, 0, -2, 0, 0, -1, 1}));
}

TEST(Weights, PackedOnesGiveWhatBytesGive) {
  for (const auto& [dtype, bits] : {std::pair{DType::kI4, 4}, {DType::kI2, 2}}) {
    for (bool constant : {true, false}) {
      const std::vector<int8_t> values = SmallValues(5 * 7, bits, 3);
      const Quant scales{{0.1f, 0.2f, 0.3f, 0.4f, 0.5f}, {0, 0, 0, 0, 0}, 0, 0};
      const Tensor x = Tensor::Of<int8_t>({3, 7}, RandomBytes(21, 4), Quant::PerTensor(0.05f, 2)), bias = Tensor::Of<int32_t>({5}, {1, -2, 300, 4, 5});
      Tensor packed = Packed(dtype, {5, 7}, values, scales), bytes = Tensor::Of<int8_t>({5, 7}, values, scales);
      packed.state = bytes.state = !constant;
      const TensorType out{DType::kI8, {}, Quant::PerTensor(0.02f, -3)};
      auto a = SingleOp("fully_connected").Declare({out}).Run({x, packed, bias}), b = SingleOp("fully_connected").Declare({out}).Run({x, bytes, bias});
      ASSERT_TRUE(a.ok() && b.ok()) << (a.ok() ? b : a).error().message();
      EXPECT_EQ((*a)[0].As<int8_t>(), (*b)[0].As<int8_t>());
    }
  }
}

TEST(Weights, ABlockHasAScaleOfItsOwn) {
  const std::vector<int8_t> values = SmallValues(4 * 8, 4, 5);
  Quant blocks{{1, 2, 3, 4, 5, 6, 7, 8}, std::vector<int32_t>(8), 0, 4};
  std::vector<float> real(32);
  for (size_t i = 0; i < 32; ++i) real[i] = static_cast<float>(values[i]) * blocks.scale[i / 4];
  const Tensor x = Floats({2, 8}, 6);
  auto a = SingleOp("fully_connected").Run({x, Packed(DType::kI4, {4, 8}, values, blocks)});
  auto b = SingleOp("fully_connected").Run({x, Tensor::Of<float>({4, 8}, real)});
  ASSERT_TRUE(a.ok() && b.ok()) << (a.ok() ? b : a).error().message();
  ExpectNear((*a)[0].As<float>(), (*b)[0].As<float>(), 2.0f);  // x is rounded to 255 steps of 2/255; sums reach about 100.
  // Other operators refuse them instead of reading scales that mean something else.
  std::vector<OutputType> types(1);
  EXPECT_FALSE(SingleOp("dequantize").Infer({Packed(DType::kI4, {4, 8}, values, blocks)}, &types).ok());
}

TEST(Weights, RowsOfATableStartAtWholeBytes) {
  const Tensor rows = Tensor::Of<int32_t>({2}, {1, 0});
  const Tensor table = Packed(DType::kI4, {2, 3}, {1, 2, 3, 4, 5, 6}, Quant{{1, 10}, {0, 0}, 0, 0});
  auto y = SingleOp("embedding_lookup").Declare({{DType::kF32, {}, {}}}).Run({rows, table});
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].As<float>(), (std::vector<float>{30, 40, 50, 1, 2, 3}));  // As LiteRT: row 1 begins with row 0's last value.
  const Quant blocks{{1, 10, 100, 1000}, std::vector<int32_t>(4), 0, 2};
  auto z = SingleOp("embedding_lookup").Declare({{DType::kF32, {}, {}}}).Run({rows, Packed(DType::kI4, {2, 4}, {1, 2, 3, 4, 5, 6, 7, -8}, blocks)});
  ASSERT_TRUE(z.ok()) << z.error().message();
  EXPECT_EQ((*z)[0].As<float>(), (std::vector<float>{500, 600, 7000, -8000, 1, 2, 30, 40}));
}

TEST(Weights, WithoutColumnsTheResultIsZero) {
  auto y = SingleOp("fully_connected").Run({Tensor::Of<float>({2, 0}, {}), Tensor::Of<float>({3, 0}, {}), Tensor::Of<float>({3}, {1, 2, 3})});
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].type.shape, (Shape{2, 3}));
  EXPECT_EQ((*y)[0].As<float>(), std::vector<float>(6));
}

TEST(Weights, HybridConvolutionsAreNearFloat) {
  const Tensor x = Floats({2, 5, 5, 4}, 7), bias = Floats({4}, 8);
  const std::vector<int8_t> w = RandomBytes(4 * 3 * 3 * 2, 9);  // Two groups.
  std::vector<float> real(w.size());
  for (size_t i = 0; i < w.size(); ++i) real[i] = static_cast<float>(w[i]) * 0.01f;
  auto a = SingleOp("conv_2d").Run({x, Tensor::Of<int8_t>({4, 3, 3, 2}, w, Quant::PerTensor(0.01f, 0)), bias});
  auto b = SingleOp("conv_2d").Run({x, Tensor::Of<float>({4, 3, 3, 2}, real), bias});
  ASSERT_TRUE(a.ok() && b.ok()) << (a.ok() ? b : a).error().message();
  ExpectNear((*a)[0].As<float>(), (*b)[0].As<float>(), 0.1f);
  // Scales that no output channel has are refused, not read behind their end.
  EXPECT_FALSE(SingleOp("conv_2d").Run({x, Tensor::Of<int8_t>({4, 3, 3, 2}, w, Quant{{1, 2, 3}, {0, 0, 0}, 1, 0}), bias}).ok());
}

TEST(Weights, AFilterLargerThanTheImageIsRefused) {
  SingleOp conv("conv_2d");
  conv.Set("padding", Padding::kValid);
  EXPECT_FALSE(conv.Run({Floats({1, 2, 2, 1}, 1), Floats({1, 3, 3, 1}, 2), Floats({1}, 3)}).ok());
}

TEST(Weights, Convolution3dOfOneSliceIsThatOf2d) {
  const Tensor x = Floats({1, 1, 5, 6, 2}, 10), w = Floats({1, 3, 3, 2, 3}, 11), bias = Floats({3}, 12);
  Conv3dAttrs attrs{.stride_d = 1, .stride_w = 2, .stride_h = 1};
  auto a = SingleOp("conv_3d").With(attrs).Run({x, w, bias});
  ASSERT_TRUE(a.ok()) << a.error().message();
  Tensor flat = x, turned = Floats({3, 3, 3, 2}, 0);
  flat.type.shape = {1, 5, 6, 2};
  const std::vector<float> from = w.As<float>();
  std::vector<float> to(from.size());
  for (size_t tap = 0; tap < 9; ++tap)
    for (size_t c = 0; c < 2; ++c)
      for (size_t o = 0; o < 3; ++o) to[(o * 9 + tap) * 2 + c] = from[(tap * 2 + c) * 3 + o];
  turned = Tensor::Of<float>({3, 3, 3, 2}, to);
  SingleOp conv("conv_2d");
  conv.Set<int32_t>("stride_w", 2);
  auto b = conv.Run({flat, turned, bias});
  ASSERT_TRUE(b.ok()) << b.error().message();
  ExpectNear((*a)[0].As<float>(), (*b)[0].As<float>(), 1e-5f);
}

TEST(Weights, QuantizePerChannelAndToFourBits) {
  const Tensor x = Tensor::Of<float>({2, 3}, {0.5f, -1, 3, 1e9f, NAN, -1e9f});
  auto y = SingleOp("quantize").Declare({{DType::kI8, {2, 3}, Quant{{0.5f, 0.25f, 1}, {1, 0, -2}, 1, 0}}}).Run({x});
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].As<int8_t>(), (std::vector<int8_t>{2, -4, 1, 127, -128, -128}));
  auto four = SingleOp("quantize").Declare({{DType::kI4, {2, 3}, Quant::PerTensor(0.5f, 0)}}).Run({x});
  ASSERT_TRUE(four.ok()) << four.error().message();
  EXPECT_EQ((*four)[0].As<uint8_t>(), (std::vector<uint8_t>{0xe1, 0x76, 0x88}));
}

TEST(Weights, DequantizeRoundsTheProductOnce) {
  const std::vector<int16_t> x{INT16_MIN, -3, 0, 1, 12345, INT16_MAX, -32767, 7, 0, 2, -12345, 32766};
  for (int axis : {0, 1, 2}) {
    const Shape shape{2, 3, 2};
    Quant quant{{0.1f, 1e-39f, 3.3e33f}, {INT16_MAX, -77, 0}, axis, 0};
    quant.scale.resize(static_cast<size_t>(shape[axis])), quant.zero_point.resize(static_cast<size_t>(shape[axis]));
    auto y = SingleOp("dequantize").Declare({{DType::kF32, shape, {}}}).Run({Tensor::Of<int16_t>(shape, x, quant)});
    ASSERT_TRUE(y.ok()) << y.error().message();
    for (int i = 0; i < 12; ++i) {
      const int c = axis == 0 ? i / 6 : axis == 1 ? i / 2 % 3 : i % 2;
      EXPECT_EQ((*y)[0].As<float>()[i], static_cast<float>(static_cast<double>(quant.scale[c]) * (x[i] - quant.zero_point[c]))) << axis << ", " << i;
    }
  }
}

TEST(Weights, FakeQuantKeepsZero) {
  SingleOp op("fake_quant");
  op.Set("min", -0.1f);
  op.Set("max", 6.0f);
  op.Set<int32_t>("num_bits", 4);
  auto y = op.Run({Tensor::Of<float>({4}, {0, -5, 7, 1.1f})});
  ASSERT_TRUE(y.ok()) << y.error().message();
  ExpectNear((*y)[0].As<float>(), {0, 0, 15 * (6.1f / 15), 3 * (6.1f / 15)}, 1e-6f);
}

TEST(Weights, SparseLookupAveragesByWeight) {
  const Tensor ids = Tensor::Of<int32_t>({3}, {1, 3, 0}), indices = Tensor::Of<int32_t>({3, 2}, {0, 0, 2, 0, 2, 1});
  const Tensor shape = Tensor::Constant<int32_t>({2}, {3, 2}), weights = Tensor::Of<float>({3}, {1, 2, 4});
  const Tensor table = Tensor::Of<float>({4, 2}, {0, 1, 10, 11, 20, 21, 30, 31});
  SingleOp op("embedding_lookup_sparse");
  op.Set<int8_t>("combiner", 1);
  const TensorType out{DType::kF32, {}, {}};
  auto y = op.Declare({out}).Run({ids, indices, shape, weights, table});
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].As<float>(), (std::vector<float>{10, 11, 0, 0, 10, 11}));
  EXPECT_FALSE(op.Run({Tensor::Of<int32_t>({3}, {1, 4, 0}), indices, shape, weights, table}).ok());
  EXPECT_FALSE(op.Run({ids, Tensor::Of<int32_t>({3, 2}, {0, 0, 3, 0, 2, 1}), shape, weights, table}).ok());
}

// LiteRT adds batch indices up where it looks for the scale of a row; see batch_matmul.cc.
TEST(Weights, HybridMatmulTakesScalesWhereLiteRtDoes) {
  std::vector<float> x(2 * 2 * 2);
  for (size_t i = 0; i < 4; ++i) x[2 * i] = x[2 * i + 1] = static_cast<float>(i + 1) * 127;  // Row i has scale i + 1.
  const Tensor y = Tensor::Of<int8_t>({2, 2, 2, 1}, {1, 0, 1, 0, 1, 0, 1, 0}, Quant::PerTensor(1, 0));
  auto z = SingleOp("batch_matmul").Run({Tensor::Of<float>({2, 2, 1, 2}, x), y});
  ASSERT_TRUE(z.ok()) << z.error().message();
  EXPECT_EQ((*z)[0].As<float>(), (std::vector<float>{127, 2 * 127, 2 * 127, 3 * 127}));  // Batch (1, 0) takes row 1, (1, 1) row 2.
}

// ---------------------------------------------------------------------------------- recurrent

// 20 operands of an LSTM with random weights; states zero.
std::vector<Tensor> LstmInputs(const Tensor& x, int32_t batch, int32_t inputs, int32_t cells, uint32_t seed) {
  std::vector<Tensor> in(20, Tensor::Absent());
  in[0] = x;
  for (int gate = 0; gate < 4; ++gate) {
    in[static_cast<size_t>(1 + gate)] = Floats({cells, inputs}, ++seed);
    in[static_cast<size_t>(5 + gate)] = Floats({cells, cells}, ++seed);
    in[static_cast<size_t>(12 + gate)] = Floats({cells}, ++seed);
  }
  in[18] = Zeros({batch, cells});
  in[19] = Zeros({batch, cells});
  return in;
}

LstmAttrs Tanh(bool time_major = false) { return {.fused_activation_function = Activation::kTanh, .time_major = time_major}; }

TEST(Recurrent, OneSequenceIsItsSteps) {
  constexpr int32_t kSteps = 4, kBatch = 2, kInputs = 3, kCells = 5;
  const Tensor x = Floats({kSteps, kBatch, kInputs}, 1);
  SingleOp sequence("unidirectional_sequence_lstm");
  auto all = sequence.With(Tanh(true)).Run(LstmInputs(x, kBatch, kInputs, kCells, 2));
  ASSERT_TRUE(all.ok()) << all.error().message();
  std::vector<Tensor> in = LstmInputs(x, kBatch, kInputs, kCells, 2);
  const std::vector<float> rows = x.As<float>();
  std::vector<float> steps;
  for (int32_t t = 0; t < kSteps; ++t) {
    const auto first = rows.begin() + t * kBatch * kInputs;
    in[0] = Tensor::Of<float>({kBatch, kInputs}, {first, first + kBatch * kInputs});
    SingleOp step("lstm");
    step.Set("fused_activation_function", Activation::kTanh);
    auto y = step.Run(in);
    ASSERT_TRUE(y.ok()) << y.error().message();
    const std::vector<float> values = (*y)[0].As<float>();
    steps.insert(steps.end(), values.begin(), values.end());
    in = step.after;  // The states go on.
  }
  EXPECT_EQ((*all)[0].As<float>(), steps);
  EXPECT_EQ(sequence.after[19].As<float>(), in[19].As<float>());
}

TEST(Recurrent, ADiagonalIsAMatrixOfZerosElsewhere) {
  std::vector<Tensor> full = LstmInputs(Floats({1, 3, 2}, 1), 1, 2, 3, 2), diagonal = full;
  for (size_t i = 5; i < 9; ++i) {
    const std::vector<float> d = RandomFloats(3, static_cast<uint32_t>(i));
    full[i] = Tensor::Of<float>({3, 3}, {d[0], 0, 0, 0, d[1], 0, 0, 0, d[2]});
    diagonal[i] = Tensor::Of<float>({3}, d);
  }
  LstmAttrs attrs = Tanh();
  auto a = SingleOp("unidirectional_sequence_lstm").With(attrs).Run(full);
  attrs.diagonal_recurrent_tensors = true;
  auto b = SingleOp("unidirectional_sequence_lstm").With(attrs).Run(diagonal);
  ASSERT_TRUE(a.ok() && b.ok()) << (a.ok() ? b : a).error().message();
  ExpectNear((*a)[0].As<float>(), (*b)[0].As<float>(), 1e-6f);
}

TEST(Recurrent, BothDirectionsAreTwoSequences) {
  constexpr int32_t kSteps = 3, kBatch = 2, kInputs = 3, kCells = 4;
  const Tensor x = Floats({kBatch, kSteps, kInputs}, 1);
  const std::vector<float> rows = x.As<float>();
  std::vector<float> reversed;
  for (int32_t b = 0; b < kBatch; ++b)
    for (int32_t t = kSteps - 1; t >= 0; --t) {
      const auto first = rows.begin() + (b * kSteps + t) * kInputs;
      reversed.insert(reversed.end(), first, first + kInputs);
    }
  const std::vector<Tensor> fw = LstmInputs(x, kBatch, kInputs, kCells, 2),
                            bw = LstmInputs(Tensor::Of<float>({kBatch, kSteps, kInputs}, reversed), kBatch, kInputs, kCells, 50);
  auto forward = SingleOp("unidirectional_sequence_lstm").With(Tanh()).Run(fw), backward = SingleOp("unidirectional_sequence_lstm").With(Tanh()).Run(bw);
  ASSERT_TRUE(forward.ok() && backward.ok());
  std::vector<Tensor> in(48, Tensor::Absent());
  for (size_t i = 0; i < 18; ++i) in[i] = fw[i];
  for (size_t i = 1; i < 18; ++i) in[17 + i] = bw[i];
  for (size_t i = 35; i < 39; ++i) in[i] = Zeros({kBatch, kCells});
  SingleOp both("bidirectional_sequence_lstm");
  both.Set("fused_activation_function", Activation::kTanh);
  both.Set("time_major", false);
  both.Set("merge_outputs", true);
  auto merged = both.Run(in);
  ASSERT_TRUE(merged.ok()) << merged.error().message();
  ASSERT_EQ((*merged)[0].type.shape, (Shape{kBatch, kSteps, 2 * kCells}));
  const std::vector<float> f = (*forward)[0].As<float>(), w = (*backward)[0].As<float>(), y = (*merged)[0].As<float>();
  for (int32_t b = 0; b < kBatch; ++b)
    for (int32_t t = 0; t < kSteps; ++t)
      for (int32_t c = 0; c < kCells; ++c) {
        const auto at = static_cast<size_t>((b * kSteps + t) * 2 * kCells + c);
        EXPECT_EQ(y[at], f[static_cast<size_t>((b * kSteps + t) * kCells + c)]);
        EXPECT_EQ(y[at + kCells], w[static_cast<size_t>((b * kSteps + kSteps - 1 - t) * kCells + c)]);
      }
}

TEST(Recurrent, BasicKernelsAgree) {
  constexpr int32_t kInputs = 3, kCells = 2;
  std::vector<uint8_t> x = {10, 128, 250}, w(static_cast<size_t>(4 * kCells * (kInputs + kCells)));
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<uint8_t>(60 + 37 * i % 120);
  std::vector<float> real_x, real_w;
  for (uint8_t v : x) real_x.push_back((v - 128) / 128.0f);
  for (uint8_t v : w) real_w.push_back((v - 120) * 0.01f);
  const TensorType bytes{DType::kU8, {}, Quant::PerTensor(0x1p-7f, 128)}, shorts{DType::kI16, {}, Quant::PerTensor(0x1p-11f, 0)};
  SingleOp integer("lstm"), real("lstm");
  integer.Set<int8_t>("kernel_type", 1);
  real.Set<int8_t>("kernel_type", 1);
  auto a = integer.Declare({bytes, shorts, bytes, shorts})
               .Run({Tensor::Of<uint8_t>({1, kInputs}, x, bytes.quant), Tensor::State<uint8_t>({1, kCells}, {128, 128}, bytes.quant),
                     Tensor::Of<uint8_t>({4 * kCells, kInputs + kCells}, w, Quant::PerTensor(0.01f, 120)),
                     Tensor::Of<int32_t>({4 * kCells}, std::vector<int32_t>(4 * kCells, 50), Quant::PerTensor(0.01f * 0x1p-7f, 0)),
                     Tensor::State<int16_t>({1, kCells}, {0, 0}, shorts.quant)}, 4);
  const TensorType f32{};
  auto b = real.Declare({f32, f32, f32, f32})
               .Run({Tensor::Of<float>({1, kInputs}, real_x), Zeros({1, kCells}), Tensor::Of<float>({4 * kCells, kInputs + kCells}, real_w),
                     Tensor::Of<float>({4 * kCells}, std::vector<float>(4 * kCells, 0.5f * 0x1p-7f)), Zeros({1, kCells})}, 4);
  ASSERT_TRUE(a.ok() && b.ok()) << (a.ok() ? b : a).error().message();
  for (int i = 0; i < kCells; ++i) {
    EXPECT_NEAR(((*a)[0].As<uint8_t>()[static_cast<size_t>(i)] - 128) / 128.0f, (*b)[0].As<float>()[static_cast<size_t>(i)], 0.01f);
    EXPECT_NEAR((*a)[1].As<int16_t>()[static_cast<size_t>(i)] * 0x1p-11f, (*b)[1].As<float>()[static_cast<size_t>(i)], 0.005f);
  }
  EXPECT_EQ(integer.after[4].As<int16_t>(), (*a)[1].As<int16_t>());  // The new state is the next previous one.
  EXPECT_EQ(integer.after[1].As<uint8_t>(), (*a)[0].As<uint8_t>());
}

TEST(Recurrent, HybridTimeMajorRnnRunsAsOftenAsItHasSteps) {
  constexpr int32_t kSteps = 3, kUnits = 2;
  const Tensor x = Tensor::Of<float>({kSteps, 1, 1}, {1, 1, 1}), w = Tensor::Of<int8_t>({kUnits, 1}, {127, 127}, Quant::PerTensor(0.5f / 127, 0));
  const Tensor r = Tensor::Of<int8_t>({kUnits, kUnits}, {127, 0, 0, 127}, Quant::PerTensor(1.0f / 127, 0)), bias = Tensor::Of<float>({kUnits}, {0, 0});
  SingleOp op("bidirectional_sequence_rnn");
  op.Set("time_major", true);
  auto y = op.Run({x, w, r, bias, Zeros({1, kUnits}), w, r, bias, Zeros({1, kUnits})}, 2);
  ASSERT_TRUE(y.ok()) << y.error().message();
  ExpectNear((*y)[0].As<float>(), {3.5f, 3.5f, 4, 4, 4.5f, 4.5f}, 1e-5f);  // Nine additions of 0.5; the last three are seen.
  ExpectNear((*y)[1].As<float>(), {4.5f, 4.5f, 4, 4, 3.5f, 3.5f}, 1e-5f);
}

TEST(Recurrent, SvdfRemembersInputs) {
  // One unit of two filters over a memory of three: filter 0 sums the inputs, filter 1 shows the oldest.
  SingleOp op("svdf");
  op.Set<int32_t>("rank", 2);
  Tensor state = Zeros({1, 6});
  std::vector<float> seen;
  for (float v : {1.0f, 2.0f, 4.0f, 8.0f}) {
    auto y = op.Run({Tensor::Of<float>({1, 1}, {v}), Tensor::Of<float>({2, 1}, {1, 100}), Tensor::Of<float>({2, 3}, {1, 1, 1, 1, 0, 0}),
                     Tensor::Of<float>({1}, {0.5f}), state});
    ASSERT_TRUE(y.ok()) << y.error().message();
    seen.push_back((*y)[0].As<float>()[0]);
    state = op.after[4];
  }
  EXPECT_EQ(seen, (std::vector<float>{1.5f, 3.5f, 107.5f, 214.5f}));
}

}  // namespace
}  // namespace octet::ops::test
