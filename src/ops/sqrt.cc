// SPDX-License-Identifier: Apache-2.0
// y = square root of x. Integers: in float, truncated; below zero the answer is that of 0.
#include "ops/unary_util.h"

namespace octet::ops::sqrt {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}, {"T=i8|i16", 2}};

float Apply(float x) { return std::sqrt(x); }

struct Integer {
  float in_scale, out_scale;
  int32_t zero_in, zero_out;
  Clamp32 range;
};

int32_t Entry(const Integer& q, int32_t value) {
  const float x = q.in_scale * static_cast<float>(value - q.zero_in);
  if (!(x > 0)) return std::clamp(q.zero_out, q.range.low, q.range.high);
  const float y = std::sqrt(x) / q.out_scale;
  if (y >= 65536.0f) return q.range.high;  // Beyond every type; keeps the conversion defined.
  return std::clamp(static_cast<int32_t>(y) + q.zero_out, q.range.low, q.range.high);
}

Status PrepareReference(Prepare& p) {
  const TensorType &x = *p.op.in(0), &y = *p.op.out(0);
  if (x.dtype == DType::kF32) return PrepareUnary<Apply>(p);
  const Integer q{x.quant.scale0(), y.quant.scale0(), x.quant.zero0(), y.quant.zero0(), RangeOf(y.dtype)};
  return PrepareInteger<Integer, Entry>(p, q);
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

Status FromOnnx(ImportContext& c) { return EmitUnary(c, "sqrt"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Sqrt", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "sqrt",
    .code = BuiltinCode::kSqrt,
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

}  // namespace octet::ops::sqrt
