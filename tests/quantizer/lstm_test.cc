// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "passes/pass.h"
#include "quantizer/calibrate.h"
#include "quantizer/correct_bias.h"
#include "quantizer/quantize.h"
#include "tests/model_builder.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Runner;
using test::Samples;

// An LSTM over five steps whose state is one sequence's.
Builder LstmModel(float cell_drive, int32_t batch = 1) {
  Builder b;
  constexpr int32_t kSteps = 5, kIn = 3, kUnits = 4;
  const auto x = b.Input("x", {DType::kF32, Shape{batch, kSteps, kIn}, {}});
  std::vector<graph::TensorId> in{x};
  for (uint32_t gate = 0; gate < 4; ++gate)
    in.push_back(b.Constant<float>("w" + std::to_string(gate), Shape{kUnits, kIn}, test::RandomFloats(kUnits * kIn, 50 + gate)));
  for (uint32_t gate = 0; gate < 4; ++gate)
    in.push_back(b.Constant<float>("r" + std::to_string(gate), Shape{kUnits, kUnits}, test::RandomFloats(kUnits * kUnits, 60 + gate)));
  in.insert(in.end(), 3, graph::kNoTensor);
  for (uint32_t gate = 0; gate < 4; ++gate)
    in.push_back(b.Constant<float>("b" + std::to_string(gate), Shape{kUnits}, std::vector<float>(kUnits, gate == 1 ? cell_drive : 0.1f)));
  in.insert(in.end(), 2, graph::kNoTensor);
  for (const char* name : {"h", "c"}) {
    in.push_back(b.g().AddTensor(name, {DType::kF32, Shape{1, kUnits}, {}}));
    b.g().tensor(in.back()).is_variable = b.g().tensor(in.back()).resets = true;
  }
  b.g().outputs = {
      b.Node("unidirectional_sequence_lstm", "lstm", in, {}, [](graph::Node& n) { test::SetAttr(n, "fused_activation_function", ops::Activation::kTanh); })};
  return b;
}

TEST(Quantize, AnLstmInIntegersStartsEverySequenceAnew) {
  for (const float drive : {0.5f, 4.0f}) {
    Builder b = LstmModel(drive);
    const Samples data{Shape{5, 3}, test::RandomFloats(64 * 15, 5)};
    auto result = QuantizeInt8(b.model, data, {}, {});
    ASSERT_TRUE(result.ok()) << result.error().message();
    EXPECT_TRUE(result->float_nodes.empty());
    EXPECT_TRUE(graph::Verify(result->model).ok());
    Runner integer(result->model);
    const std::vector<float> x = test::RandomFloats(15, 99);
    const std::vector<float> want = Runner(b.model).Run(x), first = integer.Run(x);
    EXPECT_LT(test::LargestDifference(want, first), 0.04f);
    for (const float other : {0.9f, -0.9f, 30.0f, -30.0f}) {  // Also states far outside of the calibrated ones.
      integer.Run(std::vector<float>(15, other));             // The runner does not reset variables.
      EXPECT_EQ(integer.Run(x), first) << other;
    }
  }
}

// There is one state: a file that says it takes any batch would be refused when it gets another.
TEST(Quantize, AnLstmInIntegersSaysTheBatchOfItsState) {
  Builder b = LstmModel(0.5f, kUnknown);
  auto result = QuantizeInt8(b.model, Samples{Shape{5, 3}, test::RandomFloats(64 * 15, 5)}, {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  const graph::Graph& g = result->model.main();
  EXPECT_EQ(g.tensor(g.inputs[0]).type.shape, (Shape{1, 5, 3}));
  EXPECT_EQ(g.tensor(g.outputs[0]).type.shape, (Shape{1, 5, 4}));
}

// Inputs far from zero make the rounding of an LSTM's weights a constant in front of every gate, which its biases take back.
TEST(CorrectBias, ReachesTheGatesOfAnLstm) {
  Builder b = LstmModel(0.1f);
  std::vector<float> x = test::RandomFloats(64 * 15, 9);
  for (float& v : x) v += 40;
  const Samples data(Shape{5, 3}, std::move(x));
  const Statistics statistics = *Calibrate(b.model, data, {0, 64, 1}, false, {});
  graph::Model corrected = b.model;
  CorrectBias(corrected, statistics, {});
  for (size_t gate = 0; gate < 4; ++gate) {
    const graph::Node& n = b.g().node(b.last);
    const std::span<const float> w = b.g().tensor(n.inputs[1 + gate]).data<float>(), before = b.g().tensor(n.inputs[12 + gate]).data<float>();
    const std::span<const float> after = corrected.main().tensor(corrected.main().node(b.last).inputs[12 + gate]).data<float>();
    const std::vector<double>& mean = statistics.at("x").channel_mean;
    float most = 0;
    for (float v : w) most = std::max(most, std::abs(v));
    for (size_t o = 0; o < 4; ++o) {
      double shift = 0;
      for (size_t k = 0; k < 3; ++k) shift += static_cast<double>(w[o * 3 + k] - std::round(w[o * 3 + k] / most * 127) * most / 127) * mean[k];
      EXPECT_NEAR(after[o], before[o] + static_cast<float>(shift), 1e-4f);
    }
  }
}

// An LSTM has weights and biases of several gates: a factor behind it belongs to none of them.
TEST(Optimize, NothingIsFoldedIntoAnLstm) {
  Builder b = LstmModel(0.5f);
  const auto y = b.g().outputs[0];
  b.g().outputs = {b.Node("mul", "scaled", {y, b.Constant<float>("factor", Shape{1}, {3})})};
  const std::vector<float> x = test::RandomFloats(15, 99), want = Runner(b.model).Run(x);
  ASSERT_TRUE(passes::Optimize(b.model).ok());
  EXPECT_EQ(Runner(b.model).Run(x), want);
}

}  // namespace
}  // namespace octet::quantizer
