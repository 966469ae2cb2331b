// SPDX-License-Identifier: Apache-2.0
// Whether DOUBLE or F64 of a panel's columns is floor(x * scale + plus), and with which constants (Floored in kernels.h).
//
// Both only grow with x: from some T(k) on they are at least k. The floor is, too, if k - T scale <= plus < k - (T - 1) scale, and a
// `plus` in the intersection of these windows over all k that outputs tell apart is right for every x.
//
// With scale0 = mantissa / unit, T(k) is where x mantissa reaches k unit - half, so T mantissa is that and
//   d(k) = (half - k unit) mod mantissa
// more, which goes on from k to k + 1 by one subtraction. With scale = scale0 (1 - error), the windows' lower ends are
//   k - T scale = (1 - error) (half - (d(k) - k drift)) / unit,  drift = unit error / (1 - error),
// and what is wanted is the least and the largest d(k) - k drift.
#include <immintrin.h>

#include "kernels/int8.h"

namespace octet::kernels {
namespace {

// Of every column, side by side: loops over them are vectors.
using Numbers = double[kPanel];
struct Columns {
  Numbers mantissa, unit;    // At most 2^31, an integer for DOUBLE; and a power of 2.
  Numbers half, half_below;  // For k of at least 1, and others.
  Numbers inverse, rest;     // Of the mantissa; of the unit divided by it.
  Numbers scale, error;      // The floor's.
  Numbers dead;              // 1 where the output is the zero point, whatever is summed.
};

struct Quotient {
  double whole, rest;
};
// By a mantissa. n: an integer of less than 2^53. The rest is not negative.
[[gnu::always_inline]] inline Quotient Divide(double n, double mantissa, double inverse) {
  const double near = __builtin_floor(n * inverse), over = n - near * mantissa;
  const double more = over < 0 ? -1 : over < mantissa ? 0 : 1;
  return {near + more, over - more * mantissa};
}

// DOUBLE is at least k where x mantissa + 2^30 >= V 2^31, V = k 2^right - 2^(right - 1), and one more for k < 1 (k where right is 0).
inline void SetDouble(int32_t mantissa, int32_t right, int i, Columns* c) {
  c->mantissa[i] = mantissa;
  c->unit[i] = static_cast<double>(int64_t{1} << right) * 0x1p31;
  c->half[i] = right == 0 ? 0x1p30 : c->unit[i] / 2 + 0x1p30;
  c->half_below[i] = right == 0 ? 0x1p30 : c->unit[i] / 2 - 0x1p30;
}

// F64 is at least k where x scale is at least k - 0.5, for k < 1 above it.
inline void SetF64(double scale, int i, Columns* c) {
  c->unit[i] = 0x1p31;
  while (scale * c->unit[i] <= 0x1p30) c->unit[i] *= 2;
  c->mantissa[i] = scale * c->unit[i];
  c->half[i] = c->half_below[i] = c->unit[i] / 2;
}

// In d. Drifts are rounded to whole numbers, 255 times; so are F64's mantissas: where d is as near to one or none, T is in doubt until
// it has been computed in full, which leaves little.
constexpr double kRounding = 512, kDoubt = 1024, kLittle = 4;
constexpr int32_t kMiddle = 1 << 30;  // Taken off d, which so fits 32 bits with its drift.

struct Walk {
  alignas(32) int32_t mantissa[kPanel], first[kPanel], step[kPanel], drift[kPanel];  // Unsigned but for the drift.
  alignas(32) int32_t least[kPanel], most[kPanel];
};

// The least and the largest d(k) - k drift - kMiddle for `count` k: from `first` on, `step` less each time.
void Follow(int32_t count, Walk* walk) {
  const auto load = [](const void* p, int half) { return _mm256_load_si256(static_cast<const __m256i*>(p) + half); };
  __m256i d[2], m[2], s[2], e[2], f[2], least[2], most[2];
  for (int h = 0; h < 2; ++h) {
    d[h] = load(walk->first, h), m[h] = load(walk->mantissa, h), s[h] = load(walk->step, h), f[h] = load(walk->drift, h), e[h] = _mm256_add_epi32(f[h], _mm256_set1_epi32(kMiddle));
    least[h] = _mm256_set1_epi32(INT32_MAX), most[h] = _mm256_set1_epi32(INT32_MIN);
  }
  for (int32_t k = 0; k < count; ++k)
#pragma GCC unroll 2
    for (int h = 0; h < 2; ++h) {
      const __m256i v = _mm256_sub_epi32(d[h], e[h]), next = _mm256_sub_epi32(d[h], s[h]);
      least[h] = _mm256_min_epi32(least[h], v);
      most[h] = _mm256_max_epi32(most[h], v);
      d[h] = _mm256_min_epu32(next, _mm256_add_epi32(next, m[h]));  // The one that did not pass zero.
      e[h] = _mm256_add_epi32(e[h], f[h]);
    }
  for (int h = 0; h < 2; ++h) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(walk->least) + h, least[h]);
    _mm256_store_si256(reinterpret_cast<__m256i*>(walk->most) + h, most[h]);
  }
}

