// SPDX-License-Identifier: Apache-2.0
// Primitives over rows of elements: arithmetic, functions, tables, sums, and the way between floats and
// 8-bit integers. One body (isa/elementwise_body.h) over each instruction set's lanes. Integers are the same
// bits everywhere; floats for any number of threads. n may be anything, pointers need no alignment.
#pragma once
#include <cstddef>
#include <cstdint>

namespace octet::kernels {

// DOUBLE rounding with one multiplier: shift left, high half of the doubled product, rounding shift right.
struct Rescale {
  int32_t mantissa = 0, left = 0, right = 0;
  bool narrow = false;  // No value reaches 2^(29 - left): both roundings can be one.
};

// Two int8 operands of their own scales: each (value - zero) * 2^shift is rescaled, then combined, rescaled
// again, moved to `zero_out` and clamped.
struct ScaledPair {
  int32_t zero_a = 0, zero_b = 0, zero_out = 0, shift = 0, low = -128, high = 127;
  Rescale a, b, out;
  // Sums and differences are also (line_a * a + line_b * b + line_zero) / 2^line_shift before rounding, up to `doubt` such parts: what is
  // farther than that from a half rounds to the same integer. 0: not to be relied on.
  int32_t line_a = 0, line_b = 0, line_zero = 0, line_shift = 0, doubt = 0;
  // Products: Floored::kSigned (kernels.h) of (a - zero_a) * (b - zero_b) + shift, without the zero. A scale of 0: none.
  struct {
    float scale = 0, fine = 0, plus = 0, plus_negative = 0;
    int32_t shift = 0;
  } floor{};
};

// Zero points of rows and of the one that they share as their other operand.
struct SharedRow {
  static constexpr int64_t kMost = 2048;
  int32_t zero = 0, zero_shared = 0;
};

// 256 entries, found by a byte's bits, and the same as straight pieces of eight where they are so smooth: entry 8 s + l is
//   base[s] + ((slope[s] * l) >> kSlopeBits), and one more where bit l of more[s] is set, modulo 256.
// With a `from`, the pieces are of the signed byte's distance to its lowest, max(byte, from) - from: of a table that starts flat and has
// a kink there.
struct ByteTable {
  enum class Pieces : uint8_t { kNone, kOfBits, kOfDistance };
  static constexpr int kPieces = 32, kSlopeBits = 5;
  uint8_t entry[256] = {};
  uint8_t base[kPieces] = {}, more[kPieces] = {};
  int8_t slope[kPieces] = {};
  int8_t from = -128;
  Pieces pieces = Pieces::kNone;
};
void FindPieces(ByteTable* table);  // Of its entries, where this processor's lookups read them.

// How the int32 sums of an integer product become floats again: y = clamp(sum * scale + bias).
struct ToFloat {
  const int32_t* column_sum = nullptr;  // Times a row's `offset` is what its sums are too large by.
  const float* column_scale = nullptr;
  const float* bias = nullptr;
  float low = 0, high = 0;
  bool scales_first = false;  // sum * (row * column); otherwise (sum * column) * row.
};
struct RowScale {
  float scale = 1;
  int32_t offset = 0;
};

enum class Binary : uint8_t {
  kAdd, kSubtract, kMultiply, kDivide, kSquaredDifference,
  kLeakyRelu,  // a, and a * b where a has a minus sign. Null in runtimes without leaky_relu and prelu.
};
inline constexpr int kBinaries = 6;
enum class Function : uint8_t {
  kExp, kTanh, kLogistic, kInverseSqrt,
  kNormalGate,      // x * Phi(x), the normal distribution's.
  kNormalGateTanh,  // The same with tanh(sqrt(2 / pi) * (x + 0.044715 x^3)) for it.
  kHardGate,        // x * relu6(x + 3) / 6
  kElu,             // x, and e^x - 1 below 0. Null in runtimes without elu.
};
inline constexpr int kFunctions = 8;

// Cells of some channels each, `step` elements apart, in rows that are `pitch` apart.
struct CellWindow {
  int64_t pitch, rows, step, cells;
};

// One coordinate between two of the input's, low and high; `at` is the weight of the second: float, or in 1/1024.
template <class W> struct Between {
  int32_t low, high;
  W at;
};
// A row of an image between two rows of `width` pixels of `channels` values each, `down` of 1024 of the way to the lower one, its pixels at
// `places`, which do not go back: sums of 2^20, rounded half away from zero.
struct BlendRowS8 {
  static constexpr int64_t kMore = 16;  // Sums behind those of the row.

