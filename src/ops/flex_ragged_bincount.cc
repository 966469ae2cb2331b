// SPDX-License-Identifier: Apache-2.0
// RaggedBincount (TensorFlow's): for each row of numbers, told by where rows begin, how often each number below `size` occurs,
// or their weights added up, or whether it does.
#include <algorithm>

#include "ops/operand_util.h"
#include "ops/text_util.h"

namespace octet::ops::flex_ragged_bincount {
namespace {

constexpr Operand kInputs[] = {{.name = "splits", .type = 'P', .role = Role::kIndex}, {.name = "values", .type = 'V', .role = Role::kIndex},
                               {.name = "size", .type = 'V', .role = Role::kShape}, {.name = "weights"}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"P=i64 V=i32|i64 T=f32|i32|i64"}};

Status Check(const OpView& op) {
  OCTET_TRY(CheckNode(op));
  OCTET_TRY(CheckScalar(op, 2, "size"));
  const Shape &splits = op.in(0)->shape, &values = op.in(1)->shape, &weights = op.in(3)->shape;
  if (splits.rank() != 1 || values.rank() != 1 || splits[0] == 0)
    return op.Fail(Code::kInvalidModel, "expected vectors of splits and numbers, found %s and %s", splits.text().c_str(), values.text().c_str());
  if (weights.known() && values.known() && weights.elements() != 0 && !(weights == values))
    return op.Fail(Code::kInvalidModel, "weights of %s for numbers of %s", weights.text().c_str(), values.text().c_str());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& splits = op.in(0)->shape;
  int64_t size = 0;
  const bool known = ReadInt(op, 2, &size);
  if (known && !FitsDimension(size)) return op.Fail(Code::kInvalidModel, "size %lld", static_cast<long long>(size));
  out[0] = {op.in(3)->dtype, {splits[0] == kUnknown ? kUnknown : splits[0] - 1, known ? static_cast<int32_t>(size) : kUnknown}};
  return {};
}

struct Params {
  int64_t rows, size, values;
  bool weighted, binary;
};

template <class V, class T> Status Count(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  T* out = run.output<T>(0);
  const int64_t* splits = run.input<int64_t>(0);
  std::fill_n(out, p.rows * p.size, T());
  for (int64_t row = 0; row < p.rows; ++row, out += p.size) {
    if (splits[row] < 0 || splits[row + 1] < splits[row] || splits[row + 1] > p.values)
      return Error(Code::kInvalidArgument, "flex_ragged_bincount: its rows are not in order, or reach beyond the numbers");
    for (int64_t i = splits[row]; i < splits[row + 1]; ++i) {
      const auto v = static_cast<int64_t>(run.input<V>(1)[i]);
      if (v < 0) return Error(Code::kInvalidArgument, "flex_ragged_bincount: %lld is counted, a number below 0", static_cast<long long>(v));
      if (v >= p.size) continue;
      if (p.binary) out[v] = T(1);
      else out[v] += p.weighted ? run.input<T>(3)[i] : T(1);
    }
  }
  return {};
}

template <class V> RunFn CounterOf(DType type) {
  return type == DType::kF32 ? Count<V, float> : type == DType::kI32 ? Count<V, int32_t> : Count<V, int64_t>;
}

Status PrepareReference(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  const Shape& out = p.op.out(0)->shape;
  auto* params = p.Params<Params>();
  *params = {out[0], out[1], p.op.in(1)->shape[0], p.op.in(3)->shape.elements() != 0, node.Bool("binary_output", false)};
  const DType type = p.op.in(3)->dtype;
  p.SetRun(p.op.in(1)->dtype == DType::kI64 ? CounterOf<int64_t>(type) : CounterOf<int32_t>(type), params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_ragged_bincount", .code = BuiltinCode::kCustom, .custom_name = "FlexRaggedBincount",
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_ragged_bincount
