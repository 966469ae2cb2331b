// SPDX-License-Identifier: Apache-2.0
// y = x / |x| along the last axis. int8 output: scale 1/128, zero point 0; the norm's inverse by Newton.
#include <cmath>

#include "base/thread_pool.h"
#include "ops/fixed_point_util.h"
#include "ops/unary_util.h"

namespace octet::ops::l2_normalization {
namespace {

struct Attrs {
  Activation activation = Activation::kNone;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::activation>("fused_activation_function", 0)};
constexpr TypeRow kTypes[] = {{"T=f32|u8", 1}, {"T=i8", 2}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kFixed, .when = DType::kI8, .fixed_scale = 1.0f / 128, .fixed_zero_point = 0}};
constexpr float kLeastNorm = 1e-6f;

struct Params {
  int64_t rows, depth;
  int32_t zero, out_zero;
};

Status Check(const OpView& op) {
  if (op.in(0)->shape.rank() < 1) return op.Fail(Code::kInvalidModel, "the input needs a dimension");
  if (op.attrs<Attrs>().activation != Activation::kNone)
    return op.Fail(Code::kUnsupported, "a fused activation has no kernel; write the activation as an operator behind it");
  return CheckUnary(op);
}

Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  run.pool->For(p.rows, [&](int64_t row, int) {
    const float* x = run.input<float>(0) + row * p.depth;
    float *y = run.output<float>(0) + row * p.depth, sum = 0;
    for (int64_t i = 0; i < p.depth; ++i) sum += x[i] * x[i];
    const float norm = std::max(std::sqrt(sum), kLeastNorm);
    for (int64_t i = 0; i < p.depth; ++i) y[i] = x[i] / norm;
  });
  return {};
}

template <class T> Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  run.pool->For(p.rows, [&](int64_t row, int) {
    const T* x = run.input<T>(0) + row * p.depth;
    T* y = run.output<T>(0) + row * p.depth;
    int32_t sum = 0;
    for (int64_t i = 0; i < p.depth; ++i) sum += (x[i] - p.zero) * (x[i] - p.zero);
    const Multiplier inverse = fixed::InverseSqrt(sum), steps{inverse.mantissa, inverse.shift + 7};  // 128 steps to one.
    for (int64_t i = 0; i < p.depth; ++i) {
      // The seven bits round differently before the multiplication and inside its shift.
      const int32_t value = std::is_signed_v<T> ? Requantize(x[i] - p.zero, steps) : Requantize((x[i] - p.zero) * 128, inverse);
      y[i] = Saturate<T>(value + p.out_zero);
    }
  });
  return {};
}

Status PrepareReference(Prepare& prepare) {
  const TensorType& x = *prepare.op.in(0);
  auto* p = prepare.Params<Params>();
  p->depth = x.shape.back();
  p->rows = p->depth == 0 ? 0 : x.shape.elements() / p->depth;
  p->zero = x.quant.zero0();
  p->out_zero = prepare.op.out(0)->quant.zero0();
  prepare.SetRun(x.dtype == DType::kF32 ? RunFloat : x.dtype == DType::kI8 ? RunInteger<int8_t> : RunInteger<uint8_t>, p);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "l2_normalization",
    .code = BuiltinCode::kL2Normalization,
    .attrs = Layout<Attrs>(OptionsTable::kL2Norm, kRows),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = Check,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::l2_normalization
