// SPDX-License-Identifier: Apache-2.0
// SplitV: bands of the given sizes along `axis`; one size may be -1, the rest.
#include <numeric>
#include <vector>

#include "ops/import.h"
#include "ops/move_attrs.h"
#include "ops/split_util.h"

namespace octet::ops::split_v {
namespace {

using Attrs = SplitAttrs;
constexpr AttrRow kRows[] = {Attr<&Attrs::num_splits>("num_splits", 0)};

constexpr Operand kInputs[] = {{.name = "value"},
                               {.name = "size_splits", .type = 'S', .role = Role::kShape},
                               {.name = "axis", .type = 'A', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "outputs", .arity = Arity::kMany}};
constexpr TypeRow kTypes[] = {{"T=f32|u8|i16|i32|i64 S=i32|i64 A=i32"}, {"T=i8 S=i32|i64 A=i32", 2}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone},
                               {.operand = 2, .kind = QuantKind::kNone}};

// The sizes as written (there may be many more of them than dimensions); empty when unknown.
std::vector<int64_t> Sizes(const OpView& op) {
  const auto small = op.const_of<int32_t>(1);
  if (!small.empty()) return {small.begin(), small.end()};
  const auto large = op.const_of<int64_t>(1);
  return {large.begin(), large.end()};
}

bool ReadAxis(const OpView& op, int* axis) {
  int64_t given = 0;
  return ReadInt(op, 2, &given) && NormalizeAxis(given, op.in(0)->shape.rank(), axis);
}

// Replaces the -1. False when the sizes do not add up to `whole`.
bool Resolve(std::vector<int64_t>& sizes, int64_t whole) {
  int64_t* rest = nullptr;
  int64_t sum = 0;
  for (int64_t& s : sizes) {
    if (s < -1 || s > INT32_MAX || (s == -1 && rest)) return false;
    if (s == -1) rest = &s;
    else sum += s;
  }
  if (whole == kUnknown) return true;
  if (rest) *rest = whole - sum;
  return rest ? *rest >= 0 : sum == whole;
}

Status Check(const OpView& op) {
  const int32_t n = op.attrs<Attrs>().num_splits;
  const Shape& in = op.in(0)->shape;
  OCTET_TRY(CheckScalar(op, 2, "axis"));
  OCTET_TRY(CheckVector(op, 1, n, "size_splits"));
  if (n < 1 || (op.num_outputs() > 0 && op.num_outputs() != n))
    return op.Fail(Code::kInvalidModel, "num_splits is %d, there are %d outputs", n, op.num_outputs());
  int64_t given = 0;
  int axis = 0;
  if (!ReadInt(op, 2, &given)) return {};
  if (!NormalizeAxis(given, in.rank(), &axis))
    return op.Fail(Code::kInvalidModel, "axis %lld is outside %s", static_cast<long long>(given),
                   in.text().c_str());
  std::vector<int64_t> sizes = Sizes(op);
  if (!sizes.empty() && !Resolve(sizes, in[axis]))
    return op.Fail(Code::kInvalidModel, "the sizes do not add up to dimension %d of %s", axis, in.text().c_str());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  std::vector<int64_t> sizes = Sizes(op);
  int axis = 0;
  const bool known = ReadAxis(op, &axis) && !sizes.empty();
  if (out.size() != static_cast<size_t>(op.attrs<Attrs>().num_splits))
    return op.Fail(Code::kInvalidModel, "num_splits is %d, there are %zu outputs", op.attrs<Attrs>().num_splits,
                   out.size());
  if (known) Resolve(sizes, op.in(0)->shape[axis]);
  for (size_t i = 0; i < out.size(); ++i) {
    out[i].dynamic = !known;
    if (!known) continue;
    out[i].shape = op.in(0)->shape;
    out[i].shape[axis] = static_cast<int32_t>(sizes[i]);  // Still -1 = kUnknown when the whole is unknown.
  }
  return {};
}

Status PrepareSplit(Prepare& p) {
  std::vector<int64_t> sizes = Sizes(p.op);
  int axis = 0;
  ReadAxis(p.op, &axis);
  Resolve(sizes, p.op.in(0)->shape[axis]);
  return SetBands(p, 0, axis, sizes);
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareSplit}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "split_v",
    .code = BuiltinCode::kSplitV,
    .attrs = Layout<Attrs>(OptionsTable::kSplitV, kRows),
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

}  // namespace octet::ops::split_v
