// SPDX-License-Identifier: Apache-2.0
// Float to integer: clamp(round(x / scale) + zero), half away from zero, per tensor or per channel; integer to
// integer: DOUBLE by s_in / s_out.
#include "ops/shape_util.h"
#include "ops/unary_util.h"

namespace octet::ops::quantize {
namespace {

constexpr Operand kInputs[] = {{.name = "input", .type = 'S'}};
constexpr TypeRow kTypes[] = {{"S=f32 T=u8|i8|i16", 1}, {"S=f32 T=i4|u4", 4}, {"S=i8|u8|i16|i32 T=i8|u8|i16|i32", 2}};

struct Params {
  int64_t count;
  float scale;
  int32_t zero_in, zero_out;
  Multiplier multiplier;
  Clamp32 range;
  // Per channel; channel of element i: i / inner % channels.
  const float* scales;
  const int32_t* zeros;
  int64_t channels, inner;
};

bool PerChannel(const OpView& op) { return op.out(0)->quant.per_channel(); }

Status Check(const OpView& op) {
  if (op.in(0)->dtype != DType::kF32) OCTET_TRY(CheckPerTensor(op, *op.in(0), "input"));
  if (!op.out(0)) return op.Fail(Code::kInvalidArgument, "the output type must be given");
  if (op.in(0)->dtype != DType::kF32 || BitsOf(op.out(0)->dtype) < 8 || !PerChannel(op)) return CheckPerTensor(op, *op.out(0), "output");
  const Shape& x = op.in(0)->shape;
  const Quant& q = op.out(0)->quant;
  if (q.axis < 0 || q.axis >= x.rank() || (x[q.axis] != kUnknown && static_cast<size_t>(x[q.axis]) != q.scale.size()))
    return op.Fail(Code::kInvalidModel, "%zu scales along axis %d do not fit %s", q.scale.size(), q.axis, x.text().c_str());
  for (float s : q.scale)
    if (!(s > 0) || !std::isfinite(s)) return op.Fail(Code::kInvalidModel, "expected positive scales, found %g", static_cast<double>(s));
  return {};
}

// Clamped as floats first: values far outside would overflow the cast; NaN becomes the lowest value.
int32_t Quantized(float x, float scale, int32_t zero, Clamp32 range) {
  const float low = static_cast<float>(range.low - zero), high = static_cast<float>(range.high - zero);
  return static_cast<int32_t>(std::min(std::max(low, std::round(x / scale)), high)) + zero;
}

template <class T> Status FromFloatPerChannel(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float* x = run.input<float>(0);
  T* y = run.output<T>(0);
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t c = i / p.inner % p.channels;
      y[i] = static_cast<T>(Quantized(x[i], p.scales[c], p.zeros[c], p.range));
    }
  });
  return {};
}

// Two values a byte, the first in the low half.
Status FromFloatTo4Bits(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float* x = run.input<float>(0);
  auto* y = run.output<uint8_t>(0);
  for (int64_t i = 0; i < p.count; i += 2) {
    const int32_t low = Quantized(x[i], p.scale, p.zero_out, p.range);
    const int32_t high = i + 1 < p.count ? Quantized(x[i + 1], p.scale, p.zero_out, p.range) : 0;
    y[i / 2] = static_cast<uint8_t>((low & 15) | (high & 15) << 4);
  }
  return {};
}

template <class T> Status FromFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float* x = run.input<float>(0);
  T* y = run.output<T>(0);
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = static_cast<T>(Quantized(x[i], p.scale, p.zero_out, p.range));
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

int64_t FromInteger(const Params& p, int32_t x) {
  return std::clamp<int64_t>(static_cast<int64_t>(Requantize(x - p.zero_in, p.multiplier)) + p.zero_out, p.range.low, p.range.high);
}

template <class S, class T> Status RunFromInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const S* x = run.input<S>(0);
  T* y = run.output<T>(0);
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = static_cast<T>(FromInteger(p, static_cast<int32_t>(x[i])));
  });
  return {};
}

