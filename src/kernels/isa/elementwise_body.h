// SPDX-License-Identifier: Apache-2.0
// The primitives of elementwise.h over `Lanes`, which the including file defines in an unnamed namespace:
// kCount floats F or int32 I at a time. Included once per instruction set, inside that unnamed namespace.
// No STL here: an inline function compiled for one instruction set must not serve the whole program.

using F = Lanes::F;
using I = Lanes::I;
constexpr int64_t kLanes = Lanes::kCount;

template <class T> inline T Least(T a, T b) { return a < b ? a : b; }

// ---------------------------------------------------------------------------------- functions

// x less n * ln 2, whose upper part has few enough bits for the product to be exact.
inline F Residue(F x, F n) { return Lanes::Fma(n, Lanes::Set(2.12194440e-4f), Lanes::Fma(n, Lanes::Set(-0.693359375f), x)); }
// e^r - 1 for |r| <= ln 2 / 2: r + r^2 p(r), minimax of degree 5 for e^r (within 1.1e-7 of it); exact in its first terms, so that small r lose nothing.
inline F ExpLessOne(F r) {
  F p = Lanes::Fma(r, Lanes::Set(8.31247773e-3f), Lanes::Set(4.18905504e-2f));
  p = Lanes::Fma(p, r, Lanes::Set(1.66671157e-1f));
  p = Lanes::Fma(p, r, Lanes::Set(4.99992281e-1f));
  return Lanes::Fma(p, Lanes::Mul(r, r), r);
}
inline F Cycles(F x) { return Lanes::Round(Lanes::Mul(x, Lanes::Set(1.44269504f))); }  // n

// e^x = 2^n * e^r
inline F Exp(F x) {
  x = Lanes::Max(Lanes::Set(-104.0f), Lanes::Min(Lanes::Set(89.0f), x));  // Beyond: 0 and infinity. NaN stays.
  const F n = Cycles(x);
  return Lanes::Power(Lanes::Add(ExpLessOne(Residue(x, n)), Lanes::Set(1.0f)), n);
}

// e^x - 1 = 2^n (e^r - 1) + (2^n - 1)
inline F Elu(F x) {
  const F zero = Lanes::Set(0.0f), v = Lanes::Max(Lanes::Set(-20.0f), Lanes::Min(zero, x)), n = Cycles(v);  // Below: -1.
  const F power = Lanes::Scaled(Lanes::Set(1.0f), n);
  return Lanes::Add(Lanes::Max(zero, x), Lanes::Fma(power, ExpLessOne(Residue(v, n)), Lanes::Sub(power, Lanes::Set(1.0f))));
}

// 1 / (1 + e^-x). Beyond 87 in magnitude that is 1, or as good as 0; from -88 on it is 0.
inline F Logistic(F x) {
  const F limit = Lanes::Set(87.0f), zero = Lanes::Set(0.0f), one = Lanes::Set(1.0f);
  const F v = Lanes::Max(Lanes::Sub(zero, limit), Lanes::Min(limit, Lanes::Sub(zero, x))), n = Cycles(v);
  const F over = Lanes::Min(one, Lanes::Max(zero, Lanes::Add(x, Lanes::Set(88.0f))));
  return Lanes::Div(over, Lanes::Add(one, Lanes::Scaled(Lanes::Add(ExpLessOne(Residue(v, n)), one), n)));
}

// An odd polynomial over an even one; coefficients as widely used (Eigen, XLA): below 3 units in the last place.
inline F Tanh(F x) {
  const F limit = Lanes::Set(7.90531110763549805f);
  const F v = Lanes::Max(Lanes::Sub(Lanes::Set(0.0f), limit), Lanes::Min(limit, x)), s = Lanes::Mul(v, v);
  F p = Lanes::Fma(s, Lanes::Set(-2.76076847742355e-16f), Lanes::Set(2.00018790482477e-13f));
  p = Lanes::Fma(p, s, Lanes::Set(-8.60467152213735e-11f));
  p = Lanes::Fma(p, s, Lanes::Set(5.12229709037114e-08f));
  p = Lanes::Fma(p, s, Lanes::Set(1.48572235717979e-05f));
  p = Lanes::Fma(p, s, Lanes::Set(6.37261928875436e-04f));
  p = Lanes::Fma(p, s, Lanes::Set(4.89352455891786e-03f));
  F q = Lanes::Fma(s, Lanes::Set(1.19825839466702e-06f), Lanes::Set(1.18534705686654e-04f));
  q = Lanes::Fma(q, s, Lanes::Set(2.26843463243900e-03f));
  q = Lanes::Fma(q, s, Lanes::Set(4.89352518554385e-03f));
  const F one = Lanes::Set(1.0f);  // The quotient may pass 1 by rounding.
  return Lanes::Max(Lanes::Sub(Lanes::Set(0.0f), one), Lanes::Min(one, Lanes::Div(Lanes::Mul(v, p), q)));
}

