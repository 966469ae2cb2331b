// SPDX-License-Identifier: Apache-2.0
// y = x * x.
#include "ops/unary_util.h"

namespace octet::ops::square {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}};
float Apply(float x) { return x * x; }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareUnary<Apply>}};


}  // namespace

extern constinit const OpDef kDef = {
    .name = "square",
    .code = BuiltinCode::kSquare,
    .attrs = Layout<NoAttrs>(OptionsTable::kSquare, {}),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary,
    .check = CheckUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::square
