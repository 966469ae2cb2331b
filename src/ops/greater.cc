// SPDX-License-Identifier: Apache-2.0
// y = a > b, broadcast.
#include "ops/comparison_util.h"

namespace octet::ops::greater {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|f16|bf16|u8|i16|i32|i64 O=bool", 1}, {"T=i8 O=bool", 2}};

Status PrepareReference(Prepare& p) { return PrepareOrder<Less>(p, true); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

Status FromOnnx(ImportContext& c) { return MergeInputs(c, "greater"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Greater", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "greater",
    .code = BuiltinCode::kGreater,
    .attrs = Layout<NoAttrs>(OptionsTable::kGreater, {}),
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

}  // namespace octet::ops::greater
