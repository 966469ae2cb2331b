// SPDX-License-Identifier: Apache-2.0
// y = the nearest integer, ties to even.
#include "ops/unary_util.h"

namespace octet::ops::round {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|f16|bf16", 1}};
float Apply(float x) { return std::nearbyint(x); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareUnary<Apply>}};


}  // namespace

extern constinit const OpDef kDef = {
    .name = "round",
    .code = BuiltinCode::kRound,
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary,
    .check = CheckUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::round
