// SPDX-License-Identifier: Apache-2.0
// y = x for x > 0, e^x - 1 below.
#include "ops/unary_util.h"

namespace octet::ops::elu {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}, {"T=i8", 1}};
float Apply(float x) { return x < 0.0f ? std::expm1(x) : x; }
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesFunctionF32, .prepare = PrepareVectorFunction<kernels::Function::kElu>},
                                 {.name = "reference", .prepare = PrepareUnary<Apply>}};

Status FromKeras(ImportContext& c) {
  const double alpha = c.Number("alpha", 1.0);
  if (alpha != 1.0) return c.Fail("alpha=1", std::to_string(alpha), "train with alpha=1, or use a custom layer");
  return EmitUnary(c, "elu");
}
constexpr ImportRule kRules[] = {{Source::kKerasActivation, "elu", 0, FromKeras}, {Source::kKeras, "ELU", 0, FromKeras}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "elu",
    .code = BuiltinCode::kElu,
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

}  // namespace octet::ops::elu
