// SPDX-License-Identifier: Apache-2.0
// Variable handle: names a variable of the interpreter. The id is known when the model is planned.
#include "ops/import.h"
#include "ops/resource.h"

namespace octet::ops::var_handle {
namespace {

struct Attrs {
  Text container, shared_name;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::container>("container", 0), Attr<&Attrs::shared_name>("shared_name", 1)};
constexpr Operand kOutputs[] = {{.name = "resource", .type = 'R'}};
constexpr TypeRow kTypes[] = {{"R=resource"}};

Status Infer(const OpView&, std::span<OutputType> out) {
  out[0] = {DType::kResource, {}};
  return {};
}

struct Params {
  ResourceId id;
};

Status Write(const void* params, const Run& run) {
  *run.output<ResourceId>(0) = static_cast<const Params*>(params)->id;
  return {};
}

Status PrepareHandle(Prepare& p) {
  if (!p.op.resources) return p.op.Fail(Code::kUnsupported, "variables exist only in an interpreter");
  const auto& a = p.op.attrs<Attrs>();
  auto* params = p.Params<Params>();
  params->id = p.op.resources->VariableId(a.container.view(), a.shared_name.view());
  p.SetRun(Write, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareHandle}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "var_handle", .code = BuiltinCode::kVarHandle, .attrs = Layout<Attrs>(OptionsTable::kVarHandle, kRows),
    .outputs = kOutputs, .types = kTypes, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::var_handle
