// SPDX-License-Identifier: Apache-2.0
// Hash table lookup: rows of `values` whose key, in the ascending `keys`, equals each element of `lookup`; zero (or
// the empty string) and hit 0 where there is none.
#include <algorithm>
#include <cstring>

#include "ops/import.h"
#include "ops/move_util.h"

namespace octet::ops::hashtable_lookup {
namespace {

constexpr Operand kInputs[] = {{.name = "lookup", .type = 'I'}, {.name = "keys", .type = 'I'}, {.name = "values", .type = 'T'}};
constexpr Operand kOutputs[] = {{.name = "output", .type = 'T'}, {.name = "hits", .type = 'H'}};
constexpr TypeRow kTypes[] = {{"I=i32 T=f32|i32|i64|u8|i8|i16|bool|str H=u8"}};

Status Check(const OpView& op) {
  if (op.in(0)->shape.rank() != 1 || op.in(1)->shape.rank() != 1)
    return op.Fail(Code::kInvalidModel, "expected vectors of lookups and keys, found %s and %s",
                   op.in(0)->shape.text().c_str(), op.in(1)->shape.text().c_str());
  if (op.in(2)->shape.rank() < 1 || op.in(2)->shape[0] != op.in(1)->shape[0])
    return op.Fail(Code::kInvalidModel, "values %s do not have a row per key of %s", op.in(2)->shape.text().c_str(), op.in(1)->shape.text().c_str());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0] = {op.in(2)->dtype, op.in(2)->shape};
  out[0].shape[0] = op.in(0)->shape[0];
  out[1] = {DType::kU8, op.in(0)->shape};
  return {};
}

struct Params {
  int64_t lookups, keys;
  size_t row_bytes;
};

Status Look(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const int32_t* keys = run.input<int32_t>(1);
  for (int64_t i = 0; i < p.lookups; ++i) {
    const int32_t wanted = run.input<int32_t>(0)[i];
    const int32_t* at = std::lower_bound(keys, keys + p.keys, wanted);
    const bool hit = at != keys + p.keys && *at == wanted;
    run.output<uint8_t>(1)[i] = hit;
    if (p.row_bytes == 0) continue;
    std::byte* row = run.out[0] + static_cast<size_t>(i) * p.row_bytes;
    if (hit) std::memcpy(row, run.in[2] + static_cast<size_t>(at - keys) * p.row_bytes, p.row_bytes);
    else std::memset(row, 0, p.row_bytes);
  }
  return {};
}

Status PrepareLookup(Prepare& p) {
  const Shape& values = p.op.in(2)->shape;
  auto* params = p.Params<Params>();
  *params = {p.op.in(0)->shape[0], p.op.in(1)->shape[0], static_cast<size_t>(values.elements(1, values.rank()) * BytesOf(p.op.in(2)->dtype))};
  p.SetRun(Look, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareLookup}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "hashtable_lookup", .code = BuiltinCode::kHashtableLookup,
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::hashtable_lookup