// The error function, the same way.
inline F Erf(F x) {
  const F v = Lanes::Max(Lanes::Set(-4.0f), Lanes::Min(Lanes::Set(4.0f), x)), s = Lanes::Mul(v, v);
  F p = Lanes::Fma(s, Lanes::Set(-2.72614225801306e-10f), Lanes::Set(2.77068142495902e-08f));
  p = Lanes::Fma(p, s, Lanes::Set(-2.10102402082508e-06f));
  p = Lanes::Fma(p, s, Lanes::Set(-5.69250639462346e-05f));
  p = Lanes::Fma(p, s, Lanes::Set(-7.34990630326855e-04f));
  p = Lanes::Fma(p, s, Lanes::Set(-2.95459980854025e-03f));
  p = Lanes::Fma(p, s, Lanes::Set(-1.60960333262415e-02f));
  F q = Lanes::Fma(s, Lanes::Set(-1.45660718464996e-05f), Lanes::Set(-2.13374055278905e-04f));
  q = Lanes::Fma(q, s, Lanes::Set(-1.68282697438203e-03f));
  q = Lanes::Fma(q, s, Lanes::Set(-7.37332916720468e-03f));
  q = Lanes::Fma(q, s, Lanes::Set(-1.42647390514189e-02f));
  return Lanes::Quotient(Lanes::Mul(v, p), q);
}
inline F NormalGate(F x) {
  const F half = Lanes::Mul(x, Lanes::Set(0.5f));
  return Lanes::Mul(half, Lanes::Add(Lanes::Set(1.0f), Erf(Lanes::Mul(x, Lanes::Set(0.70710678118654752440f)))));
}

// 2^t within 2e-7 for |t| <= 127: 2^n * 2^r with |r| <= 1/2, a minimax polynomial of degree 5 for the second; 0 for t = -127.
inline F PowerOfTwo(F t) {
  const F n = Lanes::Round(t), r = Lanes::Sub(t, n);
  F p = Lanes::Fma(r, Lanes::Set(1.3264727e-3f), Lanes::Set(9.671513e-3f));
  p = Lanes::Fma(p, r, Lanes::Set(5.5507336e-2f));
  p = Lanes::Fma(p, r, Lanes::Set(2.4022242e-1f));
  p = Lanes::Fma(p, r, Lanes::Set(6.93147e-1f));
  return Lanes::Scaled(Lanes::Fma(p, r, Lanes::Set(1.0f)), n);
}

// (1 + tanh u) / 2 = 1 / (1 + e^(-2u)) = 1 / (1 + 2^t). Beyond 9 in magnitude that is 1, or as good as 0.
inline F NormalGateTanh(F x) {
  constexpr float kTwice = -2 * 0.79788456080286535588f * 1.44269504088896341f;  // t = kTwice * (x + 0.044715 x^3)
  const F from = Lanes::Max(Lanes::Set(-9.0f), x), v = Lanes::Min(Lanes::Set(9.0f), from);
  const F t = Lanes::Mul(v, Lanes::Fma(Lanes::Mul(v, v), Lanes::Set(kTwice * 0.044715f), Lanes::Set(kTwice)));
  return Lanes::Mul(from, Lanes::Quotient(Lanes::Set(1.0f), Lanes::Add(Lanes::Set(1.0f), PowerOfTwo(t))));
}

inline F HardGate(F x) {
  const F gate = Lanes::Min(Lanes::Set(6.0f), Lanes::Max(Lanes::Set(0.0f), Lanes::Add(x, Lanes::Set(3.0f))));
  return Lanes::Div(Lanes::Mul(x, gate), Lanes::Set(6.0f));
}
inline F InverseSqrt(F x) { return Lanes::Div(Lanes::Set(1.0f), Lanes::Sqrt(x)); }

template <F (*Apply)(F)> void Map(const float* x, int64_t n, float* y) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Lanes::Store(y + i, Apply(Lanes::Load(x + i)));
  if (i < n) Lanes::StoreSome(y + i, n - i, Apply(Lanes::LoadSome(x + i, n - i)));
}

// -------------------------------------------------------------------------- arithmetic, floats

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

// ------------------------------------------------------------------------- floats and integers

// To nearest, halves away from zero, once it is cut off: what is added is the largest float below one half.
inline F BeforeCut(F v) { return Lanes::Add(v, Lanes::CopySign(Lanes::Set(0.49999997f), v)); }
inline F RoundAway(F v) { return Lanes::Truncate(BeforeCut(v)); }

void QuantizeF32(const float* x, int64_t n, float scale, float zero, int32_t low, int32_t high, int8_t* q) {
  const F s = Lanes::Set(scale), z = Lanes::Set(zero);
  const I lo = Lanes::SetI(low), hi = Lanes::SetI(high);
  const auto rounded = [&](F v) { return Lanes::ToInt(Lanes::Add(z, RoundAway(Lanes::Mul(v, s)))); };
  const auto clamped = [&](F v) { return Lanes::MinI(Lanes::MaxI(rounded(v), lo), hi); };
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    const I v[4] = {rounded(Lanes::Load(x + i)), rounded(Lanes::Load(x + i + kLanes)), rounded(Lanes::Load(x + i + 2 * kLanes)), rounded(Lanes::Load(x + i + 3 * kLanes))};
    Lanes::StoreFourS8(q + i, v, low, high);
  }
  for (; i + kLanes <= n; i += kLanes) Lanes::StoreS8(q + i, clamped(Lanes::Load(x + i)));
  if (i < n) Lanes::StoreSomeS8(q + i, n - i, clamped(Lanes::LoadSome(x + i, n - i)));
}

