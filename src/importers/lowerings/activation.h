// SPDX-License-Identifier: Apache-2.0
// Element-wise functions that take several operators. None overflows where the function itself does not.
#pragma once
#include "importers/lowering.h"

namespace octet::importers {

Result<Value> Times(Lowering& c, Value x, float factor);
Result<Value> Plus(Lowering& c, Value x, float term);
// log(1 + e^x) = max(x, 0) - log(sigmoid(|x|))
Result<Value> Softplus(Lowering& c, Value x);
// min(x, 0) + log(sigmoid(|x|))
Result<Value> LogSigmoid(Lowering& c, Value x);
// x * tanh(softplus(x)) = -x * tanh(log(sigmoid(-x)))
Result<Value> Mish(Lowering& c, Value x);
// x / (1 + |x|)
Result<Value> Softsign(Lowering& c, Value x);
// scale * (x > 0 ? x : alpha * (e^x - 1)) = scale * leaky_relu(elu(x), alpha)
Result<Value> ScaledElu(Lowering& c, Value x, float scale, float alpha);
// condition ? x : 0
Result<Value> Kept(Lowering& c, Value condition, Value x);
// otherwise where that is taken, x / y elsewhere: the quotient that is not taken divides by one, since 0/0 has no range and integers refuse it.
Result<Value> QuotientUnless(Lowering& c, Value taken, Value otherwise, Value x, Value y);
// x > threshold ? x : 0
Result<Value> ThresholdedRelu(Lowering& c, Value x, float threshold);
// x - max - log(sum(e^(x - max))) over one axis
Result<Value> LogSoftmax(Lowering& c, Value x, int32_t axis);
// x > 0 ? x : alpha * (e^(x/alpha) - 1) = alpha * elu(x/alpha)
Result<Value> Celu(Lowering& c, Value x, float alpha);
// Keras' sparsemax along the last axis.
Result<Value> Sparsemax(Lowering& c, Value x);
// The error function, which no operator has: through gelu.
Result<Value> Erf(Lowering& c, Value t);

}  // namespace octet::importers
