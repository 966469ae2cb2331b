// SPDX-License-Identifier: Apache-2.0
// The vector primitives: what the fast variants of operators are made of. One table per instruction set
// (isa/), all with the same answers: integers bit for bit, floats for any number of threads. A
// primitive's name carries no operator's meaning. ISA files include this header and nothing of the STL.
#pragma once
#include <cstdint>

namespace octet::kernels {

// Weights of a matrix product, 8 bits: K4N16 = [n / 16][k / 4][16][4], zeros at the ends. The columns
// are output channels; 16 of them are a panel.
inline constexpr int kPanel = 16;
inline constexpr int kMaxRows = 8;  // The most rows any table's product takes at once.
inline int64_t RoundUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Constants of 16 columns for DOUBLE in one step, side by side so that one address reaches them all. With
// v = x * mantissa / 2^30 rounded down, both roundings are (v + up) >> after: up = 2^right + 1 for x >= 0 and
// 2^right - 1 below (1 where right is 0), after = right + 1.
struct alignas(64) NarrowPanel {
  int32_t bias[kPanel], mantissa[kPanel];
  int32_t odd[kPanel];  // At even places, the mantissas of the odd ones.
  int32_t up[kPanel], up_negative[kPanel], after[kPanel];

  void Set(int i, int32_t b, int32_t m, int32_t right) {
    bias[i] = b;
    mantissa[i] = m;
    if (i % 2) odd[i - 1] = m;
    up[i] = right ? (1 << right) + 1 : 1;
    up_negative[i] = right ? (1 << right) - 1 : 1;
    after[i] = right + 1;
  }
};

// Output of int32 accumulators, per column: how integers go back to 8 bits with the reference's
// roundings. Arrays are padded to whole panels.
struct Requant {
  const int32_t* bias;        // Added first; never null.
  const int32_t* mantissa;    // DOUBLE: Q31 multiplier.
  const int32_t* left;        // Shift before, >= 0.
  const int32_t* right;       // Shift after, >= 0.
  const double* scale;        // F64 instead of DOUBLE when not null: round(acc * scale), half away.
  int32_t zero, low, high;
  // DOUBLE in fewer steps, where every column's left shift is 0 and no sum can reach 2^29; null otherwise.
  const struct NarrowPanel* narrow = nullptr;
  // A fused ReLU: what is negative before `zero` is added ends at `low`, however it was rounded.
  bool relu() const { return low >= zero; }
};

struct Table {
  const char* name;
  int rows;  // Rows per product tile, at most kMaxRows.

  // The left operand's form. Plain: int16, x - zero. Offset: uint8, x + 128; then the product is too large
  // by (128 + zero) * (sum of the column's weights), which the caller takes off the bias.
  bool offset_rows;
  int row_value_bytes;
  void (*load_row)(const int8_t* x, int32_t zero, int64_t n, void* row);
  void (*pad_row)(int32_t zero, int64_t n, void* row);  // Cells outside the image: x = zero.

  // wide[k / 4][2][16][2] int16 from one packed panel: pairs along k side by side. Null where the product
  // reads the packed bytes as they are.
  void (*widen_panel)(const int8_t* packed, int16_t* wide, int64_t k4);
  // acc[r][16] = sum over k of row[r * lda + k] * weights; k4 groups of four. `wide` may be null: few rows
  // read the packed bytes.
  void (*product)(const void* rows_at, int64_t lda, int rows, const int8_t* packed, const int16_t* wide, int64_t k4, int32_t* acc);
  // y[r * ldy + c] for c < columns <= 16, from acc[r][16].
  void (*requantize)(const int32_t* acc, int rows, const Requant& q, int64_t first_column, int columns, int8_t* y, int64_t ldy);
  // y[r * ldy + c] = clamp(bias[c] + sum over k of a[r * lda + k] * w[k][16]); w is one panel [k][16].
  void (*product_f32)(const float* a, int64_t lda, int rows, const float* w, int64_t k, const float* bias, float low, float high, int columns, float* y, int64_t ldy);

  // acc[c] = sum over taps of (x[t][c] - zero) * w, for groups of 16 channels; w is [groups][pairs of
  // taps][16][2] int16. Reads whole groups: up to 15 bytes behind the last channel.
  void (*taps_s8)(const int8_t* const* x, int taps, int16_t zero, const int16_t* w, int64_t groups, int32_t* acc);
  // y[c] = clamp(bias[c] + sum over taps of x[t][c] * w[t * stride + c]) for n channels.
  void (*taps_f32)(const float* const* x, int taps, const float* w, int64_t stride, const float* bias, float low, float high, int64_t n, float* y);
};

const Table& Best();  // For this processor (base/cpu.h); OCTET_ISA lowers it.

extern const Table kScalar, kAvx2, kAvx512Vnni;

}  // namespace octet::kernels
