// SPDX-License-Identifier: Apache-2.0
// Integer or half to float: scale * (q - zero), rounded once; per tensor or per channel.
#include "base/float16.h"
#include "ops/shape_util.h"
#include "ops/unary_util.h"

namespace octet::ops::dequantize {
namespace {

constexpr Operand kInputs[] = {{.name = "input", .type = 'S'}};
constexpr TypeRow kTypes[] = {{"S=u8 T=f32", 1}, {"S=i8 T=f32", 2}, {"S=i16|f16 T=f32", 3}, {"S=i4|u4|i2 T=f32", 6}};

struct Params {
  int64_t count;
  const float* scale;
  const int32_t* zero;
  int64_t channels, inner;  // channel of element i: i / inner % channels
};

Status Check(const OpView& op) {
  const TensorType& x = *op.in(0);
  if (x.dtype == DType::kF16) return {};
  if (x.quant.empty()) return op.Fail(Code::kInvalidModel, "the input has no quantization scale");
  if (x.quant.block_size > 0)
    return op.Fail(Code::kUnsupported, "the input has a scale per block of %d; give it one per tensor or channel", x.quant.block_size);
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0] = {DType::kF32, op.in(0)->shape, false};
  return {};
}

int Version(const OpView& op) {
  Result<const TypeRow*> row = MatchTypes(op);
  const int version = row.ok() ? (*row)->version : 1;
  return op.in(0)->quant.per_channel() ? std::max(version, 5) : version;
}

Status RunHalf(const void* params, const Run& run) {
  const uint16_t* x = run.input<uint16_t>(0);
  float* y = run.output<float>(0);
  ForChunks(run, static_cast<const Params*>(params)->count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = F16ToF32(x[i]);
  });
  return {};
}

// A difference of 8-bit or 16-bit values is exact in float: single precision rounds its product once, too.
template <class T> Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const T* x = run.input<T>(0);
  float* y = run.output<float>(0);
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end;) {
      const int64_t c = i / p.inner % p.channels, next = std::min(end, (i / p.inner + 1) * p.inner);
      for (const float scale = p.scale[c], zero = static_cast<float>(p.zero[c]); i < next; ++i) y[i] = scale * (static_cast<float>(x[i]) - zero);
    }
  });
  return {};
}

// Two or four values a byte, the first in the lowest bits.
template <int bits, bool is_signed> Status RunPacked(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const uint8_t* x = run.input<uint8_t>(0);
  float* y = run.output<float>(0);
  constexpr int64_t kPerByte = 8 / bits;
  for (int64_t i = 0; i < p.count; ++i) {
    const auto high = static_cast<uint8_t>(x[i / kPerByte] << (8 - bits - i % kPerByte * bits));
    const int32_t q = (is_signed ? static_cast<int8_t>(high) : int32_t{high}) >> (8 - bits);
    const int64_t c = p.channels == 1 ? 0 : i / p.inner % p.channels;
    y[i] = static_cast<float>(static_cast<double>(p.scale[c]) * (q - p.zero[c]));
  }
  return {};
}

RunFn IntegerRun(DType x) {
  switch (x) {
    case DType::kI8: return RunInteger<int8_t>;
    case DType::kU8: return RunInteger<uint8_t>;
    case DType::kI16: return RunInteger<int16_t>;
    case DType::kI4: return RunPacked<4, true>;
    case DType::kU4: return RunPacked<4, false>;
    default: return RunPacked<2, true>;
  }
}

Status PrepareReference(Prepare& prepare) {
  const TensorType& x = *prepare.op.in(0);
  auto* p = prepare.Params<Params>();
  p->count = CountOf(prepare.op);
  if (x.dtype == DType::kF16) {
    prepare.SetRun(RunHalf, p);
    return {};
  }
  auto* scale = prepare.Array<float>(x.quant.scale.size());
  auto* zero = prepare.Array<int32_t>(x.quant.scale.size());
  std::ranges::copy(x.quant.scale, scale);
  std::ranges::copy(x.quant.zero_point, zero);
  p->scale = scale;
  p->zero = zero;
  p->channels = static_cast<int64_t>(x.quant.scale.size());
  p->inner = p->channels == 1 ? std::max<int64_t>(1, p->count) : x.shape.elements(x.quant.axis + 1, x.shape.rank());
  prepare.SetRun(IntegerRun(x.dtype), p);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "dequantize",
    .code = BuiltinCode::kDequantize,
    .attrs = Layout<NoAttrs>(OptionsTable::kDequantize, {}),
    .inputs = kInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary | kKeepsChannels,
    .check = Check,
    .infer = Infer,
    .cost = CostOfUnary,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::dequantize
