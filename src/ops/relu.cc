// SPDX-License-Identifier: Apache-2.0
// y = max(x, 0).
#include "ops/relu_util.h"

namespace octet::ops::relu {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8", 1}, {"T=i8", 2}, {"T=i16", 3}};

Status PrepareReference(Prepare& p) { return PrepareClamp(p, FloatClamp(Activation::kRelu)); }
Status PrepareVectors(Prepare& p) { return PrepareClampVectors(p, FloatClamp(Activation::kRelu)); }
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesFunctionF32, .prepare = PrepareVectors},
                                 {.name = "reference", .prepare = PrepareReference}};

Status FromActivation(ImportContext& c) { return EmitUnary(c, "relu"); }

// ReLU(max_value, negative_slope, threshold): the common forms are operators; the others are built from
//   f(x) = min(x, max) for x >= threshold, slope * (x - threshold) below.
Status FromKeras(ImportContext& c) {
  const bool capped = c.Has("max_value");
  const float max = static_cast<float>(c.Number("max_value", 0)), threshold = static_cast<float>(c.Number("threshold", 0));
  const float slope = static_cast<float>(c.Number("negative_slope", c.Number("alpha", 0)));
  const Value x = c.Input(0);
  if (threshold != 0.0f) {
    if (slope != 0.0f) return c.Fail("threshold=0 or negative_slope=0", "both set", "use LeakyReLU for the slope");
    // x >= threshold ? x : 0, then the cap.
    OCTET_ASSIGN(Value above, c.Emit("greater_equal", {x, c.Scalar(threshold)}));
    OCTET_ASSIGN(Value y, c.Emit("select_v2", {above, x, c.Scalar(0)}));
    if (capped) {
      OCTET_ASSIGN(y, c.Emit("minimum", {y, c.Scalar(max)}));
    }
    c.SetOutput(0, y);
    return {};
  }
  if (slope != 0.0f) {
    struct {
      float alpha;
    } leaky{slope};
    OCTET_ASSIGN(Value y, c.Emit("leaky_relu", {x}, leaky));
    if (capped) {
      OCTET_ASSIGN(y, c.Emit("minimum", {y, c.Scalar(max)}));
    }
    c.SetOutput(0, y);
    return {};
  }
  if (!capped) return EmitUnary(c, "relu");
  if (max == 6.0f) return EmitUnary(c, "relu6");
  OCTET_ASSIGN(Value y, c.Emit("relu", {x}));
  OCTET_ASSIGN(y, c.Emit("minimum", {y, c.Scalar(max)}));
  c.SetOutput(0, y);
  return {};
}

constexpr ImportRule kRules[] = {
    {Source::kKerasActivation, "relu", 0, FromActivation},
    {Source::kKeras, "ReLU", 0, FromKeras},
    {Source::kOnnx, "Relu", 0, FromActivation},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "relu",
    .code = BuiltinCode::kRelu,
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary | kHomogeneous | kKeepsChannels,
    .check = CheckUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::relu
