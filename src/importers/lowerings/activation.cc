// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/activation.h"

#include <numeric>

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
  OCTET_ASSIGN(const Value negative, c.Make("neg", {x}));
  OCTET_ASSIGN(Value y, c.Make("logistic", {negative}));
  OCTET_ASSIGN(y, c.Make("log", {y}));  // -softplus(x), and -infinity where that is above 88: its tanh is -1.
  OCTET_ASSIGN(y, c.Make("tanh", {y}));
  return c.Make("mul", {negative, y});
}

Result<Value> Softsign(Lowering& c, Value x) {
  OCTET_ASSIGN(Value y, c.Make("abs", {x}));
  OCTET_ASSIGN(y, Plus(c, y, 1));
  return c.Make("div", {x, y});
}

Result<Value> ScaledElu(Lowering& c, Value x, float scale, float alpha) {
  OCTET_ASSIGN(Value y, c.Make("elu", {x}));
  if (alpha != 1.0f) {
    OCTET_ASSIGN(y, c.Make("leaky_relu", {y}, {{"alpha", alpha}}));  // elu keeps the sign.
  }
  return Times(c, y, scale);
}

Result<Value> Kept(Lowering& c, Value condition, Value x) { return c.Make("select_v2", {condition, x, c.Scalar(0)}); }

Result<Value> QuotientUnless(Lowering& c, Value taken, Value otherwise, Value x, Value y) {
  OCTET_ASSIGN(const Value divisor, c.Make("select_v2", {taken, c.Scalar(1), y}));
  OCTET_ASSIGN(const Value quotient, c.Make("div", {x, divisor}));
  return c.Make("select_v2", {taken, otherwise, quotient});
}

Result<Value> ThresholdedRelu(Lowering& c, Value x, float threshold) {
  OCTET_ASSIGN(const Value above, c.Make("greater", {x, c.Scalar(threshold)}));
  return Kept(c, above, x);
}

Result<Value> Celu(Lowering& c, Value x, float alpha) {
  OCTET_ASSIGN(Value y, Times(c, x, 1 / alpha));
  OCTET_ASSIGN(y, c.Make("elu", {y}));
  return Times(c, y, alpha);
}

// max(x - t, 0) with t = (s - 1) / k over the k largest whose z has 1 + k z > the sum of the first k. Keras takes for s the sum
// of these running sums, where the definition has the last of them.
Result<Value> Sparsemax(Lowering& c, Value x) {
  const int32_t last = c.rank(x) - 1, n = last < 0 ? 0 : c.shape(x)[last];
  if (n < 1) return c.Fail("a known last dimension", c.shape(x).text(), "");
  std::vector<float> rank(static_cast<size_t>(n));
  std::iota(rank.begin(), rank.end(), 1.0f);
  const Value most = c.Constant<int32_t>(Shape{}, std::span(&n, 1)), axis = c.Constant<int32_t>(Shape{}, std::span(&last, 1));
  const Value inputs[] = {x, most};
  OCTET_ASSIGN(const std::vector<Value> sorted, c.EmitNode("topk_v2", inputs, nullptr, {{DType::kF32, c.shape(x), {}}, {DType::kI32, c.shape(x), {}}}));
  OCTET_ASSIGN(const Value sums, c.Make("cumsum", {sorted[0], axis}, {{"exclusive", 0}, {"reverse", 0}}));
  OCTET_ASSIGN(Value scaled, c.Make("mul", {sorted[0], c.Constant<float>(Shape{n}, rank)}));
  OCTET_ASSIGN(scaled, Plus(c, scaled, 1));
  OCTET_ASSIGN(Value support, c.Make("greater", {scaled, sums}));
  OCTET_ASSIGN(support, c.Cast(support, DType::kF32));
  OCTET_ASSIGN(const Value count, c.Make("sum", {support, c.Vector({last})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(Value threshold, c.Make("mul", {support, sums}));
  OCTET_ASSIGN(threshold, c.Make("sum", {threshold, c.Vector({last})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(threshold, Plus(c, threshold, -1));
  OCTET_ASSIGN(threshold, c.Make("div", {threshold, count}));
  OCTET_ASSIGN(const Value y, c.Make("sub", {x, threshold}));
  return c.Make("relu", {y});
}

Result<Value> LogSoftmax(Lowering& c, Value x, int32_t axis) {
  if (axis == -1 || axis == c.rank(x) - 1) return c.Make("log_softmax", {x});
  OCTET_ASSIGN(const Value most, c.Make("reduce_max", {x, c.Vector({axis})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(const Value below, c.Make("sub", {x, most}));
  OCTET_ASSIGN(Value sum, c.Make("exp", {below}));
  OCTET_ASSIGN(sum, c.Make("sum", {sum, c.Vector({axis})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(sum, c.Make("log", {sum}));
  return c.Make("sub", {below, sum});
}

// gelu(x) = x/2 * (1 + erf(x/sqrt 2)), so erf(t) = 2*gelu(sqrt 2 * t)/(sqrt 2 * t) - 1, but near zero; there
// erf(t) = t*2/sqrt(pi), and the quotient is one's. Beyond 8 it is 1, and infinity would be divided by itself. Importers and a pass join the common x/2 * (1 +
// erf(x/sqrt 2)) to gelu.
Result<Value> Erf(Lowering& c, Value t) {
  constexpr float kSmall = 1e-3f, kFar = 8, kSlope = 1.1283791670955126f, kCubic = -0.37612638903183754f;
  OCTET_ASSIGN(const Value size, c.Make("abs", {t}));
  OCTET_ASSIGN(const Value small, c.Make("less", {size, c.Scalar(kSmall)}));
  OCTET_ASSIGN(Value x, c.Make("mul", {t, c.Scalar(1.0f / kFar)}, {{"fused_activation_function", static_cast<int64_t>(ops::Activation::kReluN1To1)}}));
  OCTET_ASSIGN(x, Times(c, x, kFar * 1.4142135623730951f));
  OCTET_ASSIGN(x, c.Make("select_v2", {small, c.Scalar(1), x}));
  OCTET_ASSIGN(Value y, c.Make("gelu", {x}));
  OCTET_ASSIGN(y, c.Make("div", {y, x}));
  OCTET_ASSIGN(y, Times(c, y, 2.0f));
  OCTET_ASSIGN(y, Plus(c, y, -1.0f));
  OCTET_ASSIGN(Value near, c.Make("mul", {t, t}));  // t * (2/sqrt(pi) - t^2 * 2/(3 sqrt(pi)))
  OCTET_ASSIGN(near, Times(c, near, kCubic));
  OCTET_ASSIGN(near, Plus(c, near, kSlope));
  OCTET_ASSIGN(near, c.Make("mul", {near, t}));
  return c.Make("select_v2", {small, near, y});
}

}  // namespace octet::importers