template <class S> RunFn ToType(DType to) {
  return to == DType::kI8    ? RunFromInteger<S, int8_t>
         : to == DType::kU8  ? RunFromInteger<S, uint8_t>
         : to == DType::kI16 ? RunFromInteger<S, int16_t>
                             : RunFromInteger<S, int32_t>;
}

void PrepareFromFloat(Prepare& prepare, Params* p) {
  const TensorType& y = *prepare.op.out(0);
  const bool bytes = y.dtype == DType::kI8, unsigned_bytes = y.dtype == DType::kU8;
  if (BitsOf(y.dtype) == 4) {
    p->range = y.dtype == DType::kI4 ? Clamp32{-8, 7} : Clamp32{0, 15};
    prepare.SetRun(FromFloatTo4Bits, p);
  } else if (!PerChannel(prepare.op)) {
    prepare.SetRun(bytes ? FromFloat<int8_t> : unsigned_bytes ? FromFloat<uint8_t> : FromFloat<int16_t>, p);
  } else {
    auto* scales = prepare.Array<float>(y.quant.scale.size());
    auto* zeros = prepare.Array<int32_t>(y.quant.scale.size());
    std::ranges::copy(y.quant.scale, scales);
    std::ranges::copy(y.quant.zero_point, zeros);
    p->scales = scales, p->zeros = zeros;
    p->channels = static_cast<int64_t>(y.quant.scale.size());
    p->inner = std::max<int64_t>(y.shape.elements(y.quant.axis + 1, y.shape.rank()), 1);
    prepare.SetRun(bytes ? FromFloatPerChannel<int8_t> : unsigned_bytes ? FromFloatPerChannel<uint8_t> : FromFloatPerChannel<int16_t>, p);
  }
}

Params ParamsOf(const OpView& op) {
  const TensorType &x = *op.in(0), &y = *op.out(0);
  const bool real = x.dtype == DType::kF32;
  const Multiplier multiplier = real ? Multiplier{} : QuantizeMultiplier(static_cast<double>(x.quant.scale0()) / static_cast<double>(y.quant.scale0()));
  return {CountOf(op), y.quant.scale0(), real ? 0 : x.quant.zero0(), y.quant.zero0(), multiplier, RangeOf(y.dtype), nullptr, nullptr, 1, 1};
}

Status PrepareReference(Prepare& prepare) {
  const TensorType &x = *prepare.op.in(0), &y = *prepare.op.out(0);
  auto* p = prepare.Params<Params>();
  *p = ParamsOf(prepare.op);
  if (x.dtype == DType::kF32) {
    PrepareFromFloat(prepare, p);
    return {};
  }
  prepare.SetRun(x.dtype == DType::kI8 ? ToType<int8_t>(y.dtype) : x.dtype == DType::kU8 ? ToType<uint8_t>(y.dtype)
                 : x.dtype == DType::kI16 ? ToType<int16_t>(y.dtype) : ToType<int32_t>(y.dtype), p);
  return {};
}

bool TakesVectors(const OpView& op, const Cpu&) { return op.in(0)->dtype == DType::kF32 && op.out(0)->dtype == DType::kI8 && !PerChannel(op); }

Status PrepareVectors(Prepare& prepare) {
  auto* p = prepare.Params<Params>();
  *p = ParamsOf(prepare.op);
  prepare.SetRun(VectorsToS8, p);
  return {};
}

bool IsByte(DType t) { return t == DType::kI8 || t == DType::kU8; }
bool TakesTable(const OpView& op, const Cpu&) { return IsByte(op.in(0)->dtype) && IsByte(op.out(0)->dtype); }
Status PrepareBytes(Prepare& prepare) {
  const Params p = ParamsOf(prepare.op);
  return PrepareTable(prepare, [](const void* params, int32_t v) { return static_cast<int32_t>(FromInteger(*static_cast<const Params*>(params), v)); }, &p);
}

constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesVectors, .prepare = PrepareVectors},
                                 {.name = "table", .takes = TakesTable, .prepare = PrepareBytes},
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
