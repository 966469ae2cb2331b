// SPDX-License-Identifier: Apache-2.0
// y = the angle of the point (b, a), in (-pi, pi].
#include "ops/add_sub_util.h"
#include "ops/simple_binary_util.h"

namespace octet::ops::atan2 {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|f64", 1}};

struct Apply {
  template <class T> T operator()(T a, T b) const { return std::atan2(a, b); }
};
Status PrepareReference(Prepare& p) { return PrepareSimple<Apply, float, double>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "atan2",
    .code = BuiltinCode::kAtan2,
    .attrs = Layout<NoAttrs>(OptionsTable::kATan2, {}),
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

}  // namespace octet::ops::atan2
