// SPDX-License-Identifier: Apache-2.0
// y = a - floor(a / b) * b, broadcast: the remainder with the sign of b. Integers: division by zero is an
// error.
#include "ops/add_sub_util.h"
#include "ops/division_util.h"

namespace octet::ops::floor_mod {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|i32|i64", 1}, {"T=i8|i16", 2}};

struct Apply {
  template <class T> T operator()(T a, T b) const {
    T rest;
    if constexpr (std::is_integral_v<T>) rest = b == -1 ? T{0} : static_cast<T>(a % b);  // The least integer by -1 overflows.
    else rest = std::fmod(a, b);
    return rest != 0 && (b < 0) != (rest < 0) ? static_cast<T>(rest + b) : rest;
  }
};
Status PrepareReference(Prepare& p) { return PrepareDivision<Apply, float, int8_t, int16_t, int32_t, int64_t>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "floor_mod",
    .code = BuiltinCode::kFloorMod,
    .attrs = Layout<NoAttrs>(OptionsTable::kFloorMod, {}),
    .inputs = kBinaryInputs,
    .outputs = kOneOutput,
    .types = kTypes,
    .traits = kElementwise,
    .check = CheckBinary,
    .infer = InferBinary,
    .cost = CostOfElementwise,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::floor_mod
