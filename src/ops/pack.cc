// SPDX-License-Identifier: Apache-2.0
// Pack: inputs of one shape stacked along a new `axis`.
#include <cstring>

#include "ops/import.h"
#include "ops/move_attrs.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::pack {
namespace {

using Attrs = PackAttrs;
constexpr AttrRow kRows[] = {Attr<&Attrs::values_count>("values_count", 0), Attr<&Attrs::axis>("axis", 1)};

constexpr Operand kInputs[] = {{.name = "values", .arity = Arity::kMany}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|u8|i32|i64"}, {"T=i8", 2}, {"T=i16", 3}, {"T=u32", 4}};
constexpr QuantRow kQuant[] = {{.operand = 0, .kind = QuantKind::kSameAs, .other = ~0}};

Status Check(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  if (op.num_inputs() < 1 || a.values_count != op.num_inputs())
    return op.Fail(Code::kInvalidModel, "values_count is %d, there are %d inputs", a.values_count, op.num_inputs());
  const Shape& first = op.in(0)->shape;
  int axis = 0;
  if (first.rank() >= kMaxRank)
    return op.Fail(Code::kUnsupported, "rank %d is above %d", first.rank() + 1, kMaxRank);
  if (!NormalizeAxis(a.axis, first.rank() + 1, &axis))
    return op.Fail(Code::kInvalidModel, "axis %d is outside rank %d", a.axis, first.rank() + 1);
  for (const TensorType* t : op.inputs) {
    bool same = t->shape.rank() == first.rank();
    for (int d = 0; same && d < first.rank(); ++d)
      same = t->shape[d] == first[d] || t->shape[d] == kUnknown || first[d] == kUnknown;
    if (!same)
      return op.Fail(Code::kInvalidModel, "shapes %s and %s differ", first.text().c_str(), t->shape.text().c_str());
  }
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  int axis = 0;
  NormalizeAxis(op.attrs<Attrs>().axis, in.rank() + 1, &axis);
  for (int i = 0; i <= in.rank(); ++i) {
    if (i == axis) out[0].shape.push_back(op.num_inputs());
    if (i < in.rank()) out[0].shape.push_back(in[i]);
  }
  return {};
}

struct Params {
  int count;
  int64_t outer, bytes;
};

Status Stack(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  for (int i = 0; i < p.count; ++i) {
    StridedCopy copy;
    copy.Add(p.outer, p.bytes, p.count * p.bytes);
    copy.Finish(p.bytes);
    Copy(copy, run.in[i], run.out[0] + i * p.bytes);
  }
  return {};
}

Status PrepareStack(Prepare& p) {
  const TensorType& in = *p.op.in(0);
  int axis = 0;
  NormalizeAxis(p.op.attrs<Attrs>().axis, in.shape.rank() + 1, &axis);
  auto* params = p.Params<Params>();
  *params = {p.op.num_inputs(), in.shape.elements(0, axis),
             in.shape.elements(axis, in.shape.rank()) * BytesOf(in.dtype)};
  p.SetRun(Stack, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareStack}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "pack",
    .code = BuiltinCode::kPack,
    .attrs = Layout<Attrs>(OptionsTable::kPack, kRows),
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

}  // namespace octet::ops::pack