void QuantizeToF32(const float* x, int64_t n, float scale, float zero, float low, float high, float* q) {
  const F s = Lanes::Set(scale), z = Lanes::Set(zero), lo = Lanes::Set(low), hi = Lanes::Set(high);
  // Not-a-numbers become the lowest value, as in QuantizeF32.
  const auto one = [&](F v) { return Lanes::Sub(Lanes::Min(Lanes::Max(Lanes::Add(z, RoundAway(Lanes::Mul(v, s))), lo), hi), z); };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Lanes::Store(q + i, one(Lanes::Load(x + i)));
  if (i < n) Lanes::StoreSome(q + i, n - i, one(Lanes::LoadSome(x + i, n - i)));
}

void DivideToS8(const float* x, int64_t n, float scale, int32_t zero, int8_t* q) {
  const F s = Lanes::Set(scale), low = Lanes::Set(static_cast<float>(-128 - zero)), high = Lanes::Set(static_cast<float>(127 - zero));
  const I z = Lanes::SetI(zero);
  // Not-a-numbers become the lowest value: Max answers its second operand for them.
  const auto one = [&](F v) { return Lanes::AddI(Lanes::ToInt(Lanes::Min(Lanes::Max(RoundAway(Lanes::Div(v, s)), low), high)), z); };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Lanes::StoreS8(q + i, one(Lanes::Load(x + i)));
  if (i < n) Lanes::StoreSomeS8(q + i, n - i, one(Lanes::LoadSome(x + i, n - i)));
}

// kClamps: there is something to clamp to. kScalesFirst: see ToFloat.
template <bool kClamps, bool kScalesFirst> void ToFloatsAs(const int32_t* sums, int64_t pitch, int rows, const ToFloat& f, const RowScale* row, int64_t first, int64_t columns, float* y, int64_t ldy) {
  const F low = Lanes::Set(f.low), high = Lanes::Set(f.high);
  for (int64_t c = 0; c < columns; c += kLanes) {
    const int64_t at = first + c, n = columns - c;
    const I column_sum = Lanes::LoadI(f.column_sum + at);
    const F column = Lanes::Load(f.column_scale + at), bias = Lanes::Load(f.bias + at);
    for (int r = 0; r < rows; ++r) {
      const F scale = Lanes::Set(row[r].scale);
      const F v = Lanes::ToFloat(Lanes::SubI(Lanes::LoadI(sums + r * pitch + c), Lanes::MulI(Lanes::SetI(row[r].offset), column_sum)));
      const F scaled = kScalesFirst ? Lanes::Mul(v, Lanes::Mul(scale, column)) : Lanes::Mul(Lanes::Mul(v, column), scale);
      F out = Lanes::Add(scaled, bias);
      if constexpr (kClamps) out = Clamp(out, low, high);
      if (n >= kLanes) Lanes::Store(y + r * ldy + c, out);
      else Lanes::StoreSome(y + r * ldy + c, n, out);
    }
  }
}

void ToFloats(const int32_t* sums, int64_t pitch, int rows, const ToFloat& f, const RowScale* row, int64_t first, int64_t columns, float* y, int64_t ldy) {
  constexpr float kMost = 3.40282347e+38f;  // The largest float.
  const bool clamps = f.low >= -kMost || f.high <= kMost;
  const auto run = clamps ? f.scales_first ? ToFloatsAs<true, true> : ToFloatsAs<true, false> : f.scales_first ? ToFloatsAs<false, true> : ToFloatsAs<false, false>;
  run(sums, pitch, rows, f, row, first, columns, y, ldy);
}

// ------------------------------------------------------------------------------------ integers

template <class L = Lanes> inline I RescaleBy(I x, const Rescale& q) {
  if constexpr (requires { L::ShiftRounded(x, 0); }) return L::ShiftRounded(L::HighMul(L::ShiftLeft(x, q.left), L::SetI(q.mantissa)), q.right);
  if (q.narrow) {
    // With v = x * 2^left * mantissa / 2^30 rounded down, both roundings together are
    // (v + up) >> (right + 1), up = 2^right + 1, less 2 below zero; 1 where right is 0.
    const I v = Lanes::HighHalf(Lanes::ShiftLeft(x, q.left + 2), Lanes::SetI(q.mantissa));
    if (q.right == 0) return Lanes::ShiftRight(Lanes::AddI(v, Lanes::SetI(1)), 1);
    const I up = Lanes::AddI(Lanes::SetI((1 << q.right) + 1), Lanes::ShiftLeft(Lanes::ShiftRight(x, 31), 1));
    return Lanes::ShiftRight(Lanes::AddI(v, up), q.right + 1);
  }
  const I v = Lanes::HighMul(Lanes::ShiftLeft(x, q.left), Lanes::SetI(q.mantissa));
  if (q.right == 0) return v;
  // Halves away from zero: below zero, one less. Half of the shift comes first, so that adding cannot overflow.
  const I half = Lanes::ShiftRight(Lanes::AddI(v, Lanes::ShiftRight(v, 31)), q.right - 1);
  return Lanes::ShiftRight(Lanes::AddI(half, Lanes::SetI(1)), 1);
}

// An 8-bit value at the common scale. Half of an even number, which the larger scale always is, is exact.
inline I Shifted(I x, int shift, const Rescale& q) {
  if (q.mantissa == 1 << 30 && q.left == 0 && q.right == 0) return Lanes::ShiftLeft(x, shift - 1);
  return RescaleBy(Lanes::ShiftLeft(x, shift), q);
}

