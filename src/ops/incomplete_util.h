// SPDX-License-Identifier: Apache-2.0
// Incomplete gamma and beta functions, regularized, in double.
#pragma once

namespace octet::ops {

// P(a, x), the share of the gamma distribution below x, or what is left above: Q = 1 - P. NaN unless a > 0 and x >= 0.
double IncompleteGamma(double a, double x, bool above);

// I_x(a, b), the share of the beta distribution below x. NaN unless a, b > 0 and 0 <= x <= 1.
double IncompleteBeta(double a, double b, double x);

}  // namespace octet::ops
