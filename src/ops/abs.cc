// SPDX-License-Identifier: Apache-2.0
// y = |x|. Integers: rescaled (DOUBLE) only where the scales differ.
#include "ops/unary_util.h"

namespace octet::ops::abs {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}, {"T=i8", 2}, {"T=i16", 3}, {"T=i32", 5}};

// int16 without quantization is plain numbers.
bool IsPlainInt16(const OpView& op) { return op.in(0)->dtype == DType::kI16 && op.in(0)->quant.empty(); }

Status Check(const OpView& op) { return IsPlainInt16(op) ? Status() : CheckUnary(op); }

struct Integer {
  Multiplier multiplier;
  bool rescale;
  int32_t zero_in, zero_out;
  Clamp32 range;
};

int32_t Entry(const Integer& q, int32_t value) {
  const int32_t magnitude = std::abs(value - q.zero_in);
  return std::clamp((q.rescale ? Requantize(magnitude, q.multiplier) : magnitude) + q.zero_out, q.range.low, q.range.high);
}

template <class T> T Apply(T x) { return static_cast<T>(x < 0 ? Wrapping<T>{0} - static_cast<Wrapping<T>>(x) : static_cast<Wrapping<T>>(x)); }
template <> float Apply(float x) { return std::abs(x); }

Status PrepareReference(Prepare& p) {
  const TensorType &x = *p.op.in(0), &y = *p.op.out(0);
  if (x.dtype == DType::kF32 || x.dtype == DType::kI32 || IsPlainInt16(p.op)) {
    auto* params = p.Params<UnaryParams>();
    params->count = CountOf(p.op);
    p.SetRun(ByType<float, int16_t, int32_t>(x.dtype, []<class T>() -> RunFn { return RunUnary<T, Apply<T>>; }), params);
    return {};
  }
  const float in = x.quant.scale0(), out = y.quant.scale0();
  const Integer q{QuantizeMultiplier(static_cast<double>(in / out)), in != out, x.quant.zero0(), y.quant.zero0(), RangeOf(y.dtype)};
  return PrepareInteger<Integer, Entry>(p, q);
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

Status FromOnnx(ImportContext& c) { return EmitUnary(c, "abs"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Abs", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "abs",
    .code = BuiltinCode::kAbs,
    .attrs = Layout<NoAttrs>(OptionsTable::kAbs, {}),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary | kHomogeneous | kKeepsChannels,
    .check = Check,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::abs
