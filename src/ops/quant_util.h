// SPDX-License-Identifier: Apache-2.0
// Integer arithmetic of quantized operators: the exact roundings of LiteRT's reference kernels.
// Names and formulas: DOUBLE, F64 and I64 of the numerics notes in docs/numerics.md.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "ops/op_def.h"

namespace octet::ops {

// real = mantissa * 2^(shift - 31), mantissa in [2^30, 2^31); 0 for 0 and for what is below 2^-31.
struct Multiplier {
  int32_t mantissa = 0;
  int32_t shift = 0;
};

// By bits: a double is (2^52 + low bits) * 2^(exponent - 1075), and its 53 bits lose the last 22, half away from zero. Thousands of
// these are made when a model is loaded. Not finite: 0.
inline Multiplier QuantizeMultiplier(double real) {
  constexpr int kDropped = 22;
  const auto bits = std::bit_cast<uint64_t>(real);
  const int exponent = static_cast<int>(bits >> 52 & 0x7ff);
  if (exponent == 0 || exponent == 0x7ff) return {};  // 0 and what is far below 2^-31; infinite.
  int shift = exponent - 1022;
  auto mantissa = static_cast<int64_t>((((bits & ((1ull << 52) - 1)) | 1ull << 52) + (1ull << (kDropped - 1))) >> kDropped);
  const bool negative = bits >> 63 != 0;
  if (mantissa == (1ll << 31) && !negative) {
    mantissa /= 2;
    ++shift;
  }
  if (shift < -31) return {};
  if (shift > 30) return {std::numeric_limits<int32_t>::max(), 30};
  return {static_cast<int32_t>(negative ? -mantissa : mantissa), shift};
}

// Whether scale is 2^exponent, within LiteRT's tolerance of a thousandth in the exponent.
inline bool PowerOfTwo(float scale, int* exponent) {
  if (!(scale > 0) || !std::isfinite(scale)) return false;
  const float log2 = std::log(scale) * (1.0f / std::log(2.0f)), rounded = std::round(log2);
  *exponent = static_cast<int>(rounded);
  return std::abs(log2 - rounded) < 1e-3f;
}

// High 32 bits of 2*a*b, to nearest, ties away from zero; saturates for the one overflow.
constexpr int32_t RoundingDoublingHighMul(int32_t a, int32_t b) {
  if (a == b && a == std::numeric_limits<int32_t>::min()) return std::numeric_limits<int32_t>::max();
  const int64_t product = static_cast<int64_t>(a) * b;
  const int64_t nudge = product >= 0 ? (1ll << 30) : (1 - (1ll << 30));
  return static_cast<int32_t>((product + nudge) / (1ll << 31));
}

// x / 2^exponent, to nearest, ties away from zero. Outside of 0 … 31 (div of nearly nothing, comparisons of
// scales above one) the answer is no quotient but what LiteRT's shifts leave on x86: their counts wrap.
constexpr int32_t RoundingDivideByPot(int32_t x, int exponent) {
  const auto mask = static_cast<int32_t>((1ull << (exponent & 63)) - 1);
  const int32_t remainder = x & mask;
  const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return static_cast<int32_t>(static_cast<uint32_t>(x >> (exponent & 31)) + (remainder > threshold ? 1u : 0u));
}

// DOUBLE rounding. The left shift wraps like the reference's.
constexpr int32_t Requantize(int32_t x, Multiplier m) {
  const int left = std::max(m.shift, 0), right = std::max(-m.shift, 0);
  const int32_t shifted = static_cast<int32_t>(static_cast<uint32_t>(x) << left);
  return RoundingDivideByPot(RoundingDoublingHighMul(shifted, m.mantissa), right);
}

// I64: 15-bit multiplier, one rounding, 64-bit accumulator (16x8 operators with an i64 bias).
inline int32_t Requantize64(int64_t x, Multiplier m) {
  const int32_t reduced = m.mantissa < 0x7fff0000 ? ((m.mantissa + (1 << 15)) >> 16) : 0x7fff;
  const int total = 15 - m.shift;
  const int64_t result = x * static_cast<int64_t>(reduced) + (1ll << (total - 1));
  return static_cast<int32_t>(result >> total);
}

template <class T> inline T Saturate(int32_t x) {
  return static_cast<T>(std::clamp<int32_t>(x, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
}

// Cut off towards zero. Not-a-numbers (a scale of infinity times 0) become 0, as in the low bits of x86's conversion.
template <class T, class Float> inline T SaturateReal(Float v, Float low = std::numeric_limits<T>::min(), Float high = std::numeric_limits<T>::max()) {
  return std::isnan(v) ? T{0} : static_cast<T>(std::clamp(v, low, high));
}

// Output bounds of a fused activation.
struct Clamp32 {
  int32_t low = 0, high = 0;
};
struct ClampF32 {
  float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
};

inline ClampF32 FloatClamp(Activation a) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  switch (a) {
    case Activation::kRelu: return {0.0f, inf};
    case Activation::kRelu6: return {0.0f, 6.0f};
    case Activation::kReluN1To1: return {-1.0f, 1.0f};
    default: return {-inf, inf};
  }
}

inline Clamp32 RangeOf(DType dtype) {
  switch (dtype) {
    case DType::kI8: return {-128, 127};
    case DType::kU8: return {0, 255};
    case DType::kI16: return {-32768, 32767};
    default: return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
  }
}

// Bounds in the output's quantization, intersected with the type's range. Infinite bounds are the type's.
inline Clamp32 QuantizedClamp(ClampF32 bounds, const TensorType& out) {
  Clamp32 c = RangeOf(out.dtype);
  const auto quantized = [&](float f) {
    constexpr double kLow = std::numeric_limits<int32_t>::min(), kHigh = std::numeric_limits<int32_t>::max();
    const double steps = static_cast<double>(std::round(f / out.quant.scale0()));  // NaN for 0/0: no quantization.
    return static_cast<int32_t>(std::clamp(out.quant.zero0() + (std::isnan(steps) ? 0.0 : steps), kLow, kHigh));
  };
  if (std::isfinite(bounds.low)) c.low = std::max(c.low, quantized(bounds.low));
  if (std::isfinite(bounds.high)) c.high = std::min(c.high, quantized(bounds.high));
  return c;
}
inline Clamp32 QuantizedClamp(Activation a, const TensorType& out) { return QuantizedClamp(FloatClamp(a), out); }

// Activations that clamp; others (tanh, sign bit) have no kernel as a fused activation in LiteRT.
inline Status CheckActivation(const OpView& op, Activation a) {
  if (a == Activation::kNone || a == Activation::kRelu || a == Activation::kRelu6 || a == Activation::kReluN1To1) return {};
  return op.Fail(Code::kUnsupported, "fused activation %d is not one of none, relu, relu6, relu_n1_to_1", static_cast<int>(a));
}

// Every int8/uint8/int16 activation needs a positive, finite scale per tensor.
inline Status CheckPerTensor(const OpView& op, const TensorType& t, const char* what) {
  if (t.quant.scale.size() == 1 && t.quant.scale[0] > 0 && std::isfinite(t.quant.scale[0])) return {};
  return op.Fail(Code::kInvalidModel, "%s: expected one positive quantization scale, found %zu (first %g)", what,
                 t.quant.scale.size(), static_cast<double>(t.quant.scale0()));
}

}  // namespace octet::ops
