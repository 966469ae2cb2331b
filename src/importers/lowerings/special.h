// SPDX-License-Identifier: Apache-2.0
// Special functions element by element, in the operators there are, to some 1e-6.
#pragma once
#include "importers/lowering.h"

namespace octet::importers {

// Modified Bessel functions of the first kind; the exponentially scaled ones times e^-|x|.
Result<Value> BesselI0(Lowering& c, Value x);
Result<Value> BesselI0e(Lowering& c, Value x);
Result<Value> BesselI1(Lowering& c, Value x);
Result<Value> BesselI1e(Lowering& c, Value x);
// log |gamma(x)| and its derivative.
Result<Value> Lgamma(Lowering& c, Value x);
Result<Value> Digamma(Lowering& c, Value x);
// The inverses of erf and of the normal distribution's function.
Result<Value> Erfinv(Lowering& c, Value x);
Result<Value> Ndtri(Lowering& c, Value p);
// sum over k >= 0 of (q + k)^-s, for s > 1 and q > 0; derivative n of digamma, which is made of it.
Result<Value> Zeta(Lowering& c, Value s, Value q);
Result<Value> Polygamma(Lowering& c, Value n, Value x);

}  // namespace octet::importers
