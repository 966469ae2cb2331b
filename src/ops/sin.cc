// SPDX-License-Identifier: Apache-2.0
// y = sin(x), x in radians.
#include "ops/unary_util.h"

namespace octet::ops::sin {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}, {"T=f16", 2}};
float Apply(float x) { return std::sin(x); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareUnary<Apply>}};

Status FromOnnx(ImportContext& c) { return EmitUnary(c, "sin"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Sin", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "sin",
    .code = BuiltinCode::kSin,
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

}  // namespace octet::ops::sin
