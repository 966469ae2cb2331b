// SPDX-License-Identifier: Apache-2.0
// The transforms of Winograd's F(m x m, 3 x 3) over `Lanes`, channels as the vector dimension. Included inside an
// unnamed namespace. Points 0, 1, -1 (for m = 4 also 2, -2) and infinity.

// B^T along one direction; elements are `step` apart.
template <int kM> inline void InputAlong(const F* d, int step, F* o) {
  const F d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
  if constexpr (kM == 2) {
    o[0] = Lanes::Sub(d[0], d2);
    o[step] = Lanes::Add(d1, d2);
    o[2 * step] = Lanes::Sub(d2, d1);
    o[3 * step] = Lanes::Sub(d1, d3);
  } else {
    const F four = Lanes::Set(4.0f), two = Lanes::Set(2.0f), five = Lanes::Set(-5.0f), d4 = d[4 * step];
    const F even = Lanes::Fma(Lanes::Set(-4.0f), d2, d4), odd = Lanes::Fma(Lanes::Set(-4.0f), d1, d3);
    const F far_even = Lanes::Sub(d4, d2), far_odd = Lanes::Mul(two, Lanes::Sub(d3, d1));
    o[0] = Lanes::Fma(four, d[0], Lanes::Fma(five, d2, d4));
    o[step] = Lanes::Add(even, odd);
    o[2 * step] = Lanes::Sub(even, odd);
    o[3 * step] = Lanes::Add(far_even, far_odd);
    o[4 * step] = Lanes::Sub(far_even, far_odd);
    o[5 * step] = Lanes::Fma(four, d1, Lanes::Fma(five, d3, d[5 * step]));
  }
}

// A^T along one direction: m + 2 values, `step` apart, give m, `o_step` apart.
template <int kM> inline void OutputAlong(const F* m, int step, F* o, int o_step) {
  const F sum = Lanes::Add(m[step], m[2 * step]), difference = Lanes::Sub(m[step], m[2 * step]);
  if constexpr (kM == 2) {
    o[0] = Lanes::Add(m[0], sum);
    o[o_step] = Lanes::Sub(difference, m[3 * step]);
  } else {
    const F far_sum = Lanes::Add(m[3 * step], m[4 * step]), far_difference = Lanes::Sub(m[3 * step], m[4 * step]);
    o[0] = Lanes::Add(m[0], Lanes::Add(sum, far_sum));
    o[o_step] = Lanes::Fma(Lanes::Set(2.0f), far_difference, difference);
    o[2 * o_step] = Lanes::Fma(Lanes::Set(4.0f), far_sum, sum);
    o[3 * o_step] = Lanes::Add(Lanes::Fma(Lanes::Set(8.0f), far_difference, difference), m[5 * step]);
  }
}

// G along one direction: three values, `step` apart, give m + 2. m = 2: rows (1, 0, 0), (1/2, 1/2, 1/2), (1/2, -1/2, 1/2), (0, 0, 1). m = 4:
// (1/4, 0, 0), (-1/6, -1/6, -1/6), (-1/6, 1/6, -1/6), (1/24, 1/12, 1/6), (1/24, -1/12, 1/6), (0, 0, 1).
template <int kM> inline void WeightsAlong(const F* g, int step, F* o, int o_step) {
  const F a = g[0], b = g[step], c = g[2 * step];
  if constexpr (kM == 2) {
    const F half = Lanes::Set(0.5f), outer = Lanes::Mul(Lanes::Add(a, c), half), middle = Lanes::Mul(b, half);
    o[0] = a;
    o[o_step] = Lanes::Add(outer, middle);
    o[2 * o_step] = Lanes::Sub(outer, middle);
    o[3 * o_step] = c;
  } else {
    const F sixth = Lanes::Set(1.0f / 6), outer = Lanes::Mul(Lanes::Add(a, c), Lanes::Set(-1.0f / 6)), middle = Lanes::Mul(b, sixth);
    const F far = Lanes::Fma(a, Lanes::Set(1.0f / 24), Lanes::Mul(c, sixth)), near = Lanes::Mul(b, Lanes::Set(1.0f / 12));
    o[0] = Lanes::Mul(a, Lanes::Set(0.25f));
    o[o_step] = Lanes::Sub(outer, middle);
    o[2 * o_step] = Lanes::Add(outer, middle);
    o[3 * o_step] = Lanes::Add(far, near);
    o[4 * o_step] = Lanes::Sub(far, near);
    o[5 * o_step] = c;
  }
}

