// SPDX-License-Identifier: Apache-2.0
// y = ln(x).
#include "ops/unary_util.h"

namespace octet::ops::log {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}, {"T=i8", 2}};
float Apply(float x) { return std::log(x); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareUnary<Apply>}};

Status FromOnnx(ImportContext& c) { return EmitUnary(c, "log"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Log", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "log",
    .code = BuiltinCode::kLog,
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

}  // namespace octet::ops::log
