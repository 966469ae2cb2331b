// SPDX-License-Identifier: Apache-2.0
// Winograd's transforms of bytes (WinogradS8 in int8.h), of every instruction set. Included inside an unnamed namespace that has
//   Shorts, kShorts     a vector of int16 and its lanes; Add16, Sub16, Left16<bits>
//   Words               a vector of int32; Add, Sub, Left<bits>, Right<bits>, Times(vector, number)
//   Loaded              the values of loaded rows; LoadShorts(Loaded*), StoreShorts(int16*, vector), LoadWords(int32*)

// B^T along one direction, in 16 bits: values stay below 10 * 10 * 255. Elements are `step` apart.
template <int kM> inline void TransformInput(const Shorts* d, int step, Shorts* o) {
  const Shorts d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
  if constexpr (kM == 2) {
    o[0] = Sub16(d0, d2);
    o[step] = Add16(d1, d2);
    o[2 * step] = Sub16(d2, d1);
    o[3 * step] = Sub16(d1, d3);
  } else {
    const Shorts d4 = d[4 * step], d5 = d[5 * step];
    const Shorts a = Sub16(d4, Left16<2>(d2)), b = Sub16(d3, Left16<2>(d1)), c = Sub16(d4, d2), e = Left16<1>(Sub16(d3, d1));
    o[0] = Add16(Sub16(Left16<2>(d0), Add16(Left16<2>(d2), d2)), d4);
    o[step] = Add16(a, b);
    o[2 * step] = Sub16(a, b);
    o[3 * step] = Add16(c, e);
    o[4 * step] = Sub16(c, e);
    o[5 * step] = Add16(Sub16(Left16<2>(d1), Add16(Left16<2>(d3), d3)), d5);
  }
}

// A^T along one direction, with what G (ops/winograd_s8_util.cc) left out: for m = 4, rows 6, -4, -4, 1, 1, 24. m + 2 values,
// `step` apart, give m.
template <int kM> inline void TransformOutput(const Words* s, int step, Words* o, int o_step) {
  const Words sum = Add(s[step], s[2 * step]), difference = Sub(s[step], s[2 * step]);
  if constexpr (kM == 2) {
    o[0] = Add(s[0], sum);
    o[o_step] = Sub(difference, s[3 * step]);
  } else {
    const Words far_sum = Add(s[3 * step], s[4 * step]), far_difference = Sub(s[3 * step], s[4 * step]);
    const Words sum4 = Left<2>(sum), difference4 = Left<2>(difference), s5 = s[5 * step];
    o[0] = Add(Sub(Add(Left<2>(s[0]), Left<1>(s[0])), sum4), far_sum);
    o[o_step] = Sub(Left<1>(far_difference), difference4);
    o[2 * o_step] = Sub(Left<2>(far_sum), sum4);
    o[3 * o_step] = Add(Sub(Left<3>(far_difference), difference4), Add(Left<4>(s5), Left<3>(s5)));
  }
}

// Loaded rows to [position][tile][channels] for tiles [first, first + count), row by row of tiles.
template <int kM> void TransformTiles(const WinogradS8& p, const Loaded* loaded, int64_t tiles_across, int64_t first, int64_t count, int16_t* to) {
  constexpr int kSide = kM + 2;
  const int64_t position = p.position_values();
  for (int64_t t = 0; t < count; ++t) {
    const Loaded* tile = loaded + ((first + t) / tiles_across * kM * p.pixels + (first + t) % tiles_across * kM) * p.channels;
    for (int64_t c = 0; c < p.channels; c += kShorts) {
      Shorts d[kSide * kSide], e[kSide * kSide];
      for (int i = 0; i < kSide; ++i)
        for (int j = 0; j < kSide; ++j) d[i * kSide + j] = LoadShorts(tile + (i * p.pixels + j) * p.channels + c);
      for (int j = 0; j < kSide; ++j) TransformInput<kM>(d + j, kSide, e + j);
      for (int i = 0; i < kSide; ++i) TransformInput<kM>(e + i * kSide, 1, d + i * kSide);
      for (int i = 0; i < kSide * kSide; ++i) StoreShorts(to + i * position + t * p.channels + c, d[i]);
    }
  }
}

// Sums of one vector of columns of one tile, [position][tile][16], to m x m requantized outputs.
template <class Rescale, int kM> inline void InverseTile(const int32_t* sums, const Rescale& rescale, Words bias, Words* out) {
  constexpr int kSide = kM + 2;
  Words s[kSide * kSide], half[kM * kSide];
  for (int i = 0; i < kSide * kSide; ++i) s[i] = LoadWords(sums + i * kPositionSums);
  for (int j = 0; j < kSide; ++j) TransformOutput<kM>(s + j, kSide, half + j, kSide);
  for (int i = 0; i < kM; ++i) TransformOutput<kM>(half + i * kSide, 1, out + i * kM, 1);
  for (int i = 0; i < kM * kM; ++i) {
    // 4 times the sum, or 576 = 9 * 64 times: 9 has an inverse modulo 2^32.
    const Words v = kM == 2 ? Right<2>(out[i]) : Right<6>(Times(out[i], 0x38e38e39));
    out[i] = rescale(Add(v, bias));
  }
}
