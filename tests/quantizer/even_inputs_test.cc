// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "quantizer/quantize.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Runner;
using test::Samples;

// Columns of a table: thousandths beside thousands, years beside shares.
TEST(Quantize, InputsThatReachUnlikeFarAreBroughtTogether) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 4}, {}});
  const std::vector<float> reach = {0.001f, 1000, 1, 20}, middle = {0, 0, 5, 2000};
  std::vector<float> weights = test::RandomFloats(12, 3), values = test::RandomFloats(64 * 4, 4);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] /= reach[i % 4];
  for (size_t i = 0; i < values.size(); ++i) values[i] = middle[i % 4] + reach[i % 4] * values[i];
  b.g().outputs = {b.Node("fully_connected", "y", {x, b.Constant<float>("w", Shape{3, 4}, weights), b.Constant<float>("b", Shape{3}, {-100, 3, 50})})};
  const auto result = QuantizeInt8(b.model, Samples(Shape{4}, values), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->float_nodes.size(), 2u);
  const std::vector<float> input(values.begin(), values.begin() + 4);
  EXPECT_LT(test::LargestDifference(Runner(b.model).Run(input), Runner(result->model).Run(input)), 1.0f);  // Of outputs up to 100.
  QuantizeOptions whole;
  whole.int8_only = true;
  EXPECT_TRUE(QuantizeInt8(b.model, Samples(Shape{4}, values), whole, {})->float_nodes.empty());
}

// An input that comes in int8 has one scale for all columns: what it cannot hold is said. Where one of its steps moves the sums from end to
// end, kernels refuse them, and the input stays float.
TEST(Quantize, IntegerInputsThatReachUnlikeFarAreNamed) {
  for (const float widest : {200.0f, 20000.0f}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, Shape{1, 4}, {}});
    const std::vector<float> reach = {0.01f, widest, 1, 2};
    std::vector<float> weights = test::RandomFloats(12, 3), values = test::RandomFloats(64 * 4, 4);
    for (size_t i = 0; i < weights.size(); ++i) weights[i] /= reach[i % 4];
    for (size_t i = 0; i < values.size(); ++i) values[i] *= reach[i % 4];
    b.g().outputs = {b.Node("fully_connected", "y", {x, b.Constant<float>("w", Shape{3, 4}, weights), b.Constant<float>("b", Shape{3}, {1, 2, 3})})};
    QuantizeOptions options;
    options.int8_only = true;
    options.rewrite.inputs = options.rewrite.outputs = DType::kI8;
    const auto result = QuantizeInt8(b.model, Samples(Shape{4}, values), options, {});
    ASSERT_TRUE(result.ok()) << result.error().message();
    const bool refused = widest > 1000;
    EXPECT_EQ(Names(result->warnings, "features of input 'x' reach unlike far"), !refused) << widest;
    EXPECT_EQ(Names(result->warnings, "input 'x' stays float32"), refused) << widest;
    EXPECT_EQ(result->float_nodes.size(), refused ? 1u : 0u) << widest;
    EXPECT_EQ(result->model.main().tensor(result->model.main().inputs[0]).type.dtype, refused ? DType::kF32 : DType::kI8);
  }
}

}  // namespace
}  // namespace octet::quantizer
