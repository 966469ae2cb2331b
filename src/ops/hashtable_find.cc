// SPDX-License-Identifier: Apache-2.0
// Hash table find: the value of each key, or the default.
#include "ops/import.h"
#include "ops/resource.h"

namespace octet::ops::hashtable_find {
namespace {

constexpr Operand kInputs[] = {{.name = "resource", .type = 'R', .role = Role::kResource}, {.name = "keys", .type = 'K'}, {.name = "default", .type = 'V'}};
constexpr Operand kOutputs[] = {{.name = "values", .type = 'V'}};
constexpr TypeRow kTypes[] = {{"R=resource K=i64 V=str"}, {"R=resource K=str V=i64"}};

Status Check(const OpView& op) {
  if (op.in(2)->shape.known() && op.in(2)->shape.elements() != 1)
    return op.Fail(Code::kInvalidModel, "the default has the shape %s", op.in(2)->shape.text().c_str());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0] = {op.in(2)->dtype, op.in(1)->shape};
  return {};
}

struct Params {
  DType key;
  int64_t count;
};

Status FindAll(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const HashTable* table = run.host->resources().table(*run.input<ResourceId>(0));
  if (!table || table->key != p.key) return Error(Code::kInvalidArgument, "hashtable_find: there is no table with such keys");
  for (int64_t i = 0; i < p.count; ++i) {
    if (p.key == DType::kI64) {
      const auto at = table->to_string.find(run.input<int64_t>(1)[i]);
      run.output<StringRef>(0)[i] = at == table->to_string.end() ? *run.input<StringRef>(2) : StringRef{at->second.data(), at->second.size()};
    } else {
      const auto at = table->to_int.find(std::string(run.input<StringRef>(1)[i].view()));
      run.output<int64_t>(0)[i] = at == table->to_int.end() ? *run.input<int64_t>(2) : at->second;
    }
  }
  return {};
}

Status PrepareFind(Prepare& p) {
  auto* params = p.Params<Params>();
  *params = {p.op.in(1)->dtype, p.op.in(1)->shape.elements()};
  p.SetRun(FindAll, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareFind}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "hashtable_find", .code = BuiltinCode::kHashtableFind, .attrs = Layout<NoAttrs>(OptionsTable::kHashtableFind, {}),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .traits = kSideEffects, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::hashtable_find
