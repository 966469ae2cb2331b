// SPDX-License-Identifier: Apache-2.0
// Plain C++: what every table must agree with, and what runs where nothing better is built.
#include "kernels/kernels.h"

namespace octet::kernels {
namespace {

void Product(const void* rows_at, int64_t lda, int rows, const int8_t* packed, const int16_t*, int64_t k4, int32_t* acc) {
  const auto* a = static_cast<const int16_t*>(rows_at);
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < kPanel; ++c) {
      int32_t sum = 0;
      for (int64_t k = 0; k < k4 * 4; ++k) sum += a[r * lda + k] * packed[k / 4 * 64 + c * 4 + k % 4];
      acc[r * kPanel + c] = sum;
    }
  }
}

int32_t RoundedDouble(double x) {
  const double t = static_cast<double>(static_cast<int64_t>(x)), d = x - t;
  return static_cast<int32_t>(d >= 0.5 ? t + 1 : d <= -0.5 ? t - 1 : t);
}

int32_t Rescaled(int32_t x, const Requant& q, int64_t c) {
  if (q.scale) {
    const double v = static_cast<double>(x) * q.scale[c];
    return v > 1e9 ? 1000000000 : v < -1e9 ? -1000000000 : RoundedDouble(v);
  }
  const int32_t shifted = static_cast<int32_t>(static_cast<uint32_t>(x) << q.left[c]);
  const int32_t high = static_cast<int32_t>((static_cast<int64_t>(shifted) * q.mantissa[c] + (1ll << 30)) >> 31);
  const int r = q.right[c];
  if (r == 0) return high;
  return static_cast<int32_t>((static_cast<int64_t>(high) + (1ll << (r - 1)) - (high < 0 ? 1 : 0)) >> r);
}

void Requantize(const int32_t* acc, int rows, const Requant& q, int64_t first, int columns, int8_t* y, int64_t ldy) {
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < columns; ++c) {
      const int32_t sum = static_cast<int32_t>(static_cast<uint32_t>(acc[r * kPanel + c]) + static_cast<uint32_t>(q.bias[first + c]));
      const int32_t v = Rescaled(sum, q, first + c) + q.zero;
      y[r * ldy + c] = static_cast<int8_t>(v < q.low ? q.low : v > q.high ? q.high : v);
    }
  }
}

void LoadRow(const int8_t* x, int32_t zero, int64_t n, void* row) {
  for (int64_t i = 0; i < n; ++i) static_cast<int16_t*>(row)[i] = static_cast<int16_t>(x[i] - zero);
}
void PadRow(int32_t, int64_t n, void* row) {
  for (int64_t i = 0; i < n; ++i) static_cast<int16_t*>(row)[i] = 0;
}

float Clamp(float v, float low, float high) { return v < low ? low : v > high ? high : v; }

void ProductF32(const float* a, int64_t lda, int rows, const float* w, int64_t k, const float* bias, float low, float high, int columns, float* y, int64_t ldy) {
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < columns; ++c) {
      float sum = 0;
      for (int64_t i = 0; i < k; ++i) sum += a[r * lda + i] * w[i * kPanel + c];
      y[r * ldy + c] = Clamp(sum + bias[c], low, high);
    }
  }
}

void TapsS8(const int8_t* const* x, int taps, int16_t zero, const int16_t* w, int64_t groups, int32_t* acc) {
  const int pairs = (taps + 1) / 2;
  for (int64_t c = 0; c < groups * kPanel; ++c) acc[c] = 0;
  for (int t = 0; t < taps; ++t)
    for (int64_t c = 0; c < groups * kPanel; ++c) acc[c] += (x[t][c] - zero) * w[(c / kPanel * pairs + t / 2) * 32 + c % kPanel * 2 + t % 2];
}

void TapsF32(const float* const* x, int taps, const float* w, int64_t stride, const float* bias, float low, float high, int64_t n, float* y) {
  for (int64_t c = 0; c < n; ++c) {
    float sum = 0;
    for (int t = 0; t < taps; ++t) sum += x[t][c] * w[t * stride + c];
    y[c] = Clamp(sum + bias[c], low, high);
  }
}

}  // namespace

constinit const Table kScalar = {"scalar", 4, false, 2, LoadRow, PadRow, nullptr, Product, Requantize, ProductF32, TapsS8, TapsF32};

}  // namespace octet::kernels
