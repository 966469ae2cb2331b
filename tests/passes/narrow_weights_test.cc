// SPDX-License-Identifier: Apache-2.0
#include "passes/narrow_weights.h"

#include "graph/nibbles.h"
#include "tests/model_builder.h"

namespace octet::passes {
namespace {

// A dense layer of 32 x 32 integers between floats.
struct Dense {
  test::Builder b;
  explicit Dense(int least, int most, int size = 32) {
    const auto x = b.Input("x", {DType::kF32, Shape{1, size}, {}});
    const auto q = b.Node("quantize", "q", {x}, {DType::kI8, {}, Quant::PerTensor(0.05f, 3)});
    std::vector<int8_t> w(static_cast<size_t>(size) * static_cast<size_t>(size));
    for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<int8_t>(least + static_cast<int>(i * 7 % static_cast<size_t>(most - least + 1)));
    const auto weights = b.Constant<int8_t>("w", Shape{size, size}, w, Quant::PerTensor(0.1f, 0));
    const auto bias = b.Constant<int32_t>("b", Shape{size}, std::vector<int32_t>(static_cast<size_t>(size), 5), Quant::PerTensor(0.005f, 0));
    const auto y = b.Node("fully_connected", "y", {q, weights, bias}, {DType::kI8, {}, Quant::PerTensor(0.5f, -1)});
    b.g().outputs = {b.Node("dequantize", "f", {y})};
  }
  const graph::Tensor& weights() { return b.g().tensor(b.g().node(b.g().order()[1]).inputs[1]); }
};

TEST(NarrowWeights, LieTwoInAByteAndComputeTheSame) {
  Dense d(-8, 7);
  const std::vector<float> in = test::RandomFloats(32, 4), want = test::Runner(d.b.model).Run(in);
  EXPECT_EQ(PackNarrowWeights(d.b.g()), 1);
  EXPECT_EQ(d.weights().type.dtype, DType::kI4);
  EXPECT_EQ(d.weights().constant->size(), 512u);
  EXPECT_EQ(test::Runner(d.b.model).Run(in), want);
  EXPECT_EQ(PackNarrowWeights(d.b.g()), 0);
}

TEST(NarrowWeights, OthersStayBytes) {
  Dense wide(-8, 8), few(-8, 7, 16);
  EXPECT_EQ(PackNarrowWeights(wide.b.g()), 0);
  EXPECT_EQ(PackNarrowWeights(few.b.g()), 0);
}

TEST(NarrowWeights, HalvesOfBytes) {
  const std::vector<int8_t> v = {-8, 7, -1, 0, 3};
  const std::vector<int8_t> packed = graph::Pack4(v);
  EXPECT_EQ(packed, (std::vector<int8_t>{0x78, 0x0f, 0x03}));
  EXPECT_EQ(graph::Unpack4(packed, 5), v);
}

}  // namespace
}  // namespace octet::passes
