// SPDX-License-Identifier: Apache-2.0
// Dilate: spreads the elements along each axis, `dilation` apart, and puts the padding value between them.
#include "ops/import.h"
#include "ops/spread_util.h"

namespace octet::ops::dilate {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "dilations", .type = 'S', .role = Role::kShape}, {.name = "padding", .type = 'T'}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|f64|i8|u8|i16|u16|i32|u32|i64|u64 S=i32"}};

Status Check(const OpView& op) {
  OCTET_TRY(CheckVector(op, 1, op.in(0)->shape.rank(), "dilations"));
  return CheckScalar(op, 2, "padding");
}

// False: not known yet.
bool ReadSpread(const OpView& op, Spread* spread) {
  IntList dilations;
  if (!ReadInts(op, 1, &dilations)) return false;
  for (int i = 0; i < op.in(0)->shape.rank(); ++i) spread->interior[i] = dilations.v[i] - 1;
  return true;
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  Spread spread;
  out[0].dtype = op.in(0)->dtype;
  out[0].dynamic = !ReadSpread(op, &spread);
  return out[0].dynamic ? Status() : InferSpread(op, spread, &out[0].shape);
}

Status PrepareReference(Prepare& p) {
  Spread spread;
  if (!ReadSpread(p.op, &spread)) return p.op.Fail(Code::kUnsupported, "the dilations are not known");
  return PrepareSpread(p, spread, 2);
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "dilate", .code = BuiltinCode::kDilate, .attrs = Layout<NoAttrs>(OptionsTable::kDilate, {}),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .traits = kMovesBytes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::dilate
