// SPDX-License-Identifier: Apache-2.0
#include "ops/incomplete_util.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace octet::ops {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(), kPrecision = 1e-16, kTiny = 1e-300;
constexpr int kMostSteps = 100000;  // Of series and fractions: they need about as many as the root of the parameter.

// log Γ(x), x > 0: Stirling's series beyond 10, moved there. (std::lgamma writes a global of the process.)
double LogGamma(double x) {
  double moved = 0;
  for (; x < 10; x += 1) moved += std::log(x);
  const double i = 1 / x, s = i * i;
  const double series = i * (1.0 / 12 - s * (1.0 / 360 - s * (1.0 / 1260 - s * (1.0 / 1680 - s * (1.0 / 1188 - s * (691.0 / 360360 - s / 156))))));
  return (x - 0.5) * std::log(x) - x + 0.5 * std::log(2 * std::numbers::pi) + series - moved;
}

// b + a(1) / (b(1) + a(2) / (b(2) + …)), by Lentz' method; term(i) sets a and b.
template <class F> double Fraction(double b0, const F& term) {
  double f = b0 == 0 ? kTiny : b0, c = f, d = 0;
  for (int i = 1; i < kMostSteps; ++i) {
    double a = 0, b = 0;
    term(i, &a, &b);
    d = b + a * d;
    c = b + a / c;
    if (d == 0) d = kTiny;
    if (c == 0) c = kTiny;
    d = 1 / d;
    const double step = c * d;
    f *= step;
    if (std::fabs(step - 1) < kPrecision) break;
  }
  return f;
}

}  // namespace

double IncompleteGamma(double a, double x, bool above) {
  if (x == 0 && !above && !std::isnan(a)) return 0;  // Of any parameter, as TensorFlow has it.
  if (!(a > 0) || !(x >= 0)) return kNaN;
  if (x == 0 || std::isinf(x) || std::isinf(a)) {
    if (std::isinf(x) && std::isinf(a)) return kNaN;
    return (std::isinf(x) ? 1.0 : 0.0) == (above ? 0.0 : 1.0) ? 1.0 : 0.0;
  }
  const double scale = std::exp(a * std::log(x) - x - LogGamma(a));
  if (x < a + 1) {  // P = scale * sum of x^k / (a (a + 1) … (a + k))
    double term = 1 / a, sum = term;
    for (int k = 1; k < kMostSteps && term > sum * kPrecision; ++k) sum += term *= x / (a + k);
    return above ? 1 - scale * sum : scale * sum;
  }
  const double q = scale / Fraction(x + 1 - a, [&](int i, double* u, double* v) {
    *u = i * (a - i);
    *v = x + 1 - a + 2 * i;
  });
  return above ? q : 1 - q;
}

double IncompleteBeta(double a, double b, double x) {
  if (!(a > 0) || !(b > 0) || !(x >= 0 && x <= 1)) return kNaN;
  if (x == 0 || x == 1) return x;
  const bool mirrored = x > (a + 1) / (a + b + 2);  // Where the fraction converges slowly: I_x(a, b) = 1 - I_(1-x)(b, a).
  const double log_scale = a * std::log(x) + b * std::log1p(-x) + LogGamma(a + b) - LogGamma(a) - LogGamma(b);
  const double p = mirrored ? b : a, q = mirrored ? a : b, y = mirrored ? 1 - x : x;
  const double share = std::exp(log_scale) / p / Fraction(1, [&](int i, double* u, double* v) {
    const double m = i / 2;
    *u = i % 2 == 0 ? m * (q - m) * y / ((p + 2 * m - 1) * (p + 2 * m)) : -(p + m) * (p + q + m) * y / ((p + 2 * m) * (p + 2 * m + 1));
    *v = 1;
  });
  return mirrored ? 1 - share : share;
}

}  // namespace octet::ops