void ToBytes(const int32_t* sums, int64_t pitch, int rows, const int32_t* row_offset, const Rescale& given, int32_t zero, int64_t columns, int8_t* y, int64_t ldy) {
  const Rescale q = given;  // A copy: stores of bytes may not touch it.
  const I z = Lanes::SetI(zero), low = Lanes::SetI(-128), high = Lanes::SetI(127);
  for (int r = 0; r < rows; ++r, sums += pitch, y += ldy) {
    const I offset = Lanes::SetI(row_offset[r]);
    for (int64_t c = 0; c < columns; c += kLanes) {
      const I v = Lanes::MinI(Lanes::MaxI(Lanes::AddI(RescaleBy(Lanes::SubI(Lanes::LoadI(sums + c), offset), q), z), low), high);
      if (columns - c >= kLanes) Lanes::StoreS8(y + c, v);
      else Lanes::StoreSomeS8(y + c, columns - c, v);
    }
  }
}

struct Sum {
  static constexpr bool kLinear = true;
  static I Of(I a, I b, const ScaledPair& q) {
    return RescaleBy(Lanes::AddI(Shifted(a, q.shift, q.a), Shifted(b, q.shift, q.b)), q.out);
  }
};
struct Difference {
  static constexpr bool kLinear = true;
  static I Of(I a, I b, const ScaledPair& q) {
    return RescaleBy(Lanes::SubI(Shifted(a, q.shift, q.a), Shifted(b, q.shift, q.b)), q.out);
  }
};
struct SquaredDifference {
  static constexpr bool kLinear = false;
  static I Of(I a, I b, const ScaledPair& q) {
    const I d = Lanes::SubI(Shifted(a, q.shift, q.a), Shifted(b, q.shift, q.b));
    return RescaleBy(Lanes::MulI(d, d), q.out);
  }
};
struct Product {
  static constexpr bool kLinear = false;
  static I Of(I a, I b, const ScaledPair& q) { return RescaleBy(Lanes::MulI(a, b), q.out); }
};
template <class Op> inline constexpr bool kIsProduct = false;
template <> inline constexpr bool kIsProduct<Product> = true;

// A product's narrow rescaling (see RescaleBy; right > 0) and zero, with nothing to ask in the loop.
struct NarrowProduct {
  int left, right;
  I mantissa, up, zero;
  explicit NarrowProduct(const ScaledPair& q)
      : left(q.out.left + 2), right(q.out.right + 1), mantissa(Lanes::SetI(q.out.mantissa)), up(Lanes::SetI((1 << q.out.right) + 1)), zero(Lanes::SetI(q.zero_out)) {}
  void operator()(I (&products)[4]) const {
#pragma GCC unroll 4
    for (I& x : products) {
      const I less = Lanes::ShiftLeft(Lanes::ShiftRight(x, 31), 1);
      x = Lanes::AddI(Lanes::ShiftRight(Lanes::AddI(Lanes::HighHalf(Lanes::ShiftLeft(x, left), mantissa), Lanes::AddI(up, less)), right), zero);
    }
  }
};

// The same by one floor, under Lanes::Down. kFine: with v * fine.
template <bool kFine> struct FlooredProduct {
  F scale, fine, plus, plus_negative;
  I shift, zero;
  explicit FlooredProduct(const ScaledPair& q)
      : scale(Lanes::Set(q.floor.scale)), fine(Lanes::Set(q.floor.fine)), plus(Lanes::Set(q.floor.plus)), plus_negative(Lanes::Set(q.floor.plus_negative)),
        shift(Lanes::SetI(q.floor.shift)), zero(Lanes::SetI(q.zero_out)) {}
  template <class L = Lanes> [[gnu::always_inline]] inline void operator()(I (&x)[4]) const {
    F v[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) v[k] = L::ToFloat(L::AddI(x[k], shift));
    Rescale(v, x);
  }
  // Of products and the shift, side by side: one after the other they are chains of some 45 cycles, of which the schedulers see too little
  // at once.
  template <class L = Lanes, int kCount> [[gnu::always_inline]] inline void Rescale(const F (&v)[kCount], I (&x)[kCount]) const {
    F start[kCount];
#pragma GCC unroll 4
    for (int k = 0; k < kCount; ++k) {
      start[k] = L::SelectNegative(v[k], plus_negative, plus);
      if constexpr (kFine) start[k] = L::Fma(v[k], fine, start[k]);
    }
#pragma GCC unroll 4
    for (int k = 0; k < kCount; ++k) x[k] = L::AddI(L::ToNearest(L::Fma(v[k], scale, start[k])), zero);
  }
};

// by(one of them), where one fits.
template <class L = Lanes> void RescaleProducts(const ScaledPair& q, const auto& by) {
  if constexpr (requires { typename L::Down; }) {
    if (!(q.floor.scale > 0)) return;
    const typename L::Down mode;
    by(FlooredProduct<true>(q));
  } else {
    if (q.out.narrow && q.out.right > 0) by(NarrowProduct(q));
  }
}

