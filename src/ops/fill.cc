// SPDX-License-Identifier: Apache-2.0
// Fill: a tensor of the given shape whose every element is `value`.
#include "ops/import.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::fill {
namespace {

constexpr Operand kInputs[] = {{.name = "dims", .type = 'S', .role = Role::kShape}, {.name = "value"}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {
    {"T=f32|f64|bf16|u8|u16|i32|u32|i64|u64|c64 S=i32|i64"}, {"T=bool|str S=i32|i64", 2}, {"T=i8|i16 S=i32|i64", 3}, {"T=f16 S=i32|i64", 4}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 1},
                               {.operand = 0, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  OCTET_TRY(CheckScalar(op, 1, "value"));
  if (op.in(0)->shape.rank() != 1)
    return op.Fail(Code::kInvalidModel, "dims must be a vector, found %s", op.in(0)->shape.text().c_str());
  IntList dims;
  if (!ReadInts(op, 0, &dims)) return {};
  if (dims.count > kMaxRank)
    return op.Fail(Code::kUnsupported, "rank %lld is above %d", static_cast<long long>(dims.count), kMaxRank);
  for (int64_t d : dims.span())
    if (!FitsDimension(d))
      return op.Fail(Code::kInvalidModel, "dimension %lld is not in [0, 2^31)", static_cast<long long>(d));
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  IntList dims;
  out[0].dtype = op.in(1)->dtype;
  out[0].dynamic = !ReadInts(op, 0, &dims);
  if (out[0].dynamic) return {};
  for (int64_t d : dims.span()) out[0].shape.push_back(static_cast<int32_t>(d));
  return {};
}

struct Params {
  int64_t count, bytes;
};

Status Fill(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  FillElements(run.out[0], p.count, run.in[1], p.bytes);
  return {};
}

Status PrepareFill(Prepare& p) {
  auto* params = p.Params<Params>();
  *params = {p.op.out(0)->shape.elements(), BytesOf(p.op.out(0)->dtype)};
  p.SetRun(Fill, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareFill}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "fill",
    .code = BuiltinCode::kFill,
    .attrs = Layout<NoAttrs>(OptionsTable::kFill, {}),
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

}  // namespace octet::ops::fill
