// SPDX-License-Identifier: Apache-2.0
// Where: the coordinates of the elements that are not zero, one row each, in order. How many there are is
// data: infer counts them once the input is known.
#include "ops/import.h"
#include "ops/operand_util.h"

namespace octet::ops::where {
namespace {

constexpr Operand kInputs[] = {{.name = "condition"}};
constexpr Operand kOutputs[] = {{.name = "output", .type = 'O'}};
constexpr TypeRow kTypes[] = {{"T=bool O=i64"}, {"T=f32|i8|u8|i32|u32|i64 O=i64", 2}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  if (op.in(0)->shape.rank() < 1) return op.Fail(Code::kInvalidModel, "expected a condition of one dimension or more, found a scalar");
  return {};
}

template <class T, class F> void ForEach(const std::byte* data, int64_t n, const F& f) {
  const auto* values = reinterpret_cast<const T*>(data);
  for (int64_t i = 0; i < n; ++i)
    if (values[i] != T{}) f(i);
}

// Calls f with the position of every element that is not zero.
template <class F> void ForEachTrue(DType type, const std::byte* data, int64_t n, const F& f) {
  switch (type) {
    case DType::kF32:
      return ForEach<float>(data, n, f);
    case DType::kI32:
    case DType::kU32:
      return ForEach<uint32_t>(data, n, f);
    case DType::kI64:
      return ForEach<uint64_t>(data, n, f);
    default:
      return ForEach<uint8_t>(data, n, f);
  }
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const TensorType& in = *op.in(0);
  out[0].dtype = DType::kI64;
  const bool empty = in.shape.known() && in.shape.elements() == 0;
  out[0].dynamic = !op.has_const(0) && !empty;
  if (out[0].dynamic) return {};
  int64_t count = 0;
  if (!empty) ForEachTrue(in.dtype, op.constants[0], in.shape.elements(), [&count](int64_t) { ++count; });
  if (!FitsDimension(count)) return op.Fail(Code::kOutOfMemory, "too many elements");
  out[0].shape = {static_cast<int32_t>(count), in.shape.rank()};
  return {};
}

struct Params {
  DType type;
  int64_t elements, rows;
  int rank;
  std::array<int64_t, kMaxRank> stride;
};

Status List(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  auto* out = run.output<int64_t>(0);
  int64_t row = 0;
  ForEachTrue(p.type, run.in[0], p.elements, [&](int64_t at) {
    if (row++ >= p.rows) return;
    for (int i = 0; i < p.rank; ++i) {
      *out++ = at / p.stride[i];
      at %= p.stride[i];
    }
  });
  if (row == p.rows) return {};
  return Error(Code::kInvalidArgument, "where: planned for %lld elements, found %lld",
               static_cast<long long>(p.rows), static_cast<long long>(row));
}

Status PrepareList(Prepare& p) {
  const TensorType& in = *p.op.in(0);
  auto* params = p.Params<Params>();
  *params = {in.dtype, in.shape.elements(), p.op.out(0)->shape[0], in.shape.rank(), Strides(in.shape)};
  p.SetRun(List, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareList}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "where",
    .code = BuiltinCode::kWhere,
    .attrs = Layout<NoAttrs>(OptionsTable::kWhere, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::where