template <int kM> void WinogradWeights(const float* given, int64_t tap_step, float* to, int64_t position_step) {
  constexpr int kSide = kM + 2;
  for (int v = 0; v < kPanel; v += kLanes) {
    F g[9], half[kSide * 3], o[kSide];
    for (int i = 0; i < 9; ++i) g[i] = Lanes::Load(given + i * tap_step + v);
#pragma GCC unroll 3
    for (int j = 0; j < 3; ++j) WeightsAlong<kM>(g + j, 3, half + j, 3);
    float* y = to + v;
#pragma GCC unroll 6
    for (int i = 0; i < kSide; ++i) {
      WeightsAlong<kM>(half + i * 3, 1, o, 1);
#pragma GCC unroll 6
      for (int j = 0; j < kSide; ++j, y += position_step) Lanes::Store(y, o[j]);
    }
  }
}

template <int kM> void WinogradInput(const float* tile, int64_t row_step, int64_t channels, float* to, int64_t position_step) {
  constexpr int kSide = kM + 2;
  for (int64_t c = 0; c < channels; c += kLanes) {
    const int64_t n = channels - c;
    const bool whole = n >= kLanes;
    F d[kSide], rows[kSide * kSide], o[kSide];
    for (int j = 0; j < kSide; ++j) {
      const float* from = tile + j * channels + c;
#pragma GCC unroll 6
      for (int i = 0; i < kSide; ++i, from += row_step) d[i] = whole ? Lanes::Load(from) : Lanes::LoadSome(from, n);
      InputAlong<kM>(d, 1, o);
#pragma GCC unroll 6
      for (int i = 0; i < kSide; ++i) rows[i * kSide + j] = o[i];
    }
    float* y = to + c;
    for (int i = 0; i < kSide; ++i) {
      InputAlong<kM>(rows + i * kSide, 1, o);
#pragma GCC unroll 6
      for (int j = 0; j < kSide; ++j, y += position_step) {
        if (whole) Lanes::Store(y, o[j]);
        else Lanes::StoreSome(y, n, o[j]);
      }
    }
  }
}

template <int kM>
void WinogradOutput(const float* sums, int64_t position_step, int64_t channels, const float* given_bias, float given_low, float given_high, int64_t rows,
                    int64_t columns, float* y, int64_t row_step) {
  constexpr int kSide = kM + 2;
  const F low = Lanes::Set(given_low), high = Lanes::Set(given_high);
  for (int64_t c = 0; c < channels; c += kLanes) {
    const int64_t n = channels - c;
    const bool whole = n >= kLanes;
    const auto load = [&](const float* from) { return whole ? Lanes::Load(from) : Lanes::LoadSome(from, n); };
    F m[kSide], half[kM * kSide], o[kM];
    for (int j = 0; j < kSide; ++j) {
#pragma GCC unroll 6
      for (int i = 0; i < kSide; ++i) m[i] = load(sums + (i * kSide + j) * position_step + c);
      OutputAlong<kM>(m, 1, o, 1);
#pragma GCC unroll 4
      for (int i = 0; i < kM; ++i) half[i * kSide + j] = o[i];
    }
    const F bias = load(given_bias + c);
    for (int64_t i = 0; i < rows; ++i) {
      OutputAlong<kM>(half + i * kSide, 1, o, 1);
      for (int64_t j = 0; j < columns; ++j) {
        float* to = y + i * row_step + j * channels + c;
        const F out = Clamp(Lanes::Add(o[j], bias), low, high);
        if (whole) Lanes::Store(to, out);
        else Lanes::StoreSome(to, n, out);
      }
    }
  }
}
