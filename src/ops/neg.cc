// SPDX-License-Identifier: Apache-2.0
// y = -x.
#include "ops/unary_util.h"

namespace octet::ops::neg {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}};
float Apply(float x) { return -x; }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareUnary<Apply>}};

Status FromOnnx(ImportContext& c) { return EmitUnary(c, "neg"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Neg", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "neg",
    .code = BuiltinCode::kNeg,
    .attrs = Layout<NoAttrs>(OptionsTable::kNeg, {}),
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

}  // namespace octet::ops::neg
