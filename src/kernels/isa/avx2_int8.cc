// SPDX-License-Identifier: Apache-2.0
// 8-bit products on AVX2. vpmaddubsw would saturate, so both operands are widened to 16 bits: vpmaddwd adds
// two exact products to a lane. Weights stay 8-bit in memory; a panel is widened once per block of rows.
#include <immintrin.h>

#include "kernels/int8.h"

namespace octet::kernels {
namespace {

inline __m256i Load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline void Store(void* p, __m256i v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
inline __m128i Load16(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }

// ---------------------------------------------------------------------------- back to 8 bits

// Constants of 8 columns for the one-step form of DOUBLE (Requant::narrow).
template <bool kRelu> struct Narrow {
  static constexpr bool kWide = false;
  __m256i mantissa, mantissa_odd, up, up_negative, after;
  Narrow(const Requant& q, int64_t c) : Narrow(q.narrow[c / kPanel], static_cast<int>(c % kPanel)) {}
  Narrow(const NarrowPanel& p, int i)
      : mantissa(Load(p.mantissa + i)), mantissa_odd(Load(p.odd + i)), up(Load(p.up + i)), up_negative(Load(p.up_negative + i)), after(Load(p.after + i)) {}
  __m256i operator()(__m256i x) const {
    x = _mm256_slli_epi32(x, 2);
    const __m256i even = _mm256_mul_epi32(x, mantissa), odd = _mm256_mul_epi32(_mm256_srli_epi64(x, 32), mantissa_odd);
    const __m256i v = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);  // High halves.
    if constexpr (kRelu) return _mm256_srav_epi32(_mm256_add_epi32(v, up), after);
    const __m256 nudge = _mm256_blendv_ps(_mm256_castsi256_ps(up), _mm256_castsi256_ps(up_negative), _mm256_castsi256_ps(x));  // By x's sign.
    return _mm256_srav_epi32(_mm256_add_epi32(v, _mm256_castps_si256(nudge)), after);
  }
};

// DOUBLE in the reference's two steps. The high-mul rounds x*m / 2^31 to nearest with ties up, which is what
// the reference's nudge and truncation amount to; the shift rounds ties away from zero.
struct Double {
  static constexpr bool kWide = true;
  __m256i left, mantissa, right;
  Double(const Requant& q, int64_t c) : left(Load(q.left + c)), mantissa(Load(q.mantissa + c)), right(Load(q.right + c)) {}
  __m256i operator()(__m256i x) const {
    const __m256i half = _mm256_set1_epi64x(1ll << 30);
    x = _mm256_sllv_epi32(x, left);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(x, mantissa), half);
    const __m256i odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(mantissa, 32)), half);
    const __m256i v = _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa);
    // nudge = 2^(right-1) - (v < 0), and nothing at all for right = 0.
    const __m256i shifts = _mm256_cmpgt_epi32(right, _mm256_setzero_si256());
    const __m256i up = _mm256_srli_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), right), 1);
    const __m256i nudge = _mm256_and_si256(_mm256_add_epi32(up, _mm256_srai_epi32(v, 31)), shifts);
    return _mm256_srav_epi32(_mm256_add_epi32(v, nudge), right);
  }
};

// The biases of 8 columns, from beside the other constants.
template <class Rescale> inline __m256i Bias(const Requant& q, int64_t c) {
  if constexpr (Rescale::kWide) return Load(q.bias + c);
  else return Load(q.narrow[c / kPanel].bias + c % kPanel);
}

// round(x * scale), half away from zero: adding the double below a half and cutting off rounds the same.
struct F64 {
  __m256d low, high;
  F64(const Requant& q, int64_t c) : low(_mm256_loadu_pd(q.scale + c)), high(_mm256_loadu_pd(q.scale + c + 4)) {}
  static __m128i Round(__m128i x, __m256d scale) {
    const __m256d limit = _mm256_set1_pd(1e9), half = _mm256_set1_pd(0.49999999999999994), sign = _mm256_set1_pd(-0.0);
    const __m256d v = _mm256_min_pd(_mm256_mul_pd(_mm256_cvtepi32_pd(x), scale), limit);  // Below, the conversion itself gives INT_MIN.
    return _mm256_cvttpd_epi32(_mm256_add_pd(v, _mm256_or_pd(half, _mm256_and_pd(v, sign))));
  }
  __m256i operator()(__m256i x) const {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(Round(_mm256_castsi256_si128(x), low)), Round(_mm256_extracti128_si256(x, 1), high), 1);
  }
};

