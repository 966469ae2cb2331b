// SPDX-License-Identifier: Apache-2.0
#include "ops/binary_vector_util.h"

namespace octet::ops {
namespace {

struct Params {
  Broadcast shape;
  kernels::Binary op{};
  ClampF32 clamp;
  PairS8 pair = nullptr;
  kernels::ScaledPair q;
};

Status RunF32(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const auto row = kernels::Vectors().binary_f32[static_cast<int>(p.op)];
  ForBroadcastRows(p.shape, *run.pool, run.input<float>(0), run.input<float>(1), run.output<float>(0),
                   [&](const float* a, int64_t step_a, const float* b, int64_t step_b, float* y, int64_t n) { row(a, step_a, b, step_b, n, p.clamp.low, p.clamp.high, y); });
  return {};
}

Status RunS8(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  ForBroadcastRows(p.shape, *run.pool, run.input<int8_t>(0), run.input<int8_t>(1), run.output<int8_t>(0),
                   [&](const int8_t* a, int64_t step_a, const int8_t* b, int64_t step_b, int8_t* y, int64_t n) { p.pair(a, step_a, b, step_b, n, p.q, y); });
  return {};
}

Params* Begin(Prepare& prepare) {
  auto* p = prepare.Params<Params>();
  p->shape = CollapseBroadcast(prepare.op.in(0)->shape, prepare.op.in(1)->shape, prepare.op.out(0)->shape);
  return p;
}

}  // namespace

Status PrepareBinaryF32(Prepare& prepare, kernels::Binary op, ClampF32 clamp) {
  Params* p = Begin(prepare);
  p->op = op;
  p->clamp = clamp;
  prepare.SetRun(RunF32, p);
  return {};
}

Status PreparePairS8(Prepare& prepare, PairS8 run, const kernels::ScaledPair& q) {
  Params* p = Begin(prepare);
  p->pair = run;
  p->q = q;
  prepare.SetRun(RunS8, p);
  return {};
}

}  // namespace octet::ops
