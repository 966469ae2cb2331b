// SPDX-License-Identifier: Apache-2.0
// Whether a column's DOUBLE or F64 is floor(x * scale + plus), and with which constants (Floored in kernels.h).
//
// Both only grow with x. From T(k) on they are at least k; the floor is, too, if k - T scale <= plus < k - (T - 1) scale. So a `plus` in
// the intersection of these windows over all k that outputs tell apart is right for every x.
#include <immintrin.h>

#include "kernels/int8.h"

namespace octet::kernels {
namespace {

// Four numbers k at a time, all at least 1 or none. All numbers are integers of less than 2^53, or are rounded as said.
using Four = __m256d;
inline Four All(double v) { return _mm256_set1_pd(v); }
inline Four Nearest(Four v) { return _mm256_round_pd(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

// With V = k 2^right - 2^(right - 1), and one more for k < 1 (k where right is 0), DOUBLE is at least k where
// x mantissa + 2^30 >= V 2^31.
class DoubleReach {
 public:
  DoubleReach(int32_t mantissa, int32_t right) : mantissa_(mantissa), right_(right) {}
  double scale() const { return mantissa_ * 0x1p-31 / static_cast<double>(int64_t{1} << right_); }
  Four operator()(Four k, bool positive) const {
    const double half = right_ == 0 ? 0 : static_cast<double>((int64_t{1} << (right_ - 1)) - !positive);
    const Four wanted = _mm256_fmadd_pd(k, All(static_cast<double>(int64_t{1} << right_) * 0x1p31), All(-half * 0x1p31 - 0x1p30));
    const Four near = Nearest(_mm256_mul_pd(wanted, All(1 / mantissa_))), short_by = _mm256_fnmadd_pd(near, All(mantissa_), wanted);
    return _mm256_add_pd(near, _mm256_and_pd(_mm256_cmp_pd(short_by, All(0), _CMP_GT_OQ), All(1)));
  }

 private:
  double mantissa_;
  int32_t right_;
};

// F64 is at least k where the rounded x * scale is at least k - 0.5, for k < 1 above it.
class F64Reach {
 public:
  explicit F64Reach(double scale) : scale_(scale) {}
  double scale() const { return scale_; }
  Four operator()(Four k, bool positive) const {
    const Four wanted = _mm256_sub_pd(k, All(0.5)), near = Nearest(_mm256_mul_pd(wanted, All(1 / scale_))), before = _mm256_sub_pd(near, All(1));
    const auto missed = [&](Four x) {  // 1 where x is not yet enough.
      const Four v = _mm256_mul_pd(x, All(scale_));
      return _mm256_and_pd(positive ? _mm256_cmp_pd(v, wanted, _CMP_LT_OQ) : _mm256_cmp_pd(v, wanted, _CMP_LE_OQ), All(1));
    };
    return _mm256_add_pd(before, _mm256_add_pd(missed(before), missed(near)));
  }

 private:
  double scale_;
};

// The floor's: scale; what is added to x, and to k.
struct Column {
  double scale, shift, shift_out;
};

struct Window {
  double low, high;  // low <= plus < high
};

constexpr double kError = 0x1p-40;  // Of the numbers here.

// Cut down by outputs k in [from, to], all at least 1 or none.
template <class Reach> void CutDown(const Reach& reach, const Column& c, int32_t from, int32_t to, Window* window) {
  if (from > to) return;
  const Four scale = All(c.scale), shift = All(c.shift), shift_out = All(c.shift_out), last = All(to), four = All(4);
  Four low = All(window->low), high = All(window->high - c.scale), next = _mm256_add_pd(All(from), _mm256_setr_pd(0, 1, 2, 3));
  for (int32_t k = from; k <= to; k += 4, next = _mm256_add_pd(next, four)) {
    const Four at = _mm256_min_pd(next, last);
    const Four bound = _mm256_fnmadd_pd(_mm256_add_pd(reach(at, from >= 1), shift), scale, _mm256_add_pd(at, shift_out));
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

// The middle, if float32 has one there. The inner sum of a fine form is rounded down, too.
bool Choose(const Window& window, Floored form, float* plus) {
  *plus = static_cast<float>((window.low + window.high) / 2);
  const double inner = IsFine(form) ? ((*plus < 0 ? -*plus : *plus) + 0x1p-16) * 0x1p-23 : 0;
  return window.low + inner + kError <= *plus && *plus < window.high - kError;
}

struct Bounds {
  int32_t lowest, highest;  // Outputs k that are told from k - 1.
};

template <class Reach> bool Fits(const Reach& reach, const Column& c, Bounds k, Floored form, float* plus, float* plus_negative) {
  if (IsPlain(form)) {
    Window window{-1, 1};
    CutDown(reach, c, 1, k.highest, &window);
    return Choose(window, form, plus);
  }
  Window positive{0, 1}, negative{-1, c.scale};  // Zero or more, and less than that.
  CutDown(reach, c, k.lowest > 1 ? k.lowest : 1, k.highest, &positive);
  CutDown(reach, c, k.lowest, k.highest < -1 ? k.highest : -1, &negative);
  return Choose(positive, form, plus) && Choose(negative, form, plus_negative);
}

template <class Reach> bool FloorColumn(const Reach& reach, const Requant& q, int64_t column, int64_t largest, Floored form, FlooredPanel* panel, int32_t* first) {
  const int i = static_cast<int>(column % kPanel);
  const double scale = reach.scale(), farthest = static_cast<double>(largest) * scale;
  if (farthest < 0.25) {  // Always 0.
    panel->bias[i] = *first = q.bias[column];
    panel->scale[i] = panel->fine[i] = 0;
    panel->plus[i] = panel->plus_negative[i] = static_cast<float>(IsPlain(form) ? q.zero : 0) + 0.5f;
    return true;
  }
  // Outputs that are reached, and one more.
  const int32_t most = farthest < 256 ? static_cast<int32_t>(farthest) + 2 : 257, lowest = q.low - q.zero + 1, highest = q.high - q.zero;
  const Bounds k{lowest > -most ? lowest : -most, highest < most ? highest : most};
  if (scale >= 1 || most >= 0x1p22 * scale) return false;  // Sums between outputs' bounds are below 2^24, so that float32 holds them.
  // What is added to sums, so that `plus` can be small, with many places. Plain: outputs' zero point. Signed: what makes sums negative
  // where outputs are.
  const double shift = IsPlain(form) ? static_cast<int32_t>((q.zero + 0.5) / scale) : -_mm256_cvtsd_f64(reach(All(0), false));
  panel->bias[i] = *first = static_cast<int32_t>(static_cast<uint32_t>(q.bias[column]) + static_cast<uint32_t>(static_cast<int32_t>(shift)));
  const auto nearest = static_cast<float>(scale);
  panel->fine[i] = IsFine(form) ? static_cast<float>(scale - nearest) : 0;
  const float candidates[] = {nearest, nearest * (1 + 0x1p-23f), nearest * (1 - 0x1p-24f)};
  const int count = IsFine(form) ? 1 : 3;
  for (int n = 0; n < count; ++n) {
    panel->scale[i] = candidates[n];
    const Column c{static_cast<double>(candidates[n]) + panel->fine[i], shift, static_cast<double>(IsPlain(form) ? q.zero : 0)};
    if (Fits(reach, c, k, form, &panel->plus[i], &panel->plus_negative[i])) return true;
  }
  return false;
}

}  // namespace

bool FloorAvx2(const Requant& q, int64_t column, int64_t largest, Floored form, FlooredPanel* panel, int32_t* first) {
  return q.scale ? FloorColumn(F64Reach(q.scale[column]), q, column, largest, form, panel, first)
                 : FloorColumn(DoubleReach(q.mantissa[column], q.right[column]), q, column, largest, form, panel, first);
}

}  // namespace octet::kernels
