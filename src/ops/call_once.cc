// SPDX-License-Identifier: Apache-2.0
// Call once: runs a subgraph without operands the first time an interpreter comes here: it fills variables and tables.
#include "ops/call_util.h"
#include "ops/import.h"
#include "ops/resource.h"

namespace octet::ops::call_once {
namespace {

struct Attrs {
  Subgraph init_subgraph_index{};
};
constexpr AttrRow kRows[] = {Attr<&Attrs::init_subgraph_index>("init_subgraph_index", 0)};
constexpr TypeRow kTypes[] = {{""}};

Status Check(const OpView& op) { return CheckCallee(op, *op.callees[0], 0, true); }
Status Infer(const OpView&, std::span<OutputType>) { return {}; }

struct Params {
  Callee* callee;
};

Status Call(const void* params, const Run& run) {
  Callee* callee = static_cast<const Params*>(params)->callee;
  std::set<const Callee*>& called = run.host->resources().called;
  if (called.contains(callee)) return {};
  OCTET_TRY(callee->Call({}, {}, *run.pool));
  called.insert(callee);
  return {};
}

Status PrepareOnce(Prepare& p) {
  auto* params = p.Params<Params>();
  params->callee = p.op.callees[0];
  p.SetRun(Call, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareOnce}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "call_once", .code = BuiltinCode::kCallOnce, .attrs = Layout<Attrs>(OptionsTable::kCallOnce, kRows),
    .types = kTypes, .traits = kSideEffects, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::call_once
