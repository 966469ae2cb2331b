// SPDX-License-Identifier: Apache-2.0
// Functions of one float. A part of elementwise_body.h.

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
