// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "exporter/exporter.h"
#include "quantizer/quantize.h"
#include "quantizer/session.h"
#include "tests/model_builder.h"

namespace octet::quantizer {
namespace {

using test::Builder;

// Rows gathered from a table become a lookup, which takes four bits; the answers stay near.
TEST(WeightsOnly, EmbeddingsTakeFourBits) {
  for (const bool four : {true, false}) {
    Builder b;
    const auto ids = b.Input("ids", {DType::kI32, Shape{1, 6}, {}});
    b.g().outputs = {b.Node("gather", "rows", {b.Constant<float>("table", Shape{50, 64}, test::RandomFloats(3200, 5)), ids})};
    const graph::Model before = b.model;
    ASSERT_TRUE((four ? QuantizeInt4Blocks(b.model) : QuantizeDynamicRange(b.model)).ok());
    const graph::Graph& g = b.model.main();
    DType table = DType::kF32;
    for (graph::NodeId id : g.order())
      if (g.node(id).op->name == "embedding_lookup") table = g.tensor(g.node(id).inputs[1]).type.dtype;
    EXPECT_EQ(table, four ? DType::kI4 : DType::kI8);
    EXPECT_EQ(g.tensor(g.outputs[0]).name, "rows");
    EXPECT_EQ(g.tensor(g.outputs[0]).type.shape, (Shape{1, 6, 64}));
    const auto session = [](const graph::Model& m) { return *exporter::Export(m); };
    const std::vector<std::byte> a = session(before), c = session(b.model);
    EXPECT_LT(c.size(), a.size() / (four ? 3 : 2));
    std::vector<float> answers[2];
    for (int k = 0; k < 2; ++k) {
      auto made = runtime::Interpreter::Create(*runtime::Model::FromBytes(k ? c : a));
      const auto interpreter = std::move(*made);
      ASSERT_TRUE(interpreter->Allocate().ok());
      for (int i = 0; i < 6; ++i) reinterpret_cast<int32_t*>(interpreter->input(0).data)[i] = 7 * i;
      ASSERT_TRUE(interpreter->Invoke().ok());
      answers[k] = RealValues(interpreter->output(0));
    }
    EXPECT_LT(test::LargestDifference(answers[0], answers[1]), four ? 0.2f : 0.01f);
  }
}

// A dense layer's rows may be of unlike size; one scale for all is what older runtimes take.
TEST(WeightsOnly, DenseRowsHaveScalesOfTheirOwn) {
  for (const bool one : {false, true}) {
    Builder b;
    std::vector<float> weights = test::RandomFloats(32 * 64, 5);
    for (size_t i = 0; i < 64; ++i) weights[i] *= 0.001f;
    const auto x = b.Input("x", {DType::kF32, Shape{1, 64}, {}});
    b.g().outputs = {b.Node("fully_connected", "y", {x, b.Constant<float>("w", Shape{32, 64}, weights), graph::kNoTensor})};
    RewriteOptions options;
    options.per_tensor_dense = one;
    ASSERT_TRUE(QuantizeDynamicRange(b.model, nullptr, options).ok());
    const graph::Graph& g = b.model.main();
    const TensorType& w = g.tensor(g.node(g.order()[0]).inputs[1]).type;
    EXPECT_EQ(w.dtype, DType::kI8);
    ASSERT_EQ(w.quant.scale.size(), one ? 1u : 32u);
    EXPECT_LT(w.quant.scale.front(), one ? 1.0f : 0.002f * w.quant.scale.back());
    EXPECT_EQ(ops::VersionOf(graph::NodeView(g, g.order()[0]).view()), one ? 9 : 12);
  }
}

}  // namespace
}  // namespace octet::quantizer
