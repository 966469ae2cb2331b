// SPDX-License-Identifier: Apache-2.0
// Unique: the different elements in the order in which they first occur, and for each element the number of its like.
// How many there are is data: infer counts them once the input is known.
#include <cstring>
#include <unordered_map>

#include "ops/import.h"
#include "ops/operand_util.h"

namespace octet::ops::unique {
namespace {

struct Attrs {
  DType idx_out_type = DType::kI32;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::idx_out_type>("idx_out_type", 0)};
constexpr Operand kInputs[] = {{.name = "input"}};
constexpr Operand kOutputs[] = {{.name = "output"}, {.name = "indices", .type = 'I'}};
constexpr TypeRow kTypes[] = {{"T=f32|i8|u8|i16|i32|i64 I=i32|i64"}};

Status Check(const OpView& op) {
  const DType type = op.attrs<Attrs>().idx_out_type;
  if (op.in(0)->shape.rank() > 1) return op.Fail(Code::kInvalidModel, "expected a vector, found %s", op.in(0)->shape.text().c_str());
  return type == DType::kI32 || type == DType::kI64 ? Status() : op.Fail(Code::kInvalidModel, "indices of type %s", std::string(NumpyName(type)).c_str());
}

// Calls found(element's number among the different ones, whether it is new) for each element. Floats compare as
// numbers: zeros are one, a NaN equals nothing.
template <class T, class F> int64_t Number(const T* data, int64_t n, const F& found) {
  std::unordered_map<T, int64_t> seen;
  int64_t different = 0;
  for (int64_t i = 0; i < n; ++i) {
    const auto [it, fresh] = seen.try_emplace(data[i], different);
    different += fresh;
    found(i, it->second, fresh);
  }
  return different;
}

template <class F> int64_t NumberAny(DType type, const std::byte* data, int64_t n, const F& found) {
  switch (type) {
    case DType::kF32: return Number(reinterpret_cast<const float*>(data), n, found);
    case DType::kI8:
    case DType::kU8: return Number(reinterpret_cast<const uint8_t*>(data), n, found);
    case DType::kI16: return Number(reinterpret_cast<const uint16_t*>(data), n, found);
    case DType::kI32: return Number(reinterpret_cast<const uint32_t*>(data), n, found);
    default: return Number(reinterpret_cast<const uint64_t*>(data), n, found);
  }
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const TensorType& in = *op.in(0);
  out[0].dtype = in.dtype;
  out[1] = {op.attrs<Attrs>().idx_out_type, in.shape};
  out[0].dynamic = !op.has_const(0);
  if (out[0].dynamic) return {};
  const int64_t different = NumberAny(in.dtype, op.constants[0], in.shape.elements(), [](int64_t, int64_t, bool) {});
  out[0].shape = {static_cast<int32_t>(different)};
  return {};
}

struct Params {
  DType type;
  int64_t elements, room;
  size_t bytes;
  bool wide;
};

Status Find(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const int64_t different = NumberAny(p.type, run.in[0], p.elements, [&](int64_t i, int64_t number, bool fresh) {
    if (fresh && number < p.room) std::memcpy(run.out[0] + static_cast<size_t>(number) * p.bytes, run.in[0] + static_cast<size_t>(i) * p.bytes, p.bytes);
    if (p.wide) run.output<int64_t>(1)[i] = number;
    else run.output<int32_t>(1)[i] = static_cast<int32_t>(number);
  });
  if (different == p.room) return {};
  return Error(Code::kInvalidArgument, "unique: planned for %lld elements, found %lld", static_cast<long long>(p.room), static_cast<long long>(different));
}

Status PrepareReference(Prepare& p) {
  const TensorType& in = *p.op.in(0);
  auto* params = p.Params<Params>();
  *params = {in.dtype, in.shape.elements(), p.op.out(0)->shape.elements(), static_cast<size_t>(BitsOf(in.dtype) / 8), p.op.out(1)->dtype == DType::kI64};
  p.SetRun(Find, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "unique", .code = BuiltinCode::kUnique, .attrs = Layout<Attrs>(OptionsTable::kUnique, kRows),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::unique
