// SPDX-License-Identifier: Apache-2.0
// y = x * relu6(x + 3) / 6. Integers: 16-bit fixed point with the reference's roundings (a table here).
#include "ops/unary_util.h"

namespace octet::ops::hard_swish {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8|i8", 1}};

constexpr QuantRow kQuant[] = {{.operand = 0, .kind = QuantKind::kFree, .low = -3.0f}};

float Apply(float x) { return x * std::min(std::max(x + 3.0f, 0.0f), 6.0f) / 6.0f; }

int16_t RoundingDoublingHighMul16(int16_t a, int16_t b) {
  if (a == b && a == INT16_MIN) return INT16_MAX;
  const int32_t product = static_cast<int32_t>(a) * b;
  return static_cast<int16_t>((product + (product >= 0 ? (1 << 14) : (1 - (1 << 14)))) / (1 << 15));
}

// Truncating, without the nudge: what the reference does for the last product.
int16_t DoublingHighMul16(int16_t a, int16_t b) {
  if (a == b && a == INT16_MIN) return INT16_MAX;
  return static_cast<int16_t>(static_cast<int32_t>(a) * b / (1 << 15));
}

int16_t SaturatingShift(int16_t x, int by) {
  return static_cast<int16_t>(std::clamp<int64_t>(static_cast<int64_t>(x) * (1ll << by), INT16_MIN, INT16_MAX));
}

struct Factor {
  int16_t mantissa;  // Of 15 bits.
  int exponent;
};

Factor FactorOf(double real) {
  const Multiplier m = QuantizeMultiplier(real);
  const int64_t rounded = (static_cast<int64_t>(m.mantissa) + (1 << 15)) >> 16;
  return {static_cast<int16_t>(std::min<int64_t>(rounded, INT16_MAX)), m.shift};
}

struct Integer {
  Factor output, reluish;
  int32_t zero_in, zero_out;
  Clamp32 range;
};

int32_t Entry(const Integer& q, int32_t value) {
  const auto high = static_cast<int16_t>((value - q.zero_in) * (1 << 7));
  const int16_t scaled = RoundingDoublingHighMul16(high, q.output.mantissa);
  // relu6(x + 3) / 6 as a number in [0, 1] with 15 fractional bits; saturation does the clamping.
  int16_t gate = high;
  if (q.reluish.exponent > 0) gate = SaturatingShift(gate, q.reluish.exponent - 1);
  gate = RoundingDoublingHighMul16(gate, q.reluish.mantissa);
  if (q.reluish.exponent > 0) gate = SaturatingShift(gate, 1);
  if (q.reluish.exponent < 0) gate = static_cast<int16_t>(RoundingDivideByPot(gate, std::min(-q.reluish.exponent, 31)));
  gate = static_cast<int16_t>((gate + (1 << 15)) >> 1);
  const int16_t product = DoublingHighMul16(gate, scaled);
  const int32_t y = RoundingDivideByPot(product, std::clamp(-q.output.exponent, 0, 31)) + q.zero_out;
  return std::clamp(static_cast<int32_t>(static_cast<int16_t>(y)), q.range.low, q.range.high);
}

Status PrepareReference(Prepare& p) {
  if (p.op.in(0)->dtype == DType::kF32) return PrepareUnary<Apply>(p);
  const TensorType &x = *p.op.in(0), &y = *p.op.out(0);
  const float high_scale = (1.0f / 128.0f) * x.quant.scale0();
  const float gate_scale = 3.0f / 32768.0f;
  const Integer q{FactorOf(static_cast<double>(high_scale / y.quant.scale0())), FactorOf(static_cast<double>(high_scale / gate_scale)),
                  x.quant.zero0(), y.quant.zero0(), RangeOf(y.dtype)};
  if (q.output.exponent > 0)
    return p.op.Fail(Code::kUnsupported, "the output scale %g is more than 128 times finer than the input's, %g",
                     static_cast<double>(y.quant.scale0()), static_cast<double>(x.quant.scale0()));
  return PrepareInteger<Integer, Entry>(p, q);
}
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesFunctionF32, .prepare = PrepareVectorFunction<kernels::Function::kHardGate>},
                                 {.name = "reference", .prepare = PrepareReference}};

Status FromKeras(ImportContext& c) { return EmitUnary(c, "hard_swish"); }
constexpr ImportRule kRules[] = {
    {Source::kKerasActivation, "hard_silu", 0, FromKeras},
    {Source::kKerasActivation, "hard_swish", 0, FromKeras},
    {Source::kOnnx, "HardSwish", 0, FromKeras},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "hard_swish",
    .code = BuiltinCode::kHardSwish,
    .attrs = Layout<NoAttrs>(OptionsTable::kHardSwish, {}),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kElementwise | kUnary,
    .check = CheckUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::hard_swish
