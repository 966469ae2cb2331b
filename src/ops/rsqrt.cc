// SPDX-License-Identifier: Apache-2.0
// y = 1 / sqrt(x). int8: an exact integer table; x <= 0 gives the largest value.
#include "ops/fixed_point_util.h"
#include "ops/unary_util.h"

namespace octet::ops::rsqrt {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}, {"T=i8", 2}};

float Apply(float x) { return 1.0f / std::sqrt(x); }

struct Integer {
  Multiplier scale;
};

int32_t Entry(const OpView& op, int32_t value, const void* context) {
  const int32_t x = value - op.in(0)->quant.zero0();
  if (x <= 0) return 127;
  constexpr int kShift = 20;  // Fractional bits in between.
  const Multiplier inverse = fixed::InverseSqrt(x);
  const int32_t root = Requantize(1, {inverse.mantissa, inverse.shift + kShift});
  const auto& q = *static_cast<const Integer*>(context);
  const int32_t y = Requantize(root, {q.scale.mantissa, q.scale.shift - kShift}) + op.out(0)->quant.zero0();
  return std::clamp(y, -128, 127);
}

Status PrepareReference(Prepare& p) {
  if (p.op.in(0)->dtype == DType::kF32) return PrepareUnary<Apply>(p);
  const float root = std::sqrt(p.op.in(0)->quant.scale0());
  const Integer q{QuantizeMultiplier(static_cast<double>(1.0f / (root * p.op.out(0)->quant.scale0())))};
  return PrepareTable(p, Entry, &q);
}
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesFunctionF32, .prepare = PrepareVectorFunction<kernels::Function::kInverseSqrt>},
                                 {.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "rsqrt",
    .code = BuiltinCode::kRsqrt,
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

}  // namespace octet::ops::rsqrt
