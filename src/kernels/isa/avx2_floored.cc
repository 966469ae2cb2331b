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
  Numbers real;              // The scale that is meant.
  Numbers scale, error;      // The floor's, and by how much less of the real one it is.
  Numbers apart;             // 1 where SetFew has set the constants.
};

struct Quotient {
  double whole, rest;
};
// By a mantissa. n: an integer. The rest is not negative, and exact: a fused subtraction rounds nothing away.
[[gnu::always_inline]] inline Quotient Divide(double n, double mantissa, double inverse) {
  const double near = __builtin_floor(n * inverse), over = __builtin_fma(-near, mantissa, n);
  const double more = over < 0 ? -1 : over < mantissa ? 0 : 1;
  return {near + more, over - more * mantissa};
}

double PowerOfTwo(int64_t exponent) { return __builtin_bit_cast(double, (exponent + 1023) << 52); }

// DOUBLE is at least k where x mantissa + 2^30 >= V 2^31, V = k 2^right - 2^(right - 1), and one more for k < 1 (k where right is 0).
inline void SetDouble(int32_t mantissa, int32_t right, int i, Columns* c) {
  c->mantissa[i] = mantissa;
  c->unit[i] = PowerOfTwo(31 + right);
  c->half[i] = right == 0 ? 0x1p30 : c->unit[i] / 2 + 0x1p30;
  c->half_below[i] = right == 0 ? 0x1p30 : c->unit[i] / 2 - 0x1p30;
}

// F64 is at least k where x scale is at least k - 0.5, for k < 1 above it. The unit brings the scale, below 1 and normal, into (2^30, 2^31].
inline void SetF64(double scale, int i, Columns* c) {
  const auto bits = __builtin_bit_cast(int64_t, scale);
  const int64_t exponent = (bits >> 52) - 1023 + ((bits & ((int64_t{1} << 52) - 1)) == 0 ? 0 : 1);  // scale <= 2^exponent
  c->unit[i] = PowerOfTwo(31 - exponent);
  c->mantissa[i] = scale * c->unit[i];
  c->half[i] = c->half_below[i] = c->unit[i] / 2;
}

// In d. A walk rounds each of 256 steps to 2^-32 of a mantissa and its drift to 2^-31, and F64's mantissas are no whole numbers: where d
// is as near to one or none, T is in doubt until it has been computed in full, which leaves little.
constexpr double kRounding = 256, kDoubt = 256, kLittle = 4;

struct Walk {
  alignas(32) int32_t first[kPanel], step[kPanel];        // 2^-32 of the mantissa without a sign, so that what passes zero wraps by itself.
  alignas(32) int32_t drift[kPanel];                      // 2^-31 of it, like least and most.
  alignas(32) int32_t nearest[kPanel], farthest[kPanel];  // 2^-32, less 2^31.
  alignas(32) int32_t least[kPanel], most[kPanel];        // Less kMiddle: with a drift, of at most half the mantissa, they leave it.
};
constexpr int32_t kMiddle = 1 << 30;

// The nearest and the farthest d from zero: from `first` on, `step` less each time; and, if asked for, the least and the largest
// d(k) - k drift.
template <bool kDrifts> void Follow(int32_t count, Walk* walk) {
  const auto load = [](const void* p, int half) { return _mm256_load_si256(static_cast<const __m256i*>(p) + half); };
  const auto store = [](void* p, int half, __m256i v) { _mm256_store_si256(static_cast<__m256i*>(p) + half, v); };
  const __m256i middle = _mm256_set1_epi32(kMiddle), sign = _mm256_set1_epi32(INT32_MIN);
  __m256i d[2], step[2], drift[2], drifted[2], nearest[2], farthest[2], least[2], most[2];
  for (int h = 0; h < 2; ++h) {
    d[h] = load(walk->first, h), step[h] = load(walk->step, h), drift[h] = load(walk->drift, h);
    drifted[h] = middle, nearest[h] = _mm256_set1_epi32(-1), farthest[h] = _mm256_setzero_si256(), least[h] = _mm256_set1_epi32(INT32_MAX), most[h] = sign;
  }
#pragma GCC unroll 4
  for (int32_t k = 0; k < count; ++k)
#pragma GCC unroll 2
    for (int h = 0; h < 2; ++h) {
      nearest[h] = _mm256_min_epu32(nearest[h], d[h]);
      farthest[h] = _mm256_max_epu32(farthest[h], d[h]);
      if constexpr (kDrifts) {
        drifted[h] = _mm256_add_epi32(drifted[h], drift[h]);
        const __m256i v = _mm256_sub_epi32(_mm256_srli_epi32(d[h], 1), drifted[h]);
        least[h] = _mm256_min_epi32(least[h], v);
        most[h] = _mm256_max_epi32(most[h], v);
      }
      d[h] = _mm256_sub_epi32(d[h], step[h]);
    }
  for (int h = 0; h < 2; ++h) {
    store(walk->nearest, h, _mm256_xor_si256(nearest[h], sign)), store(walk->farthest, h, _mm256_xor_si256(farthest[h], sign));
    if constexpr (kDrifts) store(walk->least, h, least[h]), store(walk->most, h, most[h]);
  }
}

