// SPDX-License-Identifier: Apache-2.0
// y = the largest integer not above x.
#include "ops/unary_util.h"

namespace octet::ops::floor {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|f16|bf16", 1}};
float Apply(float x) { return std::floor(x); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareUnary<Apply>}};

Status FromOnnx(ImportContext& c) { return EmitUnary(c, "floor"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Floor", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "floor",
    .code = BuiltinCode::kFloor,
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary,
    .check = CheckUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::floor
