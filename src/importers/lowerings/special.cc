// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/special.h"

#include <limits>
#include <numbers>
#include <span>

#include "importers/lowerings/activation.h"

namespace octet::importers {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The highest power first.
Result<Value> Polynomial(Lowering& c, Value x, std::span<const float> coefficients) {
  OCTET_ASSIGN(Value y, Times(c, x, coefficients[0]));
  for (size_t i = 1; i < coefficients.size(); ++i) {
    OCTET_ASSIGN(y, Plus(c, y, coefficients[i]));
    if (i + 1 == coefficients.size()) break;
    OCTET_ASSIGN(y, c.Emit("mul", {y, x}));
  }
  return y;
}

Result<Value> Select(Lowering& c, std::string_view comparison, Value x, float limit, Value yes, Value no) {
  OCTET_ASSIGN(const Value test, c.Emit(comparison, {x, c.Scalar(limit)}));
  return c.Emit("select_v2", {test, yes, no});
}

// ------------------------------------------------------------------ Bessel
// Fitted by weighted least squares at Chebyshev nodes, relative errors below 7e-7: I0 and I1/x up to kFar as polynomials of x^2,
// sqrt(x) e^-x I beyond it as ones of 1/x.
constexpr float kFar = 3.75f;
constexpr float kNearI0[] = {5.93142147e-10f, 6.56112462e-08f, 6.80036919e-06f, 0.000433951587f, 0.0156251341f, 0.249999925f, 1.0f};
constexpr float kFarI0[] = {-5.08391333f, 3.40246749f, -0.65348947f, 0.0935604647f, 0.0255392846f, 0.049898494f, 0.398942262f};
constexpr float kNearI1[] = {4.1416693e-11f, 5.50643886e-09f, 6.79450693e-07f, 5.42479356e-05f, 0.00260417722f, 0.0624999925f, 0.5f};
constexpr float kFarI1[] = {5.77135658f, -3.9450953f, 0.765717566f, -0.118333146f, -0.0436565056f, -0.149642274f, 0.398942292f};

// Of |x|; scaled by e^-|x| or not. The odd one is near zero times x, and has x's sign.
Result<Value> Bessel(Lowering& c, Value x, bool odd, bool scaled) {
  OCTET_ASSIGN(const Value a, c.Emit("abs", {x}));
  OCTET_ASSIGN(Value square, c.Emit("minimum", {a, c.Scalar(kFar)}));
  OCTET_ASSIGN(square, c.Emit("mul", {square, square}));
  OCTET_ASSIGN(Value near, Polynomial(c, square, odd ? kNearI1 : kNearI0));
  if (odd) {
    OCTET_ASSIGN(near, c.Emit("mul", {near, a}));
  }
  OCTET_ASSIGN(const Value large, c.Emit("maximum", {a, c.Scalar(kFar)}));
  OCTET_ASSIGN(Value inverse, c.Emit("div", {c.Scalar(1), large}));
  OCTET_ASSIGN(Value far, Polynomial(c, inverse, odd ? kFarI1 : kFarI0));
  OCTET_ASSIGN(const Value root, c.Emit("rsqrt", {large}));
  OCTET_ASSIGN(far, c.Emit("mul", {far, root}));
  Value exponent = a;
  if (scaled) {
    OCTET_ASSIGN(exponent, c.Emit("neg", {a}));
  }
  OCTET_ASSIGN(const Value e, c.Emit("exp", {exponent}));
  Value& grows = scaled ? near : far;
  OCTET_ASSIGN(grows, c.Emit("mul", {grows, e}));
  OCTET_ASSIGN(const Value y, Select(c, "less", a, kFar, near, far));
  if (!odd) return y;
  OCTET_ASSIGN(const Value sign, c.Emit("sign", {x}));
  return c.Emit("mul", {y, sign});
}

// ------------------------------------------------------------------ gamma
// Stirling's series holds from kLarge on; below it is taken at a + 4, and what lies between is taken off again: with q = a^2 + 3a,
//   a (a+1) (a+2) (a+3) = q (q + 2),   1/a + ... + 1/(a+3) = (2a + 3) (1/q + 1/(q + 2))
constexpr float kLarge = 4;

struct Shifted {
  Value a;       // |x|
  Value z;       // Where the series is taken.
  Value q, q2;   // q and q + 2, of a that is no larger than kLarge.
  Value below;   // min(a, kLarge)
};
Result<Shifted> Shift(Lowering& c, Value x) {
  Shifted s;
  OCTET_ASSIGN(s.a, c.Emit("abs", {x}));
  OCTET_ASSIGN(s.below, c.Emit("minimum", {s.a, c.Scalar(kLarge)}));
  OCTET_ASSIGN(s.q, Plus(c, s.below, 3));
  OCTET_ASSIGN(s.q, c.Emit("mul", {s.q, s.below}));
  OCTET_ASSIGN(s.q2, Plus(c, s.q, 2));
  OCTET_ASSIGN(const Value next, Plus(c, s.a, 4));
  OCTET_ASSIGN(s.z, Select(c, "less", s.a, kLarge, next, s.a));
  return s;
}

// How far a is from the nearest whole number, times pi; with its sign.
Result<Value> Angle(Lowering& c, Value a) {
  OCTET_ASSIGN(Value r, Plus(c, a, 0.5f));
  OCTET_ASSIGN(r, c.Emit("floor", {r}));
  OCTET_ASSIGN(r, c.Emit("sub", {a, r}));
  return Times(c, r, std::numbers::pi_v<float>);
}

// (z - 1/2) log z - z + log(2 pi)/2 + 1/(12 z) - 1/(360 z^3) + 1/(1260 z^5) - 1/(1680 z^7)
Result<Value> LogGammaSeries(Lowering& c, Value z) {
  constexpr float kSeries[] = {-1.0f / 1680, 1.0f / 1260, -1.0f / 360, 1.0f / 12};
  OCTET_ASSIGN(const Value inverse, c.Emit("div", {c.Scalar(1), z}));
  OCTET_ASSIGN(const Value square, c.Emit("mul", {inverse, inverse}));
  OCTET_ASSIGN(Value rest, Polynomial(c, square, kSeries));
  OCTET_ASSIGN(rest, c.Emit("mul", {rest, inverse}));
  OCTET_ASSIGN(rest, Plus(c, rest, 0.918938533f));
  OCTET_ASSIGN(const Value log, c.Emit("log", {z}));
  OCTET_ASSIGN(const Value half, Plus(c, z, -0.5f));
  OCTET_ASSIGN(Value y, c.Emit("mul", {half, log}));
  OCTET_ASSIGN(y, c.Emit("sub", {y, z}));
  return c.Emit("add", {y, rest});
}

// log z - 1/(2 z) - 1/(12 z^2) + 1/(120 z^4) - 1/(252 z^6) + 1/(240 z^8)
Result<Value> DigammaSeries(Lowering& c, Value z) {
  constexpr float kSeries[] = {1.0f / 240, -1.0f / 252, 1.0f / 120, -1.0f / 12};
  OCTET_ASSIGN(const Value inverse, c.Emit("div", {c.Scalar(1), z}));
  OCTET_ASSIGN(const Value square, c.Emit("mul", {inverse, inverse}));
  OCTET_ASSIGN(Value rest, Polynomial(c, square, kSeries));
  OCTET_ASSIGN(rest, c.Emit("mul", {rest, square}));
  OCTET_ASSIGN(const Value half, Times(c, inverse, -0.5f));
  OCTET_ASSIGN(rest, c.Emit("add", {rest, half}));
  OCTET_ASSIGN(const Value log, c.Emit("log", {z}));
  return c.Emit("add", {log, rest});
}

// ------------------------------------------------------------------ inverse of erf
// M. Giles, Approximating the erfinv function (2012): x times a polynomial of w = -log(1 - x^2), near and far.
Result<Value> ErfinvOf(Lowering& c, Value x, Value w) {
  constexpr float kEnd = 5;
  constexpr float kMiddle[] = {2.81022636e-08f, 3.43273939e-07f, -3.5233877e-06f, -4.39150654e-06f, 0.00021858087f, -0.00125372503f, -0.00417768164f,
                               0.246640727f, 1.50140941f};
  constexpr float kTail[] = {-0.000200214257f, 0.000100950558f, 0.00134934322f, -0.00367342844f, 0.00573950773f, -0.0076224613f, 0.00943887047f, 1.00167406f,
                             2.83297682f};
  OCTET_ASSIGN(Value middle, Plus(c, w, -2.5f));
  OCTET_ASSIGN(middle, Polynomial(c, middle, kMiddle));
  OCTET_ASSIGN(Value tail, c.Emit("sqrt", {w}));
  OCTET_ASSIGN(tail, Plus(c, tail, -3));
  OCTET_ASSIGN(tail, Polynomial(c, tail, kTail));
  OCTET_ASSIGN(Value y, Select(c, "less", w, kEnd, middle, tail));
  OCTET_ASSIGN(y, Select(c, "equal", w, kInfinity, c.Scalar(kInfinity), y));  // At the ends.
  return c.Emit("mul", {y, x});
}

Result<Value> NegativeLog(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value log, c.Emit("log", {x}));
  return c.Emit("neg", {log});
}

}  // namespace

