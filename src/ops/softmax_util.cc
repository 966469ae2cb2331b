// SPDX-License-Identifier: Apache-2.0
#include "ops/softmax_util.h"

#include "base/thread_pool.h"
#include "ops/unary_util.h"

namespace octet::ops {
namespace {

struct Params {
  int64_t rows, depth;
  Multiplier multiplier;  // Differences to the maximum, in steps of 10 / 65535.
  Lut16 exponential;      // exp(x) for x in [-10, 0], Q0.15.
  Lut16 reciprocal;       // 1 / (1 + x) for x in [0, 1], Q0.15.
};

void Row(const Params& p, const int16_t* x, int16_t* y) {
  const int32_t most = *std::max_element(x, x + p.depth);
  uint32_t sum = 0;
  for (int64_t i = 0; i < p.depth; ++i) {
    const int32_t scaled = Requantize(x[i] - most, p.multiplier);
    y[i] = static_cast<int16_t>(LookUp(p.exponential, std::clamp(scaled + 32767, -32768, 32767)));
    sum += static_cast<uint32_t>(int32_t{y[i]});
  }
  // sum = 2^(17 - headroom) * (1 + x): x with 16 bits, moved to the middle of int16.
  const int headroom = std::countl_zero(sum);
  const int64_t shifted = (((int64_t{sum} << headroom) >> 1) + (1 << 13)) >> 14;
  const auto fraction = static_cast<int32_t>(std::clamp<int64_t>(shifted - (1 << 15) - (1 << 16), -32768, 32767));
  const int64_t reciprocal = LookUp(p.reciprocal, fraction);
  const int shift = std::max(31 - headroom, 1);
  for (int64_t i = 0; i < p.depth; ++i)
    y[i] = static_cast<int16_t>(std::clamp<int64_t>((y[i] * reciprocal + (1ll << (shift - 1))) >> shift, 0, 32767));
}

Status RunRows(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  run.pool->For(p.rows, [&](int64_t row, int) { Row(p, run.input<int16_t>(0) + row * p.depth, run.output<int16_t>(0) + row * p.depth); });
  return {};
}

}  // namespace

Status PrepareSoftmax16(Prepare& prepare, float beta) {
  const TensorType& x = *prepare.op.in(0);
  auto* p = prepare.Params<Params>();
  p->depth = x.shape.back();
  p->rows = p->depth == 0 ? 0 : x.shape.elements() / p->depth;
  p->multiplier = QuantizeMultiplier(static_cast<double>(x.quant.scale0() * beta) / (10.0 / 65535.0));
  FillLut16(10.0 / 65535.0, 32767, 2.0 / 65535.0, 0, [](double v) { return std::exp(v); }, &p->exponential);
  FillLut16(1.0 / 65535.0, -32768, 2.0 / 65535.0, 0, [](double v) { return 1.0 / (1.0 + v); }, &p->reciprocal);
  prepare.SetRun(RunRows, p);
  return {};
}

}  // namespace octet::ops
