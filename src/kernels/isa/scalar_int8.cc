// SPDX-License-Identifier: Apache-2.0
// 8-bit products in plain C++: what every instruction set must agree with, and what runs elsewhere.
#include "kernels/int8.h"

namespace octet::kernels {
namespace {

int32_t Rounded(double x) {
  const double t = static_cast<double>(static_cast<int64_t>(x)), d = x - t;
  return static_cast<int32_t>(d >= 0.5 ? t + 1 : d <= -0.5 ? t - 1 : t);
}

int8_t Finish(uint32_t sum, const Requant& q, int64_t c) {
  int32_t v;
  if (q.scale) {
    const double x = static_cast<double>(static_cast<int32_t>(sum)) * q.scale[c];
    v = x > 1e9 ? 1000000000 : x < -1e9 ? -1000000000 : Rounded(x);
  } else {
    const int64_t high = (static_cast<int64_t>(static_cast<int32_t>(sum << q.left[c])) * q.mantissa[c] + (1ll << 30)) >> 31;
    const int r = q.right[c];
    v = static_cast<int32_t>(r == 0 ? high : (high + (1ll << (r - 1)) - (high < 0 ? 1 : 0)) >> r);
  }
  const int64_t shifted = int64_t{v} + q.zero;
  return static_cast<int8_t>(shifted < q.low ? q.low : shifted > q.high ? q.high : shifted);
}

void Multiply(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void*) {
  const int64_t groups = p.groups();
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t panel = first_panel; panel < end_panel; ++panel) {
      uint32_t sums[kPanel];
      for (int64_t i = 0; i < kPanel; ++i) {
        const int8_t* w = p.packed + panel * p.panel_bytes() + i * 4;
        uint32_t sum = static_cast<uint32_t>(p.requant.bias[panel * kPanel + i]);
        for (int64_t s = 0; s < p.segments; ++s) {
          const int8_t* a = static_cast<const int8_t*>(rows[r]) + p.offset[s];
          for (int64_t k = 0; k < p.length; ++k) sum += static_cast<uint32_t>(a[k] * w[(s * groups + k / 4) * 64 + k % 4]);
        }
        sums[i] = sum;
      }
      const int64_t column = panel * kPanel;
      if (p.take) p.take(p.context, reinterpret_cast<const int32_t*>(sums), r, 1, column, 1);
      else
        for (int64_t c = column; c < column + kPanel && c < p.columns; ++c) y[r * p.pitch + c] = Finish(sums[c - column], p.requant, c);
    }
  }
}

void FinishRows(const ProductS8& p, const int32_t* sums, int64_t rows, int64_t panel, int8_t* y) {
  const int64_t column = panel * kPanel;
  for (int64_t r = 0; r < rows; ++r, sums += kPanel, y += p.pitch)
    for (int64_t c = column; c < column + kPanel && c < p.columns; ++c) y[c] = Finish(static_cast<uint32_t>(sums[c - column]), p.requant, c);
}

void Load(const int8_t* x, int64_t n, void* to) { __builtin_memcpy(to, x, static_cast<unsigned long>(n)); }

void LoadPixels(const int8_t* x, int64_t n, int64_t count, int64_t stride, uint8_t* to, int64_t pitch) {
  for (int64_t i = 0; i < count; ++i, x += stride, to += pitch) Load(x, n, to);
}

constexpr int kVector = 16;

// Lines are not built: every step looks its taps up in the rows.
void DepthwiseRow(const DepthwiseS8& p, const uint8_t* const* rows, int8_t* y) {
  const auto* weights = reinterpret_cast<const int16_t*>(p.weights);
  for (int64_t v = 0; v < p.vectors(kVector); ++v) {
    const int64_t phase = v % p.period, n = v / p.period, at = phase * kVector + n * p.out_pitch(), from = (phase - p.first_phase) * kVector + n * p.in_pitch();
    if (phase < p.first_phase || phase >= p.end_phase) continue;
    const int64_t left = p.blocks ? p.channels - phase * kVector : p.width * p.channels - at;
    for (int64_t c = 0; c < kVector && c < left; ++c) {
      auto sum = static_cast<uint32_t>(p.requant.bias[phase * kVector + c]);
      for (int64_t s = 0; s < p.steps; ++s) {
        const TapLine& line = p.line[p.step[s] / p.line_pixels];
        for (int t = 0; t < line.count; ++t) {
          const uint8_t* row = line.step ? rows[line.first] + t * line.step : rows[line.first + t];
          const auto x = static_cast<int8_t>(row[from + p.step[s] % p.line_pixels * p.pixel_pitch + c]);
          sum += static_cast<uint32_t>(x * weights[((phase * p.steps + s) * kVector + c) * 2 + t]);
        }
      }
      y[at + c] = Finish(sum, p.requant, phase * kVector + c);
    }
  }
}

void Depthwise(const DepthwiseS8& p, const uint8_t* const* rows, int64_t count, int8_t* y, void*) {
  for (int64_t i = 0; i < count; ++i) DepthwiseRow(p, rows + i * p.window_rows, y + i * p.row_bytes());
}

constexpr uint8_t kOrder[kVector] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

}  // namespace

constinit const Int8 kScalarInt8 = {"scalar", 0, 1, Load, Multiply, FinishRows, 0, kVector, 2, 2, 0, kOrder, LoadPixels, Depthwise, 0, 0, nullptr, nullptr};

}  // namespace octet::kernels
