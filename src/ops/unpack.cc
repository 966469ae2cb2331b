// SPDX-License-Identifier: Apache-2.0
// Unpack: one output per index along `axis`, without that axis.
#include <vector>

#include "ops/import.h"
#include "ops/move_attrs.h"
#include "ops/split_util.h"

namespace octet::ops::unpack {
namespace {

using Attrs = UnpackAttrs;
constexpr AttrRow kRows[] = {Attr<&Attrs::num>("num", 0), Attr<&Attrs::axis>("axis", 1)};

constexpr Operand kInputs[] = {{.name = "value"}};
constexpr Operand kOutputs[] = {{.name = "outputs", .arity = Arity::kMany}};
constexpr TypeRow kTypes[] = {{"T=f32|i32"}, {"T=i8|u8", 2}, {"T=bool", 3}, {"T=i16", 4}, {"T=f16|bf16", 5}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0}};

Status Check(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape& in = op.in(0)->shape;
  int axis = 0;
  if (!NormalizeAxis(a.axis, in.rank(), &axis))
    return op.Fail(Code::kInvalidModel, "axis %d is outside %s", a.axis, in.text().c_str());
  if (a.num < 0 || (in[axis] != kUnknown && in[axis] != a.num))
    return op.Fail(Code::kInvalidModel, "num is %d, dimension %d of %s says otherwise", a.num, axis,
                   in.text().c_str());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Attrs& a = op.attrs<Attrs>();
  if (out.size() != static_cast<size_t>(a.num))
    return op.Fail(Code::kInvalidModel, "num is %d, there are %zu outputs", a.num, out.size());
  const Shape& in = op.in(0)->shape;
  int axis = 0;
  NormalizeAxis(a.axis, in.rank(), &axis);
  Shape shape;
  for (int i = 0; i < in.rank(); ++i)
    if (i != axis) shape.push_back(in[i]);
  for (OutputType& o : out) o.shape = shape;
  return {};
}

Status PrepareUnpack(Prepare& p) {
  int axis = 0;
  NormalizeAxis(p.op.attrs<Attrs>().axis, p.op.in(0)->shape.rank(), &axis);
  return SetBands(p, 0, axis, std::vector<int64_t>(p.op.num_outputs(), 1));
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareUnpack}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "unpack",
    .code = BuiltinCode::kUnpack,
    .attrs = Layout<Attrs>(OptionsTable::kUnpack, kRows),
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

}  // namespace octet::ops::unpack
