// SPDX-License-Identifier: Apache-2.0
// Split: `num_splits` equal bands along `axis`.
#include <vector>

#include "ops/import.h"
#include "ops/move_attrs.h"
#include "ops/split_util.h"

namespace octet::ops::split {
namespace {

using Attrs = SplitAttrs;
constexpr AttrRow kRows[] = {Attr<&Attrs::num_splits>("num_splits", 0)};

constexpr Operand kInputs[] = {{.name = "axis", .type = 'A', .role = Role::kShape}, {.name = "value"}};
constexpr Operand kOutputs[] = {{.name = "outputs", .arity = Arity::kMany}};
constexpr TypeRow kTypes[] = {{"T=f32|u8|i64 A=i32"}, {"T=i8 A=i32", 2}, {"T=i32 A=i32", 3}, {"T=i16 A=i32", 4}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 1},
                               {.operand = 0, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  const int32_t n = op.attrs<Attrs>().num_splits;
  const Shape& in = op.in(1)->shape;
  OCTET_TRY(CheckScalar(op, 0, "axis"));
  if (n < 1 || (op.num_outputs() > 0 && op.num_outputs() != n))
    return op.Fail(Code::kInvalidModel, "num_splits is %d, there are %d outputs", n, op.num_outputs());
  int64_t given = 0;
  if (!ReadInt(op, 0, &given)) return {};
  int axis = 0;
  if (!NormalizeAxis(given, in.rank(), &axis))
    return op.Fail(Code::kInvalidModel, "axis %lld is outside %s", static_cast<long long>(given),
                   in.text().c_str());
  if (in[axis] != kUnknown && in[axis] % n != 0)
    return op.Fail(Code::kInvalidModel, "dimension %d of %s does not divide by %d", axis, in.text().c_str(), n);
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  if (out.size() != static_cast<size_t>(op.attrs<Attrs>().num_splits))
    return op.Fail(Code::kInvalidModel, "num_splits is %d, there are %zu outputs", op.attrs<Attrs>().num_splits,
                   out.size());
  int64_t given = 0;
  const bool known = ReadInt(op, 0, &given);
  Shape shape = op.in(1)->shape;
  int axis = 0;
  if (known && NormalizeAxis(given, shape.rank(), &axis) && shape[axis] != kUnknown)
    shape[axis] /= op.attrs<Attrs>().num_splits;
  for (OutputType& o : out) o = {op.in(1)->dtype, known ? shape : Shape{}, !known};
  return {};
}

Status PrepareSplit(Prepare& p) {
  int64_t given = 0;
  int axis = 0;
  ReadInt(p.op, 0, &given);
  NormalizeAxis(given, p.op.in(1)->shape.rank(), &axis);
  const std::vector<int64_t> extent(p.op.num_outputs(), p.op.out(0)->shape[axis]);
  return SetBands(p, 1, axis, extent);
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareSplit}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "split",
    .code = BuiltinCode::kSplit,
    .attrs = Layout<Attrs>(OptionsTable::kSplit, kRows),
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

}  // namespace octet::ops::split
