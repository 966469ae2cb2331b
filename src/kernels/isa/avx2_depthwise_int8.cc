// SPDX-License-Identifier: Apache-2.0
// Depthwise windows of bytes with AVX2. A vector is 16 channels; pairs of taps are int16. Windows of 3 x 3 and 5 x 5 slide over rows as
// they lie; others go by lines (depthwise_s8_body.h).
#include <immintrin.h>

#include "kernels/int8.h"
#include "kernels/isa/requant_avx2.h"

namespace octet::kernels {
namespace {

constexpr int kVector = kAvx2Vector, kPixelBytes = kVector * 4, kLineTaps = 2;

// Two taps of a vector side by side, as 16 bits: of channels 0 to 3 and 8 to 11, and of the others (kAvx2Int8's order). Bytes are widened
// as they are loaded: from a register, that takes Zen 3 twice as long.
struct Pairs {
  __m256i half[2];
  Pairs(const uint8_t* a, const uint8_t* b) {
    const __m256i x = _mm256_cvtepi8_epi16(Load16(a)), y = _mm256_cvtepi8_epi16(Load16(b));
    half[0] = _mm256_unpacklo_epi16(x, y);
    half[1] = _mm256_unpackhi_epi16(x, y);
  }
};

// ------------------------------------------------------------------------------------ lines

inline void Interleave(const uint8_t* const* from, int64_t at, uint8_t* to) {
  const Pairs pairs(from[0] + at, from[1] + at);
  Store(to, pairs.half[0]);
  Store(to + 32, pairs.half[1]);
}

template <class Rescale, int kCount> void Vectors(const DepthwiseS8& p, int64_t phase, const uint8_t* line, int8_t* y, int64_t left, int64_t pitch) {
  const int64_t apart = p.pixels * kPixelBytes;
  const auto* w = reinterpret_cast<const uint8_t*>(p.weights) + phase * p.steps * kPixelBytes;
  const int64_t c = phase * kVector;
  __m256i low[kCount], high[kCount];
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) low[i] = Bias<Rescale>(p.requant, c), high[i] = Bias<Rescale>(p.requant, c + 8);
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
  const ClampOf<Rescale> clamp(p.requant);
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) clamp.template Put<FirstHalf::kTwoFours>(low[i], second(high[i]), y + i * pitch, left - (p.blocks ? 0 : i * pitch));
}

#include "kernels/isa/depthwise_s8_body.h"

// ---------------------------------------------------------------------------------- sliding
// Rows in pairs, of each column; the last row is paired along itself, for windows that begin at an even column and at an odd one.
template <int kSize> struct Taps {
  static constexpr int kPairs = kSize / 2;
  __m256i rows[kPairs][kSize][2];
  __m256i last[kSize + 1][2];  // last[v]: taps v - 1 and v; absent ones are zero.
};
template <int kSize> [[gnu::noinline]] void TapsOf(const DepthwiseS8& p, int64_t phase, Taps<kSize>* taps) {
  const auto* from = reinterpret_cast<const uint8_t*>(p.weights) + phase * p.steps * kPixelBytes;
  constexpr int kRowTaps = Taps<kSize>::kPairs * kSize;
  __builtin_memcpy(taps->rows, from, sizeof taps->rows);
  for (int h = 0; h < 2; ++h) {
    __m256i before = _mm256_setzero_si256();
    for (int v = 0; v < kSize; ++v) {
      const __m256i tap = Load(from + (kRowTaps + v) * kPixelBytes + h * 32);
      taps->last[v][h] = _mm256_or_si256(before, _mm256_slli_epi32(tap, 16));
      before = tap;
    }
    taps->last[kSize][h] = before;
  }
}

