// SPDX-License-Identifier: Apache-2.0
// StableHLO pad: the padding value before, behind and between the elements; negative edges cut elements off.
#include "ops/import.h"
#include "ops/spread_util.h"

namespace octet::ops::stablehlo_pad {
namespace {

struct Attrs {
  Longs edge_padding_low, edge_padding_high, interior_padding;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::edge_padding_low>("edge_padding_low", 0), Attr<&Attrs::edge_padding_high>("edge_padding_high", 1),
                             Attr<&Attrs::interior_padding>("interior_padding", 2)};
constexpr Operand kInputs[] = {{.name = "input"}, {.name = "padding"}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|f16|f64|i8|u8|i16|u16|i32|u32|i64|u64|bool"}};

Status Check(const OpView& op) {
  const auto& a = op.attrs<Attrs>();
  for (const Longs* list : {&a.edge_padding_low, &a.edge_padding_high, &a.interior_padding})
    if (list->count != op.in(0)->shape.rank())
      return op.Fail(Code::kInvalidModel, "a list of %d paddings for %s", list->count, op.in(0)->shape.text().c_str());
  return CheckScalar(op, 1, "padding");
}

Spread SpreadOf(const OpView& op) {
  const auto& a = op.attrs<Attrs>();
  Spread spread;
  for (int i = 0; i < op.in(0)->shape.rank(); ++i) {
    spread.low[i] = a.edge_padding_low.v[i];
    spread.high[i] = a.edge_padding_high.v[i];
    spread.interior[i] = a.interior_padding.v[i];
  }
  return spread;
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = op.in(0)->dtype;
  return InferSpread(op, SpreadOf(op), &out[0].shape);
}

Status PrepareReference(Prepare& p) { return PrepareSpread(p, SpreadOf(p.op), 1); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "stablehlo_pad", .code = BuiltinCode::kStablehloPad, .attrs = Layout<Attrs>(OptionsTable::kStablehloPad, kRows),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .traits = kMovesBytes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::stablehlo_pad
