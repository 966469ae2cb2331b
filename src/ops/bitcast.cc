// SPDX-License-Identifier: Apache-2.0
// Bitcast: the same bytes as another element type. A wider type swallows the last dimension, a narrower
// one adds a last dimension.
#include "ops/import.h"
#include "ops/move_util.h"

namespace octet::ops::bitcast {
namespace {

constexpr Operand kInputs[] = {{.name = "input", .type = 'S'}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] =
    {{"S=f32|f16|bf16|f64|i8|u8|i16|u16|i32|u32|i64|u64|bool|c64|c128 T=f32|f16|bf16|f64|i8|u8|i16|u16|i32|u32|i64|u64|bool|c64|c128", 1}};

Status Check(const OpView& op) {
  if (!op.out(0)) return op.Fail(Code::kInvalidModel, "the output's type must be given");
  const Shape& in = op.in(0)->shape;
  const int64_t from = BytesOf(op.in(0)->dtype), to = BytesOf(op.out(0)->dtype);
  if (from > to && in.rank() >= kMaxRank) return op.Fail(Code::kUnsupported, "rank %d is above %d", in.rank() + 1, kMaxRank);
  if (from >= to || (in.rank() > 0 && (in.back() == to / from || in.back() == kUnknown))) return {};
  return op.Fail(Code::kInvalidModel, "the last dimension of %s must be %lld", in.text().c_str(), static_cast<long long>(to / from));
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  const int64_t from = BytesOf(op.in(0)->dtype), to = BytesOf(op.out(0)->dtype);
  out[0].shape = Shape(in.dims().first(static_cast<size_t>(from < to ? in.rank() - 1 : in.rank())));
  if (from > to) out[0].shape.push_back(static_cast<int32_t>(from / to));
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareIdentity}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "bitcast",
    .code = BuiltinCode::kBitcast,
    .attrs = Layout<NoAttrs>(OptionsTable::kBitcast, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::bitcast
