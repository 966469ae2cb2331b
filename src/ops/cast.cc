// SPDX-License-Identifier: Apache-2.0
// Between element types. Float to integer truncates towards zero and saturates, NaN gives the largest value;
// integers wrap; bool is x != 0; complex numbers lose their imaginary part. Packed integers (4 and 2 bits,
// the first element in the low bits) only from and to float.
#include <type_traits>

#include "ops/unary_util.h"

namespace octet::ops::cast {
namespace {

struct Attrs {
  DType in_data_type = DType::kF32, out_data_type = DType::kF32;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::in_data_type>("in_data_type", 0), Attr<&Attrs::out_data_type>("out_data_type", 1)};
constexpr Operand kInputs[] = {{.name = "input", .type = 'S'}};
constexpr TypeRow kTypes[] = {
    {"S=f32|i32|u8|i64|i16|bool|c64 T=f32|i32|u8|i64|i16|bool|c64", 1},
    {"S=f32|i32|u8|i64|i16|bool|c64|u32 T=f32|i32|u8|i64|i16|bool|c64|u32", 2},
    {"S=f32|i32|u8|i64|i16|bool|c64|u32|i8 T=f32|i32|u8|i64|i16|bool|c64|u32|i8", 3},
    {"S=f32|i32|u8|i64|i16|bool|c64|u32|i8|u16 T=f32|i32|u8|i64|i16|bool|c64|u32|i8|u16", 4},
    {"S=f32|i32|u8|i64|i16|bool|c64|u32|i8|u16|f16|f64 T=f32|i32|u8|i64|i16|bool|c64|u32|i8|u16|f16|f64", 5},
    {"S=i4 T=f32", 6},
    {"S=f32 T=i4", 6},
    {"S=f32|i32|u8|i64|i16|bool|c64|u32|i8|u16|f16|f64|bf16 T=f32|i32|u8|i64|i16|bool|c64|u32|i8|u16|f16|f64|bf16", 7},
    {"S=i2|u4 T=f32", 8},
    {"S=f32 T=i2|u4", 8}};

// Numbers stay what they are: a truth is 1 step.
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kFixed, .when = DType::kI8, .fixed_scale = 1.0f}};

struct Params {
  int64_t count;
  int bits;  // Of packed integers.
  bool is_signed;
};

template <class S, class T> T Convert(S v) {
  if constexpr (std::is_same_v<S, T>) return v;
  else if constexpr (std::is_same_v<S, C64>) return Convert<float, T>(v.real());
  else if constexpr (!std::is_same_v<S, Compute<S>>) return Convert<float, T>(v);
  else if constexpr (std::is_same_v<T, C64>) return C64(static_cast<float>(v), 0.0f);
  else if constexpr (!std::is_same_v<T, Compute<T>>) return T(static_cast<float>(v));
  else if constexpr (std::is_same_v<T, Bool>) return v != S{0};
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

Status RunUnpack(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const uint8_t* x = run.input<uint8_t>(0);
  float* y = run.output<float>(0);
  const int per_byte = 8 / p.bits, mask = (1 << p.bits) - 1, sign = p.is_signed ? 1 << (p.bits - 1) : 0;
  for (int64_t i = 0; i < p.count; ++i) {
    const int raw = x[i / per_byte] >> (i % per_byte * p.bits) & mask;
    y[i] = static_cast<float>((raw ^ sign) - sign);
  }
  return {};
}

Status RunPack(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float* x = run.input<float>(0);
  uint8_t* y = run.output<uint8_t>(0);
  const int per_byte = 8 / p.bits, mask = (1 << p.bits) - 1, low = p.is_signed ? -(1 << (p.bits - 1)) : 0, high = low + mask;
  for (int64_t i = 0; i < p.count; ++i) {
    const float bounded = std::max(static_cast<float>(low), std::min(static_cast<float>(high), x[i]));
    const auto raw = static_cast<uint8_t>((static_cast<int>(bounded) & mask) << (i % per_byte * p.bits));
    y[i / per_byte] = static_cast<uint8_t>(i % per_byte == 0 ? raw : y[i / per_byte] | raw);
  }
  return {};
}

template <class Pick> RunFn ByElement(DType t, const Pick& pick) {
  return ByType<float, double, F16, BF16, int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t, int64_t, Bool, C64>(t, pick);
}

RunFn FromTo(DType from, DType to) {
  return ByElement(from, [to]<class S>() -> RunFn { return ByElement(to, []<class T>() -> RunFn { return RunCast<S, T>; }); });
}

Status PrepareReference(Prepare& p) {
  const DType from = p.op.in(0)->dtype, to = p.op.out(0)->dtype;
  const DType packed = BitsOf(from) < 8 ? from : to;
  auto* params = p.Params<Params>();
  *params = {CountOf(p.op), BitsOf(packed), packed != DType::kU4};
  p.SetRun(BitsOf(from) < 8 ? RunUnpack : BitsOf(to) < 8 ? RunPack : FromTo(from, to), params);
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
    .quantization = kQuant,
    .traits = kElementwise | kUnary | kKeepsChannels,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::cast