// Half the work of `exact`, which decides where a sum lies too close to a half to tell. Operands whose sums are
// often halves (equal scales) are left to it: answers how many elements are done.
template <class Exact> int64_t RoundedLine(const int8_t* a, const int8_t* b, int64_t n, const ScaledPair& q, const Exact& exact, int8_t* y) {
  constexpr int64_t kStep = 4 * kLanes, kTrial = 16 * kLanes;
  // A half more rounds to nearest, and doubt more brings what is in doubt to the first parts behind an integer.
  const uint32_t up = (uint32_t{1} << q.line_shift >> 1) + static_cast<uint32_t>(q.doubt);
  const I line_a = Lanes::SetI(q.line_a), line_b = Lanes::SetI(q.line_b), start = Lanes::SetI(static_cast<int32_t>(static_cast<uint32_t>(q.line_zero) + up));
  const I parts = Lanes::SetI((1 << q.line_shift) - 1);
  const int shift = q.line_shift;
  int64_t i = 0, doubtful = 0;
  for (; i + kStep <= n && (i < kTrial || doubtful * 8 < i); i += kStep) {
    I rounded[4], above[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      const I va = Lanes::LoadS8(a + i + k * kLanes), vb = Lanes::LoadS8(b + i + k * kLanes);
      const I v = Lanes::AddI(Lanes::AddI(Lanes::MulI(va, line_a), Lanes::MulI(vb, line_b)), start);
      rounded[k] = Lanes::ShiftRight(v, shift);
      above[k] = Lanes::AndI(v, parts);
    }
    if (!Lanes::AnyBelow(Lanes::MinI(Lanes::MinI(above[0], above[1]), Lanes::MinI(above[2], above[3])), 2 * q.doubt + 1)) {
      Lanes::StoreFourS8(y + i, rounded, q.low, q.high);
      continue;
    }
    // From the operands again: nothing of the above has to be kept for it.
    doubtful += kLanes;
#pragma GCC unroll 1
    for (int64_t at = i; at < i + kStep; at += kLanes) Lanes::StoreS8(y + at, exact(Lanes::LoadS8(a + at), Lanes::LoadS8(b + at)));
  }
  return i;
}

// y = saturate(rescale(of(at))) four vectors at a time; answers how many elements are done.
template <class Of> inline int64_t InFours(int64_t n, const ScaledPair& q, int8_t* y, const auto& rescale, const Of& of) {
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    I v[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) v[k] = of(i + k * kLanes);
    rescale(v);
    Lanes::StoreFourS8(y + i, v, q.low, q.high);
  }
  return i;
}

// Factors and offsets of a row that others share: x * factor + offset is a product and the shift, whole numbers below 2^24.
struct Factors {
  alignas(64) float factor[SharedRow::kMost + kLanes], offset[SharedRow::kMost + kLanes];
};
template <class Product, class L = Lanes> void RowsByFactors(const int8_t* x, const Factors& f, int64_t n, int64_t rows, const ScaledPair& given, int8_t* y) {
  const ScaledPair q = given;  // A copy: stores of bytes may not touch it.
  const Product product(q);
  const I low = L::SetI(q.low), high = L::SetI(q.high);
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    int64_t i = 0;
    I out[4];
    for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
      F v[4];
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) v[k] = L::Fma(L::ToFloat(L::LoadS8(x + i + k * kLanes)), L::Load(f.factor + i + k * kLanes), L::Load(f.offset + i + k * kLanes));
      product.Rescale(v, out);
      L::StoreFourS8(y + i, out, q.low, q.high);
    }
    for (; i < n; i += kLanes) {
      const int64_t left = n - i < kLanes ? n - i : kLanes;
      const F v[1] = {L::Fma(L::ToFloat(L::LoadSomeS8(x + i, left)), L::LoadSome(f.factor + i, left), L::LoadSome(f.offset + i, left))};
      I one[1];
      product.Rescale(v, one);
      L::StoreSomeS8(y + i, left, L::MinI(L::MaxI(one[0], low), high));
    }
  }
}

template <class L = Lanes> void ProductRowsS8(const int8_t* x, const int8_t* shared, int64_t n, int64_t rows, const SharedRow& row, const ScaledPair& q, int8_t* y) {
  const typename L::Down mode;
  Factors f;
  const I zero = L::SetI(row.zero_shared);
  const F minus_zero = L::Set(static_cast<float>(-row.zero)), shift = L::Set(static_cast<float>(q.floor.shift));
  for (int64_t i = 0; i < n; i += kLanes) {  // Whole vectors: masked stores take ten times as long.
    const F by = L::ToFloat(L::SubI(i + kLanes <= n ? L::LoadS8(shared + i) : L::LoadSomeS8(shared + i, n - i), zero));
    L::Store(f.factor + i, by), L::Store(f.offset + i, L::Fma(by, minus_zero, shift));
  }
  (q.floor.fine == 0 ? RowsByFactors<FlooredProduct<false>, L> : RowsByFactors<FlooredProduct<true>, L>)(x, f, n, rows, q, y);
}

// Where there are floors.
template <class L = Lanes> constexpr decltype(Elementwise::product_rows_s8) ProductRows() {
  if constexpr (requires { typename L::Down; }) return ProductRowsS8<L>;
  else return nullptr;
}

