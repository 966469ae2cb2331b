// SPDX-License-Identifier: Apache-2.0
// StableHLO shift left; by the width or more, or by less than nothing, gives 0.
#include "ops/stablehlo_binary_util.h"

namespace octet::ops::stablehlo_shift_left {
namespace {

constexpr TypeRow kTypes[] = {{"T=i8|i16|i32"}};
struct Apply {
  static constexpr bool kIntegersOnly = true, kSignless = true;
  template <class T> T operator()(T a, T b) const {
    const uint64_t by = static_cast<uint64_t>(b);
    return by < 8 * sizeof(T) ? Wrapped(a, b, [](uint64_t x, uint64_t y) { return x << y; }) : T{};
  }
};
Status PrepareReference(Prepare& p) { return PrepareStablehlo<Apply>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "stablehlo_shift_left",
    .code = BuiltinCode::kStablehloShiftLeft,
    .attrs = Layout<NoAttrs>(OptionsTable::kStablehloShiftLeft, {}),
    .inputs = kBinaryInputs,
    .outputs = kOneOutput,
    .types = kTypes,
    .traits = kElementwise,
    .check = CheckStablehloBinary,
    .infer = InferStablehloBinary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::stablehlo_shift_left
