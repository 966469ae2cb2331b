// SPDX-License-Identifier: Apache-2.0
// Transposes elements of 32 bits, 8 x 8 at a time. Included inside an unnamed namespace.

inline void TransposeEight(const std::byte* x, int64_t pitch_x, std::byte* y, int64_t pitch_y) {
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

// Two squares side by side: where rows lie a power of two apart, few cache lines stay, and each is 16 elements.
void Transpose32(const std::byte* x, int64_t pitch_x, int64_t rows, int64_t columns, std::byte* y, int64_t pitch_y) {
  const int64_t whole_rows = rows / 8 * 8, whole_columns = columns / 8 * 8;
  for (int64_t c = 0; c < whole_columns; c += 16)
    for (int64_t r = 0; r < whole_rows; r += 8)
      for (int64_t i = c; i < c + 16 && i < whole_columns; i += 8) TransposeEight(x + r * pitch_x + i * 4, pitch_x, y + i * pitch_y + r * 4, pitch_y);
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t r = c < whole_columns ? whole_rows : 0; r < rows; ++r) __builtin_memcpy(y + c * pitch_y + r * 4, x + r * pitch_x + c * 4, 4);
}
