// SPDX-License-Identifier: Apache-2.0
// Random uniform: numbers in [0, 1).
#include "ops/import.h"
#include "ops/philox_util.h"

namespace octet::ops::random_uniform {
namespace {

constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"S=i32 T=f32"}};

void Pair(uint32_t a, uint32_t b, float* out) {
  out[0] = UnitFloat(a);
  out[1] = UnitFloat(b);
}
Status PrepareReference(Prepare& p) { return PrepareRandom(p, Pair); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "random_uniform", .code = BuiltinCode::kRandomUniform, .attrs = Layout<RandomAttrs>(OptionsTable::kRandom, kRandomRows),
    .inputs = kRandomInputs, .outputs = kOutputs, .types = kTypes, .traits = kRandom, .check = CheckRandom, .infer = InferRandom};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::random_uniform