// A part of the mantissa as 2^-32 of it, without a sign: rounded, and wrapped.
[[gnu::always_inline]] inline int32_t Part(double v) {
  const double parts = __builtin_floor((v - __builtin_floor(v)) * 0x1p32 + 0.5) - 0x1p31;
  return static_cast<int32_t>(parts < 0x1p31 ? parts : -0x1p31) ^ INT32_MIN;
}

// Of a column's d to zero or the mantissa.
[[gnu::always_inline]] inline double NearestToEither(const Walk& walk, int i, double mantissa) {
  const double zero = walk.nearest[i] + 0x1p31, end = 0x1p31 - walk.farthest[i];
  return (zero < end ? zero : end) * mantissa * 0x1p-32;
}

// The least and the largest d(k) - k drift of a column where T is in doubt, in full. False where it stays so; whole mantissas leave no doubt.
[[gnu::cold]] bool Settle(const Columns& c, int i, int32_t count, bool below, double drift, bool whole, double* least, double* most) {
  const double sign = below ? -1 : 1, half = below ? c.half_below[i] : c.half[i], little = whole ? 0 : kLittle;
  *least = 0x1p31, *most = -0x1p31;
  for (int32_t k = 1; k <= count; ++k) {
    const double d = Divide(half - sign * k * c.unit[i], c.mantissa[i], c.inverse[i]).rest, v = d - k * drift;
    if (d < little || d > c.mantissa[i] - little) return false;
    *least = v < *least ? v : *least;
    *most = v > *most ? v : *most;
  }
  return true;
}

// Outputs k = 1 to `count`, or -1 to -count, and the walk over them. One walk is enough to tell both forms' windows: a fine scale does
// not drift.
struct Way {
  int32_t count;
  bool below, drifts = false;  // drifts: the walk's drift is right, and its least and most.
  Numbers drift;
  Walk walk;
  Way(int32_t count, bool below) : count(count), below(below) {}
};

void Go(const Columns& c, bool drifts, Way* way) {
  if (way->count < 1) return;
  const double sign = way->below ? -1 : 1, bound = 0x1.fp29 / way->count;
  const Numbers& half = way->below ? c.half_below : c.half;
  int64_t wild = 0;
  Walk& walk = way->walk;
  for (int i = 0; i < kPanel; ++i) {
    way->drift[i] = sign * c.unit[i] * c.error[i] * (1 + c.error[i]);  // The error squared is nothing.
    const double part = way->drift[i] * c.inverse[i] * 0x1p31;
    const bool tame = part * part <= bound * bound;
    wild |= tame ? 0 : 1;
    walk.first[i] = Part(Divide(half[i] - sign * c.unit[i], c.mantissa[i], c.inverse[i]).rest * c.inverse[i]);
    walk.step[i] = Part(sign * c.rest[i] * c.inverse[i]);
    walk.drift[i] = static_cast<int32_t>(tame ? __builtin_floor(part + 0.5) : 0);
  }
  way->drifts = drifts && !wild;
  way->drifts ? Follow<true>(way->count, &walk) : Follow<false>(way->count, &walk);
}

struct Windows {
  Numbers low, high;  // low <= plus < high, with x and k as they are.
};

