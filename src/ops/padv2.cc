// SPDX-License-Identifier: Apache-2.0
// PadV2: the input inside a frame of one given value.
#include "base/thread_pool.h"
#include "ops/import.h"
#include "ops/pad_util.h"

namespace octet::ops::padv2 {
namespace {

constexpr Operand kInputs[] = {
    {.name = "input"}, {.name = "paddings", .type = 'P', .role = Role::kShape}, {.name = "constant_values"}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {
    {"T=f32|f16|bf16|u8|i32|i64|bool P=i32|i64"}, {"T=i8 P=i32|i64", 2}, {"T=i16 P=i32|i64", 3}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 2, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  OCTET_TRY(CheckScalar(op, 2, "constant_values"));
  return CheckPaddings(op);
}

struct Params {
  StridedCopy interior;
  int64_t count;
  int64_t element_bytes;
};

Status Frame(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  FillElements(run.out[0], p.count, run.in[2], p.element_bytes);
  Copy(p.interior, run.in[0], run.out[0], *run.pool);
  return {};
}

Status PreparePad(Prepare& p) {
  IntList paddings;
  ReadInts(p.op, 1, &paddings);
  auto* params = p.Params<Params>();
  *params = {PadInterior(p.op, paddings), p.op.out(0)->shape.elements(), BytesOf(p.op.out(0)->dtype)};
  p.SetRun(Frame, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PreparePad}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "padv2",
    .code = BuiltinCode::kPadv2,
    .attrs = Layout<NoAttrs>(OptionsTable::kPadV2, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kMovesBytes,
    .check = Check,
    .infer = InferPadded,
    .version = VersionOfPad,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::padv2
