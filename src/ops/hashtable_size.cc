// SPDX-License-Identifier: Apache-2.0
// Hash table size: how many keys a table has.
#include "ops/import.h"
#include "ops/resource.h"

namespace octet::ops::hashtable_size {
namespace {

constexpr Operand kInputs[] = {{.name = "resource", .type = 'R', .role = Role::kResource}};
constexpr Operand kOutputs[] = {{.name = "size", .type = 'T'}};
constexpr TypeRow kTypes[] = {{"R=resource T=i64"}};

Status Infer(const OpView&, std::span<OutputType> out) {
  out[0] = {DType::kI64, {1}};
  return {};
}

Status Count(const void*, const Run& run) {
  const HashTable* table = run.host->resources().table(*run.input<ResourceId>(0));
  if (!table) return Error(Code::kInvalidArgument, "hashtable_size: there is no such table");
  *run.output<int64_t>(0) = static_cast<int64_t>(table->size());
  return {};
}

Status PrepareCount(Prepare& p) {
  p.SetRun(Count, nullptr);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareCount}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "hashtable_size", .code = BuiltinCode::kHashtableSize, .attrs = Layout<NoAttrs>(OptionsTable::kHashtableSize, {}),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .traits = kSideEffects, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::hashtable_size
