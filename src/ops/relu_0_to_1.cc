// SPDX-License-Identifier: Apache-2.0
// y = min(max(x, 0), 1).
#include "ops/relu_util.h"

namespace octet::ops::relu_0_to_1 {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8|i8", 1}};

Status PrepareReference(Prepare& p) { return PrepareClamp(p, {0.0f, 1.0f}); }
Status PrepareVectors(Prepare& p) { return PrepareClampVectors(p, {0.0f, 1.0f}); }
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesFunctionF32, .prepare = PrepareVectors},
                                 {.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "relu_0_to_1",
    .code = BuiltinCode::kRelu0To1,
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary | kKeepsChannels,
    .check = CheckUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::relu_0_to_1
