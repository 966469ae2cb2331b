// SPDX-License-Identifier: Apache-2.0
// ArgMin: the position of the smallest element along an axis; the first among equals.
#include "ops/arg_util.h"

namespace octet::ops::arg_min {
namespace {

Status PrepareFind(Prepare& p) { return PrepareArg(p, false); }

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareFind}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "arg_min",
    .code = BuiltinCode::kArgMin,
    .attrs = Layout<ArgAttrs>(OptionsTable::kArgMin, kArgRows),
    .inputs = kArgInputs,
    .outputs = kArgOutputs,
    .types = kArgTypes,
    .quantization = kArgQuant,
    .check = CheckArg,
    .infer = InferArg,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::arg_min
