// SPDX-License-Identifier: Apache-2.0
// y = the smallest integer not below x.
#include "ops/unary_util.h"

namespace octet::ops::ceil {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}};
float Apply(float x) { return std::ceil(x); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareUnary<Apply>}};

Status FromOnnx(ImportContext& c) { return EmitUnary(c, "ceil"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Ceil", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "ceil",
    .code = BuiltinCode::kCeil,
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

}  // namespace octet::ops::ceil