template <class Op> void PairS8(const int8_t* a, int64_t step_a, const int8_t* b, int64_t step_b, int64_t n, const ScaledPair& given, int8_t* y) {
  const ScaledPair q = given;  // A copy: stores of bytes may not touch it.
  const I za = Lanes::SetI(q.zero_a), zb = Lanes::SetI(q.zero_b), zero = Lanes::SetI(q.zero_out), low = Lanes::SetI(q.low), high = Lanes::SetI(q.high);
  if (n <= 0) return;
  const I one_a = Lanes::SetI(*a - q.zero_a), one_b = Lanes::SetI(*b - q.zero_b);
  const auto finish = [&](I va, I vb) { return Lanes::MinI(Lanes::MaxI(Lanes::AddI(Op::Of(va, vb, q), zero), low), high); };
  const auto both = [&](const auto& of, int64_t at) { return of(Lanes::SubI(Lanes::LoadS8(a + at), za), Lanes::SubI(Lanes::LoadS8(b + at), zb)); };
  const auto first = [&](const auto& of, int64_t at) { return of(Lanes::SubI(Lanes::LoadS8(a + at), za), one_b); };
  int64_t i = 0;
  if constexpr (kIsProduct<Op> && kLanes > 1) {
    const auto product = [](I va, I vb) { return Lanes::MulI(va, vb); };
    const auto by = [&](const auto& rescale) {
      i = step_b ? InFours(n, q, y, rescale, [&](int64_t at) { return both(product, at); }) : InFours(n, q, y, rescale, [&](int64_t at) { return first(product, at); });
    };
    if (step_a && n >= 4 * kLanes) RescaleProducts(q, by);
  }
  if (step_a && step_b) {
    if constexpr (Op::kLinear)
      if (q.doubt > 0) i = RoundedLine(a, b, n, q, [&](I va, I vb) { return finish(Lanes::SubI(va, za), Lanes::SubI(vb, zb)); }, y);
    for (; i + kLanes <= n; i += kLanes) Lanes::StoreS8(y + i, both(finish, i));
  } else if (step_a) {
    for (; i + kLanes <= n; i += kLanes) Lanes::StoreS8(y + i, first(finish, i));
  } else {
    for (; i + kLanes <= n; i += kLanes) Lanes::StoreS8(y + i, finish(one_a, step_b ? Lanes::SubI(Lanes::LoadS8(b + i), zb) : one_b));
  }
  if (i == n) return;
  const I va = step_a ? Lanes::SubI(Lanes::LoadSomeS8(a + i, n - i), za) : one_a, vb = step_b ? Lanes::SubI(Lanes::LoadSomeS8(b + i, n - i), zb) : one_b;
  Lanes::StoreSomeS8(y + i, n - i, finish(va, vb));
}

template <class Op> void PairS16(const int16_t* a, int64_t step_a, const int16_t* b, int64_t step_b, int64_t n, const ScaledPair& q, int16_t* y) {
  const I za = Lanes::SetI(q.zero_a), zb = Lanes::SetI(q.zero_b), zero = Lanes::SetI(q.zero_out), low = Lanes::SetI(q.low), high = Lanes::SetI(q.high);
  if (n <= 0) return;
  const I one_a = Lanes::SetI(*a - q.zero_a), one_b = Lanes::SetI(*b - q.zero_b);
  const auto of = [&](const int16_t* from_a, const int16_t* from_b) {
    const I va = step_a ? Lanes::SubI(Lanes::LoadS16(from_a), za) : one_a, vb = step_b ? Lanes::SubI(Lanes::LoadS16(from_b), zb) : one_b;
    return Lanes::MinI(Lanes::MaxI(Lanes::AddI(Op::Of(va, vb, q), zero), low), high);
  };
  int16_t rest_a[kLanes] = {}, rest_b[kLanes] = {}, rest_y[kLanes];
  for (int64_t i = 0; i < n; i += kLanes) {  // One place that computes: its branches are long.
    const bool whole = n - i >= kLanes;
    for (int64_t k = 0; !whole && i + k < n; ++k) rest_a[k] = a[(i + k) * step_a], rest_b[k] = b[(i + k) * step_b];
    Lanes::StoreS16(whole ? y + i : rest_y, of(whole ? a + i * step_a : rest_a, whole ? b + i * step_b : rest_b));
    for (int64_t k = 0; !whole && i + k < n; ++k) y[i + k] = rest_y[k];
  }
}

int32_t TotalS8(const int8_t* x, int64_t n) {
  I sum = Lanes::SetI(0);  // Two sums side by side are what GCC 12 gets wrong for one lane.
  int64_t i = 0;
  for (; i + Lanes::kBytes <= n; i += Lanes::kBytes) sum = Lanes::AddI(sum, Lanes::SumBytes(x + i));
  for (; i + kLanes <= n; i += kLanes) sum = Lanes::AddI(sum, Lanes::LoadS8(x + i));
  int32_t total = Lanes::TotalI(sum);
  for (; i < n; ++i) total += x[i];
  return total;
}

// What vectors of a window come to: the sum of floats, the maximum of floats, where what is no number does not count, that of bytes,
// and of fewer bytes.
struct SumOfFloats : Lanes {
  using V = F;
  static V Join(V all, V v) { return Lanes::Add(all, v); }
  static float JoinOne(float all, float v) { return all + v; }
};
struct MaxOfFloats : Lanes {
  using V = F;
  static V Join(V most, V v) { return Lanes::Max(v, most); }
  static float JoinOne(float most, float v) { return most < v ? v : most; }
};
struct MaxOfBytes : Bytes {
  static V Join(V most, V v) { return Bytes::Max(most, v); }
};
struct MaxOfFewBytes {
  using V = I;
  static constexpr int kCount = Lanes::kCount;
  static V Load(const int8_t* p) { return Lanes::LoadS8(p); }
  static void Store(int8_t* p, V v) { Lanes::StoreS8(p, v); }
  static V Join(V most, V v) { return Lanes::MaxI(most, v); }
};

