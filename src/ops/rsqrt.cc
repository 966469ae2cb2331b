// SPDX-License-Identifier: Apache-2.0
// y = 1 / sqrt(x). int8: fixed point. Integers at and below 0 give the largest value.
#include <array>

#include "ops/fixed_point_util.h"
#include "ops/unary_util.h"

namespace octet::ops::rsqrt {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}, {"T=i8", 2}, {"T=i16", 3}};

float Apply(float x) { return 1.0f / std::sqrt(x); }

struct Integer {
  Multiplier scale;
  int32_t zero_in, zero_out;
};

constexpr int kShift = 20;  // Fractional bits of the roots.

// 1 / sqrt(x) of all differences of two bytes, which no model changes.
constexpr std::array<int32_t, 256> kRoots = [] {
  std::array<int32_t, 256> roots{};
  for (int32_t x = 1; x < 256; ++x) {
    const Multiplier inverse = fixed::InverseSqrt(x);
    roots[static_cast<size_t>(x)] = Requantize(1, {inverse.mantissa, inverse.shift + kShift});
  }
  return roots;
}();

int32_t Entry(const Integer& q, int32_t value) {
  const int32_t x = value - q.zero_in;
  if (x <= 0) return 127;
  return std::clamp(Requantize(kRoots[static_cast<size_t>(x)], {q.scale.mantissa, q.scale.shift - kShift}) + q.zero_out, -128, 127);
}

Status PrepareReference(Prepare& p) {
  const TensorType &x = *p.op.in(0), &y = *p.op.out(0);
  if (x.dtype == DType::kF32) return PrepareUnary<Apply>(p);
  if (x.dtype == DType::kI16) {
    const float most = 32767.0f * y.quant.scale0();
    return PrepareFunction(p, [](float v, float limit) { return v <= 0.0f ? limit : Apply(v); }, most);
  }
  const float product = std::sqrt(x.quant.scale0()) * y.quant.scale0();
  const Integer q{QuantizeMultiplier(1.0 / static_cast<double>(product)), x.quant.zero0(), y.quant.zero0()};
  return PrepareInteger<Integer, Entry>(p, q);
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
