// SPDX-License-Identifier: Apache-2.0
// Random standard normal.
#include "ops/import.h"
#include "ops/philox_util.h"

namespace octet::ops::random_standard_normal {
namespace {

constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"S=i32 T=f32"}};

Status PrepareReference(Prepare& p) { return PrepareRandom(p, NormalPair); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "random_standard_normal", .code = BuiltinCode::kRandomStandardNormal,
    .attrs = Layout<RandomAttrs>(OptionsTable::kRandom, kRandomRows),
    .inputs = kRandomInputs, .outputs = kOutputs, .types = kTypes, .traits = kRandom, .check = CheckRandom, .infer = InferRandom};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::random_standard_normal
