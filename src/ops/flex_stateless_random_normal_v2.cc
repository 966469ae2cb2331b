// SPDX-License-Identifier: Apache-2.0
// StatelessRandomNormalV2 (TensorFlow's): normal numbers.
#include "ops/stateless_util.h"

namespace octet::ops::flex_stateless_random_normal_v2 {
namespace {

void Draw(const PhiloxWords& words, float* out) {
  NormalPair(words[0], words[1], out);
  NormalPair(words[2], words[3], out + 2);
}
Status PrepareReference(Prepare& p) { return PrepareStateless<Draw>(p); }

constexpr TypeRow kTypes[] = {{"S=i32|i64 K=u64 A=i32 T=f32"}};
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_stateless_random_normal_v2", .code = BuiltinCode::kCustom, .custom_name = "FlexStatelessRandomNormalV2",
    .inputs = kStatelessInputs, .outputs = kStatelessOutput, .types = kTypes, .check = CheckStateless, .infer = InferStateless};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_stateless_random_normal_v2
