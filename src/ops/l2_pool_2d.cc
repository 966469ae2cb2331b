// SPDX-License-Identifier: Apache-2.0
// L2Pool2D: out = sqrt(mean of the squares of the window's cells inside the image), then the activation.
#include <cmath>

#include "base/thread_pool.h"
#include "ops/pool_util.h"

namespace octet::ops::l2_pool_2d {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32"}};

Status L2(const void* params, const Run& run) {
  const auto& p = *static_cast<const PoolPlan*>(params);
  const float* in = run.input<float>(0);
  run.pool->For(int64_t{p.batches} * p.out_h, [&](int64_t row, int) {
    const float* image = in + row / p.out_h * p.in_h * p.in_w * p.channels;
    const PoolPlan::Range rows = p.Rows(static_cast<int32_t>(row % p.out_h));
    for (int32_t x = 0; x < p.out_w; ++x) {
      float* out = run.output<float>(0) + (row * p.out_w + x) * p.channels;
      const PoolPlan::Range columns = p.Columns(x);
      std::fill_n(out, p.channels, 0.0f);
      for (int32_t y = rows.begin; y < rows.end; ++y) {
        for (int32_t i = columns.begin; i < columns.end; ++i) {
          const float* cell = image + (int64_t{y} * p.in_w + i) * p.channels;
          for (int32_t c = 0; c < p.channels; ++c) out[c] += cell[c] * cell[c];
        }
      }
      const auto n = static_cast<float>((rows.end - rows.begin) * (columns.end - columns.begin));
      for (int32_t c = 0; c < p.channels; ++c)
        out[c] = std::clamp(std::sqrt(out[c] / n), p.clamp_f32.low, p.clamp_f32.high);
    }
  });
  return {};
}

Status PrepareL2(Prepare& p) {
  p.SetRun(L2, PlanPool(p));
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareL2}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "l2_pool_2d",
    .code = BuiltinCode::kL2Pool2d,
    .attrs = Layout<PoolAttrs>(OptionsTable::kPool2D, kPoolRows),
    .inputs = kPoolInputs,
    .outputs = kPoolOutputs,
    .types = kTypes,
    .traits = kHomogeneous | kKeepsChannels,
    .check = CheckPool,
    .infer = InferPool,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::l2_pool_2d