Result<Value> BesselI0(Lowering& c, Value x) { return Bessel(c, x, false, false); }
Result<Value> BesselI0e(Lowering& c, Value x) { return Bessel(c, x, false, true); }
Result<Value> BesselI1(Lowering& c, Value x) { return Bessel(c, x, true, false); }
Result<Value> BesselI1e(Lowering& c, Value x) { return Bessel(c, x, true, true); }

// Below zero: log(pi / (a |sin(pi a)|)) - lgamma(a)
Result<Value> Lgamma(Lowering& c, Value x) {
  OCTET_ASSIGN(const Shifted s, Shift(c, x));
  OCTET_ASSIGN(const Value far, LogGammaSeries(c, s.z));
  OCTET_ASSIGN(Value near, c.Emit("mul", {s.q, s.q2}));
  OCTET_ASSIGN(near, c.Emit("log", {near}));
  OCTET_ASSIGN(near, c.Emit("sub", {far, near}));
  OCTET_ASSIGN(const Value y, Select(c, "less", s.a, kLarge, near, far));
  OCTET_ASSIGN(Value mirror, Angle(c, s.a));
  OCTET_ASSIGN(mirror, c.Emit("sin", {mirror}));
  OCTET_ASSIGN(mirror, c.Emit("abs", {mirror}));
  OCTET_ASSIGN(mirror, c.Emit("mul", {mirror, s.a}));
  OCTET_ASSIGN(mirror, c.Emit("log", {mirror}));
  OCTET_ASSIGN(mirror, c.Emit("add", {mirror, y}));
  OCTET_ASSIGN(mirror, c.Emit("sub", {c.Scalar(1.14472989f), mirror}));  // log(pi)
  return Select(c, "less", x, 0, mirror, y);
}

