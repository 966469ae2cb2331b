// SPDX-License-Identifier: Apache-2.0
#include "ops/relu_util.h"

namespace octet::ops {
namespace {

struct Params {
  int64_t count;
  ClampF32 clamp;
};

Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float* x = run.input<float>(0);
  float* y = run.output<float>(0);
  const float low = p.clamp.low, high = p.clamp.high;
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = std::min(std::max(x[i], low), high);
  });
  return {};
}

struct Integer {
  Multiplier multiplier;
  Clamp32 clamp;
};

int32_t Entry(const OpView& op, int32_t value, const void* context) {
  const auto& q = *static_cast<const Integer*>(context);
  const int32_t scaled = Requantize(value - op.in(0)->quant.zero0(), q.multiplier) + op.out(0)->quant.zero0();
  return std::clamp(scaled, q.clamp.low, q.clamp.high);
}

}  // namespace

Status PrepareClamp(Prepare& p, Activation activation) {
  const OpView& op = p.op;
  if (op.in(0)->dtype == DType::kF32) {
    auto* params = p.Params<Params>();
    *params = {CountOf(op), FloatClamp(activation)};
    p.SetRun(RunFloat, params);
    return {};
  }
  const double real = static_cast<double>(op.in(0)->quant.scale0()) / static_cast<double>(op.out(0)->quant.scale0());
  const Integer q{QuantizeMultiplier(real), QuantizedClamp(activation, *op.out(0))};
  return PrepareTable(p, Entry, &q);
}

}  // namespace octet::ops
