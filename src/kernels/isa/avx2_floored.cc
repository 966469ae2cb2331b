// SPDX-License-Identifier: Apache-2.0
// Whether a column's DOUBLE is floor(x * scale + plus), and with which constants (Floored in kernels.h).
//
// DOUBLE only grows with x. With V = k 2^right - 2^(right - 1), and one more for k <= 0 (k where right is 0), it reaches k at
//   x mantissa + 2^30 >= V 2^31,   so from T = ceil((V 2^31 - 2^30) / mantissa) on.
// The floor reaches k there, too, if k - T scale <= plus < k - (T - 1) scale. So a `plus` in the intersection of these
// windows over all k that outputs tell apart is right for every x.
#include <immintrin.h>

#include "kernels/int8.h"

namespace octet::kernels {
namespace {

struct Column {
  double mantissa, scale;  // Of the output for each of x.
  int32_t right;
  double shift;            // Added to x ...
  int32_t shift_out;       // ... and to outputs.
};

struct Window {
  double low, high;        // low <= plus < high
};

// Of the inner sum (less than 1) that is rounded down itself where it is fine, and of the numbers here.
constexpr double kInnerError = 0x1p-24, kError = 0x1p-40;

// Cut down by outputs k in [from, to], all of one sign. Four at a time; every number is an integer of less than 2^53, or the rounded
// difference of such and a product.
void CutDown(const Column& c, int32_t from, int32_t to, Window* window) {
  if (from > to) return;
  const double unit = static_cast<double>(int64_t{1} << (c.right + 31));
  const double half = c.right == 0 ? 0 : static_cast<double>((int64_t{1} << (c.right - 1)) - (from <= 0)) * 0x1p31;
  const __m256d mantissa = _mm256_set1_pd(c.mantissa), inverse = _mm256_set1_pd(1 / c.mantissa), scale = _mm256_set1_pd(c.scale), units = _mm256_set1_pd(unit),
                start = _mm256_set1_pd(-half - 0x1p30), shift = _mm256_set1_pd(c.shift), shift_out = _mm256_set1_pd(c.shift_out), last = _mm256_set1_pd(to),
                one = _mm256_set1_pd(1), four = _mm256_set1_pd(4);
  __m256d low = _mm256_set1_pd(window->low), high = _mm256_set1_pd(window->high - c.scale);
  __m256d next = _mm256_add_pd(_mm256_set1_pd(from), _mm256_setr_pd(0, 1, 2, 3));
  for (int32_t k = from; k <= to; k += 4, next = _mm256_add_pd(next, four)) {
    const __m256d at = _mm256_min_pd(next, last), reached = _mm256_fmadd_pd(at, units, start);
    const __m256d near = _mm256_round_pd(_mm256_mul_pd(reached, inverse), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m256d rest = _mm256_fnmadd_pd(near, mantissa, reached);
    const __m256d x = _mm256_add_pd(near, _mm256_and_pd(_mm256_cmp_pd(rest, _mm256_setzero_pd(), _CMP_GT_OQ), one));
    const __m256d bound = _mm256_fnmadd_pd(_mm256_add_pd(x, shift), scale, _mm256_add_pd(at, shift_out));
    low = _mm256_max_pd(low, bound);
    high = _mm256_min_pd(high, bound);
  }
  double lows[4], highs[4];
  _mm256_storeu_pd(lows, low);
  _mm256_storeu_pd(highs, high);
  for (int i = 0; i < 4; ++i) {
    window->low = lows[i] > window->low ? lows[i] : window->low;
    window->high = highs[i] + c.scale < window->high ? highs[i] + c.scale : window->high;
  }
}

// The middle, if float32 has one there.
bool Choose(const Window& window, Floored form, float* plus) {
  const double low = window.low + (IsFine(form) ? kInnerError : 0) + kError, high = window.high - kError;
  *plus = static_cast<float>((low + high) / 2);
  return low <= *plus && *plus < high;
}

bool Fits(const Column& c, const Requant& q, Floored form, float* plus, float* plus_negative) {
  const int32_t lowest = q.low - q.zero + 1, highest = q.high - q.zero;
  if (IsPlain(form)) {
    Window window{0, 1};
    CutDown(c, 1, highest, &window);
    return Choose(window, form, plus);
  }
  Window positive{0, 1}, negative{0, 1};  // Zero or more from x >= 0, and less than one from x < 0.
  CutDown(c, lowest > 1 ? lowest : 1, highest, &positive);
  CutDown(c, lowest, highest < 0 ? highest : 0, &negative);
  return Choose(positive, form, plus) && Choose(negative, form, plus_negative);
}

}  // namespace

bool FloorAvx2(const Requant& q, int64_t column, int64_t largest, Floored form, FlooredPanel* panel, int32_t* first) {
  constexpr int32_t kMostRight = 13;  // Sums at outputs' bounds stay below 2^24, so that float32 holds them.
  const int i = static_cast<int>(column % kPanel), right = q.right[column];
  const bool plain = IsPlain(form);
  const double scale = right < 64 ? q.mantissa[column] * 0x1p-31 / static_cast<double>(uint64_t{1} << right) : 0;
  panel->bias[i] = *first = q.bias[column];
  panel->fine[i] = 0;
  if (static_cast<double>(largest) * scale < 0.25) {  // Always 0.
    panel->scale[i] = 0;
    panel->plus[i] = panel->plus_negative[i] = static_cast<float>(plain ? q.zero : 0) + 0.5f;
    return true;
  }
  if (right > kMostRight) return false;
  Column c{static_cast<double>(q.mantissa[column]), scale, right, 0, 0};
  if (plain) {
    const auto shift = static_cast<int32_t>(q.zero / scale);
    panel->bias[i] = *first = static_cast<int32_t>(static_cast<uint32_t>(q.bias[column]) + static_cast<uint32_t>(shift));
    c.shift = shift;
    c.shift_out = q.zero;
  }
  const auto nearest = static_cast<float>(scale);
  if (IsFine(form)) panel->fine[i] = static_cast<float>(scale - nearest);
  const float candidates[] = {nearest, nearest * (1 + 0x1p-23f), nearest * (1 - 0x1p-24f)};
  const int count = IsFine(form) ? 1 : 3;
  for (int n = 0; n < count; ++n) {
    panel->scale[i] = candidates[n];
    c.scale = static_cast<double>(candidates[n]) + panel->fine[i];
    if (Fits(c, q, form, &panel->plus[i], &panel->plus_negative[i])) return true;
  }
  return false;
}

}  // namespace octet::kernels