// As many columns as there are whole groups of kAcross vectors from `i` on; answers where it ends.
template <class Of, int kAcross, class T> inline int64_t JoinColumns(const T* x, const CellWindow& w, int64_t i, int64_t n, T* y) {
  for (; i + kAcross * Of::kCount <= n; i += kAcross * Of::kCount) {
    typename Of::V all[kAcross];
    for (int v = 0; v < kAcross; ++v) all[v] = Of::Load(y + i + v * Of::kCount);
    const T* row = x + i;
    for (int64_t r = 0; r < w.rows; ++r, row += w.pitch) {
      const T* cell = row;
      for (int64_t k = 0; k < w.cells; ++k, cell += w.step)
        for (int v = 0; v < kAcross; ++v) all[v] = Of::Join(all[v], Of::Load(cell + v * Of::kCount));
    }
    for (int v = 0; v < kAcross; ++v) Of::Store(y + i + v * Of::kCount, all[v]);
  }
  return i;
}
template <class Of> void WindowsF32(const float* x, const CellWindow& w, int64_t apart, int64_t windows, int64_t n, float* y) {
  for (; windows > 0; --windows, x += apart, y += n) {
    int64_t i = kLanes > 1 ? JoinColumns<Of, 4>(x, w, 0, n, y) : 0;
    for (i = JoinColumns<Of, 1>(x, w, i, n, y); i < n; ++i)
      for (int64_t r = 0; r < w.rows; ++r)
        for (int64_t k = 0; k < w.cells; ++k) y[i] = Of::JoinOne(y[i], x[r * w.pitch + k * w.step + i]);
  }
}
void MaxWindowsS8(const int8_t* x, const CellWindow& given, int64_t apart, int64_t windows, int64_t n, int8_t* y) {
  const CellWindow w = given;  // A copy: stores of bytes may not touch it.
  for (; windows > 0; --windows, x += apart, y += n) {
    int64_t i = Bytes::kCount > kLanes ? JoinColumns<MaxOfBytes, 1>(x, w, 0, n, y) : 0;
    for (i = JoinColumns<MaxOfFewBytes, 1>(x, w, i, n, y); i < n; ++i)
      for (int64_t r = 0; r < w.rows; ++r)
        for (int64_t k = 0; k < w.cells; ++k) y[i] = y[i] < x[r * w.pitch + k * w.step + i] ? x[r * w.pitch + k * w.step + i] : y[i];
  }
}

template <class Of, class T> void MaxOfRows(const T* x, int64_t rows, int64_t n, T* y) {
  for (int64_t r = 0; r < rows; ++r, x += n) {
    T most = y[r];
    int64_t i = 0;
    if (n >= Of::kCount) {
      typename Of::V m = Of::Set(most);
      for (; i + Of::kCount <= n; i += Of::kCount) m = Of::Join(m, Of::Load(x + i));
      most = Of::Greatest(m);
    }
    for (; i < n; ++i) most = most < x[i] ? x[i] : most;
    y[r] = most;
  }
}

int32_t TotalOfTable(const int8_t* x, int64_t n, int32_t most, const int32_t* table) {
  const I m = Lanes::SetI(most);
  I sum = Lanes::SetI(0);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) sum = Lanes::AddI(sum, Lanes::Gather(table, Lanes::SubI(m, Lanes::LoadS8(x + i))));
  int32_t total = Lanes::TotalI(sum);
  for (; i < n; ++i) total = static_cast<int32_t>(static_cast<uint32_t>(total) + static_cast<uint32_t>(table[most - x[i]]));
  return total;
}

void ScaledTable(const int8_t* x, int64_t n, int32_t most, const int32_t* table, Rescale q, int8_t* y) {
  const I m = Lanes::SetI(most), low = Lanes::SetI(-128), high = Lanes::SetI(127);
  const auto one = [&](I v) { return Lanes::MinI(Lanes::AddI(RescaleBy(Lanes::Gather(table, Lanes::SubI(m, v)), q), low), high); };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Lanes::StoreS8(y + i, one(Lanes::LoadS8(x + i)));
  if (i == n) return;
  int8_t rest[kLanes];
  for (int64_t k = 0; k < kLanes; ++k) rest[k] = i + k < n ? x[i + k] : static_cast<int8_t>(most);
  Lanes::StoreSomeS8(y + i, n - i, one(Lanes::LoadS8(rest)));
}

int64_t DotS16S8(const int16_t* x, const int8_t* w, int64_t n) {
  constexpr int64_t kBlock = 256;  // Products of 2^22 at most: their sum fits 32 bits.
  int64_t total = 0;
  for (int64_t i = 0; i < n;) {
    const int64_t end = n - i < kBlock ? n : i + kBlock;
    I sum = Lanes::SetI(0);
    for (; i + Shorts::kCount <= end; i += Shorts::kCount) sum = Lanes::AddI(sum, Shorts::SumPairs(Shorts::Load(x + i), Shorts::LoadS8(w + i)));
    if (i < end) sum = Lanes::AddI(sum, Shorts::SumPairs(Shorts::LoadSome(x + i, end - i), Shorts::LoadSomeS8(w + i, end - i)));
    i = end;
    total += Lanes::TotalI(sum);
  }
  return total;
}

