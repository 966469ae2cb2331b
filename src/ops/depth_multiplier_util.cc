// SPDX-License-Identifier: Apache-2.0
#include "ops/depth_multiplier_util.h"

#include <algorithm>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "ops/inner_prepare.h"

namespace octet::ops {
namespace {

struct Params {
  RunFn run;
  const void* params;
  int64_t values, times, value_bytes, image_bytes;
};

template <class T> void RepeatValues(const T* from, int64_t n, int64_t times, T* to) {
  for (int64_t i = 0; i < n; ++i, to += times) std::fill_n(to, times, from[i]);
}

Status RunRepeated(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  constexpr int64_t kTaskValues = 1 << 14;
  run.pool->For(kernels::CeilDivide(p.values, kTaskValues), [&](int64_t task, int) {
    const int64_t first = task * kTaskValues, n = std::min(kTaskValues, p.values - first);
    std::byte* to = run.workspace + first * p.times * p.value_bytes;
    if (p.value_bytes == 1) RepeatValues(run.input<int8_t>(0) + first, n, p.times, reinterpret_cast<int8_t*>(to));
    else RepeatValues(run.input<float>(0) + first, n, p.times, reinterpret_cast<float*>(to));
  });
  std::byte* const in[] = {run.workspace, run.in[1], run.in[2]};
  return p.run(p.params, {in, run.out, run.workspace + p.image_bytes, run.pool, nullptr, nullptr});
}

}  // namespace

RepeatedChannels::RepeatedChannels(const OpView& from) : op(from), image(*from.in(0)), inputs{&image, from.in(1), from.in(2)} {
  image.shape = {image.shape[0], image.shape[1], image.shape[2], from.in(1)->shape[3]};
  op.inputs = {inputs, static_cast<size_t>(from.num_inputs())};
}

bool FitsRepeatedChannels(const OpView& op) {
  constexpr double kMostValues = 64 << 20;
  return op.num_inputs() <= 3 && static_cast<double>(op.in(0)->shape.elements(0, 3)) * op.in(1)->shape[3] <= kMostValues;
}

Status PrepareRepeatedChannels(Prepare& prepare, Status (*prepare_single)(Prepare&)) {
  const RepeatedChannels repeated(prepare.op);
  InnerPrepare inner(prepare, repeated.op);
  OCTET_TRY(prepare_single(inner));
  const Shape &x = prepare.op.in(0)->shape, &image = repeated.image.shape;
  const int64_t bytes = BitsOf(repeated.image.dtype) / 8;
  auto* p = prepare.Params<Params>();
  *p = {inner.run, inner.params, x.elements(), image.back() / x.back(), bytes, kernels::RoundUp(image.elements() * bytes + kReadAhead, 64)};
  prepare.Workspace(static_cast<size_t>(p->image_bytes) + inner.workspace_bytes);
  prepare.SetRun(RunRepeated, p);
  return {};
}

}  // namespace octet::ops