struct Clamp {
  __m256i zero;
  __m128i low, high;
  explicit Clamp(const Requant& q)
      : zero(_mm256_set1_epi16(static_cast<int16_t>(q.zero))), low(_mm_set1_epi8(static_cast<char>(q.low))), high(_mm_set1_epi8(static_cast<char>(q.high))) {}
  // Two rows of 16 values to n bytes each.
  void PutTwo(__m256i a, __m256i b, __m256i c, __m256i d, int8_t* y, int64_t pitch, int64_t n) const {
    const __m256i first = _mm256_adds_epi16(_mm256_packs_epi32(a, b), zero), second = _mm256_adds_epi16(_mm256_packs_epi32(c, d), zero);
    __m256i bytes = _mm256_packs_epi16(first, second);  // By fours: first 0, 2, second 0, 2 and first 1, 3, second 1, 3.
    bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    bytes = _mm256_min_epi8(_mm256_max_epi8(bytes, _mm256_broadcastsi128_si256(low)), _mm256_broadcastsi128_si256(high));
    if (n >= kPanel) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y), _mm256_castsi256_si128(bytes));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y + pitch), _mm256_extracti128_si256(bytes, 1));
    } else {
      alignas(32) int8_t out[32];
      _mm256_store_si256(reinterpret_cast<__m256i*>(out), bytes);
      __builtin_memcpy(y, out, static_cast<unsigned>(n));
      __builtin_memcpy(y + pitch, out + 16, static_cast<unsigned>(n));
    }
  }
  // 16 values to n bytes.
  void Put(__m256i a, __m256i b, int8_t* y, int64_t n) const {
    const __m256i words = _mm256_adds_epi16(_mm256_packs_epi32(a, b), zero);  // 0-3, 8-11 and 4-7, 12-15.
    __m128i bytes = _mm_shuffle_epi32(_mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)), 0xd8);
    bytes = _mm_min_epi8(_mm_max_epi8(bytes, low), high);
    if (n >= kPanel) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y), bytes);
    } else {
      alignas(16) int8_t out[16];
      _mm_store_si128(reinterpret_cast<__m128i*>(out), bytes);
      __builtin_memcpy(y, out, static_cast<unsigned>(n));
    }
  }
};

// acc[r][16] to bytes; half a panel at a time so that its constants stay in registers.
template <class Rescale> void Finish(int32_t* acc, int rows, const ProductS8& p, int64_t column, int8_t* y) {
  for (int h = 0; h < kPanel; h += 8) {
    const Rescale rescale(p.requant, column + h);
    for (int r = 0; r < rows; ++r) Store(acc + r * kPanel + h, rescale(Load(acc + r * kPanel + h)));
  }
  const Clamp clamp(p.requant);
  for (int r = 0; r < rows; ++r) clamp.Put(Load(acc + r * kPanel), Load(acc + r * kPanel + 8), y + r * p.columns + column, p.columns - column);
}

// --------------------------------------------------------------------------------- products

constexpr int kRows = 6;        // 12 sums, 2 weights, the activation and a product: all 16 registers.
constexpr int64_t kFewRows = 4; // Below it, widening a panel costs more than it saves.

// Of 8 columns x 4 bytes: the pair (k0, k1) or (k2, k3) of each column as two int16.
inline __m256i LowPair(__m256i v) {
  const __m256i take = _mm256_setr_epi8(-1, 0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1, 0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13);
  return _mm256_srai_epi16(_mm256_shuffle_epi8(v, take), 8);
}
inline __m256i HighPair(__m256i v) {
  const __m256i take = _mm256_setr_epi8(-1, 2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1, 2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15);
  return _mm256_srai_epi16(_mm256_shuffle_epi8(v, take), 8);
}

// [group][16][4] int8 to [pair][16][2] int16.
void WidenPanel(const int8_t* packed, int64_t groups, int16_t* wide) {
  for (int64_t g = 0; g < groups; ++g, packed += 64, wide += 64) {
    const __m256i a = Load(packed), b = Load(packed + 32);
    Store(wide, LowPair(a));
    Store(wide + 16, LowPair(b));
    Store(wide + 32, HighPair(a));
    Store(wide + 48, HighPair(b));
  }
}

