// SPDX-License-Identifier: Apache-2.0
// Segment sum: sums of consecutive rows with one id. Ids rise by at most one from row to row, from 0; the last says how
// many sums there are.
#include "ops/import.h"
#include "ops/segment_util.h"

namespace octet::ops::segment_sum {
namespace {

constexpr Operand kInputs[] = {{.name = "data"}, {.name = "ids", .type = 'I', .role = Role::kShape}};
constexpr TypeRow kTypes[] = {{"T=f32|i32 I=i32"}};

Status Check(const OpView& op) {
  const Shape &data = op.in(0)->shape, &ids = op.in(1)->shape;
  if (ids.rank() != 1 || data.rank() < 1 || (ids.known() && data.known() && ids[0] != data[0]))
    return op.Fail(Code::kInvalidModel, "expected an id per row, found ids %s for %s", ids.text().c_str(), data.text().c_str());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0] = {op.in(0)->dtype, op.in(0)->shape, !op.has_const(1)};
  if (out[0].dynamic) return {};
  int64_t last = -1;
  for (int32_t id : op.const_of<int32_t>(1)) {
    if (id != last && id != last + 1) return op.Fail(Code::kInvalidArgument, "id %d follows %lld", id, static_cast<long long>(last));
    last = id;
  }
  if (!FitsDimension(last + 1))
    return op.Fail(Code::kInvalidArgument, "%lld segments are too many: at most 2^31 - 1", static_cast<long long>(last) + 1);
  out[0].shape[0] = static_cast<int32_t>(last + 1);
  return {};
}

Status PrepareReference(Prepare& p) { return PrepareSegments<SegmentAdd>(p); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "segment_sum", .code = BuiltinCode::kSegmentSum, .attrs = Layout<NoAttrs>(OptionsTable::kSegmentSum, {}),
    .inputs = kInputs, .outputs = kSegmentOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::segment_sum
