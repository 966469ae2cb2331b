// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/activation.h"

namespace octet::importers {

Result<Value> Times(Lowering& c, Value x, float factor) { return factor == 1.0f ? x : c.Make("mul", {x, c.Scalar(factor)}); }
Result<Value> Plus(Lowering& c, Value x, float term) { return c.Make("add", {x, c.Scalar(term)}); }

namespace {
// log(sigmoid(|x|)), which is -log(1 + e^-|x|).
Result<Value> LogTail(Lowering& c, Value x) {
  OCTET_ASSIGN(Value y, c.Make("abs", {x}));
  OCTET_ASSIGN(y, c.Make("logistic", {y}));
  return c.Make("log", {y});
}
}  // namespace

Result<Value> Softplus(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value positive, c.Make("relu", {x}));
  OCTET_ASSIGN(const Value tail, LogTail(c, x));
  return c.Make("sub", {positive, tail});
}

Result<Value> LogSigmoid(Lowering& c, Value x) {
  OCTET_ASSIGN(const Value negative, c.Make("minimum", {x, c.Scalar(0)}));
  OCTET_ASSIGN(const Value tail, LogTail(c, x));
  return c.Make("add", {negative, tail});
}

Result<Value> Mish(Lowering& c, Value x) {
  OCTET_ASSIGN(Value y, Softplus(c, x));
  OCTET_ASSIGN(y, c.Make("tanh", {y}));
  return c.Make("mul", {x, y});
}

Result<Value> Softsign(Lowering& c, Value x) {
  OCTET_ASSIGN(Value y, c.Make("abs", {x}));
  OCTET_ASSIGN(y, Plus(c, y, 1));
  return c.Make("div", {x, y});
}

Result<Value> ScaledElu(Lowering& c, Value x, float scale, float alpha) {
  OCTET_ASSIGN(Value positive, c.Make("relu", {x}));
  OCTET_ASSIGN(positive, Times(c, positive, scale));
  OCTET_ASSIGN(Value negative, c.Make("minimum", {x, c.Scalar(0)}));
  OCTET_ASSIGN(negative, c.Make("elu", {negative}));
  OCTET_ASSIGN(negative, Times(c, negative, scale * alpha));
  return c.Make("add", {positive, negative});
}

Result<Value> ThresholdedRelu(Lowering& c, Value x, float threshold) {
  OCTET_ASSIGN(const Value above, c.Make("greater", {x, c.Scalar(threshold)}));
  OCTET_ASSIGN(const Value kept, c.Cast(above, DType::kF32));
  return c.Make("mul", {x, kept});
}

Result<Value> LogSoftmax(Lowering& c, Value x, int32_t axis) {
  OCTET_ASSIGN(const Value most, c.Make("reduce_max", {x, c.Vector({axis})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(const Value below, c.Make("sub", {x, most}));
  OCTET_ASSIGN(Value sum, c.Make("exp", {below}));
  OCTET_ASSIGN(sum, c.Make("sum", {sum, c.Vector({axis})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(sum, c.Make("log", {sum}));
  return c.Make("sub", {below, sum});
}

// gelu(x) = x/2 * (1 + erf(x/sqrt 2)), so erf(t) = 2*gelu(sqrt 2 * t)/(sqrt 2 * t) - 1, which is 0/0 at 0 only; there
// erf(t) = t*2/sqrt(pi). Importers and a pass join the common x/2 * (1 + erf(x/sqrt 2)) to gelu.
Result<Value> Erf(Lowering& c, Value t) {
  constexpr float kSmall = 1e-3f, kSlope = 1.1283791670955126f, kCubic = -0.37612638903183754f;
  OCTET_ASSIGN(const Value x, Times(c, t, 1.4142135623730951f));
  OCTET_ASSIGN(Value y, c.Make("gelu", {x}));
  OCTET_ASSIGN(y, c.Make("div", {y, x}));
  OCTET_ASSIGN(y, Times(c, y, 2.0f));
  OCTET_ASSIGN(y, Plus(c, y, -1.0f));
  OCTET_ASSIGN(const Value size, c.Make("abs", {t}));
  OCTET_ASSIGN(const Value small, c.Make("less", {size, c.Scalar(kSmall)}));
  OCTET_ASSIGN(Value near, c.Make("mul", {t, t}));  // t * (2/sqrt(pi) - t^2 * 2/(3 sqrt(pi)))
  OCTET_ASSIGN(near, Times(c, near, kCubic));
  OCTET_ASSIGN(near, Plus(c, near, kSlope));
  OCTET_ASSIGN(near, c.Make("mul", {near, t}));
  return c.Make("select_v2", {small, near, y});
}

}  // namespace octet::importers
