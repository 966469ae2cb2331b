// SPDX-License-Identifier: Apache-2.0
// Element types that C++ lacks, and one dispatch from a DType to a kernel over the type.
#pragma once
#include <complex>
#include <type_traits>

#include "base/float16.h"
#include "ops/op_def.h"

namespace octet {

// 16-bit floats compute in float and round once at the end.
struct F16 {
  uint16_t bits;
  F16() = default;
  explicit F16(float f) : bits(F32ToF16(f)) {}
  operator float() const { return F16ToF32(bits); }
};
struct BF16 {
  uint16_t bits;
  BF16() = default;
  explicit BF16(float f) : bits(F32ToBF16(f)) {}
  operator float() const { return BF16ToF32(bits); }
};
// A bool that comes from a file, a caller or BITCAST: every byte but 0 is true, where C++ knows only 0 and 1.
struct Bool {
  uint8_t byte;
  Bool() = default;
  Bool(bool b) : byte(b) {}
  operator bool() const { return byte != 0; }
};
using C64 = std::complex<float>;
using C128 = std::complex<double>;

template <> inline constexpr DType DTypeOf<F16> = DType::kF16;
template <> inline constexpr DType DTypeOf<BF16> = DType::kBF16;
template <> inline constexpr DType DTypeOf<Bool> = DType::kBool;
template <> inline constexpr DType DTypeOf<C64> = DType::kC64;
template <> inline constexpr DType DTypeOf<C128> = DType::kC128;

namespace ops {

// What arithmetic on a T computes in.
template <class T> using Compute = std::conditional_t<std::is_same_v<T, F16> || std::is_same_v<T, BF16>, float, T>;

// Unsigned of the same width: integers wrap as LiteRT's do, without undefined overflow. (Products of
// 16-bit numbers would be promoted to int, so at least 32 bits.)
template <class T> using Wrapping = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

// pick.operator()<T>() for the one type of the list that t is; null when t is none of them (the type rows
// of the operator rule that out).
template <class... Ts, class Pick> RunFn ByType(DType t, const Pick& pick) {
  RunFn run = nullptr;
  ((DTypeOf<Ts> == t ? void(run = pick.template operator()<Ts>()) : void()), ...);
  return run;
}

}  // namespace ops
}  // namespace octet
