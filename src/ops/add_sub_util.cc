// SPDX-License-Identifier: Apache-2.0
#include "ops/add_sub_util.h"

#include <cmath>

namespace octet::ops {
namespace {

struct Params {
  Broadcast shape;
  ClampF32 clamp;
  Clamp32 integer_clamp;
  // int8, uint8: every input value rescaled beforehand; index = value - lowest of the type.
  int32_t table_a[256], table_b[256];
  Multiplier a, b, out;
  int32_t zero_a = 0, zero_b = 0, zero_out = 0, left_shift = 0, sign = 1;
};

// Integers wrap, as in LiteRT; a fused activation clamps them.
template <class T, int kSign> Status RunPlain(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const auto [low, high] = BoundsOf<T>(p.clamp);
  RunBroadcast(p.shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<T>(0), [low, high](T x, T y) {
    if constexpr (std::is_integral_v<T>) {
      using U = Wrapping<T>;
      return std::clamp(static_cast<T>(kSign > 0 ? static_cast<U>(x) + static_cast<U>(y) : static_cast<U>(x) - static_cast<U>(y)), low, high);
    } else {
      return static_cast<T>(std::min(std::max(kSign > 0 ? x + y : x - y, low), high));
    }
  });
  return {};
}

template <class T> Status RunTables(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  constexpr int32_t kLow = std::numeric_limits<T>::min();
  RunBroadcast(p.shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<T>(0), [&](T x, T y) {
    const int32_t sum = p.table_a[x - kLow] + p.table_b[y - kLow];
    return static_cast<T>(std::clamp(Requantize(sum, p.out) + p.zero_out, p.integer_clamp.low, p.integer_clamp.high));
  });
  return {};
}

int32_t Rescaled(const Params& p, int32_t value, int32_t zero, Multiplier m) { return Requantize((value - zero) * (1 << p.left_shift), m); }

Status RunInt16(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  RunBroadcast(p.shape, *run.pool, run.input<int16_t>(0), run.input<int16_t>(1), run.output<int16_t>(0), [&](int16_t x, int16_t y) {
    const int32_t sum = Rescaled(p, x, p.zero_a, p.a) + p.sign * Rescaled(p, y, p.zero_b, p.b);
    return static_cast<int16_t>(std::clamp(Requantize(sum, p.out) + p.zero_out, p.integer_clamp.low, p.integer_clamp.high));
  });
  return {};
}

// Scales that are powers of two: one input is shifted to the other's and the output's scale.
Status RunShifts(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  RunBroadcast(p.shape, *run.pool, run.input<int16_t>(0), run.input<int16_t>(1), run.output<int16_t>(0), [&](int16_t x, int16_t y) {
    const int32_t sum = RoundingDivideByPot(x, p.a.shift) + p.sign * RoundingDivideByPot(y, p.b.shift);
    return static_cast<int16_t>(std::clamp(sum, p.integer_clamp.low, p.integer_clamp.high));
  });
  return {};
}

// False: a scale is no power of two, or the shifts are not what RunShifts can do.
bool FillShifts(const OpView& op, Params* p) {
  if (!op.attrs<AddAttrs>().pot_scale_int16) return false;
  int a = 0, b = 0, out = 0;
  if (!PowerOfTwo(op.in(0)->quant.scale0(), &a) || !PowerOfTwo(op.in(1)->quant.scale0(), &b) || !PowerOfTwo(op.out(0)->quant.scale0(), &out)) return false;
  p->a.shift = out - a;
  p->b.shift = out - b;
  return std::min(p->a.shift, p->b.shift) == 0 && std::max(p->a.shift, p->b.shift) < 31;
}

void FillInteger(const OpView& op, Params* p) {
  const TensorType &a = *op.in(0), &b = *op.in(1), &y = *op.out(0);
  p->left_shift = a.dtype == DType::kI16 ? 15 : 20;
  p->zero_a = a.quant.zero0();
  p->zero_b = b.quant.zero0();
  p->zero_out = y.quant.zero0();
  const double scale_a = ScaleOrOne(a.quant), scale_b = ScaleOrOne(b.quant), twice = 2.0 * std::max(scale_a, scale_b);
  p->a = QuantizeMultiplier(scale_a / twice);
  p->b = QuantizeMultiplier(scale_b / twice);
  p->out = QuantizeMultiplier(twice / ((1 << p->left_shift) * ScaleOrOne(y.quant)));
  p->integer_clamp = QuantizedClamp(op.attrs<ActivationAttrs>().activation, y);
}

void FillTables(DType dtype, Params* p) {
  const int32_t low = RangeOf(dtype).low;
  for (int32_t i = 0; i < 256; ++i) {
    p->table_a[i] = Rescaled(*p, low + i, p->zero_a, p->a);
    p->table_b[i] = p->sign * Rescaled(*p, low + i, p->zero_b, p->b);
  }
}

}  // namespace

Status PrepareAdd(Prepare& prepare, int sign) {
  const OpView& op = prepare.op;
  auto* p = prepare.Params<Params>();
  p->shape = CollapseBroadcast(op.in(0)->shape, op.in(1)->shape, op.out(0)->shape);
  p->clamp = FloatClamp(op.attrs<ActivationAttrs>().activation);
  p->sign = sign;
  const DType type = op.in(0)->dtype;
  const auto pick = [sign]<class T>() -> RunFn { return sign > 0 ? RunPlain<T, +1> : RunPlain<T, -1>; };
  const bool plain_int16 = type == DType::kI16 && op.in(0)->quant.empty();
  if (const RunFn run = plain_int16 ? pick.operator()<int16_t>() : ByType<float, F16, int32_t, int64_t>(type, pick)) {
    prepare.SetRun(run, p);
    return {};
  }
  if (type == DType::kI16 && FillShifts(op, p)) {
    p->integer_clamp = QuantizedClamp(op.attrs<ActivationAttrs>().activation, *op.out(0));
    prepare.SetRun(RunShifts, p);
    return {};
  }
  FillInteger(op, p);
  if (op.in(0)->dtype != DType::kI16) FillTables(op.in(0)->dtype, p);
  prepare.SetRun(type == DType::kI8 ? RunTables<int8_t> : type == DType::kU8 ? RunTables<uint8_t> : RunInt16, p);
  return {};
}

namespace {
double Real(const Multiplier& m) { return std::ldexp(static_cast<double>(m.mantissa), m.shift - 31); }

// The sum before any rounding, as a line in parts of 2^-shift, as fine as its values fit 31 bits. What separates it from the reference's:
// its two inner roundings (each by at most one of 2^-left_shift units), the first half of the outer one, and its own coefficients'.
void SetLine(const Params& p, int sign, kernels::ScaledPair* q) {
  const double out = Real(p.out), unit = std::ldexp(out, p.left_shift), a = Real(p.a) * unit, b = sign * Real(p.b) * unit;
  constexpr double kFarthest = 255;  // From a zero point.
  const double largest = kFarthest * (std::abs(a) + std::abs(b)) + 128 + 2;
  const int shift = std::min(30, 30 - std::ilogb(largest));
  const double doubt = 2 * out + std::ldexp(0.5, -q->out.right), own = 2 * kFarthest * 0.5 + 1;  // own: in parts.
  if (!(doubt < 1.0 / 64) || shift < 16) return;
  const auto parts = [&](double v) { return static_cast<int32_t>(std::lround(std::ldexp(v, shift))); };
  q->line_a = parts(a);
  q->line_b = parts(b);
  q->line_shift = shift;
  const int64_t zero = (int64_t{p.zero_out} << shift) - int64_t{q->line_a} * p.zero_a - int64_t{q->line_b} * p.zero_b;
  q->line_zero = static_cast<int32_t>(static_cast<uint32_t>(zero));  // Sums are right modulo 2^32.
  q->doubt = parts(doubt) + static_cast<int32_t>(own) + 1;
}
}  // namespace

Status PrepareAddVectors(Prepare& prepare, int sign) {
  const OpView& op = prepare.op;
  if (op.in(0)->dtype == DType::kF32)
    return PrepareBinaryF32(prepare, sign > 0 ? kernels::Binary::kAdd : kernels::Binary::kSubtract, FloatClamp(op.attrs<ActivationAttrs>().activation));
  Params p;
  const bool shorts = op.in(0)->dtype == DType::kI16;
  if (shorts && FillShifts(op, &p)) return PrepareAdd(prepare, sign);
  FillInteger(op, &p);
  const int64_t largest = shorts ? int64_t{1} << 30 : int64_t{255} << 20;  // Halved at least, and added.
  kernels::ScaledPair q{p.zero_a, p.zero_b, p.zero_out, p.left_shift, p.integer_clamp.low, p.integer_clamp.high, RescaleOf(p.a, largest), RescaleOf(p.b, largest), RescaleOf(p.out, largest + 2)};
  if (shorts) return PreparePairS16(prepare, sign > 0 ? kernels::Vectors().sum_s16 : kernels::Vectors().difference_s16, q);
  SetLine(p, sign, &q);
  return PreparePairS8(prepare, sign > 0 ? kernels::Vectors().sum_s8 : kernels::Vectors().difference_s8, q);
}

Cost CostOfElementwise(const OpView& op) {
  Cost cost;
  const auto bytes = [](const TensorType& t) { return t.shape.elements() * BitsOf(t.dtype) / 8; };
  for (const TensorType* t : op.inputs) cost.bytes += t ? bytes(*t) : 0;
  for (const TensorType* t : op.outputs) cost.bytes += t ? bytes(*t) : 0;
  return cost;
}

}  // namespace octet::ops