// sum += x w of both halves. In assembly because GCC otherwise adds products up in a tree and spills them.
[[gnu::always_inline]] inline void AddProducts(__m256i* sum, const Pairs& x, const __m256i (&w)[2]) {
#pragma GCC unroll 2
  for (int h = 0; h < 2; ++h) {
    __m256i t;
    asm("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(sum[h]), "=&x"(t) : "x"(x.half[h]), "m"(w[h]));
  }
}

// A column of rows: of the image, or of padding.
struct Column {
  const uint8_t* const* rows;
  int64_t at;
  const uint8_t* operator[](int row) const { return rows[row] + at; }
};

// The vector of channels of a phase: where it is read and written.
struct Place {
  const uint8_t* outside[5];
  int64_t channel, repeats;
  int64_t left, columns, pitch, out_pitch;
  int64_t there, less;  // Bytes of the first vector and on that are there: of the row's, or a vector each.
  Place(const DepthwiseS8& p, int64_t phase)
      : channel(phase * kVector), repeats(p.width), left(p.image_left), columns(p.image_columns), pitch(p.pixel_pitch), out_pitch(p.out_pitch()),
        there(kVector), less(0) {
    for (const uint8_t*& row : outside) row = p.outside;
    if (p.blocks) {
      if (channel > p.channels - kVector) channel = p.channels - kVector;  // The last vector overlaps the one before.
    } else {
      repeats = (p.vectors(kVector) - phase + p.period - 1) / p.period;
      there = p.width * p.channels - channel, less = out_pitch;
    }
  }
  Column At(const uint8_t* const* rows, int64_t column) const {
    const bool inside = static_cast<uint64_t>(column) < static_cast<uint64_t>(columns);
    return {inside ? rows : outside, inside ? column * pitch + channel : 0};
  }
  // Outputs n and n + 1 of a row, if it has them.
  template <class Rescale> [[gnu::always_inline]] void PutTwo(const ClampOf<Rescale>& clamp, const __m256i (&sum)[4], int64_t n, int8_t* to) const {
    if (n + 1 < repeats && there - (n + 1) * less >= kVector) [[likely]]
      clamp.template PutTwo<FirstHalf::kTwoFours>(sum[0], sum[1], sum[2], sum[3], to, out_pitch);
    else PutLast(clamp, sum[0], sum[1], sum[2], sum[3], n, to);
  }
  template <class Clamped>
  [[gnu::noinline, gnu::cold]] void PutLast(const Clamped& clamp, __m256i a, __m256i b, __m256i c, __m256i d, int64_t n, int8_t* to) const {
    clamp.template Put<FirstHalf::kTwoFours>(a, b, to, there - n * less);
    if (n + 1 < repeats) clamp.template Put<FirstHalf::kTwoFours>(c, d, to + out_pitch, there - (n + 1) * less);
  }
};

// Two outputs at a time, whose windows share columns with each other and with the next two's: five vpmaddwd of eight channels instead of
// six. The four sums go through every step side by side: one after the other they are chains of some 40 cycles, of which the schedulers
// see too little at once. kNew: how many columns the next window does not share.
template <class Rescale, int kNew> void SlideThree(const DepthwiseS8& p, const uint8_t* const* rows, int64_t count, int64_t phase, int8_t* y) {
  const Place place(p, phase);
  Taps<3> taps;
  TapsOf(p, phase, &taps);
  const FlooredPanel& panel = p.requant.panels[phase];
  const Rescale rescale[2] = {Rescale(panel, 0), Rescale(panel, 8)};
  const __m256i bias[2] = {Load(panel.bias), Load(panel.bias + 8)};
  const ClampOf<Rescale> clamp(p.requant);
  for (int64_t i = 0; i < count; ++i, rows += p.window_rows) {
    const uint8_t *const row0 = rows[0] + place.channel, *const row1 = rows[1] + place.channel, *const row2 = rows[2] + place.channel;
    int64_t at = -place.left;
    const Column first = place.At(rows, at), second = place.At(rows, at + 1);
    Pairs c0(first[0], first[1]), c1(second[0], second[1]), q0(first[2], second[2]);
    const uint8_t *a0, *a1, *a2, *b0, *b1, *b2;  // Of columns at and at + 1.
    const auto advance = [&]() [[gnu::always_inline]] {
      at += 2;  // Of padding, at most two columns come first.
      const int64_t x = at * place.pitch;
      a0 = row0 + x, a1 = row1 + x, a2 = row2 + x, b0 = a0 + place.pitch, b1 = a1 + place.pitch, b2 = a2 + place.pitch;
      if (at + 1 < place.columns) [[likely]] return;
      b0 = b1 = b2 = place.outside[0];
      if (at >= place.columns) a0 = a1 = a2 = place.outside[0];
    };
    int8_t* to = y + i * p.row_bytes() + place.channel;
    for (int64_t n = 0; n < place.repeats; n += 2, to += 2 * place.out_pitch) {
      __m256i sum[4] = {bias[0], bias[1], bias[0], bias[1]};
      advance();
      if constexpr (kNew == 1) {
        AddProducts(sum, c0, taps.rows[0][0]), AddProducts(sum + 2, c1, taps.rows[0][0]);
        AddProducts(sum, c1, taps.rows[0][1]), AddProducts(sum, q0, taps.last[1]), AddProducts(sum + 2, q0, taps.last[0]);
        c0 = Pairs(a0, a1), c1 = Pairs(b0, b1), q0 = Pairs(a2, b2);
        AddProducts(sum, c0, taps.rows[0][2]), AddProducts(sum + 2, c0, taps.rows[0][1]), AddProducts(sum + 2, c1, taps.rows[0][2]);
        AddProducts(sum, q0, taps.last[3]), AddProducts(sum + 2, q0, taps.last[2]);
      } else {
        AddProducts(sum, c0, taps.rows[0][0]), AddProducts(sum, c1, taps.rows[0][1]), AddProducts(sum, q0, taps.last[1]);
        c0 = Pairs(a0, a1), q0 = Pairs(a2, b2);
        AddProducts(sum, c0, taps.rows[0][2]), AddProducts(sum + 2, c0, taps.rows[0][0]);
        AddProducts(sum, q0, taps.last[3]), AddProducts(sum + 2, q0, taps.last[1]);
        c1 = Pairs(b0, b1);
        AddProducts(sum + 2, c1, taps.rows[0][1]);
        advance();
        c0 = Pairs(a0, a1), q0 = Pairs(a2, b2);
        AddProducts(sum + 2, c0, taps.rows[0][2]), AddProducts(sum + 2, q0, taps.last[3]);
        c1 = Pairs(b0, b1);
      }
      Rescale::Each(rescale, sum);
      place.PutTwo<Rescale>(clamp, sum, n, to);
    }
  }
}

// Four outputs at a time, column by column. A signed floor serves for a plain one too: half as much code, for next to no time.
template <int kNew> void SlideFive(const DepthwiseS8& p, const uint8_t* const* rows, int64_t count, int64_t phase, int8_t* y) {
  constexpr int kSize = 5, kOutputs = 4, kColumns = (kOutputs - 1) * kNew + kSize;
  const Place place(p, phase);
  Taps<kSize> taps;
  TapsOf(p, phase, &taps);
  using Rescale = Floor<Floored::kSigned, true>;
  Requant requant = p.requant;
  FlooredPanel panel = requant.panels[phase];
  if (requant.floored == Floored::kPlain) {
    __builtin_memcpy(panel.plus_negative, panel.plus, sizeof panel.plus);
    requant.zero = 0;  // `plus` has it.
  }
  const Rescale rescale[2] = {Rescale(panel, 0), Rescale(panel, 8)};
  const __m256i bias[2] = {Load(panel.bias), Load(panel.bias + 8)};
  const ClampOf<Rescale> clamp(requant);
  for (int64_t i = 0; i < count; ++i, rows += p.window_rows) {
    int8_t* to = y + i * p.row_bytes() + place.channel;
    for (int64_t n = 0; n < place.repeats; n += kOutputs, to += kOutputs * place.out_pitch) {
      const int64_t first = n * kNew - place.left;
      __m256i sum[kOutputs / 2][4];
#pragma GCC unroll 2
      for (auto& two : sum) two[0] = two[2] = bias[0], two[1] = two[3] = bias[1];
#pragma GCC unroll 12
      for (int s = 0; s < kColumns; s += 2) {
        const Column a = place.At(rows, first + s), b = place.At(rows, first + s + 1);
#pragma GCC unroll 2
        for (int u = 0; u < Taps<kSize>::kPairs; ++u) {
          const Pairs left(a[2 * u], a[2 * u + 1]);
#pragma GCC unroll 4
          for (int w = 0; w < kOutputs; ++w)
            if (const int v = s - w * kNew; v >= 0 && v < kSize) AddProducts(sum[w / 2] + w % 2 * 2, left, taps.rows[u][v]);
          if (s + 1 == kColumns) continue;
          const Pairs right(b[2 * u], b[2 * u + 1]);
#pragma GCC unroll 4
          for (int w = 0; w < kOutputs; ++w)
            if (const int v = s + 1 - w * kNew; v >= 0 && v < kSize) AddProducts(sum[w / 2] + w % 2 * 2, right, taps.rows[u][v]);
        }
        const Pairs last(a[kSize - 1], b[kSize - 1]);
#pragma GCC unroll 4
        for (int w = 0; w < kOutputs; ++w)
          if (const int v = s - w * kNew; v >= -1 && v < kSize) AddProducts(sum[w / 2] + w % 2 * 2, last, taps.last[v + 1]);
      }
#pragma GCC unroll 2
      for (int w = 0; w < kOutputs; w += 2) {
        Rescale::Each(rescale, sum[w / 2]);
        if (n + w < place.repeats) place.PutTwo<Rescale>(clamp, sum[w / 2], n + w, to + w * place.out_pitch);
      }
    }
  }
}

template <int kBytes> struct Copy {
  static constexpr int kSize = kBytes;
  static void Move(const int8_t* x, uint8_t* to) { __builtin_memcpy(to, x, kBytes); }
};

template <auto kOfOne, auto kOfTwo> void Slide(const DepthwiseS8& p, const uint8_t* const* rows, int64_t count, int64_t phase, int8_t* y) {
  if (p.new_columns == 1) kOfOne(p, rows, count, phase, y);
  else kOfTwo(p, rows, count, phase, y);
}

}  // namespace

