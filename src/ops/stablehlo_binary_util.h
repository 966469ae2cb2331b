// SPDX-License-Identifier: Apache-2.0
// StableHLO's element-wise operators of two operands of equal shape. Integers wrap; bool adds as "or", multiplies
// as "and".
#pragma once
#include <type_traits>

#include "base/float16.h"
#include "ops/binary_util.h"
#include "ops/element_util.h"

namespace octet::ops {

inline constexpr TypeRow kStablehloTypes[] = {{"T=f32|f16|f64|i8|u8|i16|u16|i32|u32|i64|u64|bool"}};

Status CheckStablehloBinary(const OpView& op);
Status InferStablehloBinary(const OpView& op, std::span<OutputType> out);

struct StablehloParams {
  Broadcast shape;
};

template <class T, class F> Status RunStablehlo(const void* params, const Run& run) {
  RunBroadcast(static_cast<const StablehloParams*>(params)->shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<T>(0), F());
  return {};
}

// Half precision: computed in single precision, rounded once.
template <class F> struct OnHalf {
  uint16_t operator()(uint16_t a, uint16_t b) const { return F32ToF16(F()(F16ToF32(a), F16ToF32(b))); }
};
template <class F> Status RunStablehloHalf(const void* params, const Run& run) {
  RunBroadcast(static_cast<const StablehloParams*>(params)->shape, *run.pool, run.input<uint16_t>(0), run.input<uint16_t>(1), run.output<uint16_t>(0),
               OnHalf<F>());
  return {};
}

// What F computes integers of type T in: where only bits count, both signs share one loop (F::kSignless).
template <class T, class F> using StablehloInteger = std::conditional_t<F::kSignless, std::make_unsigned_t<T>, T>;

template <class F> Status PrepareStablehlo(Prepare& p) {
  auto* params = p.Params<StablehloParams>();
  params->shape = CollapseBroadcast(p.op.in(0)->shape, p.op.in(1)->shape, p.op.out(0)->shape);
  switch (p.op.in(0)->dtype) {
    case DType::kI8: p.SetRun(RunStablehlo<StablehloInteger<int8_t, F>, F>, params); break;
    case DType::kU8: p.SetRun(RunStablehlo<uint8_t, F>, params); break;
    case DType::kI16: p.SetRun(RunStablehlo<StablehloInteger<int16_t, F>, F>, params); break;
    case DType::kU16: p.SetRun(RunStablehlo<uint16_t, F>, params); break;
    case DType::kI32: p.SetRun(RunStablehlo<StablehloInteger<int32_t, F>, F>, params); break;
    case DType::kU32: p.SetRun(RunStablehlo<uint32_t, F>, params); break;
    case DType::kI64: p.SetRun(RunStablehlo<StablehloInteger<int64_t, F>, F>, params); break;
    case DType::kU64: p.SetRun(RunStablehlo<uint64_t, F>, params); break;
    case DType::kBool: p.SetRun(RunStablehlo<Bool, F>, params); break;
    default:
      if constexpr (!F::kIntegersOnly) {
        switch (p.op.in(0)->dtype) {
          case DType::kF32: p.SetRun(RunStablehlo<float, F>, params); break;
          case DType::kF64: p.SetRun(RunStablehlo<double, F>, params); break;
          default: p.SetRun(RunStablehloHalf<F>, params); break;
        }
      }
  }
  return {};
}

// f on 64 bits without sign, where overflow is defined, and back.
template <class T, class F> T Wrapped(T a, T b, const F& f) {
  if constexpr (std::is_same_v<T, Bool>) return f(static_cast<uint64_t>(a), static_cast<uint64_t>(b)) != 0;
  else return static_cast<T>(f(static_cast<uint64_t>(a), static_cast<uint64_t>(b)));
}

}  // namespace octet::ops
