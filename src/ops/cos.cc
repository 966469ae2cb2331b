// SPDX-License-Identifier: Apache-2.0
// y = cos(x), x in radians.
#include "ops/unary_util.h"

namespace octet::ops::cos {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}, {"T=f16", 2}};
float Apply(float x) { return std::cos(x); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareUnary<Apply>}};

Status FromOnnx(ImportContext& c) { return EmitUnary(c, "cos"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Cos", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "cos",
    .code = BuiltinCode::kCos,
    .attrs = Layout<NoAttrs>(OptionsTable::kCos, {}),
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

}  // namespace octet::ops::cos