using Pair [[gnu::may_alias, gnu::aligned(2)]] = int32_t;  // Two 16-bit values of a row: at any even address.

// One pair of every row against 16 columns. In assembly because GCC otherwise keeps the products of all
// rows alive at once and spills the sums: 42 G multiply-adds/s instead of 72.
#define OCTET_MULTIPLY_PAIR(low, high, x, w0, w1)                                                                   \
  do {                                                                                                              \
    __m256i a_, t_;                                                                                                 \
    asm("vpbroadcastd %4, %2\n\tvpmaddwd %5, %2, %3\n\tvpmaddwd %6, %2, %2\n\tvpaddd %3, %0, %0\n\tvpaddd %2, %1, %1" \
        : "+x"(low), "+x"(high), "=&x"(a_), "=&x"(t_)                                                               \
        : "m"(x), "x"(w0), "x"(w1));                                                                                \
  } while (0)

// The sums of kCount rows and 16 columns, from a widened panel.
template <int kCount>
[[gnu::always_inline]] inline void AddUp(const ProductS8& p, const void* const* rows, const void* weights, const int32_t* bias, __m256i (&low)[kCount], __m256i (&high)[kCount]) {
  const auto* w = static_cast<const int16_t*>(weights);
  const int16_t* a[kCount];
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r) {
    a[r] = static_cast<const int16_t*>(rows[r]);
    low[r] = Load(bias);
    high[r] = Load(bias + 8);
  }
  const int64_t pairs = (p.length + 1) / 2, skipped = p.groups() * 2 - pairs;
  for (int64_t s = 0; s < p.segments; ++s, w += skipped * 32) {
    int64_t at = p.offset[s] / 2;
    for (int64_t k = 0; k < pairs; ++k, at += 2, w += 32) {
      const __m256i w0 = Load(w), w1 = Load(w + 16);
#pragma GCC unroll 8
      for (int r = 0; r < kCount; ++r) OCTET_MULTIPLY_PAIR(low[r], high[r], *reinterpret_cast<const Pair*>(a[r] + at), w0, w1);
    }
  }
}
#undef OCTET_MULTIPLY_PAIR

template <int kCount> void Tile(const ProductS8& p, const void* const* rows, const void* weights, const int32_t* bias, int32_t* acc) {
  __m256i low[kCount], high[kCount];
  AddUp<kCount>(p, rows, weights, bias, low, high);
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r) {
    Store(acc + r * kPanel, low[r]);
    Store(acc + r * kPanel + 8, high[r]);
  }
}

// The same to bytes, sums never leaving their registers: with a depth of 16 that is a quarter of the time.
template <class Rescale, int kCount> void WholeTile(const ProductS8& p, const void* const* rows, const void* weights, int64_t column, int8_t* y) {
  __m256i low[kCount], high[kCount];
  AddUp<kCount>(p, rows, weights, p.requant.bias + column, low, high);
  {
    const Rescale rescale(p.requant, column);
#pragma GCC unroll 8
    for (int r = 0; r < kCount; ++r) low[r] = rescale(low[r]);
  }
  const Rescale rescale(p.requant, column + 8);
  const Clamp clamp(p.requant);
  const int64_t left = p.columns - column;
#pragma GCC unroll 8
  for (int r = 0; r + 1 < kCount; r += 2) clamp.PutTwo(low[r], rescale(high[r]), low[r + 1], rescale(high[r + 1]), y + r * p.columns, p.columns, left);
  if constexpr (kCount % 2) clamp.Put(low[kCount - 1], rescale(high[kCount - 1]), y + (kCount - 1) * p.columns, left);
}

inline __m256i Spread(const int16_t* a) { return _mm256_set1_epi32(*reinterpret_cast<const Pair*>(a)); }

