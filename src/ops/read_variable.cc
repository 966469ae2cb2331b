// SPDX-License-Identifier: Apache-2.0
// Read variable: the value that was assigned last. Its shape is the variable's, so it is known when the model runs.
#include <cstring>

#include "ops/import.h"
#include "ops/resource.h"

namespace octet::ops::read_variable {
namespace {

constexpr Operand kInputs[] = {{.name = "resource", .type = 'R', .role = Role::kResource}};
constexpr Operand kOutputs[] = {{.name = "value", .type = 'T'}};
constexpr TypeRow kTypes[] = {{"R=resource"}};

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dynamic = !op.resources || !op.has_const(0);
  if (out[0].dynamic) return {};
  const Variable* v = op.resources->variable(*reinterpret_cast<const ResourceId*>(op.constants[0]));
  if (!v || !v->set) return op.Fail(Code::kInvalidArgument, "the variable has no value yet");
  out[0].dtype = v->type.dtype;
  out[0].shape = v->type.shape;
  return {};
}

struct Params {
  const TensorType* out;
};

// Characters of strings are copied: an assignment may come before the strings are read.
Status CopyStrings(const Variable& v, const Run& run) {
  const auto* from = reinterpret_cast<const StringRef*>(v.data.data());
  auto* to = run.output<StringRef>(0);
  for (int64_t i = 0; i < v.type.shape.elements(); ++i) {
    OCTET_ASSIGN(char* const room, run.host->Characters(from[i].size));
    if (from[i].size > 0) std::memcpy(room, from[i].data, from[i].size);
    to[i] = {room, from[i].size};
  }
  return {};
}

Status Read(const void* params, const Run& run) {
  const TensorType& out = *static_cast<const Params*>(params)->out;
  const Variable* v = run.host->resources().variable(*run.input<ResourceId>(0));
  if (!v || !v->set || v->type.dtype != out.dtype || !(v->type.shape == out.shape))
    return Error(Code::kInvalidArgument, "read_variable: the variable is not %s%s any more", std::string(NumpyName(out.dtype)).c_str(),
                 out.shape.text().c_str());
  if (out.dtype == DType::kString) return CopyStrings(*v, run);
  if (v->bytes > 0) std::memcpy(run.out[0], v->data.data(), v->bytes);
  return {};
}

Status PrepareRead(Prepare& p) {
  auto* params = p.Params<Params>();
  params->out = p.op.out(0);
  p.SetRun(Read, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareRead}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "read_variable", .code = BuiltinCode::kReadVariable, .attrs = Layout<NoAttrs>(OptionsTable::kReadVariable, {}),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .traits = kSideEffects, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::read_variable
