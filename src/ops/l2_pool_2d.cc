// SPDX-License-Identifier: Apache-2.0
// L2Pool2D: out = sqrt(mean of the squares of the window's cells inside the image), then the activation.
#include <cmath>

#include "ops/pool_run_util.h"

namespace octet::ops::l2_pool_2d {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32"}};

struct L2 {
  using In = float;
  using Sum = float;
  static constexpr Sum kEmpty = 0;
  static Sum Load(float cell) { return cell * cell; }
  static Sum Combine(Sum a, Sum b) { return a + b; }
  static void Store(const PoolPlan& p, const float* sum, int32_t n, int64_t count, float* __restrict out) {
    const ClampF32 clamp = p.clamp_f32;
    const auto cells = static_cast<float>(n);
    for (int64_t c = 0; c < count; ++c) out[c] = std::clamp(std::sqrt(sum[c] / cells), clamp.low, clamp.high);
  }
};

Status PrepareL2(Prepare& p) {
  PreparePool<L2>(p);
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
