// SPDX-License-Identifier: Apache-2.0
// Products of weight matrices and one vector at a time, in float or hybrid (int8 weights, the vector
// quantized when it is met), and the activation behind them: what recurrent operators are made of.
#pragma once
#include <cmath>
#include <type_traits>

#include "ops/hybrid_util.h"
#include "ops/quant_util.h"

namespace octet::ops::recurrent {

// Eight running sums: an order of additions that vectorizes, and that is the same everywhere.
inline float Dot(const float* a, const float* b, int64_t n) {
  float lane[8] = {};
  int64_t k = 0;
  for (; k + 8 <= n; k += 8)
    for (int j = 0; j < 8; ++j) lane[j] += a[k + j] * b[k + j];
  for (int j = 0; k < n; ++k, ++j) lane[j] += a[k] * b[k];
  return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

inline int32_t Dot(const int8_t* a, const int8_t* b, int64_t n, int32_t b_offset) {
  int32_t sum = 0;
  for (int64_t k = 0; k < n; ++k) sum += a[k] * (b[k] - b_offset);
  return sum;
}

// Of hybrid operators: how vectors are quantized, and whether products lose signs, as those with uint8 weights do.
struct RowMode {
  bool asymmetric = false, loses_signs = false;
};

// A vector in the form that the weights multiply: itself, or quantized.
struct Row {
  const float* real;
  const int8_t* q;
  RowQuant quant;
  bool loses_signs;
};

template <class W> Row MakeRow(const float* x, int64_t n, RowMode mode, int8_t* scratch) {
  if constexpr (std::is_same_v<W, float>) return {x, nullptr, {}, false};
  else return {x, scratch, QuantizeRow(x, n, mode.asymmetric, scratch), mode.loses_signs};
}

// y += M·x
template <class W> void AddProduct(const W* matrix, float scale, const Row& x, int64_t rows, int64_t n, float* y) {
  for (int64_t r = 0; r < rows; ++r) {
    if constexpr (std::is_same_v<W, float>) y[r] += Dot(matrix + r * n, x.real, n);
    else {
      const int32_t sum = Dot(matrix + r * n, x.q, n, x.quant.offset) + (x.loses_signs ? LostSigns(x.q, matrix + r * n, n) : 0);
      y[r] += static_cast<float>(sum) * (scale * x.quant.scale);
    }
  }
}

// Recurrent operators also take tanh.
inline Status CheckRecurrentActivation(const OpView& op, Activation a) {
  return a == Activation::kTanh ? Status() : CheckActivation(op, a);
}
inline void Activate(Activation a, float* v, int64_t n) {
  if (a == Activation::kTanh) {
    for (int64_t i = 0; i < n; ++i) v[i] = std::tanh(v[i]);
    return;
  }
  const ClampF32 c = FloatClamp(a);
  for (int64_t i = 0; i < n; ++i) v[i] = std::clamp(v[i], c.low, c.high);
}

}  // namespace octet::ops::recurrent