void LoadPixelsAvx2(const int8_t* x, int64_t n, int64_t count, int64_t stride, uint8_t* to, int64_t pitch) {
  if (count == 1) __builtin_memcpy(to, x, static_cast<unsigned long>(n));
  else if (n >= 32) LoadWholePixels<Copy<32>>(x, n, count, stride, to, pitch);
  else if (n >= 16) LoadWholePixels<Copy<16>>(x, n, count, stride, to, pitch);
  else if (n >= 8) LoadWholePixels<Copy<8>>(x, n, count, stride, to, pitch);
  else
    for (int64_t i = 0; i < count; ++i)
      for (int64_t k = 0; k < n; ++k) to[i * pitch + k] = static_cast<uint8_t>(x[i * stride + k]);
}

void DepthwiseAvx2(const DepthwiseS8& p, const uint8_t* const* rows, int64_t count, int8_t* y, void* lines) {
  const RoundDown mode;
  ByForm(p.requant, [&](auto rescale) { RowsByLines<typename decltype(rescale)::type>(p, rows, count, y, lines); });
}

void SlideAvx2(const DepthwiseS8& p, const uint8_t* const* rows, int64_t count, int8_t* y) {
  const RoundDown mode;
  for (int64_t phase = p.first_phase; phase < p.end_phase; ++phase) {
    if (p.columns == 3)
      ByPanel<true>(p.requant, phase, [&](auto form) {
        using Rescale = typename decltype(form)::type;
        Slide<SlideThree<Rescale, 1>, SlideThree<Rescale, 2>>(p, rows, count, phase, y);
      });
    else
      Slide<SlideFive<1>, SlideFive<2>>(p, rows, count, phase, y);
  }
}

}  // namespace octet::kernels
