// SPDX-License-Identifier: Apache-2.0
#include "ops/add_sub_util.h"

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

template <class T> Status RunPlain(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const bool add = p.sign > 0;
  if constexpr (std::is_same_v<T, float>) {
    const float low = p.clamp.low, high = p.clamp.high;
    const auto go = [&](const auto& f) { RunBroadcast(p.shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<T>(0), f); };
    if (add) go([=](float x, float y) { return std::min(std::max(x + y, low), high); });
    else go([=](float x, float y) { return std::min(std::max(x - y, low), high); });
  } else {
    using U = std::make_unsigned_t<T>;  // Wraps around, as LiteRT does; a fused activation clamps 32 bits.
    const T low = static_cast<T>(p.clamp.low > -1e30f ? p.clamp.low : static_cast<float>(std::numeric_limits<T>::min()));
    const T high = p.clamp.high < 1e30f ? static_cast<T>(p.clamp.high) : std::numeric_limits<T>::max();
    RunBroadcast(p.shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<T>(0), [=](T x, T y) {
      const T v = static_cast<T>(add ? static_cast<U>(x) + static_cast<U>(y) : static_cast<U>(x) - static_cast<U>(y));
      return std::clamp(v, low, high);
    });
  }
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
  if (a.dtype == DType::kI16) return;
  const int32_t low = RangeOf(a.dtype).low;
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
  switch (op.in(0)->dtype) {
    case DType::kF32: prepare.SetRun(RunPlain<float>, p); return {};
    case DType::kI32: prepare.SetRun(RunPlain<int32_t>, p); return {};
    case DType::kI64: prepare.SetRun(RunPlain<int64_t>, p); return {};
    default: break;
  }
  FillInteger(op, p);
  prepare.SetRun(op.in(0)->dtype == DType::kI8 ? RunTables<int8_t> : op.in(0)->dtype == DType::kU8 ? RunTables<uint8_t> : RunInt16, p);
  return {};
}

Status PrepareAddVectors(Prepare& prepare, int sign) {
  const OpView& op = prepare.op;
  if (op.in(0)->dtype == DType::kF32)
    return PrepareBinaryF32(prepare, sign > 0 ? kernels::Binary::kAdd : kernels::Binary::kSubtract, FloatClamp(op.attrs<ActivationAttrs>().activation));
  Params p;
  FillInteger(op, &p);
  const kernels::ScaledPair q{p.zero_a, p.zero_b, p.zero_out, p.left_shift, p.integer_clamp.low, p.integer_clamp.high, RescaleOf(p.a), RescaleOf(p.b), RescaleOf(p.out)};
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
