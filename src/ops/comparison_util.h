// SPDX-License-Identifier: Apache-2.0
// y = a F b as bool, broadcast. int8 and uint8 (for == and != also int16) with scales: both sides are
// rescaled to real numbers with 8 fractional bits (DOUBLE) and compared there. a > b is b < a: such operators turn their
// operands and share the loops.
#pragma once
#include "ops/add_sub_util.h"

namespace octet::ops {

inline constexpr Operand kComparisonOutputs[] = {{.name = "output", .type = 'O'}};

inline Status InferComparison(const OpView& op, std::span<OutputType> out) {
  OCTET_TRY(InferBinary(op, out));
  out[0].dtype = DType::kBool;
  return {};
}

struct Less {
  template <class T> bool operator()(T a, T b) const { return a < b; }
};
struct LessEqual {
  template <class T> bool operator()(T a, T b) const { return a <= b; }
};

struct ComparisonParams {
  Broadcast shape;
  int left = 0, right = 1;  // The operands by their index.
  Multiplier a, b;
  int32_t zero_a = 0, zero_b = 0;
  const int32_t *scaled_a = nullptr, *scaled_b = nullptr;  // Of 8 bits, by them.
};

template <class T, class F> Status RunComparison(const void* params, const Run& run) {
  const auto& p = *static_cast<const ComparisonParams*>(params);
  RunBroadcast(p.shape, *run.pool, run.input<T>(p.left), run.input<T>(p.right), run.output<bool>(0),
               [](T a, T b) {
                 if constexpr (std::is_same_v<T, StringRef>) return F()(a.view(), b.view());
                 else return F()(static_cast<Compute<T>>(a), static_cast<Compute<T>>(b));
               });
  return {};
}

// LiteRT knows right shifts only here: a scale above one leaves little of the value, but these bits.
inline int32_t ScaledForComparison(int32_t x, Multiplier m) { return RoundingDivideByPot(RoundingDoublingHighMul(x * 256, m.mantissa), -m.shift); }

inline const int32_t* TabulateForComparison(Prepare& prepare, DType type, int32_t zero, Multiplier m) {
  auto* scaled = prepare.Array<int32_t>(256);
  const int32_t low = RangeOf(type).low;
  for (int32_t v = low; v < low + 256; ++v) scaled[static_cast<uint8_t>(v)] = ScaledForComparison(v - zero, m);
  return scaled;
}

// 8 bits: what each of the 256 values stands for is known beforehand.
template <class T, class F> Status RunTabledComparison(const void* params, const Run& run) {
  const auto& p = *static_cast<const ComparisonParams*>(params);
  RunBroadcast(p.shape, *run.pool, run.input<T>(p.left), run.input<T>(p.right), run.output<bool>(0),
               [a_of = p.scaled_a, b_of = p.scaled_b](T a, T b) { return F()(a_of[static_cast<uint8_t>(a)], b_of[static_cast<uint8_t>(b)]); });
  return {};
}

template <class T, class F> Status RunScaledComparison(const void* params, const Run& run) {
  const auto& p = *static_cast<const ComparisonParams*>(params);
  RunBroadcast(p.shape, *run.pool, run.input<T>(p.left), run.input<T>(p.right), run.output<bool>(0),
               [&](T a, T b) { return F()(ScaledForComparison(a - p.zero_a, p.a), ScaledForComparison(b - p.zero_b, p.b)); });
  return {};
}

template <class F, class... Ts> Status PrepareComparison(Prepare& prepare, bool scaled_int16, bool turned) {
  auto* p = prepare.Params<ComparisonParams>();
  p->left = turned;
  p->right = !turned;
  const TensorType &a = *prepare.op.in(p->left), &b = *prepare.op.in(p->right);
  p->shape = CollapseBroadcast(a.shape, b.shape, prepare.op.out(0)->shape);
  const bool scaled = (a.dtype == DType::kI8 || a.dtype == DType::kU8 || (a.dtype == DType::kI16 && scaled_int16)) && !a.quant.empty();
  if (scaled) {
    p->a = QuantizeMultiplier(static_cast<double>(a.quant.scale0()));
    p->b = QuantizeMultiplier(static_cast<double>(b.quant.scale0()));
    p->zero_a = a.quant.zero0();
    p->zero_b = b.quant.zero0();
    if (a.dtype != DType::kI16) {
      p->scaled_a = TabulateForComparison(prepare, a.dtype, p->zero_a, p->a);
      p->scaled_b = TabulateForComparison(prepare, b.dtype, p->zero_b, p->b);
    }
    prepare.SetRun(a.dtype == DType::kI8    ? RunTabledComparison<int8_t, F>
                   : a.dtype == DType::kU8 ? RunTabledComparison<uint8_t, F>
                                           : RunScaledComparison<int16_t, F>, p);
    return {};
  }
  prepare.SetRun(ByType<Ts...>(a.dtype, []<class T>() -> RunFn { return RunComparison<T, F>; }), p);
  return {};
}

template <class F> Status PrepareOrder(Prepare& p, bool turned) {
  return PrepareComparison<F, float, F16, BF16, uint8_t, int8_t, int16_t, int32_t, int64_t>(p, false, turned);
}
template <class F> Status PrepareEquality(Prepare& p) {
  return PrepareComparison<F, float, F16, uint8_t, int8_t, int16_t, int32_t, int64_t, Bool, StringRef>(p, true, false);
}

}  // namespace octet::ops
