// SPDX-License-Identifier: Apache-2.0
// Transpose: out dimension i = in dimension perm[i].
#include "ops/import.h"
#include "ops/layout_util.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::transpose {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "perm", .type = 'P', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {
    {"T=f32|f16|u8|u16|i32|u32|i64 P=i32"}, {"T=i8 P=i32", 2}, {"T=bool P=i32", 3}, {"T=i16 P=i32", 5}, {"T=bf16|f64|u64|c64 P=i32", 8}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  const int rank = op.in(0)->shape.rank();
  OCTET_TRY(CheckVector(op, 1, rank, "perm"));
  IntList perm;
  if (!ReadInts(op, 1, &perm)) return {};
  uint32_t seen = 0;
  for (int64_t d : perm.span()) {
    int axis = 0;
    if (!NormalizeAxis(d, rank, &axis) || (seen >> axis & 1))
      return op.Fail(Code::kInvalidModel, "perm is not a permutation of %d dimensions", rank);
    seen |= 1u << axis;
  }
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  IntList perm;
  out[0].dynamic = !ReadInts(op, 1, &perm);
  for (int i = 0; i < in.rank() && !out[0].dynamic; ++i) {
    int axis = 0;
    NormalizeAxis(perm.v[i], in.rank(), &axis);
    out[0].shape.push_back(in[axis]);
  }
  return {};
}

int Version(const OpView& op) {
  const int rank = op.in(0)->shape.rank();
  return std::max(RowVersion(op), rank > 5 ? 6 : rank > 4 ? 4 : 1);
}

Status PrepareTranspose(Prepare& p) {
  const Shape& in = p.op.in(0)->shape;
  const Shape& out = p.op.out(0)->shape;
  const int64_t bytes = BytesOf(p.op.in(0)->dtype);
  const auto from = Strides(in), to = Strides(out);
  IntList perm;
  ReadInts(p.op, 1, &perm);
  StridedCopy copy;
  for (int i = 0; i < in.rank(); ++i) {
    int axis = 0;
    NormalizeAxis(perm.v[i], in.rank(), &axis);
    copy.Add(out[i], from[axis] * bytes, to[i] * bytes);
  }
  copy.Finish(bytes);
  return SetCopy(p, copy, 0);
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareTranspose}};

// Keras counts the dimensions of `dims` from 1: the batch stays in front.
Status FromKerasPermute(ImportContext& c) {
  std::vector<int32_t> perm = {0};
  for (int64_t d : c.Ints("dims", {})) perm.push_back(static_cast<int32_t>(d));
  OCTET_ASSIGN(Value y, c.Emit("transpose", {c.Input(0), c.Vector(perm)}));
  c.SetOutput(0, y);
  return {};
}

constexpr ImportRule kRules[] = {{Source::kKeras, "Permute", 0, FromKerasPermute}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "transpose",
    .code = BuiltinCode::kTranspose,
    .attrs = Layout<NoAttrs>(OptionsTable::kTranspose, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kMovesBytes,
    .check = Check,
    .infer = Infer,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::transpose
