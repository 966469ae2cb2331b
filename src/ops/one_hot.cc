// SPDX-License-Identifier: Apache-2.0
// OneHot: along a new axis of `depth`, on_value where the index points and off_value elsewhere; an index
// outside [0, depth) points nowhere.
#include <cstring>

#include "ops/import.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::one_hot {
namespace {

struct Attrs {
  int32_t axis = 0;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::axis>("axis", 0)};

constexpr Operand kInputs[] = {{.name = "indices", .type = 'I', .role = Role::kIndex},
                               {.name = "depth", .type = 'D', .role = Role::kShape},
                               {.name = "on_value"},
                               {.name = "off_value"}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|i8|u8|i32|i64|bool I=i32|i64 D=i32"}};  // LiteRT prepares 16 bits, too, but does not run them.
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 2},
                               {.operand = 3, .kind = QuantKind::kSameAs, .other = 2},
                               {.operand = 0, .kind = QuantKind::kNone},
                               {.operand = 1, .kind = QuantKind::kNone}};

// The new axis; -1 is behind all others.
int AxisOf(const OpView& op) {
  const int32_t axis = op.attrs<Attrs>().axis;
  return axis == -1 ? op.in(0)->shape.rank() : axis;
}

Status Check(const OpView& op) {
  const Shape& in = op.in(0)->shape;
  OCTET_TRY(CheckScalar(op, 1, "depth"));
  OCTET_TRY(CheckScalar(op, 2, "on_value"));
  OCTET_TRY(CheckScalar(op, 3, "off_value"));
  if (AxisOf(op) < 0 || AxisOf(op) > in.rank())
    return op.Fail(Code::kInvalidModel, "axis %d is outside rank %d", AxisOf(op), in.rank() + 1);
  if (in.rank() >= kMaxRank) return op.Fail(Code::kUnsupported, "rank %d is above %d", in.rank() + 1, kMaxRank);
  int64_t depth = 0;
  if (ReadInt(op, 1, &depth) && !FitsDimension(depth))
    return op.Fail(Code::kInvalidModel, "depth %lld is negative", static_cast<long long>(depth));
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  int64_t depth = 0;
  out[0].dtype = op.in(2)->dtype;
  out[0].dynamic = !ReadInt(op, 1, &depth);
  for (int i = 0; i <= in.rank() && !out[0].dynamic; ++i) {
    if (i == AxisOf(op)) out[0].shape.push_back(static_cast<int32_t>(depth));
    if (i < in.rank()) out[0].shape.push_back(in[i]);
  }
  return {};
}

struct Params {
  int64_t outer, depth, inner, bytes;
};

template <class I> Status Mark(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  FillElements(run.out[0], p.outer * p.depth * p.inner, run.in[3], p.bytes);
  const I* index = run.input<I>(0);
  for (int64_t o = 0; o < p.outer; ++o) {
    for (int64_t i = 0; i < p.inner; ++i, ++index) {
      if (*index < 0 || *index >= p.depth) continue;
      std::memcpy(run.out[0] + ((o * p.depth + *index) * p.inner + i) * p.bytes, run.in[2],
                  static_cast<size_t>(p.bytes));
    }
  }
  return {};
}

Status PrepareMark(Prepare& p) {
  const Shape& in = p.op.in(0)->shape;
  const int axis = AxisOf(p.op);
  auto* params = p.Params<Params>();
  *params = {in.elements(0, axis), p.op.out(0)->shape[axis], in.elements(axis, in.rank()),
             BytesOf(p.op.out(0)->dtype)};
  p.SetRun(p.op.in(0)->dtype == DType::kI64 ? Mark<int64_t> : Mark<int32_t>, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareMark}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "one_hot",
    .code = BuiltinCode::kOneHot,
    .attrs = Layout<Attrs>(OptionsTable::kOneHot, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::one_hot
