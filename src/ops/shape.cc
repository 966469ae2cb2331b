// SPDX-License-Identifier: Apache-2.0
// Shape: the input's dimensions as a vector. Never reads the input's data.
#include <algorithm>

#include "ops/import.h"
#include "ops/move_attrs.h"
#include "ops/op_def.h"

namespace octet::ops::shape {
namespace {

using Attrs = ShapeAttrs;
constexpr AttrRow kRows[] = {Attr<&Attrs::out_type>("out_type", 0)};

constexpr Operand kInputs[] = {{.name = "input"}};
constexpr Operand kOutputs[] = {{.name = "output", .type = 'O'}};
constexpr TypeRow kTypes[] = {{"O=i32|i64"}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kNone}};

Status Infer(const OpView& op, std::span<OutputType> out) {
  const DType type = op.attrs<Attrs>().out_type;
  if (type != DType::kI32 && type != DType::kI64)
    return op.Fail(Code::kUnsupported, "out_type %d is neither int32 nor int64", static_cast<int>(type));
  out[0].dtype = type;
  out[0].shape = {op.in(0)->shape.rank()};
  return {};
}

template <class T> struct Params {
  int rank;
  std::array<T, kMaxRank> dims;
};

template <class T> Status Write(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params<T>*>(params);
  std::copy_n(p.dims.begin(), p.rank, run.output<T>(0));
  return {};
}

template <class T> Status PrepareAs(Prepare& p) {
  auto* params = p.Params<Params<T>>();
  const auto dims = p.op.in(0)->shape.dims();
  params->rank = static_cast<int>(dims.size());
  std::ranges::copy(dims, params->dims.begin());
  p.SetRun(Write<T>, params);
  return {};
}

Status PrepareShape(Prepare& p) {
  return p.op.out(0)->dtype == DType::kI64 ? PrepareAs<int64_t>(p) : PrepareAs<int32_t>(p);
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareShape}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "shape",
    .code = BuiltinCode::kShape,
    .attrs = Layout<Attrs>(OptionsTable::kShape, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::shape
