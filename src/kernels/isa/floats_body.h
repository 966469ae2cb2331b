// SPDX-License-Identifier: Apache-2.0
// Two floats an element, and sums, ranges and exponents of rows. A part of elementwise_body.h.

template <Binary kOp> inline F Combine(F a, F b) {
  if constexpr (kOp == Binary::kAdd) return Lanes::Add(a, b);
  if constexpr (kOp == Binary::kSubtract) return Lanes::Sub(a, b);
  if constexpr (kOp == Binary::kMultiply) return Lanes::Mul(a, b);
  if constexpr (kOp == Binary::kDivide) return Lanes::Div(a, b);
  if constexpr (kOp == Binary::kSquaredDifference) return Lanes::Mul(Lanes::Sub(a, b), Lanes::Sub(a, b));
  if constexpr (kOp == Binary::kLeakyRelu) return Lanes::SelectNegative(a, Lanes::Mul(a, b), a);
}

// Max and Min answer their second operand where one is not a number: it stays.
inline F Clamp(F v, F low, F high) { return Lanes::Min(high, Lanes::Max(low, v)); }

template <Binary kOp> void BinaryF32(const float* a, int64_t step_a, const float* b, int64_t step_b, int64_t n, float low, float high, float* y) {
  const F lo = Lanes::Set(low), hi = Lanes::Set(high);
  int64_t i = 0;
  if (n <= 0) return;
  const F one_a = Lanes::Set(*a), one_b = Lanes::Set(*b);
  if (step_a && step_b) {
    for (; i + kLanes <= n; i += kLanes) Lanes::Store(y + i, Clamp(Combine<kOp>(Lanes::Load(a + i), Lanes::Load(b + i)), lo, hi));
  } else if (step_a) {
    for (; i + kLanes <= n; i += kLanes) Lanes::Store(y + i, Clamp(Combine<kOp>(Lanes::Load(a + i), one_b), lo, hi));
  } else {
    for (; i + kLanes <= n; i += kLanes) Lanes::Store(y + i, Clamp(Combine<kOp>(one_a, step_b ? Lanes::Load(b + i) : one_b), lo, hi));
  }
  if (i == n) return;
  const F va = step_a ? Lanes::LoadSome(a + i, n - i) : one_a, vb = step_b ? Lanes::LoadSome(b + i, n - i) : one_b;
  Lanes::StoreSome(y + i, n - i, Clamp(Combine<kOp>(va, vb), lo, hi));
}

// The sum of f(x[i]), in one order for every f.
template <class Each> inline float SumOf(const float* x, int64_t n, const Each& f) {
  F s0 = Lanes::Set(0.0f), s1 = s0, s2 = s0, s3 = s0;
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    s0 = Lanes::Add(s0, f(Lanes::Load(x + i)));
    s1 = Lanes::Add(s1, f(Lanes::Load(x + i + kLanes)));
    s2 = Lanes::Add(s2, f(Lanes::Load(x + i + 2 * kLanes)));
    s3 = Lanes::Add(s3, f(Lanes::Load(x + i + 3 * kLanes)));
  }
  for (; i + kLanes <= n; i += kLanes) s0 = Lanes::Add(s0, f(Lanes::Load(x + i)));
  if (i < n) {
    float rest[kLanes];  // f(0) need not be 0.
    Lanes::Store(rest, f(Lanes::LoadSome(x + i, n - i)));
    s0 = Lanes::Add(s0, Lanes::LoadSome(rest, n - i));
  }
  return Lanes::Total(Lanes::Add(Lanes::Add(s0, s1), Lanes::Add(s2, s3)));
}
inline float SumF32(const float* x, int64_t n) {
  return SumOf(x, n, [](F v) { return v; });
}
void SumRowsF32(const float* x, int64_t rows, int64_t n, float* y) {
  for (int64_t r = 0; r < rows; ++r, x += n) y[r] += SumF32(x, n);
}

void NormalizeF32(const float* x, int64_t rows, int64_t n, float epsilon, const float* gamma, const float* beta, float* y) {
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const float mean = SumF32(x, n) / static_cast<float>(n);
    const F m = Lanes::Set(mean), minus = Lanes::Set(-mean);
    const float variance = SumOf(x, n, [&](F v) { return Lanes::Mul(Lanes::Sub(v, m), Lanes::Sub(v, m)); }) / static_cast<float>(n);
    const F root = Lanes::Set(1.0f / __builtin_sqrtf(variance + epsilon));
    for (int64_t i = 0; i < n; i += kLanes) {
      const int64_t left = n - i;
      const auto load = [&](const float* from) { return left >= kLanes ? Lanes::Load(from + i) : Lanes::LoadSome(from + i, left); };
      const F scale = Lanes::Mul(root, load(gamma)), moved = beta ? Lanes::Sub(load(beta), Lanes::Mul(m, scale)) : Lanes::Mul(minus, scale);
      const F out = Lanes::Add(Lanes::Mul(load(x), scale), moved);
      if (left >= kLanes) Lanes::Store(y + i, out);
      else Lanes::StoreSome(y + i, left, out);
    }
  }
}

