// SPDX-License-Identifier: Apache-2.0
// Squeeze: drops the dimensions of 1 that are named, or all of them when none is.
#include "ops/import.h"
#include "ops/move_attrs.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::squeeze {
namespace {

using Attrs = SqueezeAttrs;
constexpr AttrRow kRows[] = {Attr<&Attrs::squeeze_dims>("squeeze_dims", 0)};

constexpr Operand kInputs[] = {{.name = "input"}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{""}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0}};

Status Check(const OpView& op) {
  const Shape& in = op.in(0)->shape;
  for (int32_t d : op.attrs<Attrs>().squeeze_dims.span()) {
    int axis = 0;
    if (!NormalizeAxis(d, in.rank(), &axis) || (in[axis] != 1 && in[axis] != kUnknown))
      return op.Fail(Code::kInvalidModel, "dimension %d of %s is not 1", d, in.text().c_str());
  }
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  const auto dims = op.attrs<Attrs>().squeeze_dims.span();
  uint32_t drop = 0;
  for (int32_t d : dims) {
    int axis = 0;
    NormalizeAxis(d, in.rank(), &axis);
    drop |= 1u << axis;
  }
  for (int i = 0; i < in.rank(); ++i) {
    if (dims.empty() ? in[i] == 1 : (drop >> i & 1) != 0) continue;
    out[0].shape.push_back(in[i]);
  }
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareIdentity}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "squeeze",
    .code = BuiltinCode::kSqueeze,
    .attrs = Layout<Attrs>(OptionsTable::kSqueeze, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kMovesBytes | kHomogeneous | kAliases,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::squeeze
