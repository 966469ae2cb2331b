// SPDX-License-Identifier: Apache-2.0
// Binary operators by the vector primitives, row by row.
#pragma once
#include "kernels/elementwise.h"
#include "ops/binary_util.h"

namespace octet::ops {

inline bool TakesF32(const OpView& op, const Cpu&) { return op.in(0)->dtype == DType::kF32; }
inline bool TakesF32OrS8(const OpView& op, const Cpu&) { return op.in(0)->dtype == DType::kF32 || op.in(0)->dtype == DType::kI8; }
// int16 without quantization is plain numbers.
inline bool TakesQuantizedS16(const OpView& op) {
  return op.in(0)->dtype == DType::kI16 && op.out(0)->dtype == DType::kI16 && !op.in(0)->quant.empty() && !op.out(0)->quant.empty();
}
inline bool TakesF32OrInteger(const OpView& op, const Cpu& cpu) { return TakesF32OrS8(op, cpu) || TakesQuantizedS16(op); }

// `largest`: no value in magnitude is larger.
inline kernels::Rescale RescaleOf(Multiplier m, int64_t largest) {
  const int left = std::max(m.shift, 0), right = std::max(-m.shift, 0);
  return {m.mantissa, left, right, left < 29 && right < 30 && largest < (int64_t{1} << (29 - left))};
}

// y = clamp(lhs op rhs).
Status PrepareBinaryF32(Prepare& prepare, kernels::Binary op, ClampF32 clamp);

// y = clamp(x op operand), x input 0 and the only tensor.
Status PrepareWithNumberF32(Prepare& prepare, kernels::Binary op, float operand, ClampF32 clamp);

using PairS8 = void (*)(const int8_t* a, int64_t step_a, const int8_t* b, int64_t step_b, int64_t n, const kernels::ScaledPair& q, int8_t* y);
Status PreparePairS8(Prepare& prepare, PairS8 run, const kernels::ScaledPair& q);
// y = clamp(rescale((lhs - its zero) * (rhs - its zero)) + the output's zero), all int8.
Status PrepareProductPairS8(Prepare& prepare, const Multiplier& rescale, Clamp32 clamp);
using PairS16 = void (*)(const int16_t* a, int64_t step_a, const int16_t* b, int64_t step_b, int64_t n, const kernels::ScaledPair& q, int16_t* y);
Status PreparePairS16(Prepare& prepare, PairS16 run, const kernels::ScaledPair& q);

}  // namespace octet::ops
