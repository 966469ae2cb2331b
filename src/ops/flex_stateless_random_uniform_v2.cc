// SPDX-License-Identifier: Apache-2.0
// StatelessRandomUniformV2 (TensorFlow's): numbers in [0, 1).
#include "ops/stateless_util.h"

namespace octet::ops::flex_stateless_random_uniform_v2 {
namespace {

void Draw(const PhiloxWords& words, float* out) {
  for (size_t i = 0; i < 4; ++i) out[i] = UnitFloat(words[i]);
}
Status PrepareReference(Prepare& p) { return PrepareStateless<Draw>(p); }

constexpr TypeRow kTypes[] = {{"S=i32|i64 K=u64 A=i32 T=f32"}};
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_stateless_random_uniform_v2", .code = BuiltinCode::kCustom, .custom_name = "FlexStatelessRandomUniformV2",
    .inputs = kStatelessInputs, .outputs = kStatelessOutput, .types = kTypes, .check = CheckStateless, .infer = InferStateless};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_stateless_random_uniform_v2
