// SPDX-License-Identifier: Apache-2.0
// Random standard normal, by Box and Muller: sqrt(-2 ln u) times sine and cosine of 2 pi v.
#include <cmath>
#include <numbers>

#include "ops/import.h"
#include "ops/philox_util.h"

namespace octet::ops::random_standard_normal {
namespace {

constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"S=i32 T=f32"}};

void Pair(uint32_t a, uint32_t b, float* out) {
  constexpr float kLeast = 1.0e-7f;  // The logarithm of zero has no value.
  const float u = std::max(UnitFloat(a), kLeast);
  const auto angle = static_cast<float>(2.0 * std::numbers::pi * static_cast<double>(UnitFloat(b)));
  const float radius = std::sqrt(-2.0f * std::log(u));
  out[0] = std::sin(angle) * radius;
  out[1] = std::cos(angle) * radius;
}
Status PrepareReference(Prepare& p) { return PrepareRandom(p, Pair); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "random_standard_normal", .code = BuiltinCode::kRandomStandardNormal,
    .attrs = Layout<RandomAttrs>(OptionsTable::kRandom, kRandomRows),
    .inputs = kRandomInputs, .outputs = kOutputs, .types = kTypes, .traits = kRandom, .check = CheckRandom, .infer = InferRandom};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::random_standard_normal