// False where they cannot be told. Whole: mantissas are.
bool Find(const Columns& c, const Way& way, bool fine, bool whole, Windows* windows) {
  for (int i = 0; i < kPanel; ++i) windows->low[i] = -1, windows->high[i] = 2;
  if (way.count < 1) return true;
  if (!fine && !way.drifts) return false;
  const Numbers& half = way.below ? c.half_below : c.half;
  const Walk& walk = way.walk;
  Numbers least, most;
  int64_t doubtful = 0;
  for (int i = 0; i < kPanel; ++i) {
    const double part = c.mantissa[i] * 0x1p-31;
    doubtful |= (c.apart[i] > 0 ? 0 : 1) & (NearestToEither(walk, i, c.mantissa[i]) < kDoubt ? 1 : 0);
    least[i] = fine ? (walk.nearest[i] + 0x1p31) * 0.5 * part : (walk.least[i] + static_cast<double>(kMiddle)) * part;
    most[i] = fine ? (walk.farthest[i] + 0x1p31) * 0.5 * part : (walk.most[i] + static_cast<double>(kMiddle)) * part;
  }
  for (int i = 0; i < kPanel && doubtful; ++i)
    if (c.apart[i] == 0 && NearestToEither(walk, i, c.mantissa[i]) < kDoubt &&
        !Settle(c, i, way.count, way.below, fine ? 0 : way.drift[i], whole, &least[i], &most[i]))
      return false;
  for (int i = 0; i < kPanel; ++i) {
    const double place = (1 - c.error[i]) / c.unit[i];
    windows->low[i] = place * (half[i] - least[i] + kRounding);
    windows->high[i] = place * (half[i] - most[i] - kRounding) + c.scale[i];
  }
  return true;
}

// The middles of the windows when x and k are moved, if float32 has them there. A fine form's inner sum is rounded down, too.
bool Choose(const Windows& windows, const Columns& c, const Numbers& moved, bool fine, float* plus) {
  const double least = fine ? 0x1p-39 : 0, inner = fine ? 0x1p-23 : 0;
  constexpr double kError = 0x1p-40;  // Of the numbers here.
  int64_t misses = 0;
  for (int i = 0; i < kPanel; ++i) {
    const auto middle = static_cast<float>((windows.low[i] + windows.high[i]) / 2 + moved[i]);
    const double v = middle, at = v - moved[i];
    misses |= (c.apart[i] > 0 ? 0 : 1) & ((windows.low[i] + (v < 0 ? -v : v) * inner + least + kError > at ? 1 : 0) | (at >= windows.high[i] - kError ? 1 : 0));
    plus[i] = c.apart[i] > 0 ? plus[i] : middle;
  }
  return !misses;
}

// A column whose sums reach few outputs, as where weights are next to nothing beside the bias: its scale would ask for more than 24 bits
// of x or of `plus`. One of the steps, from output k - 1 to k, is moved to x = 0, so that `plus` is k itself; what is left to choose is a
// scale for the others. Sums are exact then, and rounding down does not cross a whole number.
struct Few {
  static constexpr double kOutputs = 3;
  static constexpr int kMost = 5;
  int64_t at[kMost];  // Sums from which on the output is one more.
  int count = 0;
  int32_t before = 0;  // The output below the first.

  // Outputs' bounds are before the zero point is added.
  [[gnu::cold]] void Cut(int32_t lowest, int32_t highest) {
    int skipped = 0;
    for (; skipped < count && before < lowest; ++before) ++skipped;
    for (int i = skipped; i < count; ++i) at[i - skipped] = at[i];
    count -= skipped;
    while (count > 0 && before + count > highest) --count;
    before = before < lowest ? lowest : before > highest ? highest : before;
  }
};

// DOUBLE's first sum with an output of at least k: see SetDouble. (|k| + 1) 2^right < 2^31.
[[gnu::cold]] int64_t StepTo(int64_t k, int32_t mantissa, int32_t right) {
  const int64_t half = right == 0 ? 0 : int64_t{1} << (right - 1), v = k * (int64_t{1} << right) - half + (right > 0 && k < 1 ? 1 : 0);
  const int64_t n = v * (int64_t{1} << 31) - (int64_t{1} << 30);
  return n > 0 ? (n + mantissa - 1) / mantissa : n / mantissa;
}

// DOUBLE itself; right <= 31.
[[gnu::cold]] int64_t Rescaled(int64_t x, int32_t mantissa, int32_t right) {
  const int64_t high = (x * mantissa + (int64_t{1} << 30)) >> 31, half = right == 0 ? 0 : int64_t{1} << (right - 1);
  return high < 0 ? -((half - high) >> right) : (half + high) >> right;
}

double Reach(const SumRange& sums, double scale) { return static_cast<double>(sums.high - sums.low) * scale; }

