// SPDX-License-Identifier: Apache-2.0
// Assign variable: the variable takes the value's type, shape and bytes.
#include <cstring>

#include "ops/import.h"
#include "ops/resource.h"

namespace octet::ops::assign_variable {
namespace {

constexpr Operand kInputs[] = {{.name = "resource", .type = 'R', .role = Role::kResource}, {.name = "value", .type = 'T'}};
constexpr TypeRow kTypes[] = {{"R=resource"}};

Status Infer(const OpView&, std::span<OutputType>) { return {}; }

struct Params {
  const TensorType* value;
  uint64_t bytes;
};

Status Assign(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  Variable* v = run.host->resources().variable(*run.input<ResourceId>(0));
  if (!v) return Error(Code::kInvalidArgument, "assign_variable: there is no such variable");
  if (v->data.bytes() < p.bytes) {
    OCTET_ASSIGN(v->data, AlignedBuffer::Make(p.bytes));
  }
  v->set = true;
  v->type.dtype = p.value->dtype;
  v->type.shape = p.value->shape;
  v->bytes = p.bytes;
  if (p.bytes > 0) std::memcpy(v->data.data(), run.in[1], p.bytes);
  if (p.value->dtype != DType::kString) return {};
  std::deque<std::string> kept;  // The old ones may be what is assigned.
  auto* strings = reinterpret_cast<StringRef*>(v->data.data());
  for (int64_t i = 0; i < p.value->shape.elements(); ++i) {
    const std::string& s = kept.emplace_back(strings[i].view());
    strings[i] = {s.data(), s.size()};
  }
  v->strings = std::move(kept);
  return {};
}

Status PrepareAssign(Prepare& p) {
  auto* params = p.Params<Params>();
  params->value = p.op.in(1);
  if (!CheckedBytes(p.op.in(1)->dtype, p.op.in(1)->shape, &params->bytes)) return p.op.Fail(Code::kOutOfMemory, "the value is too large");
  p.SetRun(Assign, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareAssign}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "assign_variable", .code = BuiltinCode::kAssignVariable, .attrs = Layout<NoAttrs>(OptionsTable::kAssignVariable, {}),
    .inputs = kInputs, .types = kTypes, .traits = kSideEffects, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::assign_variable