// A number from 0 to 2^31 as 32 bits without a sign, rounded.
[[gnu::always_inline]] inline int32_t Bits(double v) { return static_cast<int32_t>(v - 0x1p31 + 0.5) ^ INT32_MIN; }

// The least and the largest d of columns where T is in doubt, in full. False where it stays so.
bool Settle(const Columns& c, int32_t count, bool below, double* least, double* most) {
  const double sign = below ? -1 : 1;
  const Numbers& half = below ? c.half_below : c.half;
  for (int i = 0; i < kPanel; ++i) {
    if (c.dead[i] > 0 || (least[i] >= kDoubt && most[i] <= c.mantissa[i] - kDoubt)) continue;
    least[i] = c.mantissa[i], most[i] = 0;
    for (int32_t k = 1; k <= count; ++k) {
      const double d = Divide(half[i] - sign * k * c.unit[i], c.mantissa[i], c.inverse[i]).rest;
      least[i] = d < least[i] ? d : least[i];
      most[i] = d > most[i] ? d : most[i];
    }
    if (least[i] < kLittle || most[i] > c.mantissa[i] - kLittle) return false;
  }
  return true;
}

struct Windows {
  Numbers low, high;  // low <= plus < high, with x and k as they are.
};

// Of outputs k = 1 to `count`, or -1 to -count. False where they cannot be told.
bool Find(const Columns& c, int32_t count, bool below, bool f64, Windows* windows) {
  for (int i = 0; i < kPanel; ++i) windows->low[i] = -1, windows->high[i] = 2;
  if (count < 1) return true;
  Walk walk;
  const double sign = below ? -1 : 1, bound = kMiddle / 2 / count;
  const Numbers& half = below ? c.half_below : c.half;
  int64_t wild = 0;
  for (int i = 0; i < kPanel; ++i) {
    const double drift = sign * c.unit[i] * c.error[i] * (1 + c.error[i]);  // The error squared is nothing.
    wild |= drift * drift > bound * bound ? 1 : 0;
    walk.mantissa[i] = Bits(c.mantissa[i]);
    walk.first[i] = Bits(Divide(half[i] - sign * c.unit[i], c.mantissa[i], c.inverse[i]).rest);
    walk.step[i] = Bits(below ? c.mantissa[i] - c.rest[i] : c.rest[i]);
    walk.drift[i] = static_cast<int32_t>(drift);
  }
  if (wild) return false;
  Follow(count, &walk);
  Numbers least, most;
  for (int i = 0; i < kPanel; ++i) least[i] = static_cast<double>(walk.least[i]) + kMiddle, most[i] = static_cast<double>(walk.most[i]) + kMiddle;
  if (f64 && !Settle(c, count, below, least, most)) return false;
  for (int i = 0; i < kPanel; ++i) {
    const double place = (1 - c.error[i]) / c.unit[i];
    windows->low[i] = place * (half[i] - least[i] + kRounding);
    windows->high[i] = place * (half[i] - most[i] - kRounding) + c.scale[i];
  }
  return true;
}

// The middles of the windows when x and k are moved, if float32 has them there. A fine form's inner sum is rounded down, too.
bool Choose(const Windows& windows, const Columns& c, const Numbers& moved, Floored form, float* plus) {
  const double least = IsFine(form) ? 0x1p-39 : 0, inner = IsFine(form) ? 0x1p-23 : 0;
  constexpr double kError = 0x1p-40;  // Of the numbers here.
  int64_t misses = 0;
  for (int i = 0; i < kPanel; ++i) {
    plus[i] = static_cast<float>((windows.low[i] + windows.high[i]) / 2 + moved[i]);
    const double v = plus[i], at = v - moved[i];
    misses |= (c.dead[i] > 0 ? 0 : 1) & ((windows.low[i] + (v < 0 ? -v : v) * inner + least + kError > at ? 1 : 0) | (at >= windows.high[i] - kError ? 1 : 0));
  }
  return !misses;
}

}  // namespace

