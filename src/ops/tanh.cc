// SPDX-License-Identifier: Apache-2.0
// y = tanh(x). int8 output: scale 1/128, zero point 0.
#include "ops/sigmoid_util.h"

namespace octet::ops::tanh {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8", 1}, {"T=i8", 2}, {"T=i16|f16|bf16", 3}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kFixed, .when = DType::kI8, .fixed_scale = 1.0f / 128, .fixed_zero_point = 0},
                               {.operand = ~0, .kind = QuantKind::kFixed, .when = DType::kI16, .fixed_scale = 1.0f / 32768, .fixed_zero_point = 0}};

constexpr kernels::Function kFunction = kernels::Function::kTanh;
float Apply(float x) { return std::tanh(x); }
Status PrepareReference(Prepare& p) { return p.op.in(0)->dtype == DType::kI16 ? PrepareTanh16(p) : PrepareUnary<Apply>(p, kFunction); }
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesFunctionF32, .prepare = PrepareVectorFunction<kFunction>},
                                 {.name = "reference", .prepare = PrepareReference}};

Status FromKeras(ImportContext& c) { return EmitUnary(c, "tanh"); }
constexpr ImportRule kRules[] = {
    {Source::kKerasActivation, "tanh", 0, FromKeras},
    {Source::kOnnx, "Tanh", 0, FromKeras},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "tanh",
    .code = BuiltinCode::kTanh,
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

}  // namespace octet::ops::tanh
