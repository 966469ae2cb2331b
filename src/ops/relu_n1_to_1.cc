// SPDX-License-Identifier: Apache-2.0
// y = min(max(x, -1), 1).
#include "ops/relu_util.h"

namespace octet::ops::relu_n1_to_1 {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8|i8", 1}};

Status PrepareReference(Prepare& p) { return PrepareClamp(p, FloatClamp(Activation::kReluN1To1)); }
Status PrepareVectors(Prepare& p) { return PrepareClampVectors(p, FloatClamp(Activation::kReluN1To1)); }
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesFunctionF32, .prepare = PrepareVectors},
                                 {.name = "reference", .prepare = PrepareReference}};

Status FromActivation(ImportContext& c) { return EmitUnary(c, "relu_n1_to_1"); }
constexpr ImportRule kRules[] = {{Source::kKerasActivation, "hard_tanh", 0, FromActivation}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "relu_n1_to_1",
    .code = BuiltinCode::kReluN1To1,
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary | kKeepsChannels,
    .check = CheckUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::relu_n1_to_1