void BlendS8(const int8_t* a, const int8_t* b, const int8_t* c, const int8_t* d, const int32_t* w, int64_t n, int8_t* y) {
  const I wa = Lanes::SetI(w[0]), wb = Lanes::SetI(w[1]), wc = Lanes::SetI(w[2]), wd = Lanes::SetI(w[3]), half = Lanes::SetI(1 << 19);
  const auto of = [&](I va, I vb, I vc, I vd) {
    const I sum = Lanes::AddI(Lanes::AddI(Lanes::MulI(va, wa), Lanes::MulI(vb, wb)), Lanes::AddI(Lanes::MulI(vc, wc), Lanes::MulI(vd, wd)));
    return Lanes::ShiftRight(Lanes::AddI(Lanes::AddI(sum, half), Lanes::ShiftRight(sum, 31)), 20);  // Below zero one less, and the floor is half away.
  };
  const auto at = [&](int64_t i) { return of(Lanes::LoadS8(a + i), Lanes::LoadS8(b + i), Lanes::LoadS8(c + i), Lanes::LoadS8(d + i)); };
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    I v[4];
    for (int k = 0; k < 4; ++k) v[k] = at(i + k * kLanes);
    Lanes::StoreFourS8(y + i, v, -128, 127);
  }
  for (; i + kLanes <= n; i += kLanes) Lanes::StoreS8(y + i, at(i));
  const int64_t left = n - i;
  if (left == 0) return;
  const auto some = [&](const int8_t* from) { return Lanes::LoadSomeS8(from + i, left); };
  Lanes::StoreSomeS8(y + i, left, of(some(a), some(b), some(c), some(d)));
}

void AddScaled(const int32_t* sums, const float* scale, int64_t n, float* y) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Lanes::Store(y + i, Lanes::Add(Lanes::Load(y + i), Lanes::Mul(Lanes::ToFloat(Lanes::LoadI(sums + i)), Lanes::Load(scale + i))));
  for (; i < n; ++i) y[i] += static_cast<float>(sums[i]) * scale[i];
}

void ToShorts(const int32_t* sums, int64_t n, const Rescale& given, const int16_t* add, int16_t* y) {
  const Rescale q = given;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Lanes::StoreS16(y + i, Lanes::AddI(RescaleBy(Lanes::LoadI(sums + i), q), Lanes::LoadS16(add + i)));
  if (i == n) return;
  int32_t from[kLanes] = {};
  int16_t more[kLanes] = {};
  for (int64_t k = 0; i + k < n; ++k) from[k] = sums[i + k], more[k] = add[i + k];
  Lanes::StoreS16(more, Lanes::AddI(RescaleBy(Lanes::LoadI(from), q), Lanes::LoadS16(more)));
  for (int64_t k = 0; i + k < n; ++k) y[i + k] = more[k];
}

// Null in runtimes without the one operator that calls them.
template <auto kPrimitive> constexpr decltype(kPrimitive) WhereBuilt(bool built) { return built ? kPrimitive : nullptr; }

#define OCTET_ELEMENTWISE(lookup, transpose) \
  {{Map<Exp>, Map<Tanh>, Map<Logistic>, Map<InverseSqrt>, Map<NormalGate>, Map<NormalGateTanh>, Map<HardGate>, WhereBuilt<Map<Elu>>(Builds("elu"))}, \
   {BinaryF32<Binary::kAdd>, BinaryF32<Binary::kSubtract>, BinaryF32<Binary::kMultiply>, BinaryF32<Binary::kDivide>, BinaryF32<Binary::kSquaredDifference>, \
    WhereBuilt<BinaryF32<Binary::kLeakyRelu>>(Builds("leaky_relu") || Builds("prelu"))}, \
   SoftmaxF32, NormalizeF32, WhereBuilt<SumRowsF32>(Builds("mean") || Builds("sum")), Accumulate, RangeF32, QuantizeF32, QuantizeToF32, DivideToS8, ToFloats, ToBytes, ToShorts, DotS16S8, \
   WhereBuilt<AddScaled>(Builds("fully_connected") && Builds("fully_connected", "f32")), WhereBuilt<BlendS8>(Builds("resize_bilinear")), lookup, PairS8<Sum>, \
   WhereBuilt<PairS8<Difference>>(Builds("sub")), WhereBuilt<PairS8<SquaredDifference>>(Builds("squared_difference")), PairS8<Product>, ProductRows(), PairS16<Sum>, \
   WhereBuilt<PairS16<Difference>>(Builds("sub")), PairS16<Product>, TotalS8, Accumulate, \
   WhereBuilt<WindowsF32<SumOfFloats>>(Builds("average_pool_2d") && Builds("average_pool_2d", "f32")), \
   WhereBuilt<WindowsF32<MaxOfFloats>>(Builds("max_pool_2d") || Builds("reduce_max")), WhereBuilt<MaxWindowsS8>(Builds("max_pool_2d") || Builds("reduce_max")), \
   WhereBuilt<MaxOfRows<MaxOfFloats, float>>(Builds("reduce_max") || Builds("arg_max")), MaxOfRows<MaxOfBytes, int8_t>, TotalOfTable, ScaledTable, transpose}