bool FloorAvx2(const Requant& q, int64_t panel, const int64_t* largest, Floored form, FlooredPanel* to, int32_t* first) {
  const int32_t lowest = q.low - q.zero + 1, highest = q.high - q.zero;  // Outputs that are told from one less.
  const bool f64 = q.scale != nullptr, plain = IsPlain(form);
  const int64_t at = panel * kPanel;
  if (f64 && !IsFine(form)) return false;  // What is in doubt is told with the whole scale only.
  const int32_t widest = (plain ? -q.zero : highest > -lowest ? highest : -lowest) + 2;  // Of an output that tells; shifted sums, too.
  Columns c;
  double reached = 0;
  for (int i = 0; i < kPanel; ++i) {
    const double scale = f64 ? q.scale[at + i] : q.right[at + i] < 62 ? q.mantissa[at + i] * 0x1p-31 / static_cast<double>(int64_t{1} << q.right[at + i]) : 0;
    const double farthest = static_cast<double>(largest[i]) * scale, most = farthest < 255 ? farthest + 1 : 256;
    c.dead[i] = farthest < 0.25;
    to->scale[i] = c.dead[i] ? 0 : static_cast<float>(scale);
    to->fine[i] = c.dead[i] || !IsFine(form) ? 0 : static_cast<float>(scale - to->scale[i]);
    c.scale[i] = c.dead[i] ? 0.5 : static_cast<double>(to->scale[i]) + to->fine[i];
    if (c.dead[i]) SetDouble(1 << 30, 0, i, &c);
    else if (scale >= 1 || (plain || most > widest ? widest : most) >= 0x1p24 * scale) return false;  // Between outputs' bounds, sums fit float32's 24 bits.
    else if (f64) SetF64(scale, i, &c);
    else SetDouble(q.mantissa[at + i], q.right[at + i], i, &c);
    if (!c.dead[i] && most > reached) reached = most;
  }
  for (int i = 0; i < kPanel; ++i) {
    c.inverse[i] = 1 / c.mantissa[i];
    c.rest[i] = Divide(c.unit[i], c.mantissa[i], c.inverse[i]).rest;
    c.error[i] = (c.mantissa[i] - c.scale[i] * c.unit[i]) * c.inverse[i];
  }
  Windows above, below;
  const auto fewer = [&](int32_t n) { return n < reached ? n : static_cast<int32_t>(reached); };
  if (!Find(c, fewer(highest), false, f64, &above) || !Find(c, plain ? 0 : fewer(-lowest), true, f64, &below)) return false;
  // What is added to sums, so that `plus` can be small, with many places. Plain: outputs' zero point. Signed: what makes sums negative
  // where outputs are; they are not from 0 on, and are before.
  Numbers moved;
  for (int i = 0; i < kPanel; ++i) {
    double shift = plain ? __builtin_floor((q.zero + 0.5) / c.scale[i]) : Divide(c.half_below[i], c.mantissa[i], c.inverse[i]).whole;
    shift = c.dead[i] > 0 ? 0 : shift;
    moved[i] = (plain ? q.zero : 0) - shift * c.scale[i];
    above.low[i] = !plain && above.low[i] < -moved[i] ? -moved[i] : above.low[i];
    below.high[i] = below.high[i] < c.scale[i] - moved[i] ? below.high[i] : c.scale[i] - moved[i];
    to->bias[i] = first[i] = static_cast<int32_t>(static_cast<uint32_t>(q.bias[at + i]) + static_cast<uint32_t>(static_cast<int32_t>(shift)));
  }
  if (!Choose(above, c, moved, form, to->plus) || (!plain && !Choose(below, c, moved, form, to->plus_negative))) return false;
  for (int i = 0; i < kPanel; ++i)
    if (c.dead[i] > 0) to->plus[i] = to->plus_negative[i] = static_cast<float>(plain ? q.zero : 0) + 0.5f;
  return true;
}

}  // namespace octet::kernels
