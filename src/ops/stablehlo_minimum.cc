// SPDX-License-Identifier: Apache-2.0
// StableHLO minimum.
#include "ops/stablehlo_binary_util.h"

namespace octet::ops::stablehlo_minimum {
namespace {

struct Apply {
  static constexpr bool kIntegersOnly = false, kSignless = false;
  template <class T> T operator()(T a, T b) const {
    return b < a ? b : a;
  }
};
Status PrepareReference(Prepare& p) { return PrepareStablehlo<Apply>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "stablehlo_minimum",
    .code = BuiltinCode::kStablehloMinimum,
    .inputs = kBinaryInputs,
    .outputs = kOneOutput,
    .types = kStablehloTypes,
    .traits = kElementwise,
    .check = CheckStablehloBinary,
    .infer = InferStablehloBinary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::stablehlo_minimum
