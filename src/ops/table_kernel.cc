// SPDX-License-Identifier: Apache-2.0
// Lists the OpKernel of every operator. The list itself comes from the file names.
#include "ops/op_def.h"
#include "ops/registry.h"

#define OCTET_OP(id) namespace octet::ops::id { extern const OpDef kDef; extern const OpKernel kKernel; }
#include "op_list.inc"
#undef OCTET_OP

namespace octet::ops {
namespace {
struct Row {
  const OpDef* def;
  const OpKernel* kernel;
};
#define OCTET_OP(id) {&id::kDef, &id::kKernel},
constinit const Row kAll[] = {
#include "op_list.inc"
};
#undef OCTET_OP
constinit const OpKernel kNone{};
}  // namespace

const OpKernel& KernelOf(const OpDef& def) {
  for (const Row& row : kAll)
    if (row.def == &def) return *row.kernel;
  const OpKernel* registered = FindRegisteredKernel(def);
  return registered ? *registered : kNone;
}

}  // namespace octet::ops
