// SPDX-License-Identifier: Apache-2.0
// What the packed kernels share: the form of packed weights, and the constants that take sums back to 8 bits.
// ISA files include this header and nothing of the STL.
#pragma once
#include <cstdint>

namespace octet::kernels {

// Runtimes for one model's operators go without the second and third way that only save time (cmake/isa.cmake).
#ifdef OCTET_AVX2_ONLY
inline constexpr bool kSmall = true;
#else
inline constexpr bool kSmall = false;
#endif

// Weights of a matrix product, 8 bits: K4N16 = [n / 16][k / 4][16][4], zeros at the ends. The columns
// are output channels; 16 of them are a panel.
inline constexpr int kPanel = 16;
inline int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t RoundUp(int64_t n, int64_t to) { return CeilDivide(n, to) * to; }

// DOUBLE or F64 in one step: floor(x * scale + plus), in float32 arithmetic that rounds down. So rounded, a sum reaches an integer
// exactly where the real number does, and that it is the same for every x needs to be shown only at the at most 255 places where an
// output of 8 bits changes (Int8::floor does). Both round away from zero: what is added depends on the sign.
enum class Floored : uint8_t {
  kNone,
  kPlain,   // plus, and the zero point is within the bias: bytes that saturate are the outputs (Requant::plain).
  kSigned,  // x < 0 ? plus_negative : plus; the bias is so shifted that this is the sign of the output less its zero point.
};

// Its constants of 16 columns, side by side so that one address reaches them all. Where 24 bits of a scale are too few, x * fine is added;
// a panel that does without has zeros there.
struct alignas(64) FlooredPanel {
  int32_t bias[kPanel];
  float scale[kPanel], fine[kPanel], plus[kPanel], plus_negative[kPanel];
};

constexpr int64_t kMostSum = int64_t{1} << 29;  // Beyond it, only sums that reach few outputs have floors.

// Output of int32 accumulators, per column: how integers go back to 8 bits with the reference's
// roundings. Arrays are padded to whole panels.
struct Requant {
  const int32_t* bias = nullptr;      // Added first; always there.
  const int32_t* mantissa = nullptr;  // DOUBLE: Q31 multiplier.
  const int32_t* left = nullptr;      // Shift before, >= 0.
  const int32_t* right = nullptr;     // Shift after, >= 0.
  const double* scale = nullptr;      // F64 instead of DOUBLE when not null: round(acc * scale), half away.
  int32_t zero = 0, low = 0, high = 0;
  // Every column's left shift is 0, and no sum reaches kMostSum.
  bool narrow = false;
  // Where all columns are such floors: `bias` is the panels' then, and the other arrays are not there.
  Floored floored = Floored::kNone;
  const FlooredPanel* panels = nullptr;
  // A fused ReLU: what is negative before `zero` is added ends at `low`, however it was rounded.
  bool relu() const { return low >= zero; }
  // Bytes that saturate are within the bounds, and negative ones before `zero` is added all end at the lowest.
  bool plain() const { return zero == -128 && low == -128 && high == 127; }
};

}  // namespace octet::kernels
