// SPDX-License-Identifier: Apache-2.0
// y = e^x.
#include "ops/unary_util.h"

namespace octet::ops::exp {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}, {"T=i8|i16", 2}};
constexpr kernels::Function kFunction = kernels::Function::kExp;
float Apply(float x) { return std::exp(x); }
Status PrepareReference(Prepare& p) { return PrepareUnary<Apply>(p, kFunction); }
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesFunctionF32, .prepare = PrepareVectorFunction<kFunction>},
                                 {.name = "reference", .prepare = PrepareReference}};

Status FromKeras(ImportContext& c) { return EmitUnary(c, "exp"); }
constexpr ImportRule kRules[] = {
    {Source::kKerasActivation, "exponential", 0, FromKeras},
    {Source::kOnnx, "Exp", 0, FromKeras},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "exp",
    .code = BuiltinCode::kExp,
    .attrs = Layout<NoAttrs>(OptionsTable::kExp, {}),
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

}  // namespace octet::ops::exp
