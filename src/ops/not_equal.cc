// SPDX-License-Identifier: Apache-2.0
// y = a != b, broadcast.
#include "ops/comparison_util.h"

namespace octet::ops::not_equal {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|f16|u8|i32|i64|bool O=bool", 1}, {"T=i8 O=bool", 2}, {"T=str O=bool", 3}, {"T=i16 O=bool", 4}};

struct Apply {
  template <class T> bool operator()(T a, T b) const { return a != b; }
};

Status PrepareReference(Prepare& p) { return PrepareEquality<Apply>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "not_equal",
    .code = BuiltinCode::kNotEqual,
    .attrs = Layout<NoAttrs>(OptionsTable::kNotEqual, {}),
    .inputs = kBinaryInputs,
    .outputs = kComparisonOutputs,
    .types = kTypes,
    .traits = kElementwise,
    .check = CheckBinary,
    .infer = InferComparison,
    .cost = CostOfElementwise,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::not_equal
