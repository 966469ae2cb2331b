// SPDX-License-Identifier: Apache-2.0
// TopKV2: the k largest elements of every row (last axis), largest first, and their positions; among
// equals the lower position comes first.
#include <algorithm>

#include "ops/import.h"
#include "ops/operand_util.h"

namespace octet::ops::topk_v2 {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "k", .type = 'K', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "values"}, {.name = "indices", .type = 'I'}};
constexpr TypeRow kTypes[] = {
    {"T=f32|u8|i32|i64 K=i32 I=i32"}, {"T=i8 K=i32 I=i32", 2}, {"T=f32|i8|u8|i16|i32|i64 K=i16|i32 I=i16|i32", 3}};
constexpr QuantRow kQuant[] = {{.operand = 0, .kind = QuantKind::kFree},
                               {.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = ~1, .kind = QuantKind::kNone},
                               {.operand = 1, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  const Shape& in = op.in(0)->shape;
  OCTET_TRY(CheckScalar(op, 1, "k"));
  if (in.rank() < 1) return op.Fail(Code::kInvalidModel, "expected an input of one dimension or more, found a scalar");
  int64_t k = 0;
  if (ReadInt(op, 1, &k) && (k < 0 || (in.back() != kUnknown && k > in.back())))
    return op.Fail(Code::kInvalidModel, "k = %lld does not fit rows of %s", static_cast<long long>(k),
                   in.text().c_str());
  const TensorType* indices = op.out(1);
  if (indices && indices->dtype == DType::kI16 && in.back() > INT16_MAX)
    return op.Fail(Code::kInvalidModel, "int16 positions do not reach through rows of %d", in.back());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  if (out.size() != 2) return op.Fail(Code::kInvalidModel, "expected 2 outputs, found %zu", out.size());
  int64_t k = 0;
  const bool known = ReadInt(op, 1, &k);
  if (!op.out(1)) out[1].dtype = DType::kI32;
  for (OutputType& o : out) {
    o.dynamic = !known;
    if (!known) continue;
    o.shape = op.in(0)->shape;
    o.shape[o.shape.rank() - 1] = static_cast<int32_t>(k);
  }
  return {};
}

struct Params {
  int64_t rows, length, k;
  void (*put_indices)(const int32_t* order, int64_t k, int64_t row, const Run& run);
};

// Whether position a comes before b. NaN has no place in an order: it ranks below every number, so that
// sorting ends.
template <class T> bool Before(const T* in, int32_t a, int32_t b) {
  const bool a_nan = in[a] != in[a], b_nan = in[b] != in[b];
  if (a_nan || b_nan) return a_nan == b_nan ? a < b : b_nan;
  return in[a] > in[b] || (in[a] == in[b] && a < b);
}

template <class I> void PutIndices(const int32_t* order, int64_t k, int64_t row, const Run& run) {
  for (int64_t i = 0; i < k; ++i) run.output<I>(1)[row * k + i] = static_cast<I>(order[i]);
}

template <class T> Status Select(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  auto* order = reinterpret_cast<int32_t*>(run.workspace);
  for (int64_t r = 0; r < p.rows; ++r) {
    const T* in = run.input<T>(0) + r * p.length;
    for (int64_t i = 0; i < p.length; ++i) order[i] = static_cast<int32_t>(i);
    std::partial_sort(order, order + p.k, order + p.length,
                      [in](int32_t a, int32_t b) { return Before(in, a, b); });
    for (int64_t i = 0; i < p.k; ++i) run.output<T>(0)[r * p.k + i] = in[order[i]];
    p.put_indices(order, p.k, r, run);
  }
  return {};
}

Status PrepareSelect(Prepare& p) {
  const Shape& in = p.op.in(0)->shape;
  auto* params = p.Params<Params>();
  int64_t k = 0;
  ReadInt(p.op, 1, &k);
  *params = {in.elements(0, in.rank() - 1), in.back(), k, p.op.out(1)->dtype == DType::kI16 ? PutIndices<int16_t> : PutIndices<int32_t>};
  p.Workspace(static_cast<size_t>(params->length) * sizeof(int32_t));
  switch (p.op.in(0)->dtype) {
    case DType::kF32:
      p.SetRun(Select<float>, params);
      break;
    case DType::kU8:
      p.SetRun(Select<uint8_t>, params);
      break;
    case DType::kI8:
      p.SetRun(Select<int8_t>, params);
      break;
    case DType::kI16:
      p.SetRun(Select<int16_t>, params);
      break;
    case DType::kI32:
      p.SetRun(Select<int32_t>, params);
      break;
    default:
      p.SetRun(Select<int64_t>, params);
      break;
  }
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareSelect}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "topk_v2",
    .code = BuiltinCode::kTopkV2,
    .attrs = Layout<NoAttrs>(OptionsTable::kTopKV2, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::topk_v2
