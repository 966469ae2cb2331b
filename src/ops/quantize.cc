// SPDX-License-Identifier: Apache-2.0
// Float to integer: clamp(round(x / scale) + zero), half away from zero; integer to integer: DOUBLE by s_in / s_out.
#include "ops/unary_util.h"

namespace octet::ops::quantize {
namespace {

constexpr Operand kInputs[] = {{.name = "input", .type = 'S'}};
constexpr TypeRow kTypes[] = {{"S=f32 T=u8|i8|i16", 1}, {"S=i8|u8|i16|i32 T=i8|u8|i16|i32", 2}};

struct Params {
  int64_t count;
  float scale;
  int32_t zero_in, zero_out;
  Multiplier multiplier;
  Clamp32 range;
};

Status Check(const OpView& op) {
  if (op.in(0)->dtype != DType::kF32) OCTET_TRY(CheckPerTensor(op, *op.in(0), "input"));
  return op.out(0) ? CheckPerTensor(op, *op.out(0), "output") : op.Fail(Code::kInvalidArgument, "the output type must be given");
}

template <class T> Status FromFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float* x = run.input<float>(0);
  T* y = run.output<T>(0);
  // Clamped as floats first: values far outside would overflow the cast; NaN becomes the lowest value.
  const float low = static_cast<float>(p.range.low - p.zero_out), high = static_cast<float>(p.range.high - p.zero_out);
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float rounded = std::min(std::max(low, std::round(x[i] / p.scale)), high);
      y[i] = static_cast<T>(static_cast<int32_t>(rounded) + p.zero_out);
    }
  });
  return {};
}

Status VectorsToS8(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float* x = run.input<float>(0);
  int8_t* y = run.output<int8_t>(0);
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) { kernels::Vectors().divide_to_s8(x + begin, end - begin, p.scale, p.zero_out, y + begin); });
  return {};
}

template <class S, class T> Status FromInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const S* x = run.input<S>(0);
  T* y = run.output<T>(0);
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t value = static_cast<int64_t>(Requantize(static_cast<int32_t>(x[i]) - p.zero_in, p.multiplier)) + p.zero_out;
      y[i] = static_cast<T>(std::clamp<int64_t>(value, p.range.low, p.range.high));
    }
  });
  return {};
}

template <class S> RunFn ToType(DType to) {
  return to == DType::kI8 ? FromInteger<S, int8_t> : to == DType::kU8 ? FromInteger<S, uint8_t> : to == DType::kI16 ? FromInteger<S, int16_t> : FromInteger<S, int32_t>;
}

Status PrepareReference(Prepare& prepare) {
  const TensorType &x = *prepare.op.in(0), &y = *prepare.op.out(0);
  auto* p = prepare.Params<Params>();
  *p = {CountOf(prepare.op), y.quant.scale0(), x.quant.zero0(), y.quant.zero0(), {}, RangeOf(y.dtype)};
  if (x.dtype == DType::kF32) {
    prepare.SetRun(y.dtype == DType::kI8 ? FromFloat<int8_t> : y.dtype == DType::kU8 ? FromFloat<uint8_t> : FromFloat<int16_t>, p);
    return {};
  }
  p->multiplier = QuantizeMultiplier(static_cast<double>(x.quant.scale0()) / static_cast<double>(y.quant.scale0()));
  prepare.SetRun(x.dtype == DType::kI8 ? ToType<int8_t>(y.dtype) : x.dtype == DType::kU8 ? ToType<uint8_t>(y.dtype)
                 : x.dtype == DType::kI16 ? ToType<int16_t>(y.dtype) : ToType<int32_t>(y.dtype), p);
  return {};
}

bool TakesVectors(const OpView& op, const Cpu&) { return op.in(0)->dtype == DType::kF32 && op.out(0)->dtype == DType::kI8; }

Status PrepareVectors(Prepare& prepare) {
  const TensorType& y = *prepare.op.out(0);
  auto* p = prepare.Params<Params>();
  *p = {CountOf(prepare.op), y.quant.scale0(), 0, y.quant.zero0(), {}, RangeOf(y.dtype)};
  prepare.SetRun(VectorsToS8, p);
  return {};
}
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesVectors, .prepare = PrepareVectors},
                                 {.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "quantize",
    .code = BuiltinCode::kQuantize,
    .attrs = Layout<NoAttrs>(OptionsTable::kQuantize, {}),
    .inputs = kInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary | kKeepsChannels,
    .check = Check,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::quantize
