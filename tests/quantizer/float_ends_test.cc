// SPDX-License-Identifier: Apache-2.0
#include "quantizer/float_ends.h"

#include "tests/model_builder.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::TensorId;

// Halves in and out, with a relu in float32 between.
Builder Halves() {
  Builder b;
  const TensorId x = b.Input("x", {DType::kF16, Shape{2}, {}});
  const TensorId wide = b.Node("cast", "wide", {x}, {DType::kF32, {}, {}});
  const TensorId y = b.Node("cast", "y", {b.Node("relu", "relu", {wide})}, {DType::kF16, {}, {}});
  b.g().outputs = {y};
  b.model.signatures = {{"serving_default", {{"x", x}}, {{"y", y}}, 0}};
  return b;
}

TEST(Quantize, EndsOfOtherFloatsBecomeFloat32) {
  Builder b = Halves();
  WidenEnds(b.model);
  const graph::Graph& g = b.g();
  ASSERT_EQ(g.num_nodes(), 1u);
  EXPECT_EQ(g.node(g.order()[0]).op->name, "relu");
  EXPECT_EQ(g.tensor(g.inputs[0]).type.dtype, DType::kF32);
  EXPECT_EQ(g.tensor(g.outputs[0]).type.dtype, DType::kF32);
  EXPECT_EQ(g.tensor(g.outputs[0]).name, "y");
  EXPECT_EQ(b.model.signatures[0].outputs[0].tensor, g.outputs[0]);
}

// Nothing widens an input that another operator reads as it is.
TEST(Quantize, EndsThatAreReadAsTheyAreStay) {
  Builder b = Halves();
  b.g().outputs.push_back(b.Node("reshape", "as it is", {b.g().inputs[0], b.Constant<int32_t>("shape", Shape{2}, {2, 1})}, {DType::kF16, {}, {}}));
  WidenEnds(b.model);
  EXPECT_EQ(b.g().tensor(b.g().inputs[0]).type.dtype, DType::kF16);
  EXPECT_EQ(b.g().tensor(b.g().outputs[0]).type.dtype, DType::kF32);
}

}  // namespace
}  // namespace octet::quantizer