// The same for few rows, from packed bytes.
template <int kCount> void PackedTile(const ProductS8& p, const void* const* rows, const void* weights, const int32_t* bias, int32_t* acc) {
  const auto* w = static_cast<const int8_t*>(weights);
  __m256i low[kCount], high[kCount];
#pragma GCC unroll 4
  for (int r = 0; r < kCount; ++r) low[r] = Load(bias), high[r] = Load(bias + 8);
  const int64_t groups = p.groups();
  for (int64_t s = 0; s < p.segments; ++s) {
    int64_t at = p.offset[s] / 2;
    for (int64_t g = 0; g < groups; ++g, at += 4, w += 64) {
      const __m256i first = Load(w), second = Load(w + 32);
      const __m256i w0 = LowPair(first), w1 = HighPair(first), w2 = LowPair(second), w3 = HighPair(second);
#pragma GCC unroll 4
      for (int r = 0; r < kCount; ++r) {
        const auto* a = static_cast<const int16_t*>(rows[r]) + at;
        const __m256i x0 = Spread(a), x1 = Spread(a + 2);
        low[r] = _mm256_add_epi32(low[r], _mm256_add_epi32(_mm256_madd_epi16(x0, w0), _mm256_madd_epi16(x1, w1)));
        high[r] = _mm256_add_epi32(high[r], _mm256_add_epi32(_mm256_madd_epi16(x0, w2), _mm256_madd_epi16(x1, w3)));
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kCount; ++r) {
    Store(acc + r * kPanel, low[r]);
    Store(acc + r * kPanel + 8, high[r]);
  }
}

using TileFn = void (*)(const ProductS8&, const void* const*, const void*, const int32_t*, int32_t*);
constexpr TileFn kTiles[kRows] = {Tile<1>, Tile<2>, Tile<3>, Tile<4>, Tile<5>, Tile<6>};
constexpr TileFn kPackedTiles[kFewRows - 1] = {PackedTile<1>, PackedTile<2>, PackedTile<3>};

// How many of `count` rows the next tile takes: an even cut.
inline int NextTile(int64_t count) {
  const int64_t cuts = (count + kRows - 1) / kRows;
  return static_cast<int>((count + cuts - 1) / cuts);
}

// From kWholeRows rows on, tiles have kRows rows or one less.
constexpr int64_t kWholeRows = (kRows - 1) * (kRows - 2);
template <class Rescale> void MultiplyWhole(const ProductS8& p, const void* const* rows, int64_t count, int64_t panel, const void* w, int8_t* y) {
  const int64_t column = panel * kPanel;
  for (int64_t r = 0; r < count;) {
    const int tile = NextTile(count - r);
    (tile == kRows ? WholeTile<Rescale, kRows> : WholeTile<Rescale, kRows - 1>)(p, rows + r, w, column, y + r * p.columns + column);
    r += tile;
  }
}

void Multiply(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  alignas(32) int32_t acc[kRows * kPanel];
  const auto finish = p.requant.scale ? Finish<F64> : !p.requant.narrow ? Finish<Double> : p.requant.relu() ? Finish<Narrow<true>> : Finish<Narrow<false>>;
  const bool widen = count >= kFewRows, whole = count >= kWholeRows && p.requant.narrow && !p.requant.scale && !p.take;
  for (int64_t panel = first_panel; panel < end_panel; ++panel) {
    const void* w = p.packed + panel * p.panel_bytes();
    if (widen) {
      WidenPanel(p.packed + panel * p.panel_bytes(), p.segments * p.groups(), static_cast<int16_t*>(scratch));
      w = scratch;
    }
    if (whole) {
      (p.requant.relu() ? MultiplyWhole<Narrow<true>> : MultiplyWhole<Narrow<false>>)(p, rows, count, panel, w, y);
      continue;
    }
    for (int64_t r = 0; r < count;) {
      const int tile = NextTile(count - r);
      (widen ? kTiles : kPackedTiles)[tile - 1](p, rows + r, w, p.requant.bias + panel * kPanel, acc);
      if (p.take) p.take(p.context, acc, r, tile, panel * kPanel, 1);
      else finish(acc, tile, p, panel * kPanel, y + r * p.columns);
      r += tile;
    }
  }
}

void LoadWide(const int8_t* x, int64_t n, void* to) {
  auto* y = static_cast<int16_t*>(to);
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) Store(y + i, _mm256_cvtepi8_epi16(Load16(x + i)));
  for (; i < n; ++i) y[i] = x[i];
}

// -------------------------------------------------------------------------------- Winograd

inline __m256i Add16(__m256i a, __m256i b) { return _mm256_add_epi16(a, b); }
inline __m256i Sub16(__m256i a, __m256i b) { return _mm256_sub_epi16(a, b); }
inline __m256i Add(__m256i a, __m256i b) { return _mm256_add_epi32(a, b); }
inline __m256i Sub(__m256i a, __m256i b) { return _mm256_sub_epi32(a, b); }

// B^T along one direction, in 16 bits: values stay below 10 * 10 * 128. Elements are `step` apart.
template <int kM> inline void TransformInput(const __m256i* d, int step, __m256i* o) {
  const __m256i d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
  if constexpr (kM == 2) {
    o[0] = Sub16(d0, d2);
    o[step] = Add16(d1, d2);
    o[2 * step] = Sub16(d2, d1);
    o[3 * step] = Sub16(d1, d3);
  } else {
    const __m256i d4 = d[4 * step], d5 = d[5 * step];
    const auto four = [](__m256i v) { return _mm256_slli_epi16(v, 2); };
    const __m256i a = Sub16(d4, four(d2)), b = Sub16(d3, four(d1)), c = Sub16(d4, d2), e = _mm256_slli_epi16(Sub16(d3, d1), 1);
    o[0] = Add16(Sub16(four(d0), Add16(four(d2), d2)), d4);
    o[step] = Add16(a, b);
    o[2 * step] = Sub16(a, b);
    o[3 * step] = Add16(c, e);
    o[4 * step] = Sub16(c, e);
    o[5 * step] = Add16(Sub16(four(d1), Add16(four(d3), d3)), d5);
  }
}

// A^T along one direction, with what kWinogradG left out: for m = 4, rows 6, -4, -4, 1, 1, 24. m + 2 values,
// `step` apart, give m.
template <int kM> inline void TransformOutput(const __m256i* s, int step, __m256i* o, int o_step) {
  const __m256i sum = Add(s[step], s[2 * step]), difference = Sub(s[step], s[2 * step]);
  if constexpr (kM == 2) {
    o[0] = Add(s[0], sum);
    o[o_step] = Sub(difference, s[3 * step]);
  } else {
    const auto shifted = [](__m256i v, int bits) { return _mm256_slli_epi32(v, bits); };
    const __m256i far_sum = Add(s[3 * step], s[4 * step]), far_difference = Sub(s[3 * step], s[4 * step]);
    const __m256i sum4 = shifted(sum, 2), difference4 = shifted(difference, 2), s5 = s[5 * step];
    o[0] = Add(Sub(Add(shifted(s[0], 2), shifted(s[0], 1)), sum4), far_sum);
    o[o_step] = Sub(shifted(far_difference, 1), difference4);
    o[2 * o_step] = Sub(shifted(far_sum, 2), sum4);
    o[3 * o_step] = Add(Sub(shifted(far_difference, 3), difference4), Add(shifted(s5, 4), shifted(s5, 3)));
  }
}

// Loaded rows to [position][kWinogradTiles][channels] for tiles [first, first + count), row by row of tiles.
template <int kM> void TransformTiles(const WinogradS8& p, const int16_t* loaded, int64_t tiles_across, int64_t first, int64_t count, int16_t* to) {
  constexpr int kSide = kM + 2;
  for (int64_t t = 0; t < count; ++t) {
    const int16_t* tile = loaded + ((first + t) / tiles_across * kM * p.pixels + (first + t) % tiles_across * kM) * p.channels;
    for (int64_t c = 0; c < p.channels; c += 16) {
      __m256i d[kSide * kSide], e[kSide * kSide];
      for (int i = 0; i < kSide; ++i)
        for (int j = 0; j < kSide; ++j) d[i * kSide + j] = Load(tile + (i * p.pixels + j) * p.channels + c);
      for (int j = 0; j < kSide; ++j) TransformInput<kM>(d + j, kSide, e + j);
      for (int i = 0; i < kSide; ++i) TransformInput<kM>(e + i * kSide, 1, d + i * kSide);
      for (int i = 0; i < kSide * kSide; ++i) Store(to + (i * kWinogradTiles + t) * p.channels + c, d[i]);
    }
  }
}

// Sums of 8 columns of one tile, [position][kWinogradTiles][16], to m x m requantized outputs.
template <class Rescale, int kM> inline void InverseTile(const int32_t* sums, const Rescale& rescale, __m256i bias, __m256i* out) {
  constexpr int kSide = kM + 2;
  __m256i s[kSide * kSide], half[kM * kSide];
  for (int i = 0; i < kSide * kSide; ++i) s[i] = Load(sums + i * kWinogradTiles * kPanel);
  for (int j = 0; j < kSide; ++j) TransformOutput<kM>(s + j, kSide, half + j, kSide);
  for (int i = 0; i < kM; ++i) TransformOutput<kM>(half + i * kSide, 1, out + i * kM, 1);
  for (int i = 0; i < kM * kM; ++i) {
    // 4 times the sum, or 576 = 9 * 64 times: 9 has an inverse modulo 2^32.
    const __m256i v = kM == 2 ? _mm256_srai_epi32(out[i], 2) : _mm256_srai_epi32(_mm256_mullo_epi32(out[i], _mm256_set1_epi32(0x38e38e39)), 6);
    out[i] = rescale(Add(v, bias));
  }
}

template <class Rescale, int kM> void Winograd(const WinogradS8& p, const void* loaded, int64_t rows, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  constexpr int kPositions = (kM + 2) * (kM + 2);
  const int64_t across = (p.width + kM - 1) / kM, tiles = across * ((rows + kM - 1) / kM), offset = 0;
  auto* transformed = static_cast<int16_t*>(scratch);
  auto* sums = reinterpret_cast<int32_t*>(transformed + kPositions * kWinogradTiles * p.channels);
  const ProductS8 product{&offset, 1, p.channels, nullptr, {}, 0};
  const int32_t zeros[kPanel] = {};
  const Clamp clamp(p.requant);
  for (int64_t first = 0; first < tiles; first += kWinogradTiles) {
    const int64_t count = tiles - first < kWinogradTiles ? tiles - first : kWinogradTiles;
    TransformTiles<kM>(p, static_cast<const int16_t*>(loaded), across, first, count, transformed);
    for (int64_t panel = first_panel; panel < end_panel; ++panel) {
      for (int64_t position = 0; position < kPositions; ++position) {
        const int16_t* w = p.packed + (panel * kPositions + position) * p.channels * kPanel;
        for (int64_t t = 0; t < count;) {
          const int tile = NextTile(count - t);
          const void* at[kRows];
          for (int r = 0; r < tile; ++r) at[r] = transformed + (position * kWinogradTiles + t + r) * p.channels;
          kTiles[tile - 1](product, at, w, zeros, sums + (position * kWinogradTiles + t) * kPanel);
          t += tile;
        }
      }
      const int64_t column = panel * kPanel;
      const Rescale low(p.requant, column), high(p.requant, column + 8);
      const __m256i bias_low = Load(p.requant.bias + column), bias_high = Load(p.requant.bias + column + 8);
      for (int64_t t = 0; t < count; ++t) {
        __m256i a[kM * kM], b[kM * kM];
        InverseTile<Rescale, kM>(sums + t * kPanel, low, bias_low, a);
        InverseTile<Rescale, kM>(sums + t * kPanel + 8, high, bias_high, b);
        const int64_t top = (first + t) / across * kM, left = (first + t) % across * kM;
        for (int64_t i = 0; i < kM && top + i < rows; ++i)
          for (int64_t j = 0; j < kM && left + j < p.width; ++j)
            clamp.Put(a[i * kM + j], b[i * kM + j], y + ((top + i) * p.width + left + j) * p.columns + column, p.columns - column);
      }
    }
  }
}

template <int kM> void WinogradRows(const WinogradS8& p, const void* loaded, int64_t rows, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  const auto run = !p.requant.narrow ? Winograd<Double, kM> : p.requant.relu() ? Winograd<Narrow<true>, kM> : Winograd<Narrow<false>, kM>;
  run(p, loaded, rows, first_panel, end_panel, y, scratch);
}

// -------------------------------------------------------------------------------- depthwise
// A vector is 16 channels; a line holds pairs of taps as int16.

constexpr int kVector = 16, kPixelBytes = kVector * 4, kLineTaps = 2, kColumnRows = 3;

inline void Interleave(const uint8_t* const* from, int64_t at, uint8_t* to) {
  const __m128i x = Load16(from[0] + at), y = Load16(from[1] + at);
  Store(to, _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(x, y)));
  Store(to + 32, _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(x, y)));
}

