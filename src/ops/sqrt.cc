// SPDX-License-Identifier: Apache-2.0
// y = square root of x.
#include "ops/unary_util.h"

namespace octet::ops::sqrt {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}};
float Apply(float x) { return std::sqrt(x); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareUnary<Apply>}};

Status FromOnnx(ImportContext& c) { return EmitUnary(c, "sqrt"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Sqrt", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "sqrt",
    .code = BuiltinCode::kSqrt,
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

}  // namespace octet::ops::sqrt
