// SPDX-License-Identifier: Apache-2.0
// Slice: the box of `size` elements that starts at `begin`; size -1 reaches to the end.
#include "ops/import.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::slice {
namespace {

constexpr Operand kInputs[] = {{.name = "input"},
                               {.name = "begin", .type = 'I', .role = Role::kShape},
                               {.name = "size", .type = 'I', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {
    {"T=f32|f16|bf16|f64|u8|u16|i32|i64|u64|bool|c64 I=i32|i64"}, {"T=i8 I=i32|i64", 2}, {"T=str I=i32|i64", 3},
    {"T=i16 I=i32|i64", 4}, {"T=u32 I=i32|i64", 6}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone},
                               {.operand = 2, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  const Shape& in = op.in(0)->shape;
  OCTET_TRY(CheckVector(op, 1, in.rank(), "begin"));
  OCTET_TRY(CheckVector(op, 2, in.rank(), "size"));
  IntList begin, size;
  if (!ReadInts(op, 1, &begin) || !ReadInts(op, 2, &size)) return {};
  for (int i = 0; i < in.rank(); ++i) {
    const bool sane = begin.v[i] >= 0 && begin.v[i] <= INT32_MAX && size.v[i] >= -1 && size.v[i] <= INT32_MAX;
    if (!sane ||
        (in[i] != kUnknown && (begin.v[i] > in[i] || begin.v[i] + std::max<int64_t>(size.v[i], 0) > in[i])))
      return op.Fail(Code::kInvalidModel, "begin %lld and size %lld do not fit dimension %d of %s",
                     static_cast<long long>(begin.v[i]), static_cast<long long>(size.v[i]), i, in.text().c_str());
  }
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  IntList begin, size;
  out[0].dynamic = !ReadInts(op, 2, &size);
  if (out[0].dynamic) return {};
  const bool placed = ReadInts(op, 1, &begin);
  for (int i = 0; i < in.rank(); ++i) {
    out[0].dynamic |= !placed;  // Where the box starts is needed to run, if not always for its size.
    const bool rest_unknown = in[i] == kUnknown || !placed;
    out[0].shape.push_back(size.v[i] >= 0 ? static_cast<int32_t>(size.v[i])
                           : rest_unknown ? kUnknown
                                          : static_cast<int32_t>(in[i] - begin.v[i]));
  }
  return {};
}

int Version(const OpView& op) { return std::max(RowVersion(op), op.in(0)->shape.rank() > 4 ? 5 : 1); }

Status PrepareSlice(Prepare& p) {
  const Shape& out = p.op.out(0)->shape;
  const int64_t bytes = BytesOf(p.op.in(0)->dtype);
  const auto from = Strides(p.op.in(0)->shape), to = Strides(out);
  IntList begin;
  ReadInts(p.op, 1, &begin);
  StridedCopy copy;
  for (int i = 0; i < out.rank(); ++i) {
    copy.Add(out[i], from[i] * bytes, to[i] * bytes);
    copy.src_offset += begin.v[i] * from[i] * bytes;
  }
  copy.Finish(bytes);
  return SetCopy(p, copy, 0);
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareSlice}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "slice",
    .code = BuiltinCode::kSlice,
    .attrs = Layout<NoAttrs>(OptionsTable::kSlice, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kMovesBytes,
    .check = Check,
    .infer = Infer,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::slice