// Below zero: digamma(a) + 1/a + pi cot(pi a)
Result<Value> Digamma(Lowering& c, Value x) {
  OCTET_ASSIGN(const Shifted s, Shift(c, x));
  OCTET_ASSIGN(const Value far, DigammaSeries(c, s.z));
  OCTET_ASSIGN(Value near, c.Emit("div", {c.Scalar(1), s.q}));
  OCTET_ASSIGN(const Value inner, c.Emit("div", {c.Scalar(1), s.q2}));
  OCTET_ASSIGN(near, c.Emit("add", {near, inner}));
  OCTET_ASSIGN(Value factor, Times(c, s.below, 2));
  OCTET_ASSIGN(factor, Plus(c, factor, 3));
  OCTET_ASSIGN(near, c.Emit("mul", {near, factor}));
  OCTET_ASSIGN(near, c.Emit("sub", {far, near}));
  OCTET_ASSIGN(const Value y, Select(c, "less", s.a, kLarge, near, far));
  OCTET_ASSIGN(const Value angle, Angle(c, s.a));
  OCTET_ASSIGN(const Value sine, c.Emit("sin", {angle}));
  OCTET_ASSIGN(Value mirror, c.Emit("cos", {angle}));
  OCTET_ASSIGN(mirror, c.Emit("div", {mirror, sine}));
  OCTET_ASSIGN(mirror, Times(c, mirror, std::numbers::pi_v<float>));
  OCTET_ASSIGN(const Value inverse, c.Emit("div", {c.Scalar(1), s.a}));
  OCTET_ASSIGN(mirror, c.Emit("add", {mirror, inverse}));
  OCTET_ASSIGN(mirror, c.Emit("add", {mirror, y}));
  return Select(c, "less", x, 0, mirror, y);
}

