// SPDX-License-Identifier: Apache-2.0
// y = a to the power of b, broadcast.
#include "ops/add_sub_util.h"
#include "ops/simple_binary_util.h"

namespace octet::ops::pow {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}};

struct Apply {
  template <class T> T operator()(T a, T b) const { return static_cast<T>(std::pow(a, b)); }
};
Status PrepareReference(Prepare& p) { return PrepareSimple<Apply>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

Status FromOnnx(ImportContext& c) { return MergeInputs(c, "pow"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Pow", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "pow",
    .code = BuiltinCode::kPow,
    .attrs = Layout<NoAttrs>(OptionsTable::kPow, {}),
    .inputs = kBinaryInputs,
    .outputs = kOneOutput,
    .types = kTypes,
    .traits = kElementwise,
    .check = CheckBinary,
    .infer = InferBinary,
    .cost = CostOfElementwise,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::pow
