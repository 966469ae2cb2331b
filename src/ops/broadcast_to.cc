// SPDX-License-Identifier: Apache-2.0
// BroadcastTo: dimensions of 1 repeated until the shape is the given one.
#include "ops/import.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::broadcast_to {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "shape", .type = 'S', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|f16|bf16|f64|u8|u16|i32|u32|i64|u64|bool|c64 S=i32|i64", 2}, {"T=i8|i16 S=i32|i64", 3}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  const Shape& in = op.in(0)->shape;
  if (op.in(1)->shape.rank() != 1)
    return op.Fail(Code::kInvalidModel, "the shape must be a vector, found %s", op.in(1)->shape.text().c_str());
  IntList wanted;
  if (!ReadInts(op, 1, &wanted)) return {};
  if (wanted.count > kMaxRank || wanted.count < in.rank())
    return op.Fail(Code::kInvalidModel, "%s cannot become rank %lld", in.text().c_str(),
                   static_cast<long long>(wanted.count));
  for (int i = 1; i <= static_cast<int>(wanted.count); ++i) {
    const int64_t d = wanted.v[wanted.count - i];
    if (!FitsDimension(d) || (i <= in.rank() && in.back(i) != kUnknown && in.back(i) != 1 && in.back(i) != d))
      return op.Fail(Code::kInvalidModel, "%s does not stretch to dimension %lld", in.text().c_str(),
                     static_cast<long long>(d));
  }
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  IntList wanted;
  out[0].dynamic = !ReadInts(op, 1, &wanted);
  if (out[0].dynamic) return {};
  for (int64_t d : wanted.span()) out[0].shape.push_back(static_cast<int32_t>(d));
  return {};
}

Status PrepareBroadcast(Prepare& p) {
  const Shape& in = p.op.in(0)->shape;
  const Shape& out = p.op.out(0)->shape;
  const int64_t bytes = BytesOf(p.op.in(0)->dtype);
  const auto from = Strides(in), to = Strides(out);
  StridedCopy copy;
  for (int i = 0; i < out.rank(); ++i) {
    const int k = i - (out.rank() - in.rank());
    copy.Add(out[i], k < 0 || in[k] == 1 ? 0 : from[k] * bytes, to[i] * bytes);
  }
  copy.Finish(bytes);
  return SetCopy(p, copy, 0);
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareBroadcast}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "broadcast_to",
    .code = BuiltinCode::kBroadcastTo,
    .attrs = Layout<NoAttrs>(OptionsTable::kBroadcastTo, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kMovesBytes,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::broadcast_to
