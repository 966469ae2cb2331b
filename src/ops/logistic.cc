// SPDX-License-Identifier: Apache-2.0
// y = 1 / (1 + e^-x). int8 output: scale 1/256, zero point -128.
#include "ops/sigmoid_util.h"

namespace octet::ops::logistic {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8", 1}, {"T=i8", 2}, {"T=i16|f16|bf16", 3}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kFixed, .when = DType::kI8, .fixed_scale = 1.0f / 256, .fixed_zero_point = -128},
                               {.operand = ~0, .kind = QuantKind::kFixed, .when = DType::kI16, .fixed_scale = 1.0f / 32768, .fixed_zero_point = 0}};

constexpr kernels::Function kFunction = kernels::Function::kLogistic;
float Apply(float x) { return 1.0f / (1.0f + std::exp(-x)); }
Status PrepareReference(Prepare& p) { return p.op.in(0)->dtype == DType::kI16 ? PrepareLogistic16(p) : PrepareUnary<Apply>(p, kFunction); }
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesFunctionF32, .prepare = PrepareVectorFunction<kFunction>},
                                 {.name = "reference", .prepare = PrepareReference}};

Status FromSigmoid(ImportContext& c) { return EmitUnary(c, "logistic"); }

// x * sigmoid(x)
Status FromSilu(ImportContext& c) {
  OCTET_ASSIGN(Value gate, c.Emit("logistic", {c.Input(0)}));
  OCTET_ASSIGN(Value y, c.Emit("mul", {c.Input(0), gate}));
  c.SetOutput(0, y);
  return {};
}

// Keras 3: relu6(x + 3) / 6. Keras 2 has another function of that name: clip(0.2 x + 0.5, 0, 1).
Status FromHardSigmoid(ImportContext& c) {
  const bool keras2 = c.Bool("keras2", false);
  OCTET_ASSIGN(Value y, keras2 ? c.Emit("mul", {c.Input(0), c.Scalar(0.2f)}) : c.Emit("add", {c.Input(0), c.Scalar(3.0f)}));
  if (keras2) {
    OCTET_ASSIGN(y, c.Emit("add", {y, c.Scalar(0.5f)}));
    OCTET_ASSIGN(y, c.Emit("maximum", {y, c.Scalar(0.0f)}));
    OCTET_ASSIGN(y, c.Emit("minimum", {y, c.Scalar(1.0f)}));
  } else {
    OCTET_ASSIGN(y, c.Emit("relu6", {y}));
    OCTET_ASSIGN(y, c.Emit("mul", {y, c.Scalar(1.0f / 6.0f)}));
  }
  c.SetOutput(0, y);
  return {};
}

constexpr ImportRule kRules[] = {
    {Source::kKerasActivation, "sigmoid", 0, FromSigmoid},
    {Source::kKerasActivation, "silu", 0, FromSilu},
    {Source::kKerasActivation, "swish", 0, FromSilu},
    {Source::kKerasActivation, "hard_sigmoid", 0, FromHardSigmoid},
    {Source::kOnnx, "Sigmoid", 0, FromSigmoid},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "logistic",
    .code = BuiltinCode::kLogistic,
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kElementwise | kUnary,
    .check = CheckSigmoid,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::logistic
