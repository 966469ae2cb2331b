// SPDX-License-Identifier: Apache-2.0
// Hash table: names a table of the interpreter. The id is known when the model is planned.
#include "ops/import.h"
#include "ops/resource.h"

namespace octet::ops::hashtable {
namespace {

struct Attrs {
  int32_t table_id = 0;
  DType key_dtype = DType::kF32, value_dtype = DType::kF32;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::table_id>("table_id", 0), Attr<&Attrs::key_dtype>("key_dtype", 1),
                             Attr<&Attrs::value_dtype>("value_dtype", 2)};
constexpr Operand kOutputs[] = {{.name = "resource", .type = 'R'}};
constexpr TypeRow kTypes[] = {{"R=resource"}};

Status Check(const OpView& op) {
  const auto& a = op.attrs<Attrs>();
  const bool fits = (a.key_dtype == DType::kI64 && a.value_dtype == DType::kString) || (a.key_dtype == DType::kString && a.value_dtype == DType::kI64);
  return fits ? Status() : op.Fail(Code::kUnsupported, "tables lead from int64 to string or from string to int64, this one from %s to %s",
                                   std::string(NumpyName(a.key_dtype)).c_str(), std::string(NumpyName(a.value_dtype)).c_str());
}

Status Infer(const OpView&, std::span<OutputType> out) {
  out[0] = {DType::kResource, {1}};
  return {};
}

struct Params {
  ResourceId id;
};

Status Write(const void* params, const Run& run) {
  *run.output<ResourceId>(0) = static_cast<const Params*>(params)->id;
  return {};
}

Status PrepareTable(Prepare& p) {
  if (!p.op.resources) return p.op.Fail(Code::kUnsupported, "tables exist only in an interpreter: nothing else runs this operator");
  const auto& a = p.op.attrs<Attrs>();
  auto* params = p.Params<Params>();
  params->id = p.op.resources->TableId(a.table_id, a.key_dtype, a.value_dtype);
  p.SetRun(Write, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareTable}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "hashtable", .code = BuiltinCode::kHashtable, .attrs = Layout<Attrs>(OptionsTable::kHashtable, kRows),
    .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::hashtable