// kPixels: how many pixels of a line the vectors are apart, where that is known.
template <class Rescale, int kCount, int kPixels> void VectorsApart(const DepthwiseS8& p, int64_t phase, const uint8_t* line, int8_t* y, int64_t left, int64_t pitch) {
  const int64_t apart = (kPixels ? kPixels : p.pixels) * kPixelBytes;
  const auto* w = reinterpret_cast<const uint8_t*>(p.weights) + phase * p.steps * kPixelBytes;
  const int64_t c = phase * kVector;
  __m256i low[kCount], high[kCount];
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) low[i] = Load(p.requant.bias + c), high[i] = Load(p.requant.bias + c + 8);
  for (int s = 0; s < p.steps; ++s, w += kPixelBytes) {
    const __m256i w0 = Load(w), w1 = Load(w + 32);
    const uint8_t* x = line + p.step[s] * kPixelBytes;
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) {
      low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(w0, Load(x + i * apart)));
      high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(w1, Load(x + i * apart + 32)));
    }
  }
  const Rescale first(p.requant, c);
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) low[i] = first(low[i]);
  const Rescale second(p.requant, c + 8);
  const Clamp clamp(p.requant);
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) clamp.Put(low[i], second(high[i]), y + i * pitch, left - (p.blocks ? 0 : i * pitch));
}