// 1 - x^2 = (1 - x) (1 + x)
Result<Value> Erfinv(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value down, c.Emit("sub", {c.Scalar(1), x}));
  OCTET_ASSIGN(Value w, Plus(c, x, 1));
  OCTET_ASSIGN(w, c.Emit("mul", {w, down}));
  OCTET_ASSIGN(w, NegativeLog(c, w));
  return ErfinvOf(c, x, w);
}

// sqrt(2) erfinv(2 p - 1), where 1 - (2 p - 1)^2 = 4 p (1 - p) keeps its digits near zero.
Result<Value> Ndtri(Lowering& c, Value p) {
  OCTET_ASSIGN(const Value down, c.Emit("sub", {c.Scalar(1), p}));
  OCTET_ASSIGN(Value w, Times(c, p, 4));
  OCTET_ASSIGN(w, c.Emit("mul", {w, down}));
  OCTET_ASSIGN(w, NegativeLog(c, w));
  OCTET_ASSIGN(Value x, Times(c, p, 2));
  OCTET_ASSIGN(x, Plus(c, x, -1));
  OCTET_ASSIGN(x, ErfinvOf(c, x, w));
  return Times(c, x, std::numbers::sqrt2_v<float>);
}

// The first kTerms of the sum, and Euler and Maclaurin's rest: with w = q + kTerms,
//   w^-s (w/(s-1) + 1/2 + s/(12 w) - s (s+1) (s+2)/(720 w^3) + s ... (s+4)/(30240 w^5))
Result<Value> Zeta(Lowering& c, Value s, Value q) {
  constexpr int kTerms = 8;
  OCTET_ASSIGN(const Value power, c.Emit("neg", {s}));
  OCTET_ASSIGN(Value sum, c.Emit("pow", {q, power}));
  for (int k = 1; k < kTerms; ++k) {
    OCTET_ASSIGN(Value term, Plus(c, q, static_cast<float>(k)));
    OCTET_ASSIGN(term, c.Emit("pow", {term, power}));
    OCTET_ASSIGN(sum, c.Emit("add", {sum, term}));
  }
  OCTET_ASSIGN(const Value w, Plus(c, q, static_cast<float>(kTerms)));
  OCTET_ASSIGN(const Value next, c.Emit("pow", {w, power}));
  OCTET_ASSIGN(Value rest, Plus(c, s, -1));
  OCTET_ASSIGN(rest, c.Emit("div", {w, rest}));
  OCTET_ASSIGN(rest, Plus(c, rest, 0.5f));
  OCTET_ASSIGN(Value product, c.Emit("div", {s, w}));
  int k = 1;
  for (const float factor : {1.0f / 12, -1.0f / 720, 1.0f / 30240}) {
    OCTET_ASSIGN(const Value term, Times(c, product, factor));
    OCTET_ASSIGN(rest, c.Emit("add", {rest, term}));
    for (const int end = k + 2; k < end; ++k) {
      OCTET_ASSIGN(Value more, Plus(c, s, static_cast<float>(k)));
      OCTET_ASSIGN(more, c.Emit("div", {more, w}));
      OCTET_ASSIGN(product, c.Emit("mul", {product, more}));
    }
  }
  OCTET_ASSIGN(rest, c.Emit("mul", {rest, next}));
  return c.Emit("add", {sum, rest});
}

// (-1)^(n+1) n! zeta(n + 1, x)
Result<Value> Polygamma(Lowering& c, Value n, Value x) {
  OCTET_ASSIGN(const Value s, Plus(c, n, 1));
  OCTET_ASSIGN(Value factorial, Lgamma(c, s));
  OCTET_ASSIGN(factorial, c.Emit("exp", {factorial}));
  OCTET_ASSIGN(Value sign, c.Emit("floor_mod", {n, c.Scalar(2)}));
  OCTET_ASSIGN(sign, Times(c, sign, 2));
  OCTET_ASSIGN(sign, Plus(c, sign, -1));
  OCTET_ASSIGN(factorial, c.Emit("mul", {factorial, sign}));
  OCTET_ASSIGN(Value y, Zeta(c, s, x));
  OCTET_ASSIGN(y, c.Emit("mul", {y, factorial}));
  OCTET_ASSIGN(const Value zero, c.Emit("equal", {n, c.Scalar(0)}));
  OCTET_ASSIGN(const Value first, Digamma(c, x));
  return c.Emit("select_v2", {zero, first, y});
}

}  // namespace octet::importers