  const int8_t *upper, *lower;
  int64_t width, channels;
  int32_t down;
  const Between<int32_t>* places;
  int64_t outputs;
  int32_t* sums;  // Scratch: width * channels + kMore.
  int8_t* y;
};

struct Elementwise {
  // y = f(x).
  void (*function_f32[kFunctions])(const float* x, int64_t n, float* y);
  // y = clamp(a op b). A step of 0 repeats one element, 1 walks.
  void (*binary_f32[kBinaries])(const float* a, int64_t step_a, const float* b, int64_t step_b, int64_t n, float low, float high, float* y);
  // y = e^(beta * (x - max)) / sum of them, for each row of n.
  void (*softmax_f32)(const float* x, int64_t rows, int64_t n, float beta, float* y);
  // y = x * scale + (beta - mean * scale), scale = gamma / sqrt(variance + epsilon), for each row of n; beta may be null.
  // The roundings are those of its steps one by one.
  void (*normalize_f32)(const float* x, int64_t rows, int64_t n, float epsilon, const float* gamma, const float* beta, float* y);
  void (*sum_rows_f32)(const float* x, int64_t rows, int64_t n, float* y);  // y[r] += what there is in row r of n. Null in runtimes without mean and sum.
  // sum[i] += x[r * pitch + i] for i < n, row by row.
  void (*accumulate_f32)(const float* x, int64_t pitch, int64_t rows, int64_t n, float* sum);
  void (*range_f32)(const float* x, int64_t n, float* low, float* high);  // Extended by what is there; not-a-numbers are skipped.
  // q = clamp(zero + round(x * scale)), half away from zero.
  void (*quantize_f32)(const float* x, int64_t n, float scale, float zero, int32_t low, int32_t high, int8_t* q);
  // The same values as floats, without the zero: clamp(zero + round(x * scale)) - zero.
  void (*quantize_to_f32)(const float* x, int64_t n, float scale, float zero, float low, float high, float* q);
  // q = clamp(round(x / scale) + zero) into int8.
  void (*divide_to_s8)(const float* x, int64_t n, float scale, int32_t zero, int8_t* q);
  // Sums of rows, `pitch` apart, for columns from first_column on.
  void (*to_float)(const int32_t* sums, int64_t pitch, int rows, const ToFloat& f, const RowScale* row, int64_t first_column, int64_t columns, float* y,
                   int64_t ldy);
  // y = clamp(rescale(sum - row_offset[r]) + zero).
  void (*to_bytes)(const int32_t* sums, int64_t pitch, int rows, const int32_t* row_offset, const Rescale& q, int32_t zero, int64_t columns, int8_t* y,
                   int64_t ldy);

  // y = saturate(rescale(sum) + add), 16 bits.
  void (*to_shorts)(const int32_t* sums, int64_t n, const Rescale& q, const int16_t* add, int16_t* y);
  int64_t (*dot_s16_s8)(const int16_t* x, const int8_t* w, int64_t n);
  // y += sum * scale, rounded twice. Null in runtimes without float fully_connected.
  void (*add_scaled)(const int32_t* sums, const float* scale, int64_t n, float* y);

  // Between four neighbours, `down` of the way from a and b to c and d, `right` of the way from a and c to b and d. Null in runtimes
  // without resize_bilinear, like the next.
  void (*blend_f32)(const float* a, const float* b, const float* c, const float* d, float down, float right, int64_t n, float* y);
  void (*blend_row_s8)(const BlendRowS8& row);