// kCount vectors of columns, whose sums stay in registers over all rows.
template <int kCount> void AccumulateColumns(const float* x, int64_t pitch, int64_t rows, float* sum) {
  F s[kCount];
  for (int k = 0; k < kCount; ++k) s[k] = Lanes::Load(sum + k * kLanes);
  for (int64_t r = 0; r < rows; ++r, x += pitch)
    for (int k = 0; k < kCount; ++k) s[k] = Lanes::Add(s[k], Lanes::Load(x + k * kLanes));
  for (int k = 0; k < kCount; ++k) Lanes::Store(sum + k * kLanes, s[k]);
}
template <int kCount> void AccumulateColumns(const int8_t* x, int64_t pitch, int64_t rows, int32_t* sum) {
  I s[kCount];
  for (int k = 0; k < kCount; ++k) s[k] = Lanes::LoadI(sum + k * kLanes);
  for (int64_t r = 0; r < rows; ++r, x += pitch)
    for (int k = 0; k < kCount; ++k) s[k] = Lanes::AddI(s[k], Lanes::LoadS8(x + k * kLanes));
  for (int k = 0; k < kCount; ++k) Lanes::StoreI(sum + k * kLanes, s[k]);
}
template <class X, class Sum> void Accumulate(const X* x, int64_t pitch, int64_t rows, int64_t n, Sum* sum) {
  int64_t i = 0;
  if constexpr (kLanes > 1)
    for (; i + 4 * kLanes <= n; i += 4 * kLanes) AccumulateColumns<4>(x + i, pitch, rows, sum + i);
  for (; i + kLanes <= n; i += kLanes) AccumulateColumns<1>(x + i, pitch, rows, sum + i);
  for (; i < n; ++i)
    for (int64_t r = 0; r < rows; ++r) sum[i] += static_cast<Sum>(x[r * pitch + i]);
}

// Values that are no numbers do not count: Min and Max answer their second operand for them.
void RangeF32(const float* x, int64_t n, float* low, float* high) {
  F l0 = Lanes::Set(*low), l1 = l0, h0 = Lanes::Set(*high), h1 = h0;
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    const F a = Lanes::Load(x + i), b = Lanes::Load(x + i + kLanes);
    l0 = Lanes::Min(a, l0), l1 = Lanes::Min(b, l1);
    h0 = Lanes::Max(a, h0), h1 = Lanes::Max(b, h1);
  }
  *low = Lanes::Least(Lanes::Min(l0, l1));
  *high = Lanes::Greatest(Lanes::Max(h0, h1));
  for (; i < n; ++i) {
    if (x[i] < *low) *low = x[i];
    if (x[i] > *high) *high = x[i];
  }
}

// Values that are no numbers do not count, as above.
inline float MaxF32(const float* x, int64_t n) {
  F h0 = Lanes::Set(*x), h1 = h0;
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) h0 = Lanes::Max(Lanes::Load(x + i), h0), h1 = Lanes::Max(Lanes::Load(x + i + kLanes), h1);
  float high = Lanes::Greatest(Lanes::Max(h0, h1));
  for (; i < n; ++i)
    if (x[i] > high) high = x[i];
  return high;
}

// y = e^(beta * (x - high)), 0 from 2^-127 on; answers their sum.
inline float ExpF32(const float* x, int64_t n, float beta, float high, float* y) {
  const F most = Lanes::Set(high), b = Lanes::Set(beta * 1.44269504f), least = Lanes::Set(-127.0f), greatest = Lanes::Set(127.0f);
  const auto one = [&](F v) { return PowerOfTwo(Lanes::Min(greatest, Lanes::Max(least, Lanes::Mul(Lanes::Sub(v, most), b)))); };
  F sum = Lanes::Set(0.0f);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const F e = one(Lanes::Load(x + i));
    sum = Lanes::Add(sum, e);
    Lanes::Store(y + i, e);
  }
  float total = Lanes::Total(sum);
  if (i < n) {
    float rest[kLanes];
    Lanes::Store(rest, one(Lanes::LoadSome(x + i, n - i)));
    for (int64_t k = 0; i < n; ++i, ++k) total += y[i] = rest[k];
  }
  return total;
}

inline void ScaleF32(float* y, int64_t n, float by) {
  const F part = Lanes::Set(by);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Lanes::Store(y + i, Lanes::Mul(Lanes::Load(y + i), part));
  if (i < n) Lanes::StoreSome(y + i, n - i, Lanes::Mul(Lanes::LoadSome(y + i, n - i), part));
}

// A few rows side by side: maxima and sums across lanes do not wait for each other.
void SoftmaxF32(const float* x, int64_t rows, int64_t n, float beta, float* y) {
  constexpr int64_t kFew = 4;
  if (n <= 0) return;
  for (; rows > 0; rows -= kFew, x += kFew * n, y += kFew * n) {
    const int64_t few = Least(rows, kFew);
    float high[kFew], total[kFew];
    for (int64_t r = 0; r < few; ++r) high[r] = MaxF32(x + r * n, n);
    for (int64_t r = 0; r < few; ++r) total[r] = ExpF32(x + r * n, n, beta, high[r], y + r * n);
    for (int64_t r = 0; r < few; ++r) ScaleF32(y + r * n, n, 1.0f / total[r]);
  }
}

// The products one by one, as the reference rounds them.
void BlendF32(const float* a, const float* b, const float* c, const float* d, float down, float right, int64_t n, float* y) {
  const F lower = Lanes::Set(down), upper = Lanes::Set(1 - down), righter = Lanes::Set(right), lefter = Lanes::Set(1 - right);
  const auto of = [&](F va, F vb, F vc, F vd) {
    const F left = Lanes::Add(Lanes::Mul(Lanes::Mul(va, upper), lefter), Lanes::Mul(Lanes::Mul(vc, lower), lefter));
    return Lanes::Add(Lanes::Add(left, Lanes::Mul(Lanes::Mul(vb, upper), righter)), Lanes::Mul(Lanes::Mul(vd, lower), righter));
  };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Lanes::Store(y + i, of(Lanes::Load(a + i), Lanes::Load(b + i), Lanes::Load(c + i), Lanes::Load(d + i)));
  if (i == n) return;
  const auto some = [&](const float* from) { return Lanes::LoadSome(from + i, n - i); };
  Lanes::StoreSome(y + i, n - i, of(some(a), some(b), some(c), some(d)));
}
