// SPDX-License-Identifier: Apache-2.0
// StatelessTruncatedNormalV2 (TensorFlow's): normal numbers below 2 in magnitude; larger ones are drawn again.
#include <algorithm>
#include <cmath>

#include "ops/stateless_util.h"

namespace octet::ops::flex_stateless_truncated_normal_v2 {
namespace {

constexpr uint64_t kStepsPerGroup = 256;  // Each group of four numbers has so many steps of the generator to itself.

// The next four of the numbers that stay.
void DrawGroup(RandomState state, float* out) {
  constexpr float kBound = 2;
  for (int found = 0; found < 4;) {
    const PhiloxWords words = NextWords(state);
    for (size_t i = 0; i < 4 && found < 4; i += 2) {
      float pair[2];
      NormalPair(words[i], words[i + 1], pair);
      for (int k = 0; k < 2 && found < 4; ++k)
        if (std::abs(pair[k]) < kBound) out[found++] = pair[k];
    }
  }
}

Status Compute(const void* params, const Run& run) {
  const int64_t count = static_cast<const StatelessParams*>(params)->count;
  OCTET_ASSIGN(RandomState state, BeginStateless(run));
  for (int64_t i = 0; i < count; i += 4) {
    float numbers[4];
    DrawGroup(state, numbers);
    std::copy_n(numbers, std::min<int64_t>(4, count - i), run.output<float>(0) + i);
    SkipWords(state, kStepsPerGroup);
  }
  return {};
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<StatelessParams>();
  *params = {p.op.out(0)->shape.elements()};
  p.SetRun(Compute, params);
  return {};
}

constexpr TypeRow kTypes[] = {{"S=i32|i64 K=u64 A=i32 T=f32"}};
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_stateless_truncated_normal_v2", .code = BuiltinCode::kCustom, .custom_name = "FlexStatelessTruncatedNormalV2",
    .inputs = kStatelessInputs, .outputs = kStatelessOutput, .types = kTypes, .check = CheckStateless, .infer = InferStateless};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_stateless_truncated_normal_v2
