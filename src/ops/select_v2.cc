// SPDX-License-Identifier: Apache-2.0
// y = condition ? a : b, element by element; all three broadcast.
#include "ops/select_util.h"

namespace octet::ops::select_v2 {
namespace {

constexpr TypeRow kTypes[] = {{"C=bool T=f32|f16|bf16|f64|i8|u8|i16|u16|i32|i64|u64|bool|c64", 1}, {"C=bool T=u32", 2}};

bool Broadcasted(const OpView& op, Shape* out) {
  Shape values;
  return BroadcastShape(op.in(1)->shape, op.in(2)->shape, &values) && BroadcastShape(op.in(0)->shape, values, out);
}

Status Check(const OpView& op) {
  Shape out;
  if (Broadcasted(op, &out)) return {};
  return op.Fail(Code::kInvalidModel, "shapes %s, %s and %s do not broadcast", op.in(0)->shape.text().c_str(), op.in(1)->shape.text().c_str(),
                 op.in(2)->shape.text().c_str());
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = op.in(1)->dtype;
  if (KeepsDeclaredShape(op)) out[0].shape = op.out(0)->shape;
  else Broadcasted(op, &out[0].shape);
  return {};
}

Status PrepareReference(Prepare& p) { return PrepareSelect(p, p.op.in(0)->shape); }
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

Status FromOnnx(ImportContext& c) {
  OCTET_ASSIGN(const Value y, c.Emit("select_v2", {c.Input(0), c.Input(1), c.Input(2)}));
  c.SetOutput(0, y);
  return {};
}
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Where", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "select_v2",
    .code = BuiltinCode::kSelectV2,
    .attrs = Layout<NoAttrs>(OptionsTable::kSelectV2, {}),
    .inputs = kSelectInputs,
    .outputs = kSelectOutputs,
    .types = kTypes,
    .quantization = kSelectQuant,
    .traits = kElementwise,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::select_v2
