// SPDX-License-Identifier: Apache-2.0
// y = min(max(x, 0), 6).
#include "ops/relu_util.h"

namespace octet::ops::relu6 {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8", 1}, {"T=i8", 2}, {"T=i16", 3}};

Status PrepareReference(Prepare& p) { return PrepareClamp(p, FloatClamp(Activation::kRelu6)); }
Status PrepareVectors(Prepare& p) { return PrepareClampVectors(p, FloatClamp(Activation::kRelu6)); }
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesFunctionF32, .prepare = PrepareVectors},
                                 {.name = "reference", .prepare = PrepareReference}};

Status FromActivation(ImportContext& c) { return EmitUnary(c, "relu6"); }
constexpr ImportRule kRules[] = {{Source::kKerasActivation, "relu6", 0, FromActivation}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "relu6",
    .code = BuiltinCode::kRelu6,
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

}  // namespace octet::ops::relu6
