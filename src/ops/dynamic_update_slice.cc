// SPDX-License-Identifier: Apache-2.0
// DynamicUpdateSlice: the operand with a box of it replaced by `update`. Where the box starts is data,
// clamped so that the box lies inside.
#include <cstring>

#include "ops/import.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::dynamic_update_slice {
namespace {

constexpr Operand kInputs[] = {
    {.name = "operand"}, {.name = "update"}, {.name = "start_indices", .type = 'I', .role = Role::kIndex}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|f16|bf16|f64|i8|u8|i16|u16|i32|u32|i64|u64|bool|c64 I=i32|i64"}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 2, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  const Shape &in = op.in(0)->shape, &update = op.in(1)->shape;
  OCTET_TRY(CheckVector(op, 2, in.rank(), "start_indices"));
  bool fits = update.rank() == in.rank();
  for (int i = 0; fits && i < in.rank(); ++i)
    fits = update[i] == kUnknown || in[i] == kUnknown || update[i] <= in[i];
  if (!fits)
    return op.Fail(Code::kInvalidModel, "update %s does not fit into %s", update.text().c_str(), in.text().c_str());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].shape = op.in(0)->shape;
  return {};
}

struct Params {
  StridedCopy box;
  int64_t bytes;  // Of the operand.
  int rank;
  std::array<int64_t, kMaxRank> spare, step;  // Largest start; bytes per index.
};

template <class I> Status Update(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  if (run.in[0] != run.out[0] && p.bytes > 0) std::memcpy(run.out[0], run.in[0], static_cast<size_t>(p.bytes));
  int64_t at = 0;
  for (int i = 0; i < p.rank; ++i) at += std::clamp<int64_t>(run.input<I>(2)[i], 0, p.spare[i]) * p.step[i];
  Copy(p.box, run.in[1], run.out[0] + at);
  return {};
}

Status PrepareUpdate(Prepare& p) {
  const Shape &in = p.op.in(0)->shape, &update = p.op.in(1)->shape;
  const int64_t bytes = BytesOf(p.op.in(0)->dtype);
  const auto to = Strides(in), from = Strides(update);
  auto* params = p.Params<Params>();
  params->bytes = in.elements() * bytes;
  params->rank = in.rank();
  for (int i = 0; i < in.rank(); ++i) {
    params->box.Add(update[i], from[i] * bytes, to[i] * bytes);
    params->spare[i] = in[i] - update[i];
    params->step[i] = to[i] * bytes;
  }
  params->box.Finish(bytes);
  p.SetRun(p.op.in(2)->dtype == DType::kI64 ? Update<int64_t> : Update<int32_t>, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareUpdate}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "dynamic_update_slice",
    .code = BuiltinCode::kDynamicUpdateSlice,
    .attrs = Layout<NoAttrs>(OptionsTable::kDynamicUpdateSlice, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kMovesBytes | kUpdates,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::dynamic_update_slice
