// SPDX-License-Identifier: Apache-2.0
// y = a < b, broadcast.
#include "ops/comparison_util.h"

namespace octet::ops::less {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|f16|bf16|u8|i32|i64 O=bool", 1}, {"T=i8 O=bool", 2}, {"T=i16 O=bool", 3}};

Status PrepareReference(Prepare& p) { return PrepareOrder<Less>(p, false); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

Status FromOnnx(ImportContext& c) { return MergeInputs(c, "less"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Less", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "less",
    .code = BuiltinCode::kLess,
    .attrs = Layout<NoAttrs>(OptionsTable::kLess, {}),
    .inputs = kBinaryInputs,
    .outputs = kComparisonOutputs,
    .types = kTypes,
    .traits = kElementwise,
    .check = CheckBinary,
    .infer = InferComparison,
    .cost = CostOfElementwise,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::less
