// SPDX-License-Identifier: Apache-2.0
// What the packed kernels share: the form of packed weights, and the constants that take sums back to 8 bits.
// ISA files include this header and nothing of the STL.
#pragma once
#include <cstdint>

namespace octet::kernels {

// Weights of a matrix product, 8 bits: K4N16 = [n / 16][k / 4][16][4], zeros at the ends. The columns
// are output channels; 16 of them are a panel.
inline constexpr int kPanel = 16;
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
  const NarrowPanel* narrow = nullptr;
  // A fused ReLU: what is negative before `zero` is added ends at `low`, however it was rounded.
  bool relu() const { return low >= zero; }
};

}  // namespace octet::kernels
