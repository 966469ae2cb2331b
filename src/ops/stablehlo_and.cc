// SPDX-License-Identifier: Apache-2.0
// StableHLO and: of bits, of bools.
#include "ops/stablehlo_binary_util.h"

namespace octet::ops::stablehlo_and {
namespace {

constexpr TypeRow kTypes[] = {{"T=i8|u8|i16|u16|i32|u32|i64|u64|bool"}};
struct Apply {
  static constexpr bool kIntegersOnly = true, kSignless = true;
  template <class T> T operator()(T a, T b) const {
    return static_cast<T>(a & b);
  }
};
Status PrepareReference(Prepare& p) { return PrepareStablehlo<Apply>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "stablehlo_and",
    .code = BuiltinCode::kStablehloAnd,
    .inputs = kBinaryInputs,
    .outputs = kOneOutput,
    .types = kTypes,
    .traits = kElementwise,
    .check = CheckStablehloBinary,
    .infer = InferStablehloBinary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::stablehlo_and
