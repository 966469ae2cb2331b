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
  const auto row = [](const void* context, const BroadcastRow& r) {
    const auto& p = *static_cast<const Params*>(context);
    kernels::Vectors().binary_f32[static_cast<int>(p.op)](reinterpret_cast<const float*>(r.a), r.step_a, reinterpret_cast<const float*>(r.b), r.step_b, r.n,
                                                          p.clamp.low, p.clamp.high, reinterpret_cast<float*>(r.y));
  };
  ForBroadcastRows(static_cast<const Params*>(params)->shape, *run.pool, {run.in[0], run.in[1], run.out[0], sizeof(float), sizeof(float)}, row, params);
  return {};
}

Status RunS8(const void* params, const Run& run) {
  const auto row = [](const void* context, const BroadcastRow& r) {
    const auto& p = *static_cast<const Params*>(context);
    p.pair(reinterpret_cast<const int8_t*>(r.a), r.step_a, reinterpret_cast<const int8_t*>(r.b), r.step_b, r.n, p.q, reinterpret_cast<int8_t*>(r.y));
  };
  ForBroadcastRows(static_cast<const Params*>(params)->shape, *run.pool, {run.in[0], run.in[1], run.out[0], 1, 1}, row, params);
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
