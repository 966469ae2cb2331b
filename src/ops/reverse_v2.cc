// SPDX-License-Identifier: Apache-2.0
// ReverseV2: the order of the elements turned around along the given axes.
#include "ops/import.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::reverse_v2 {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "axis", .type = 'A', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|f16|bf16|u8|i16|i32|i64 A=i32"}, {"T=bool A=i32", 2}, {"T=i8 A=i32", 3}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  const Shape& in = op.in(0)->shape;
  IntList axes;
  if (!ReadInts(op, 1, &axes)) return {};
  if (axes.count > kMaxRank)
    return op.Fail(Code::kInvalidModel, "%lld axes are too many", static_cast<long long>(axes.count));
  for (int64_t a : axes.span()) {
    int axis = 0;
    if (!NormalizeAxis(a, in.rank(), &axis))
      return op.Fail(Code::kInvalidModel, "axis %lld is outside %s", static_cast<long long>(a), in.text().c_str());
  }
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  IntList axes;
  out[0].shape = op.in(0)->shape;
  out[0].dynamic = !ReadInts(op, 1, &axes);
  return {};
}

Status PrepareReverse(Prepare& p) {
  const Shape& in = p.op.in(0)->shape;
  const int64_t bytes = BytesOf(p.op.in(0)->dtype);
  const auto stride = Strides(in);
  IntList axes;
  ReadInts(p.op, 1, &axes);
  uint32_t turned = 0;
  for (int64_t a : axes.span()) {
    int axis = 0;
    NormalizeAxis(a, in.rank(), &axis);
    turned |= 1u << axis;
  }
  StridedCopy copy;
  for (int i = 0; i < in.rank(); ++i) {
    const int64_t step = stride[i] * bytes;
    const bool turn = (turned >> i & 1) != 0 && in[i] > 0;
    if (turn) copy.src_offset += (in[i] - 1) * step;
    copy.Add(in[i], turn ? -step : step, step);
  }
  copy.Finish(bytes);
  return SetCopy(p, copy, 0);
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReverse}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "reverse_v2",
    .code = BuiltinCode::kReverseV2,
    .attrs = Layout<NoAttrs>(OptionsTable::kReverseV2, {}),
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

}  // namespace octet::ops::reverse_v2
