// SPDX-License-Identifier: Apache-2.0
// Lists the OpImport of every operator. The list itself comes from the file names.
#include "ops/import.h"

#define OCTET_OP(id) namespace octet::ops::id { extern const OpDef kDef; extern const OpImport kImport; }
#include "op_list.inc"
#undef OCTET_OP

namespace octet::ops {
namespace {
#define OCTET_OP(id) &id::kImport,
constinit const OpImport* const kAll[] = {
#include "op_list.inc"
};
#undef OCTET_OP
}  // namespace

std::span<const OpImport* const> Imports() { return kAll; }

const OpImport* ImportOf(const OpDef& def) {
#define OCTET_OP(id) if (&def == &id::kDef) return &id::kImport;
#include "op_list.inc"
#undef OCTET_OP
  return nullptr;
}

const ImportRule* FindImport(Source source, std::string_view name, int version) {
  const ImportRule* best = nullptr;
  for (const OpImport* import : kAll) {
    for (const ImportRule& rule : import->rules) {
      const bool fits = rule.source == source && rule.name == name && rule.since <= version;
      if (fits && (!best || rule.since > best->since)) best = &rule;
    }
  }
  return best;
}

}  // namespace octet::ops
