// SPDX-License-Identifier: Apache-2.0
// Float activations turned into int8 while the model runs, row by row: hybrid operators multiply them with
// int8 weights and scale the integer result back.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "ops/quant_util.h"

namespace octet::ops {

// real = scale · (q - offset). The arithmetic is that of LiteRT's kernels on x86 and ARM, step by step.
struct RowQuant {
  float scale = 1;
  int32_t offset = 0;
};

// How a row is turned into integers: q = offset + round(x * inverse), clamped.
struct RowForm {
  RowQuant quant;
  float inverse = 0;  // 0: everything becomes 0.
};
// The largest magnitude decides. A row of zeros has scale 1.
inline RowForm SymmetricForm(float range) {
  if (!(range > 0) || !std::isfinite(range)) return {};
  return {{range / 127.0f, 0}, 127.0f / range};
}
// std::round of what is far from the ends of int64, without a call: cutting off rounds half away from zero once the largest
// double below a half is added.
inline double RoundAway(double v) { return static_cast<double>(static_cast<int64_t>(v + std::copysign(0.49999999999999994, v))); }

// low <= 0 <= high; the zero point comes from the end with less error.
inline RowForm AsymmetricForm(float low, float high) {
  const float range = high - low;
  if (range == 0 || !std::isfinite(range)) return {};
  const double scale = static_cast<double>(range) / 255.0;
  const double below = static_cast<double>(low) / scale, above = static_cast<double>(high) / scale;
  const double zero = std::clamp(RoundAway(128.0 - below < 127.0 + above ? -128.0 - below : 127.0 - above), -128.0, 127.0);
  const RowQuant r{static_cast<float>(scale), static_cast<int32_t>(zero)};
  return {r, 1.0f / r.scale};
}

// q in [-127, 127], offset 0.
inline RowQuant QuantizeRowSymmetric(const float* row, int64_t n, int8_t* q) {
  float range = 0;
  for (int64_t i = 0; i < n; ++i) range = std::max(range, std::abs(row[i]));
  const RowForm f = SymmetricForm(range);
  if (f.inverse == 0) std::fill_n(q, n, int8_t{0});
  else
    for (int64_t i = 0; i < n; ++i) q[i] = SaturateReal<int8_t>(std::round(row[i] * f.inverse), -127.0f);
  return f.quant;
}

// q in [-128, 127]; the range is widened to contain 0.
inline RowQuant QuantizeRowAsymmetric(const float* row, int64_t n, int8_t* q) {
  float low = 0, high = 0;
  for (int64_t i = 0; i < n; ++i) {
    low = std::min(low, row[i]);
    high = std::max(high, row[i]);
  }
  const RowForm f = AsymmetricForm(low, high);
  if (f.inverse == 0) std::fill_n(q, n, int8_t{0});
  else
    for (int64_t i = 0; i < n; ++i) q[i] = SaturateReal<int8_t>(static_cast<float>(f.quant.offset) + std::round(row[i] * f.inverse));
  return f.quant;
}

inline RowQuant QuantizeRow(const float* row, int64_t n, bool asymmetric, int8_t* q) {
  return asymmetric ? QuantizeRowAsymmetric(row, n, q) : QuantizeRowSymmetric(row, n, q);
}

// uint8 weights hold signed bytes. LiteRT multiplies 16 columns at a time by moving the input's sign to the
// weight, which leaves -128 as it is: such a product is -128 |x| (old files with a zero point are full of them).
inline int64_t LossyColumns(int64_t n) { return n / 16 * 16; }
inline int32_t LostSign(int8_t q, int8_t w) { return w == -128 && q < 0 ? 2 * 128 * q : 0; }
inline int32_t LostSigns(const int8_t* q, const int8_t* w, int64_t n) {
  int32_t lost = 0;
  for (int64_t k = 0; k < LossyColumns(n); ++k) lost += LostSign(q[k], w[k]);
  return lost;
}

}  // namespace octet::ops
