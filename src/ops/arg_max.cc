// SPDX-License-Identifier: Apache-2.0
// ArgMax: the position of the largest element along an axis; the first among equals.
#include "ops/arg_util.h"

namespace octet::ops::arg_max {
namespace {

Status PrepareFind(Prepare& p) { return PrepareArg(p, true); }

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareFind}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "arg_max",
    .code = BuiltinCode::kArgMax,
    .attrs = Layout<ArgAttrs>(OptionsTable::kArgMax, kArgRows),
    .inputs = kArgInputs,
    .outputs = kArgOutputs,
    .types = kArgTypes,
    .quantization = kArgQuant,
    .check = CheckArg,
    .infer = InferArg,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::arg_max
