// SPDX-License-Identifier: Apache-2.0
// Between element types. Float to integer truncates towards zero and saturates; integers wrap; bool is x != 0.
#include <type_traits>

#include "ops/unary_util.h"

namespace octet::ops::cast {
namespace {

struct Attrs {
  DType in_data_type = DType::kF32, out_data_type = DType::kF32;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::in_data_type>("in_data_type", 0), Attr<&Attrs::out_data_type>("out_data_type", 1)};
constexpr Operand kInputs[] = {{.name = "input", .type = 'S'}};
constexpr TypeRow kTypes[] = {{"S=f32|i32|u8|i64|bool T=f32|i32|u8|i64|bool", 1},
                              {"S=f32|i32|u8|i64|bool|i8|i16|u32|f64 T=f32|i32|u8|i64|bool|i8|i16|u32|f64", 2}};

struct Params {
  int64_t count;
};

template <class S, class T> T Convert(S v) {
  if constexpr (std::is_same_v<T, bool>) return v != S{0};
  else if constexpr (std::is_floating_point_v<S> && std::is_integral_v<T>) {
    if (v != v || static_cast<double>(v) >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    return static_cast<double>(v) <= static_cast<double>(std::numeric_limits<T>::min()) ? std::numeric_limits<T>::min() : static_cast<T>(v);
  } else return static_cast<T>(v);
}

template <class S, class T> Status RunCast(const void* params, const Run& run) {
  const S* x = run.input<S>(0);
  T* y = run.output<T>(0);
  ForChunks(run, static_cast<const Params*>(params)->count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = Convert<S, T>(x[i]);
  });
  return {};
}

template <class S> RunFn To(DType t) {
  switch (t) {
    case DType::kF32: return RunCast<S, float>;
    case DType::kF64: return RunCast<S, double>;
    case DType::kI32: return RunCast<S, int32_t>;
    case DType::kU32: return RunCast<S, uint32_t>;
    case DType::kI64: return RunCast<S, int64_t>;
    case DType::kI16: return RunCast<S, int16_t>;
    case DType::kI8: return RunCast<S, int8_t>;
    case DType::kU8: return RunCast<S, uint8_t>;
    default: return RunCast<S, bool>;
  }
}

RunFn FromTo(DType from, DType to) {
  switch (from) {
    case DType::kF32: return To<float>(to);
    case DType::kF64: return To<double>(to);
    case DType::kI32: return To<int32_t>(to);
    case DType::kU32: return To<uint32_t>(to);
    case DType::kI64: return To<int64_t>(to);
    case DType::kI16: return To<int16_t>(to);
    case DType::kI8: return To<int8_t>(to);
    case DType::kU8: return To<uint8_t>(to);
    default: return To<bool>(to);
  }
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<Params>();
  params->count = CountOf(p.op);
  p.SetRun(FromTo(p.op.in(0)->dtype, p.op.out(0)->dtype), params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "cast",
    .code = BuiltinCode::kCast,
    .attrs = Layout<Attrs>(OptionsTable::kCast, kRows),
    .inputs = kInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary | kKeepsChannels,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::cast
