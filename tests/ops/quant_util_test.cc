// SPDX-License-Identifier: Apache-2.0
#include "ops/quant_util.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

namespace octet::ops::test {
namespace {

// As LiteRT makes it, by the mathematics library.
Multiplier ByLibrary(double real) {
  if (real == 0.0 || !std::isfinite(real)) return {};
  int shift = 0;
  auto mantissa = static_cast<int64_t>(std::round(std::frexp(real, &shift) * 0x1p31));
  if (mantissa == (1ll << 31)) {
    mantissa /= 2;
    ++shift;
  }
  if (shift < -31) return {};
  if (shift > 30) return {std::numeric_limits<int32_t>::max(), 30};
  return {static_cast<int32_t>(mantissa), shift};
}

void ExpectSame(uint64_t bits) {
  const auto real = std::bit_cast<double>(bits);
  const Multiplier want = ByLibrary(real), got = QuantizeMultiplier(real);
  ASSERT_EQ(got.mantissa, want.mantissa) << std::hexfloat << real;
  ASSERT_EQ(got.shift, want.shift) << std::hexfloat << real;
}

TEST(QuantUtil, MultipliersAreTheLibrarys) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 300000; ++i) ExpectSame(random());
  // Every exponent with both signs; mantissas around the halves that round, and those that round up to the next power.
  for (uint64_t exponent = 0; exponent < 2048; ++exponent) {
    for (const uint64_t sign : {0ull, 1ull << 63}) {
      for (const uint64_t low : {0ull, 1ull, (1ull << 21) - 1, 1ull << 21, (1ull << 21) + 1, 3ull << 21, (1ull << 52) - 1, (1ull << 52) - (1ull << 21) - 1,
                                 (1ull << 52) - (1ull << 21), (1ull << 52) - (1ull << 22)})
        ExpectSame(sign | exponent << 52 | low);
      ExpectSame(sign | exponent << 52 | random() >> 12);
    }
  }
  for (int i = 0; i < 300000; ++i) ExpectSame((1023 - 45 + random() % 90) << 52 | random() >> 12);  // Those that models have.
}

}  // namespace
}  // namespace octet::ops::test
