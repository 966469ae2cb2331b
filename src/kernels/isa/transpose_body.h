// SPDX-License-Identifier: Apache-2.0
// Transposes elements of 32 bits. Included inside an unnamed namespace that has
//   kSquare, TransposeSquare(x, pitch_x, y, pitch_y)   so many rows and columns at a time

// Sixteen columns of some rows at a time: a cache line of x is read whole, which matters where rows lie a power of two apart and few lines stay.
void Transpose32(const std::byte* x, int64_t pitch_x, int64_t rows, int64_t columns, std::byte* y, int64_t pitch_y) {
  constexpr int64_t kLine = 16;
  const int64_t whole_rows = rows / kSquare * kSquare, whole_columns = columns / kSquare * kSquare;
  for (int64_t c = 0; c < whole_columns; c += kLine)
    for (int64_t r = 0; r < whole_rows; r += kSquare)
      for (int64_t i = c; i < c + kLine && i < whole_columns; i += kSquare) TransposeSquare(x + r * pitch_x + i * 4, pitch_x, y + i * pitch_y + r * 4, pitch_y);
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t r = c < whole_columns ? whole_rows : 0; r < rows; ++r) __builtin_memcpy(y + c * pitch_y + r * 4, x + r * pitch_x + c * 4, 4);
}
