// SPDX-License-Identifier: Apache-2.0
// StableHLO multiply.
#include "ops/stablehlo_binary_util.h"

namespace octet::ops::stablehlo_multiply {
namespace {

struct Apply {
  static constexpr bool kIntegersOnly = false, kSignless = true;
  template <class T> T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) return a * b;
    else return Wrapped(a, b, [](uint64_t x, uint64_t y) { return x * y; });
  }
};
Status PrepareReference(Prepare& p) { return PrepareStablehlo<Apply>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "stablehlo_multiply",
    .code = BuiltinCode::kStablehloMultiply,
    .inputs = kBinaryInputs,
    .outputs = kOneOutput,
    .types = kStablehloTypes,
    .traits = kElementwise,
    .check = CheckStablehloBinary,
    .infer = InferStablehloBinary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::stablehlo_multiply
