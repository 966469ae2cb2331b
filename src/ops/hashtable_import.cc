// SPDX-License-Identifier: Apache-2.0
// Hash table import: fills a table, once; later imports change nothing.
#include "ops/import.h"
#include "ops/resource.h"

namespace octet::ops::hashtable_import {
namespace {

constexpr Operand kInputs[] = {{.name = "resource", .type = 'R', .role = Role::kResource}, {.name = "keys", .type = 'K'}, {.name = "values", .type = 'V'}};
constexpr TypeRow kTypes[] = {{"R=resource K=i64 V=str"}, {"R=resource K=str V=i64"}};

Status Check(const OpView& op) {
  const Shape &keys = op.in(1)->shape, &values = op.in(2)->shape;
  if (keys.known() && values.known() && keys.elements() != values.elements())
    return op.Fail(Code::kInvalidModel, "%s keys and %s values", keys.text().c_str(), values.text().c_str());
  return {};
}

Status Infer(const OpView&, std::span<OutputType>) { return {}; }

struct Params {
  DType key;
  int64_t count;
};

Status Import(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  HashTable* table = run.host->resources().table(*run.input<ResourceId>(0));
  if (!table || table->key != p.key) return Error(Code::kInvalidArgument, "hashtable_import: there is no table with such keys");
  if (table->filled) return {};
  table->filled = true;
  for (int64_t i = 0; i < p.count; ++i) {  // The first of several equal keys counts.
    if (p.key == DType::kI64) table->to_string.try_emplace(run.input<int64_t>(1)[i], run.input<StringRef>(2)[i].view());
    else table->to_int.try_emplace(std::string(run.input<StringRef>(1)[i].view()), run.input<int64_t>(2)[i]);
  }
  return {};
}

Status PrepareImport(Prepare& p) {
  auto* params = p.Params<Params>();
  *params = {p.op.in(1)->dtype, p.op.in(1)->shape.elements()};
  p.SetRun(Import, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareImport}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "hashtable_import", .code = BuiltinCode::kHashtableImport, .attrs = Layout<NoAttrs>(OptionsTable::kHashtableImport, {}),
    .inputs = kInputs, .types = kTypes, .traits = kSideEffects, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::hashtable_import
