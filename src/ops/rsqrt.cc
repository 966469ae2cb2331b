// SPDX-License-Identifier: Apache-2.0
// y = 1 / sqrt(x). int8: an exact integer table; x <= 0 gives the largest value.
#include "ops/unary_util.h"

namespace octet::ops::rsqrt {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}, {"T=i8", 2}};

float Apply(float x) { return 1.0f / std::sqrt(x); }

// 1 / sqrt(x) for x >= 1 as a Q0.31 mantissa and a right shift: five Newton steps in Q3.28.
Multiplier InverseSqrt(int32_t x, int reverse_shift) {
  if (x <= 1) return {INT32_MAX, 0};
  int right = 11;
  while (x >= (1 << 29)) {
    x /= 4;
    ++right;
  }
  const int left = __builtin_clz(static_cast<uint32_t>(x)) - 1, pairs = left / 2 - 1;
  right -= pairs;
  x = static_cast<int32_t>(static_cast<uint32_t>(x) << (2 * pairs));
  constexpr int32_t kThreeHalves = 3 << 27, kSqrtHalf = 1518500250;  // Q3.28; Q0.31
  const auto shifted = [](int32_t v, int by) { return static_cast<int32_t>(std::clamp<int64_t>(static_cast<int64_t>(v) * (1ll << by), INT32_MIN, INT32_MAX)); };
  const int32_t half = RoundingDivideByPot(x, 1);
  int32_t y = 1 << 28;
  for (int i = 0; i < 5; ++i) {
    const int32_t square = RoundingDoublingHighMul(y, y);                       // Q6.25
    const int32_t cube = shifted(RoundingDoublingHighMul(square, y), 6);        // Q9.22 to Q3.28
    y = shifted(RoundingDoublingHighMul(kThreeHalves, y) - RoundingDoublingHighMul(half, cube), 3);
  }
  y = RoundingDoublingHighMul(y, kSqrtHalf);
  if (right < 0) {
    y = static_cast<int32_t>(static_cast<uint32_t>(y) << -right);
    right = 0;
  }
  return {y, right * reverse_shift};
}

struct Integer {
  Multiplier scale;
};

int32_t Entry(const OpView& op, int32_t value, const void* context) {
  const int32_t x = value - op.in(0)->quant.zero0();
  if (x <= 0) return 127;
  constexpr int kShift = 20;  // Fractional bits in between.
  const Multiplier inverse = InverseSqrt(x, -1);
  const int32_t root = Requantize(1, {inverse.mantissa, inverse.shift + kShift});
  const auto& q = *static_cast<const Integer*>(context);
  const int32_t y = Requantize(root, {q.scale.mantissa, q.scale.shift - kShift}) + op.out(0)->quant.zero0();
  return std::clamp(y, -128, 127);
}

Status PrepareReference(Prepare& p) {
  if (p.op.in(0)->dtype == DType::kF32) return PrepareUnary<Apply>(p);
  const float root = std::sqrt(p.op.in(0)->quant.scale0());
  const Integer q{QuantizeMultiplier(static_cast<double>(1.0f / (root * p.op.out(0)->quant.scale0())))};
  return PrepareTable(p, Entry, &q);
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "rsqrt",
    .code = BuiltinCode::kRsqrt,
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary,
    .check = CheckUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = {}};

}  // namespace octet::ops::rsqrt
