// SPDX-License-Identifier: Apache-2.0
// y = condition ? a : b. The condition has the shape of a and b, or is a scalar, or a vector that chooses whole
// slices of the first dimension.
#include "ops/operand_util.h"
#include "ops/select_util.h"

namespace octet::ops::select {
namespace {

constexpr TypeRow kTypes[] = {{"C=bool T=f32|f16|bf16|f64|u8|i16|u16|i32|i64|u64|bool|c64", 1}, {"C=bool T=i8", 2}, {"C=bool T=u32", 4}};

bool Agree(int32_t a, int32_t b) { return a == b || a == kUnknown || b == kUnknown; }

bool Same(const Shape& a, const Shape& b) {
  bool same = a.rank() == b.rank();
  for (int i = 0; same && i < a.rank(); ++i) same = Agree(a[i], b[i]);
  return same;
}

bool IsSingle(const Shape& s) { return s.known() && s.elements() == 1; }

Status Check(const OpView& op) {
  const Shape &condition = op.in(0)->shape, &a = op.in(1)->shape, &b = op.in(2)->shape;
  const bool single = IsSingle(condition) && IsSingle(a) && IsSingle(b);
  const bool fits = condition.rank() == 0 || Same(condition, a) || (condition.rank() == 1 && a.rank() >= 1 && Agree(condition[0], a[0]));
  if (single || (fits && Same(a, b))) return {};
  return op.Fail(Code::kInvalidModel, "shapes %s, %s and %s do not fit together", condition.text().c_str(), a.text().c_str(), b.text().c_str());
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = op.in(1)->dtype;
  out[0].shape = KeepsDeclaredShape(op) ? op.out(0)->shape : op.in(1)->shape;
  return {};
}

int Version(const OpView& op) {
  const auto five = [&](int i) { return op.in(i)->shape.rank() == 5; };
  return std::max(RowVersion(op), five(0) || five(1) || five(2) ? 3 : 1);
}

Status PrepareReference(Prepare& p) {
  Shape condition = p.op.in(0)->shape;
  const int rank = p.op.out(0)->shape.rank();
  if (IsSingle(condition)) condition = {};
  if (condition.rank() == 1)
    while (condition.rank() < rank) condition.push_back(1);
  return PrepareSelect(p, condition);
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "select",
    .code = BuiltinCode::kSelect,
    .attrs = Layout<NoAttrs>(OptionsTable::kSelect, {}),
    .inputs = kSelectInputs,
    .outputs = kSelectOutputs,
    .types = kTypes,
    .quantization = kSelectQuant,
    .traits = kElementwise,
    .check = Check,
    .infer = Infer,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::select
