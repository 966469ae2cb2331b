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

}  // namespace octet::importers