template <class Rescale, int kCount> void Vectors(const DepthwiseS8& p, int64_t phase, const uint8_t* line, int8_t* y, int64_t left, int64_t pitch) {
  const auto run = kCount == 4 && p.pixels == 1 ? VectorsApart<Rescale, kCount, 1> : VectorsApart<Rescale, kCount, 0>;
  run(p, phase, line, y, left, pitch);
}

// A column of three rows: two as pairs, the third widened to 32 bits, which is a pair whose second tap meets a weight of zero.
struct Column {
  __m256i pair[2], single[2];
};
inline Column Interleaved(const uint8_t* const* rows, int64_t at) {
  const __m128i a = Load16(rows[0] + at), b = Load16(rows[1] + at), c = Load16(rows[2] + at);
  return {{_mm256_cvtepi8_epi16(_mm_unpacklo_epi8(a, b)), _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(a, b))},
          {_mm256_cvtepi8_epi32(c), _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(c, c))}};
}

struct ColumnWeights {
  const uint8_t* at;
  ColumnWeights(const DepthwiseS8& p, int64_t phase) : at(reinterpret_cast<const uint8_t*>(p.weights) + phase * 6 * kPixelBytes) {}
};

template <class Rescale>
[[gnu::always_inline]] inline void PutThree(const DepthwiseS8& p, const Clamp& clamp, int64_t at, const Column (&column)[3], const ColumnWeights& w, int8_t* y, int64_t left) {
  __m256i v[2];
#pragma GCC unroll 2
  for (int h = 0; h < 2; ++h) {
    __m256i sum = Bias<Rescale>(p.requant, at + h * 8);
#pragma GCC unroll 3
    for (int s = 0; s < 3; ++s) {
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(column[s].pair[h], Load(w.at + s * kPixelBytes + h * 32)));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(column[s].single[h], Load(w.at + (3 + s) * kPixelBytes + h * 32)));
    }
    v[h] = Rescale(p.requant, at + h * 8)(sum);
  }
  clamp.Put(v[0], v[1], y, left);
}

#include "kernels/isa/depthwise_s8_body.h"

void Depthwise(const DepthwiseS8& p, const uint8_t* const* rows, int8_t* y, void* lines) {
  const auto row = !p.requant.narrow ? DepthwiseRow<Double> : p.requant.relu() ? DepthwiseRow<Narrow<true>> : DepthwiseRow<Narrow<false>>;
  row(p, rows, y, lines);
}

void LoadPixels(const int8_t* x, int64_t n, int64_t count, int64_t stride, uint8_t* to) {
  if (count == 1) {
    __builtin_memcpy(to, x, static_cast<unsigned long>(n));
    return;
  }
  for (; count > 0; --count, x += stride, to += n) {
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), Load16(x + i));
    if (i + 8 <= n) __builtin_memcpy(to + i, x + i, 8), i += 8;
    for (; i < n; ++i) to[i] = static_cast<uint8_t>(x[i]);
  }
}

constexpr uint8_t kOrder[kVector] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

}  // namespace

constinit const Int8 kAvx2Int8 = {"avx2", 0, 2, LoadWide, Multiply, 128, kVector, 2, 2, 0, kOrder, LoadPixels, Depthwise, 16, WinogradRows<2>, WinogradRows<4>};

}  // namespace octet::kernels
