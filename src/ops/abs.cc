// SPDX-License-Identifier: Apache-2.0
// y = |x|.
#include "ops/unary_util.h"

namespace octet::ops::abs {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}};
float Apply(float x) { return std::abs(x); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareUnary<Apply>}};

Status FromOnnx(ImportContext& c) { return EmitUnary(c, "abs"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Abs", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "abs",
    .code = BuiltinCode::kAbs,
    .attrs = Layout<NoAttrs>(OptionsTable::kAbs, {}),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary | kHomogeneous | kKeepsChannels,
    .check = CheckUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::abs
