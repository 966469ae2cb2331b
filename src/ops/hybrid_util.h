// SPDX-License-Identifier: Apache-2.0
// Float activations turned into int8 while the model runs, row by row: hybrid operators multiply them with
// int8 weights and scale the integer result back.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "ops/quant_util.h"

namespace octet::ops {

// real = scale · (q - offset). The arithmetic is that of LiteRT's portable kernels, step by step.
struct RowQuant {
  float scale = 1;
  int32_t offset = 0;
};

// How a row is turned into integers: q = round(offset + x * inverse), clamped.
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
inline RowForm AsymmetricForm(double low, double high) {
  if (low == high || !std::isfinite(high - low)) return {};
  const double scale = (high - low) / 255.0;
  const double from_low = -128.0 - low / scale, from_high = 127.0 - high / scale;
  const double low_error = 128.0 + std::abs(low / scale), high_error = 127.0 + std::abs(high / scale);
  const double zero = std::clamp(RoundAway(low_error < high_error ? from_low : from_high), -128.0, 127.0);
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
  double low = 0, high = 0;
  for (int64_t i = 0; i < n; ++i) {
    low = std::min(low, static_cast<double>(row[i]));
    high = std::max(high, static_cast<double>(row[i]));
  }
  const RowForm f = AsymmetricForm(low, high);
  if (f.inverse == 0) std::fill_n(q, n, int8_t{0});
  else
    for (int64_t i = 0; i < n; ++i)
      q[i] = SaturateReal<int8_t>(std::round(static_cast<float>(f.quant.offset) + row[i] * f.inverse));
  return f.quant;
}

inline RowQuant QuantizeRow(const float* row, int64_t n, bool asymmetric, int8_t* q) {
  return asymmetric ? QuantizeRowAsymmetric(row, n, q) : QuantizeRowSymmetric(row, n, q);
}

}  // namespace octet::ops
