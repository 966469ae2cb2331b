// SPDX-License-Identifier: Apache-2.0
// Lists the OpDef of every operator. The list itself comes from the file names.
#include "ops/op_def.h"
#include "ops/registry.h"

#define OCTET_OP(id) namespace octet::ops::id { extern const OpDef kDef; }
#include "op_list.inc"
#undef OCTET_OP

namespace octet::ops {
namespace {
#define OCTET_OP(id) &id::kDef,
constinit const OpDef* const kAll[] = {
#include "op_list.inc"
};
#undef OCTET_OP
}  // namespace

std::span<const OpDef* const> Defs() { return kAll; }

const OpDef* Find(std::string_view name) {
  for (const OpDef* def : kAll)
    if (def->name == name) return def;
  return nullptr;
}

const OpDef* Find(BuiltinCode code, std::string_view custom_name) {
  for (const OpDef* def : kAll)
    if (def->code == code && def->custom_name == custom_name) return def;
  return code == BuiltinCode::kCustom ? FindRegistered(custom_name) : nullptr;
}

}  // namespace octet::ops
