// SPDX-License-Identifier: Apache-2.0
// More sums than there are registers, so that the test of the kernels' machine code (spills.py) is seen to fail.
#include <cstdint>

#ifdef __aarch64__
#include <arm_neon.h>
using Sums = int32x4_t;
using Values = int16x4_t;
inline Sums Add(Sums sum, Values x, Values w) { return vmlal_s16(sum, x, w); }
#else
#include <immintrin.h>
using Sums = __m256i;
using Values = __m256i;
inline Sums Add(Sums sum, Values x, Values w) { return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w)); }
#endif

void SpillingProducts(const Values* x, const Values* w, int64_t n, Sums* y) {
  constexpr int kSums = 40;
  Sums sum[kSums];
#pragma GCC unroll 40
  for (int i = 0; i < kSums; ++i) sum[i] = y[i];
  for (int64_t at = 0; at < n; ++at) {
#pragma GCC unroll 40
    for (int i = 0; i < kSums; ++i) sum[i] = Add(sum[i], x[i], w[at]);
  }
#pragma GCC unroll 40
  for (int i = 0; i < kSums; ++i) y[i] = sum[i];
}
