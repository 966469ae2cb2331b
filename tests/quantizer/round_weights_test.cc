// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <string>

#include "quantizer/quantize.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;

TEST(Quantize, RoundingAnewIsKeptOnlyWhereTheHeldOutHalfGains) {
  Builder b = SpreadModel(3.0f);
  auto result = QuantizeInt8(b.model, TrainingSamples(64), {}, {});
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(graph::Verify(result->model).ok());
  ASSERT_NE(result->chosen.find("rounded anew"), std::string::npos) << result->chosen;
  for (const Candidate& c : result->candidates) EXPECT_LE(c.sqnr_db, result->candidates.back().sqnr_db) << c.name;
}

// A SavedModel reads a layer's weights once per call of the layer; rounded for one call's inputs they would be there twice.
TEST(Quantize, WeightsOfTwoCallsStayOne) {
  constexpr int32_t kWidth = 16;
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{kUnknown, kWidth}, {}});
  const std::vector<float> weights = test::RandomFloats(kWidth * kWidth, 1), bias = test::RandomFloats(kWidth, 2);
  const auto call = [&](const std::string& name, graph::TensorId in) {
    return b.Node("fully_connected", name, {in, b.Constant<float>(name + "/w", Shape{kWidth, kWidth}, weights), b.Constant<float>(name + "/b", Shape{kWidth}, bias)});
  };
  b.g().outputs = {call("second", b.Node("tanh", "between", {call("first", x)}))};
  const auto result = QuantizeInt8(b.model, test::Samples(Shape{kWidth}, test::RandomFloats(64 * kWidth, 3)), {}, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
  std::set<graph::TensorId> read;
  for (const graph::NodeId id : result->model.main().order())
    if (result->model.main().node(id).op->name == "fully_connected") read.insert(result->model.main().node(id).inputs[1]);
  EXPECT_EQ(read.size(), 1);
}

}  // namespace
}  // namespace octet::quantizer