  void (*lookup)(const uint8_t* x, int64_t n, const ByteTable& table, uint8_t* y);
  void (*sum_s8)(const int8_t* a, int64_t step_a, const int8_t* b, int64_t step_b, int64_t n, const ScaledPair& q, int8_t* y);
  // Null in runtimes without sub.
  void (*difference_s8)(const int8_t* a, int64_t step_a, const int8_t* b, int64_t step_b, int64_t n, const ScaledPair& q, int8_t* y);
  // Null in runtimes without squared_difference.
  void (*squared_difference_s8)(const int8_t* a, int64_t step_a, const int8_t* b, int64_t step_b, int64_t n, const ScaledPair& q, int8_t* y);
  void (*product_s8)(const int8_t* a, int64_t step_a, const int8_t* b, int64_t step_b, int64_t n, const ScaledPair& q, int8_t* y);  // Only `out` rescales.
  // The same of `rows` rows x and y of n <= SharedRow::kMost values and one row that they share. q.floor is there; null where
  // the instructions have none.
  void (*product_rows_s8)(const int8_t* x, const int8_t* shared, int64_t n, int64_t rows, const SharedRow& row, const ScaledPair& q, int8_t* y);
  void (*sum_s16)(const int16_t* a, int64_t step_a, const int16_t* b, int64_t step_b, int64_t n, const ScaledPair& q, int16_t* y);
  // Null in runtimes without sub.
  void (*difference_s16)(const int16_t* a, int64_t step_a, const int16_t* b, int64_t step_b, int64_t n, const ScaledPair& q, int16_t* y);
  void (*product_s16)(const int16_t* a, int64_t step_a, const int16_t* b, int64_t step_b, int64_t n, const ScaledPair& q, int16_t* y);
  int32_t (*total_s8)(const int8_t* x, int64_t n);
  void (*accumulate_s8)(const int8_t* x, int64_t pitch, int64_t rows, int64_t n, int32_t* sum);
  // y[i] = join(y[i], x[i] of every cell), cell by cell, for i < n; floats that are no numbers do not count among maxima. Of so many
  // windows, the next `apart` elements further in x and n in y. Null in runtimes without what pools or reduces so.
  void (*sum_windows_f32)(const float* x, const CellWindow& window, int64_t apart, int64_t windows, int64_t n, float* y);
  void (*max_windows_f32)(const float* x, const CellWindow& window, int64_t apart, int64_t windows, int64_t n, float* y);
  void (*max_windows_s8)(const int8_t* x, const CellWindow& window, int64_t apart, int64_t windows, int64_t n, int8_t* y);
  // y[r] = max(y[r], what there is in row r of n), likewise. That of floats is null in runtimes without reduce_max and arg_max.
  void (*max_rows_f32)(const float* x, int64_t rows, int64_t n, float* y);
  void (*max_rows_s8)(const int8_t* x, int64_t rows, int64_t n, int8_t* y);
  // Sum of table[most - x]; table has 256 entries.
  int32_t (*total_of_table)(const int8_t* x, int64_t n, int32_t most, const int32_t* table);
  // y = clamp(low + rounding(high half of the doubled table[most - x] * mantissa, right)).
  void (*scaled_table)(const int8_t* x, int64_t n, int32_t most, const int32_t* table, Rescale q, int8_t* y);
  // Elements of 32 bits, pitches in bytes: column c of x becomes row c of y.
  void (*transpose_32)(const std::byte* x, int64_t pitch_x, int64_t rows, int64_t columns, std::byte* y, int64_t pitch_y);
  bool reads_pieces = false;  // Its lookup: of tables that have them.
};

const Elementwise& Vectors();  // For this processor (base/cpu.h); OCTET_ISA lowers it.

extern const Elementwise kScalarElementwise, kAvx2Elementwise, kAvx512Elementwise, kNeonElementwise;
// Where AVX-512 VBMI is there: two registers of table at once.
void LookupAvx512Vbmi(const uint8_t* x, int64_t n, const ByteTable& table, uint8_t* y);

}  // namespace octet::kernels
