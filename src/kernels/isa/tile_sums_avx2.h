// SPDX-License-Identifier: Apache-2.0
// Sums of a tile of rows times a panel, with AVX2: what int8_panels_avx2.h makes bytes of. Rows have 16-bit values, panels are widened to
// such (WidenPanel); avx_vnni_int8_body.h has another for bytes. In assembly because GCC keeps the products of all rows alive at once, or
// spills sums: 42 G multiply-adds/s instead of 72.
//
// A step is what a row contributes at a time: a pair of values (Direct) or a group of four (Paired).
#pragma once
#include "kernels/isa/requant_avx2.h"

namespace octet::kernels {
namespace {

// M(0, a) M(1, a) ..., for rows of a tile.
#define OCTET_EACH_1(M, a) M(0, a)
#define OCTET_EACH_2(M, a) OCTET_EACH_1(M, a) M(1, a)
#define OCTET_EACH_3(M, a) OCTET_EACH_2(M, a) M(2, a)
#define OCTET_EACH_4(M, a) OCTET_EACH_3(M, a) M(3, a)
#define OCTET_EACH_5(M, a) OCTET_EACH_4(M, a) M(4, a)
#define OCTET_EACH_6(M, a) OCTET_EACH_5(M, a) M(5, a)
// M(0), M(1) ...
#define OCTET_LIST_1(M) M(0)
#define OCTET_LIST_2(M) OCTET_LIST_1(M), M(1)
#define OCTET_LIST_3(M) OCTET_LIST_2(M), M(2)
#define OCTET_LIST_4(M) OCTET_LIST_3(M), M(3)
#define OCTET_LIST_5(M) OCTET_LIST_4(M), M(4)
#define OCTET_LIST_6(M) OCTET_LIST_5(M), M(5)

// The one of kCount rows.
#define OCTET_UP_TO_4(M)             \
  if constexpr (kCount == 1) M(1);   \
  if constexpr (kCount == 2) M(2);   \
  if constexpr (kCount == 3) M(3);   \
  if constexpr (kCount == 4) M(4);
#define OCTET_UP_TO_6(M)             \
  OCTET_UP_TO_4(M)                   \
  if constexpr (kCount == 5) M(5);   \
  if constexpr (kCount == 6) M(6);

// How far a row goes.
struct Depth {
  const int64_t *offset, *end;  // Of the first segment, and past the last.
  int64_t steps, skipped;       // Of a segment; bytes of the panel from their end to the next segment.
  Depth(const ProductS8& p, int64_t values)  // Of a step.
      : offset(p.offset),
        end(p.offset + (p.length > 0 ? p.segments : 0)),
        steps((p.length + values - 1) / values),
        skipped((p.groups() * 4 - steps * values) * 2 * kPanel) {}
};

// All segments, and of each its steps: load(w) gets what the panel has at w + w, step(i, a) adds what row i has at a<i> + at + a; at and w
// move on by a_bytes and w_bytes. Two steps at a time, an odd number beginning with the second: three of a step's 35 instructions are the
// loop's (1 to 2 % of networks on Zen 3). What is wanted once a segment stays in memory: registers are short.
#define OCTET_STEP(n, load, step, a, w) load(w) OCTET_EACH_##n(step, a)
#define OCTET_STEPS(n, load, step, a_bytes, w_bytes)                                                                       \
  "cmp %[end], %[offset]\n\tje 4f\n\t1:\n\tmov (%[offset]), %[at]\n\tmov %[steps], %[left]\n\ttest $1, %[left]\n\tjz 2f\n\t" \
  "sub $" #a_bytes ", %[at]\n\tsub $" #w_bytes ", %[w]\n\tinc %[left]\n\tjmp 3f\n\t"                                       \
  "2:\n\t" OCTET_STEP(n, load, step, 0, 0) "3:\n\t" OCTET_STEP(n, load, step, a_bytes, w_bytes)                            \
  "add $2*" #a_bytes ", %[at]\n\tadd $2*" #w_bytes ", %[w]\n\tsub $2, %[left]\n\tjnz 2b\n\t"                               \
  "add $8, %[offset]\n\tadd %[skipped], %[w]\n\tcmp %[end], %[offset]\n\tjne 1b\n\t4:"
#define OCTET_MOVING [w] "+r"(w), [offset] "+r"(offset), [at] "=&r"(at), [left] "=&r"(left)
#define OCTET_DEPTH [steps] "m"(depth.steps), [skipped] "m"(depth.skipped), [end] "m"(depth.end)
#define OCTET_ROW(i) [a##i] "r"(rows[i])
#define OCTET_BIAS(half, at) [bias_##half] "m"(*reinterpret_cast<const __m256i*>(bias + at))

#define OCTET_SUM(i) [low##i] "=&x"(low[i]), [high##i] "=&x"(high[i])
#define OCTET_START(i, none) "vmovdqa %%ymm14, %[low" #i "]\n\tvmovdqa %%ymm15, %[high" #i "]\n\t"
#define OCTET_WEIGHTS(w) "vmovdqu " #w "(%[w]), %%ymm12\n\tvmovdqu 32+" #w "(%[w]), %%ymm13\n\t"
// Sums of n rows and 16 columns from the bias on: `step` adds a step of a row, whose weights are in ymm12 and ymm13.
#define OCTET_FROM_BIAS(n, step, a_bytes, w_bytes)                                                                \
  asm volatile("vmovdqu %[bias_low], %%ymm14\n\tvmovdqu %[bias_high], %%ymm15\n\t" OCTET_EACH_##n(OCTET_START, )  \
               OCTET_STEPS(n, OCTET_WEIGHTS, step, a_bytes, w_bytes)                                               \
               : OCTET_LIST_##n(OCTET_SUM), OCTET_MOVING                                                           \
               : OCTET_LIST_##n(OCTET_ROW), OCTET_DEPTH, OCTET_BIAS(low, 0), OCTET_BIAS(high, 8)                   \
               : "xmm12", "xmm13", "xmm14", "xmm15", "memory", "cc")

// ---- Pairs.
#define OCTET_PAIR(i, a)                                                                                                               \
  "vpbroadcastd " #a "(%[a" #i "],%[at]), %%ymm14\n\tvpmaddwd %%ymm12, %%ymm14, %%ymm15\n\tvpmaddwd %%ymm13, %%ymm14, %%ymm14\n\t" \
  "vpaddd %%ymm15, %[low" #i "], %[low" #i "]\n\tvpaddd %%ymm14, %[high" #i "], %[high" #i "]\n\t"
#define OCTET_DIRECT(n) OCTET_FROM_BIAS(n, OCTET_PAIR, 4, 64)

struct Direct {
  static constexpr bool kPaired = false, kOverlaps = false, kCoarse = true;
  static constexpr int kTileRows = 6;  // 12 sums, 2 weights, the activation and a product: all 16 registers.
  Depth depth;
  explicit Direct(const ProductS8& p) : depth(p, 2) {}
  template <int kCount>
  [[gnu::always_inline]] void Sum(const void* const* rows, const void* w, const int32_t* bias, const int32_t*, __m256i (&low)[kCount],
                                  __m256i (&high)[kCount]) const {
    const int64_t* offset = depth.offset;
    int64_t at, left;
    OCTET_UP_TO_6(OCTET_DIRECT)
  }
};

// ---- Pairs against a panel's first 8 columns.
#define OCTET_HALF_START(i, none) "vmovdqa %%ymm14, %[sum" #i "]\n\t"
#define OCTET_HALF_WEIGHTS(w) "vmovdqu " #w "(%[w]), %%ymm12\n\t"
#define OCTET_HALF_PAIR(i, a) \
  "vpbroadcastd " #a "(%[a" #i "],%[at]), %%ymm14\n\tvpmaddwd %%ymm12, %%ymm14, %%ymm14\n\tvpaddd %%ymm14, %[sum" #i "], %[sum" #i "]\n\t"
#define OCTET_HALF_SUM(i) [sum##i] "=&x"(sum[i])
[[gnu::always_inline]] inline void SumHalf(const Depth& depth, const void* const* rows, const void* w, const int32_t* bias, __m256i (&sum)[Direct::kTileRows]) {
  const int64_t* offset = depth.offset;
  int64_t at, left;
  asm volatile("vmovdqu %[bias_low], %%ymm14\n\t" OCTET_EACH_6(OCTET_HALF_START, ) OCTET_STEPS(6, OCTET_HALF_WEIGHTS, OCTET_HALF_PAIR, 4, 64)
               : OCTET_LIST_6(OCTET_HALF_SUM), OCTET_MOVING
               : OCTET_LIST_6(OCTET_ROW), OCTET_DEPTH, OCTET_BIAS(low, 0)
               : "xmm12", "xmm14", "memory", "cc");
}

// ---- Groups: Winograd's inner product, without the products of `terms` (one per row) and of the columns
// in `bias`.
#define OCTET_GROUP_WEIGHTS(w) \
  "vmovdqu " #w "(%[w]), %%ymm8\n\tvmovdqu 32+" #w "(%[w]), %%ymm9\n\tvmovdqu 64+" #w "(%[w]), %%ymm10\n\tvmovdqu 96+" #w "(%[w]), %%ymm11\n\t"
#define OCTET_GROUP(i, a)                                                                                                 \
  "vpbroadcastd " #a "(%[a" #i "],%[at]), %%ymm12\n\tvpbroadcastd 4+" #a "(%[a" #i "],%[at]), %%ymm13\n\t"                \
  "vpaddw %%ymm10, %%ymm12, %%ymm14\n\tvpaddw %%ymm8, %%ymm13, %%ymm15\n\tvpmaddwd %%ymm14, %%ymm15, %%ymm14\n\t"         \
  "vpaddw %%ymm11, %%ymm12, %%ymm12\n\tvpaddw %%ymm9, %%ymm13, %%ymm13\n\tvpmaddwd %%ymm12, %%ymm13, %%ymm12\n\t"         \
  "vpaddd %%ymm14, %[low" #i "], %[low" #i "]\n\tvpaddd %%ymm12, %[high" #i "], %[high" #i "]\n\t"
#define OCTET_TERM(i, none)                                                                                              \
  "vpbroadcastd 4*" #i "(%[terms]), %%ymm15\n\tvpsubd %%ymm15, %%ymm13, %[low" #i "]\n\tvpsubd %%ymm15, %%ymm14, %[high" #i "]\n\t"
#define OCTET_PAIRED(n)                                                                                                  \
  asm volatile("vmovdqu %[bias_low], %%ymm13\n\tvmovdqu %[bias_high], %%ymm14\n\t" OCTET_EACH_##n(OCTET_TERM, )          \
               OCTET_STEPS(n, OCTET_GROUP_WEIGHTS, OCTET_GROUP, 8, 128)                                                  \
               : OCTET_LIST_##n(OCTET_SUM), OCTET_MOVING                                                                 \
               : OCTET_LIST_##n(OCTET_ROW), OCTET_DEPTH, OCTET_BIAS(low, 0), OCTET_BIAS(high, 8), [terms] "r"(terms)     \
               : "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "memory", "cc")

struct Paired {
  static constexpr bool kPaired = true, kOverlaps = false, kCoarse = false;
  static constexpr int kTileRows = 4;  // 8 sums, 4 weights, the activations twice and twice their sums with weights.
  Depth depth;
  explicit Paired(const ProductS8& p) : depth(p, 4) {}
  template <int kCount>
  [[gnu::always_inline]] void Sum(const void* const* rows, const void* w, const int32_t* bias, const int32_t* terms, __m256i (&low)[kCount],
                                  __m256i (&high)[kCount]) const {
    const int64_t* offset = depth.offset;
    int64_t at, left;
    OCTET_UP_TO_4(OCTET_PAIRED)
  }
};

// ---- Pairs, summed by the adders of floats. A float32 without a sign below 2^24 units of its last place, denormal or of the first exponent,
// is that whole number as an integer, too; sums of such are exact, whatever the rounding mode, while they stay below. So values and weights
// are raised by 128, products are never negative, and at most kStretch of a row are summed at a time:
//   256 * 255 * 255 < 2^24.
// From S + sum x' w' = S + sum x' w + 128 sum x' what belongs to the row is taken off first, S = 128 * 255 * length being as much at most.
// Zen 4 multiplies integers (vpmaddwd) on two ports and adds floats on the other two; integer sums may take all four, and take the
// multiplications'. On Zen 3 one of the two is both's: nothing gained (dispatch.cc).
#define OCTET_RAISED_START(i, none) "vpbroadcastd 4*" #i "(%[terms]), %[low" #i "]\n\tvmovdqa %[low" #i "], %[high" #i "]\n\t"
#define OCTET_RAISED_PAIR(i, none)                                                                                                 \
  "vpbroadcastd (%[a" #i "],%[at]), %%ymm14\n\tvpmaddwd %%ymm12, %%ymm14, %%ymm15\n\tvpmaddwd %%ymm13, %%ymm14, %%ymm14\n\t" \
  "vaddps %%ymm15, %[low" #i "], %[low" #i "]\n\tvaddps %%ymm14, %[high" #i "], %[high" #i "]\n\t"
#define OCTET_RAISED(n)                                                                                                             \
  asm volatile(OCTET_EACH_##n(OCTET_RAISED_START, ) "1:\n\tvmovdqu (%[w]), %%ymm12\n\tvmovdqu 32(%[w]), %%ymm13\n\t"                 \
               OCTET_EACH_##n(OCTET_RAISED_PAIR, ) "add $4, %[at]\n\tadd $64, %[w]\n\tdec %[left]\n\tjnz 1b"                        \
               : OCTET_LIST_##n(OCTET_SUM), [w] "+r"(w), [at] "+r"(at), [left] "+r"(left)                                              \
               : OCTET_LIST_##n(OCTET_ROW), [terms] "r"(terms)                                                                         \
               : "xmm12", "xmm13", "xmm14", "xmm15", "memory", "cc")

struct Raised {
  static constexpr bool kPaired = true, kOverlaps = true, kCoarse = true;
  static constexpr int kTileRows = 6;
  static constexpr int64_t kStretch = 256;
  static constexpr int64_t kTerms = 516;  // From a stretch's terms, of a block of rows, to the next one's.
  const int64_t at, steps;
  explicit Raised(const ProductS8& p) : at(p.offset[0]), steps((p.length + 1) / 2) {}

  template <int kCount>
  [[gnu::always_inline]] static void Stretch(const void* const* rows, const void*& w, int64_t at, int64_t left, const int32_t* terms, __m256i (&low)[kCount],
                                             __m256i (&high)[kCount]) {
    static_assert(kCount == 2 || kCount == 6);
    if constexpr (kCount == 2) OCTET_RAISED(2);
    else OCTET_RAISED(6);
  }
  template <int kCount>
  [[gnu::noinline]] static void AddRest(const void* const* rows, const void* w, int64_t at, int64_t steps, const int32_t* terms, __m256i (&low)[kCount],
                                        __m256i (&high)[kCount]) {
    for (; steps > 0; steps -= kStretch / 2, at += kStretch * 2, terms += kTerms) {
      __m256i l[kCount], h[kCount];
      Stretch(rows, w, at, steps < kStretch / 2 ? steps : kStretch / 2, terms, l, h);
#pragma GCC unroll 8
      for (int i = 0; i < kCount; ++i) low[i] = _mm256_add_epi32(low[i], l[i]), high[i] = _mm256_add_epi32(high[i], h[i]);
    }
  }
  template <int kCount>
  [[gnu::always_inline]] void Sum(const void* const* rows, const void* w, const int32_t* bias, const int32_t* terms, __m256i (&low)[kCount],
                                  __m256i (&high)[kCount]) const {
    Stretch(rows, w, at, steps < kStretch / 2 ? steps : kStretch / 2, terms, low, high);
    const __m256i bias_low = Load(bias), bias_high = Load(bias + 8);
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) low[i] = _mm256_add_epi32(low[i], bias_low), high[i] = _mm256_add_epi32(high[i], bias_high);
    if (steps > kStretch / 2) AddRest(rows, w, at + kStretch * 2, steps - kStretch / 2, terms + kTerms, low, high);
  }
};

}  // namespace
}  // namespace octet::kernels
