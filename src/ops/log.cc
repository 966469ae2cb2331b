// SPDX-License-Identifier: Apache-2.0
// y = natural logarithm of x. Integers at and below 0 give the least value.
#include "ops/unary_util.h"

namespace octet::ops::log {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}, {"T=i8|i16", 2}};

float Apply(float x) { return std::log(x); }

Status PrepareReference(Prepare& p) {
  if (p.op.in(0)->dtype == DType::kF32) return PrepareUnary<Apply>(p);
  const TensorType& y = *p.op.out(0);
  const float least = static_cast<float>(RangeOf(y.dtype).low - y.quant.zero0()) * y.quant.scale0();
  return PrepareFunction(p, [](float x, float limit) { return x <= 0.0f ? limit : Apply(x); }, least);
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

Status FromOnnx(ImportContext& c) { return EmitUnary(c, "log"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Log", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "log",
    .code = BuiltinCode::kLog,
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

}  // namespace octet::ops::log