// For sums of 32 bits that reach less than Few::kOutputs. Weights next to nothing have scales next to nothing, and biases of up to 2^31: then
// all sums have one output. F64's right is beyond all of DOUBLE's. False where there are more than a few steps, or too many to find in so little.
[[gnu::cold]] bool FindSteps(const SumRange& sums, double scale, int32_t mantissa, int32_t right, Few* few) {
  const double low = static_cast<double>(sums.low) * scale, high = static_cast<double>(sums.high) * scale;
  if (low > -0.25 && high < 0.25) return true;
  if (right <= 31 && Rescaled(sums.low, mantissa, right) == Rescaled(sums.high, mantissa, right)) {
    few->before = static_cast<int32_t>(Rescaled(sums.low, mantissa, right));
    return true;
  }
  const double farthest = (high > -low ? high : -low) + 3;
  if (right > 30 || farthest * static_cast<double>(int64_t{1} << right) >= 0x1p31 || sums.high - sums.low >= 1 << 24) return false;
  few->before = static_cast<int32_t>(__builtin_floor(low)) - 1;
  for (int32_t k = few->before + 1;; ++k) {
    const int64_t at = StepTo(k, mantissa, right);
    if (at > sums.high) return true;
    if (at <= sums.low) few->before = k;
    else if (few->count < Few::kMost) few->at[few->count++] = at;
    else return false;
  }
}

// The scale with which steps lie where they are when step j is at 0. False where no float32 is.
[[gnu::cold]] bool ScaleOfSteps(const Few& few, const SumRange& sums, int j, float* scale) {
  const auto from = [&](int64_t x) { return static_cast<double>(x - few.at[j]); };
  double low = 0, high = 1;
  const auto above = [&](double v) { low = v > low ? v : low; };
  const auto below = [&](double v) { high = v < high ? v : high; };
  for (int i = 0; i < few.count; ++i) {
    const double x = from(few.at[i]), k = i - j;
    if (i > j) above(k / x), below(x > 1 ? k / (x - 1) : 1);
    if (i < j) below(k / x), above(k / (x - 1));
  }
  if (sums.high > few.at[j]) below((few.count - j) / from(sums.high));
  below((-j - 1) / from(sums.low));
  constexpr double kError = 0x1p-40;
  *scale = static_cast<float>((low + high) / 2);
  return low * (1 + kError) < *scale && *scale < high * (1 - kError);
}

[[gnu::cold]] bool SetFew(const Requant& q, int64_t column, double scale, const SumRange& sums, bool plain, int i, FlooredPanel* to) {
  Few few;
  if (!FindSteps(sums, scale, q.scale ? 0 : q.mantissa[column], q.scale ? INT32_MAX : q.right[column], &few)) return false;
  few.Cut(q.low - q.zero, q.high - q.zero);
  int j = 0;
  to->scale[i] = 0;
  while (j < few.count && !ScaleOfSteps(few, sums, j, &to->scale[i])) ++j;
  if (few.count > 0 && j == few.count) return false;
  to->fine[i] = 0;
  to->plus[i] = to->plus_negative[i] = static_cast<float>(few.before + (plain ? q.zero : 0)) + (few.count > 0 ? static_cast<float>(j + 1) : 0.5f);
  to->bias[i] = static_cast<int32_t>(static_cast<uint32_t>(q.bias[column]) - static_cast<uint32_t>(few.count > 0 ? few.at[j] : 0));
  return true;
}

double ScaleOf(const Requant& q, int64_t column) {
  if (q.scale) return q.scale[column];
  return q.right[column] < 62 ? q.mantissa[column] * PowerOfTwo(-31 - q.right[column]) : 0;
}

// A column's scale, and what Find needs to know of it. False where sums between the outputs' bounds do not fit float32's 24 bits.
bool SetColumn(const Requant& q, int64_t column, double scale, double widest, int i, Columns* c, FlooredPanel* to) {
  if (scale >= 1 || widest >= 0x1p24 * scale) return false;
  c->real[i] = scale;
  to->scale[i] = static_cast<float>(scale);
  if (q.scale) SetF64(scale, i, c);
  else SetDouble(q.mantissa[column], q.right[column], i, c);
  return true;
}

// A stand-in where SetFew has set the constants.
void SetApart(int i, Columns* c) {
  c->apart[i] = 1;
  c->real[i] = 0.5;
  SetDouble(1 << 30, 0, i, c);
}

// The floors' scales, with the rest of the real ones in x * fine or without.
void SetScales(bool fine, Columns* c, FlooredPanel* to) {
  for (int i = 0; i < kPanel; ++i) {
    const double coarse = c->apart[i] > 0 ? c->real[i] : to->scale[i];
    to->fine[i] = fine ? static_cast<float>(c->real[i] - coarse) : 0;
    c->scale[i] = coarse + to->fine[i];
    c->error[i] = (c->mantissa[i] - c->scale[i] * c->unit[i]) * c->inverse[i];
  }
}

