// SPDX-License-Identifier: Apache-2.0
// Transposes elements of 32 bits, 8 x 8 at a time. Included inside an unnamed namespace.

constexpr int64_t kSquare = 8;
inline void TransposeSquare(const std::byte* x, int64_t pitch_x, std::byte* y, int64_t pitch_y) {
  __m256 row[8], pair[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) row[i] = _mm256_loadu_ps(reinterpret_cast<const float*>(x + i * pitch_x));
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    pair[i] = _mm256_unpacklo_ps(row[i], row[i + 1]);
    pair[i + 1] = _mm256_unpackhi_ps(row[i], row[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {  // Columns 0, 4; 1, 5; 2, 6; 3, 7 of four rows.
    row[i] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0x44);
    row[i + 1] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0xee);
    row[i + 2] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0x44);
    row[i + 3] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(reinterpret_cast<float*>(y + i * pitch_y), _mm256_permute2f128_ps(row[i], row[i + 4], 0x20));
    _mm256_storeu_ps(reinterpret_cast<float*>(y + (i + 4) * pitch_y), _mm256_permute2f128_ps(row[i], row[i + 4], 0x31));
  }
}

#include "kernels/isa/transpose_body.h"
