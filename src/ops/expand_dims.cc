// SPDX-License-Identifier: Apache-2.0
// ExpandDims: a dimension of 1 in front of `axis`.
#include "ops/import.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::expand_dims {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "axis", .type = 'A', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"A=i32|i64"}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  const int rank = op.in(0)->shape.rank();
  OCTET_TRY(CheckScalar(op, 1, "axis"));
  if (rank >= kMaxRank) return op.Fail(Code::kUnsupported, "rank %d is above %d", rank + 1, kMaxRank);
  int64_t given = 0;
  int axis = 0;
  if (ReadInt(op, 1, &given) && !NormalizeAxis(given, rank + 1, &axis))
    return op.Fail(Code::kInvalidModel, "axis %lld is outside rank %d", static_cast<long long>(given), rank + 1);
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  int64_t given = 0;
  int axis = 0;
  out[0].dynamic = !ReadInt(op, 1, &given);
  if (out[0].dynamic) return {};
  NormalizeAxis(given, in.rank() + 1, &axis);
  for (int i = 0; i <= in.rank(); ++i) {
    if (i == axis) out[0].shape.push_back(1);
    if (i < in.rank()) out[0].shape.push_back(in[i]);
  }
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareIdentity}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "expand_dims",
    .code = BuiltinCode::kExpandDims,
    .attrs = Layout<NoAttrs>(OptionsTable::kExpandDims, {}),
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

}  // namespace octet::ops::expand_dims
