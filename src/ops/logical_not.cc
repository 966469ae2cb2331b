// SPDX-License-Identifier: Apache-2.0
// y = not x.
#include "ops/unary_util.h"

namespace octet::ops::logical_not {
namespace {

constexpr TypeRow kTypes[] = {{"T=bool", 1}};

Bool Apply(Bool x) { return !x; }

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<UnaryParams>();
  params->count = CountOf(p.op);
  p.SetRun(RunUnary<Bool, Apply>, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "logical_not",
    .code = BuiltinCode::kLogicalNot,
    .attrs = Layout<NoAttrs>(OptionsTable::kLogicalNot, {}),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::logical_not