// What is added to sums, so that `plus` can be small, with many places. Plain: outputs' zero point. Signed: what makes sums negative where
// outputs are; they are not from 0 on, and are before.
void Shift(const Requant& q, int64_t at, bool plain, const Columns& c, FlooredPanel* to, Windows* above, Windows* below, Numbers* moved) {
  Numbers shift;
  for (int i = 0; i < kPanel; ++i)
    shift[i] = plain ? __builtin_floor((q.zero + 0.5) / c.scale[i]) : Divide(c.half_below[i], c.mantissa[i], c.inverse[i]).whole;
  for (int i = 0; i < kPanel; ++i) {
    shift[i] = c.apart[i] > 0 ? 0 : shift[i];
    const double by = (plain ? q.zero : 0) - shift[i] * c.scale[i];
    (*moved)[i] = by;
    above->low[i] = !plain && above->low[i] < -by ? -by : above->low[i];
    below->high[i] = below->high[i] < c.scale[i] - by ? below->high[i] : c.scale[i] - by;
  }
  for (int i = 0; i < kPanel; ++i) {
    const auto bias = static_cast<int32_t>(static_cast<uint32_t>(q.bias[at + i]) + static_cast<uint32_t>(static_cast<int32_t>(shift[i])));
    to->bias[i] = c.apart[i] > 0 ? to->bias[i] : bias;
  }
}

// Windows, shift and choice, with x * fine or without.
bool ChooseAll(const Requant& q, int64_t at, bool plain, bool fine, const Way& over, const Way& under, Columns* c, FlooredPanel* to) {
  SetScales(fine, c, to);
  Windows above, below;
  Numbers moved;
  if (!Find(*c, over, fine, !q.scale, &above) || !Find(*c, under, fine, !q.scale, &below)) return false;
  Shift(q, at, plain, *c, to, &above, &below, &moved);
  return Choose(above, *c, moved, fine, to->plus) && (plain || Choose(below, *c, moved, fine, to->plus_negative));
}

}  // namespace

bool FloorAvx2(const Requant& q, int64_t panel, const SumRange* sums, Floored form, bool coarse, FlooredPanel* to, int32_t* first) {
  const int32_t lowest = q.low - q.zero + 1, highest = q.high - q.zero;  // Outputs that are told from one less.
  const bool plain = form == Floored::kPlain, drifts = coarse && !q.scale;  // F64's doubts are told with the whole scale only.
  const int64_t at = panel * kPanel;
  const int32_t widest = (plain ? -q.zero : highest > -lowest ? highest : -lowest) + 2;  // Of an output that tells; shifted sums, too.
  Columns c;
  double reached = 0;
  for (int i = 0; i < kPanel; ++i) {
    const double scale = ScaleOf(q, at + i), farthest = static_cast<double>(sums[i].high > -sums[i].low ? sums[i].high : -sums[i].low) * scale;
    const double most = farthest < 255 ? farthest + 1 : 256;
    c.apart[i] = 0;
    if (sums[i].low > INT32_MIN && sums[i].high < INT32_MAX && Reach(sums[i], scale) < Few::kOutputs && SetFew(q, at + i, scale, sums[i], plain, i, to)) {
      SetApart(i, &c);
      continue;
    }
    if (sums[i].high >= kMostSum || sums[i].low <= -kMostSum || !SetColumn(q, at + i, scale, plain || most > widest ? widest : most, i, &c, to)) return false;
    if (most > reached) reached = most;
  }
  for (int i = 0; i < kPanel; ++i) {
    c.inverse[i] = 1 / c.mantissa[i];
    c.rest[i] = Divide(c.unit[i], c.mantissa[i], c.inverse[i]).rest;
  }
  const auto within = [&](int32_t n) { return n < reached ? n : static_cast<int32_t>(reached); };
  Way over(within(highest), false), under(plain ? 0 : within(-lowest), true);
  SetScales(false, &c, to);
  Go(c, drifts, &over), Go(c, drifts, &under);
  if (!(drifts && ChooseAll(q, at, plain, false, over, under, &c, to)) && !ChooseAll(q, at, plain, true, over, under, &c, to)) return false;
  __builtin_memcpy(first, to->bias, sizeof to->bias);
  return true;
}

}  // namespace octet::kernels
