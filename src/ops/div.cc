// SPDX-License-Identifier: Apache-2.0
// y = act(a / b), broadcast. int32 truncates; quantized types: the reciprocal of the divisor by Newton in
// fixed point, then one rescale by s_a / (s_b * s_y). Division by zero is an error for integers.
#include "ops/add_sub_util.h"
#include "ops/division_util.h"
#include "ops/fixed_point_util.h"

namespace octet::ops::div {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|i32|u8|i8|i16", 1}};

struct Params {
  Broadcast shape;
  int64_t divisors = 0;
  ClampF32 clamp;
  Clamp32 integer_clamp;
  Multiplier multiplier;
  int32_t zero_a = 0, zero_b = 0, zero_out = 0;
};

template <class T> Status RunPlain(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  OCTET_TRY(CheckDivisors(run.input<T>(1), p.divisors));
  const auto [low, high] = BoundsOf<T>(p.clamp);
  RunBroadcast(p.shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<T>(0), [low, high](T x, T y) {
    if constexpr (std::is_integral_v<T>) return std::min(std::max(static_cast<T>(int64_t{x} / y), low), high);
    else return std::min(std::max(x / y, low), high);
  });
  return {};
}

// a / b: |1/b| as a number below one and the dividend shifted left as far as it goes.
int32_t Quotient(const Params& p, int32_t a, int32_t b) {
  if (b < 0) {
    a = -a;
    b = -b;
  }
  const fixed::Reciprocal inverse = fixed::ReciprocalOf(b, 31);
  const int headroom = __builtin_clrsb(a);
  const int32_t quotient = RoundingDoublingHighMul(static_cast<int32_t>(static_cast<uint32_t>(a) << headroom), inverse.scale);
  const int exponent = inverse.bits_over_unit + headroom - p.multiplier.shift;
  return RoundingDivideByPot(RoundingDoublingHighMul(quotient, p.multiplier.mantissa), exponent);
}

template <class T> Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  OCTET_TRY(CheckDivisors(run.input<T>(1), p.divisors, p.zero_b));
  RunBroadcast(p.shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<T>(0), [&](T x, T y) {
    const int64_t value = int64_t{Quotient(p, x - p.zero_a, y - p.zero_b)} + p.zero_out;
    return static_cast<T>(std::clamp<int64_t>(value, p.integer_clamp.low, p.integer_clamp.high));
  });
  return {};
}

Status Check(const OpView& op) {
  OCTET_TRY(CheckActivation(op, op.attrs<ActivationAttrs>().activation));
  return CheckBinary(op);
}

Status PrepareReference(Prepare& prepare) {
  const TensorType &a = *prepare.op.in(0), &b = *prepare.op.in(1), &y = *prepare.op.out(0);
  auto* p = prepare.Params<Params>();
  p->shape = CollapseBroadcast(a.shape, b.shape, y.shape);
  p->divisors = b.shape.elements();
  p->clamp = FloatClamp(prepare.op.attrs<ActivationAttrs>().activation);
  RunFn run = ByType<float, int32_t>(a.dtype, []<class T>() -> RunFn { return RunPlain<T>; });
  if (!run) {
    p->zero_a = a.quant.zero0();
    p->zero_b = b.quant.zero0();
    p->zero_out = y.quant.zero0();
    p->multiplier = QuantizeMultiplier(static_cast<double>(a.quant.scale0() / (b.quant.scale0() * y.quant.scale0())));
    p->integer_clamp = QuantizedClamp(p->clamp, y);
    run = ByType<uint8_t, int8_t, int16_t>(a.dtype, []<class T>() -> RunFn { return RunInteger<T>; });
  }
  prepare.SetRun(run, p);
  return {};
}
Status PrepareVectors(Prepare& p) { return PrepareBinaryF32(p, kernels::Binary::kDivide, FloatClamp(p.op.attrs<ActivationAttrs>().activation)); }
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesF32, .prepare = PrepareVectors}, {.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "div",
    .code = BuiltinCode::kDiv,
    .attrs = Layout<ActivationAttrs>(OptionsTable::kDiv, kActivationRows),
    .inputs = kBinaryInputs,
    .outputs = kOneOutput,
    .types = kTypes,
    .traits = kElementwise,
    .check = Check,
    .infer = InferBinary,
    .cost = CostOfElementwise,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::div
