// SPDX-License-Identifier: Apache-2.0
// y = a and b, broadcast.
#include "ops/add_sub_util.h"
#include "ops/simple_binary_util.h"

namespace octet::ops::logical_and {
namespace {

constexpr TypeRow kTypes[] = {{"T=bool", 1}};

struct Apply {
  bool operator()(bool a, bool b) const { return a && b; }
};
Status PrepareReference(Prepare& p) { return PrepareSimple<Apply, Bool>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "logical_and",
    .code = BuiltinCode::kLogicalAnd,
    .attrs = Layout<NoAttrs>(OptionsTable::kLogicalAnd, {}),
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

}  // namespace octet::ops::logical_and
