// SPDX-License-Identifier: Apache-2.0
// y = floor(a / b), broadcast. Integers: division by zero is an error.
#include "ops/add_sub_util.h"
#include "ops/division_util.h"

namespace octet::ops::floor_div {
namespace {

constexpr TypeRow kTypes[] = {{"T=i32", 1}, {"T=f32", 2}, {"T=i8|i16", 3}};

struct Apply {
  template <class T> T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      const int64_t quotient = int64_t{a} / b;
      return static_cast<T>(int64_t{a} % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient);
    } else {
      return static_cast<T>(std::floor(static_cast<double>(a) / static_cast<double>(b)));
    }
  }
};
Status PrepareReference(Prepare& p) { return PrepareDivision<Apply, float, int8_t, int16_t, int32_t>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "floor_div",
    .code = BuiltinCode::kFloorDiv,
    .attrs = Layout<NoAttrs>(OptionsTable::kFloorDiv, {}),
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

}  // namespace octet::ops::floor_div
