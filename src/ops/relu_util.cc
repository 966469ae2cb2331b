// SPDX-License-Identifier: Apache-2.0
#include "ops/relu_util.h"

#include "ops/binary_vector_util.h"

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
  int32_t zero_in, zero_out;
  Clamp32 clamp;
};

int32_t Entry(const Integer& q, int32_t value) {
  return std::clamp(Requantize(value - q.zero_in, q.multiplier) + q.zero_out, q.clamp.low, q.clamp.high);
}

}  // namespace

// x * 1 is x, clamped.
Status PrepareClampVectors(Prepare& p, ClampF32 clamp) { return PrepareWithNumberF32(p, kernels::Binary::kMultiply, 1.0f, clamp); }

Status PrepareClamp(Prepare& p, ClampF32 clamp) {
  const TensorType &x = *p.op.in(0), &y = *p.op.out(0);
  if (x.dtype == DType::kF32) {
    auto* params = p.Params<Params>();
    *params = {CountOf(p.op), clamp};
    p.SetRun(RunFloat, params);
    return {};
  }
  const Integer q{QuantizeMultiplier(static_cast<double>(x.quant.scale0() / y.quant.scale0())), x.quant.zero0(),
                  y.quant.zero0(), QuantizedClamp(clamp, y)};
  return PrepareInteger<Integer, Entry>(p, q);
}

}  // namespace octet::ops
