// SPDX-License-Identifier: Apache-2.0
// Element-wise layers and activations that take more than one operator. None overflows where the function does not.
#include "importers/keras/context.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/activation.h"

namespace octet::importers::keras {
namespace {

// x > theta ? x : 0
Status ConvertThresholdedRelu(LayerContext& c) { return Set(c, ThresholdedRelu(c, c.Input(0), static_cast<float>(c.Number("theta", 1.0)))); }

// x > 0 ? x : alpha * (exp(x) - 1); the operator has alpha = 1.
Status ConvertElu(LayerContext& c) {
  const double alpha = c.Number("alpha", 1.0);
  if (alpha == 1.0) return c.ApplyOperatorRule();
  return Set(c, ScaledElu(c, c.Input(0), 1.0f, static_cast<float>(alpha)));
}

// min(x >= threshold ? x : slope * (x - threshold), max_value)
Status ConvertRelu(LayerContext& c) {
  const auto threshold = static_cast<float>(c.Number("threshold", 0.0));
  const auto slope = static_cast<float>(c.Number("negative_slope", 0.0));
  if (threshold == 0.0f || slope == 0.0f) return c.ApplyOperatorRule();
  const Value x = c.Input(0);
  OCTET_ASSIGN(const Value above, c.Make("greater_equal", {x, c.Scalar(threshold)}));
  OCTET_ASSIGN(Value below, c.Make("sub", {x, c.Scalar(threshold)}));
  OCTET_ASSIGN(below, c.Make("mul", {below, c.Scalar(slope)}));
  OCTET_ASSIGN(Value y, c.Make("select_v2", {above, x, below}));
  if (c.Has("max_value")) {
    OCTET_ASSIGN(y, c.Make("minimum", {y, c.Scalar(static_cast<float>(c.Number("max_value", 0)))}));
  }
  c.SetOutput(0, y);
  return {};
}

// ConvNeXt's: x * gamma
Status ConvertLayerScale(LayerContext& c) {
  OCTET_ASSIGN(const Value gamma, c.Weight(0));
  return Set(c, c.Make("mul", {c.Input(0), gamma}));
}

// Inception-ResNet's: x + scale * y
Status ConvertScaledSum(LayerContext& c) {
  if (c.num_inputs() != 2) return c.Fail("two inputs", std::to_string(c.num_inputs()), "");
  OCTET_ASSIGN(const Value scaled, c.Make("mul", {c.Input(1), c.Scalar(static_cast<float>(c.Number("scale", 1)))}));
  return Set(c, c.Make("add", {c.Input(0), scaled}));
}

// ------------------------------------------------------------------- named activations

Status ConvertSoftplus(LayerContext& c) { return Set(c, Softplus(c, c.Input(0))); }
Status ConvertLogSigmoid(LayerContext& c) { return Set(c, LogSigmoid(c, c.Input(0))); }
Status ConvertMish(LayerContext& c) { return Set(c, Mish(c, c.Input(0))); }
Status ConvertSoftsign(LayerContext& c) { return Set(c, Softsign(c, c.Input(0))); }

// a * sigmoid(b), where a and b are the halves of the last axis.
Status ConvertGlu(LayerContext& c) {
  const int32_t last = c.rank(c.Input(0)) - 1;
  if (last < 0 || c.shape(c.Input(0)).back() % 2 != 0) return c.Fail("an even last dimension", c.shape(c.Input(0)).text(), "");
  OCTET_ASSIGN(const std::vector<Value> halves, c.MakeMany("split", {c.Constant<int32_t>(Shape{}, std::span(&last, 1)), c.Input(0)}, {{"num_splits", 2}}, 2));
  OCTET_ASSIGN(const Value gate, c.Make("logistic", {halves[1]}));
  return Set(c, c.Make("mul", {halves[0], gate}));
}

// |x| > 0.5 ? x : 0
Status ConvertHardShrink(LayerContext& c) {
  OCTET_ASSIGN(Value y, c.Make("abs", {c.Input(0)}));
  OCTET_ASSIGN(y, c.Make("greater", {y, c.Scalar(0.5f)}));
  return Set(c, Kept(c, y, c.Input(0)));
}

// x - clip(x, -0.5, 0.5)
Status ConvertSoftShrink(LayerContext& c) {
  OCTET_ASSIGN(Value y, c.Make("minimum", {c.Input(0), c.Scalar(0.5f)}));
  OCTET_ASSIGN(y, c.Make("maximum", {y, c.Scalar(-0.5f)}));
  return Set(c, c.Make("sub", {c.Input(0), y}));
}

Status ConvertTanhShrink(LayerContext& c) {
  OCTET_ASSIGN(const Value y, c.Make("tanh", {c.Input(0)}));
  return Set(c, c.Make("sub", {c.Input(0), y}));
}

// (x + sqrt(x^2 + 4)) / 2
Status ConvertSquareplus(LayerContext& c) {
  OCTET_ASSIGN(Value y, c.Make("square", {c.Input(0)}));
  OCTET_ASSIGN(y, Plus(c, y, 4));
  OCTET_ASSIGN(y, c.Make("sqrt", {y}));
  OCTET_ASSIGN(y, c.Make("add", {c.Input(0), y}));
  return Set(c, Times(c, y, 0.5f));
}

// 0 below -1, x above 1, (x + 1)^2 / 4 between: (clip(x, -1, 1) + 1)^2 / 4 + max(x - 1, 0)
Status ConvertSparsePlus(LayerContext& c) {
  OCTET_ASSIGN(Value y, c.Make("relu_n1_to_1", {c.Input(0)}));
  OCTET_ASSIGN(y, Plus(c, y, 1));
  OCTET_ASSIGN(y, c.Make("square", {y}));
  OCTET_ASSIGN(y, Times(c, y, 0.25f));
  OCTET_ASSIGN(Value above, Plus(c, c.Input(0), -1));
  OCTET_ASSIGN(above, c.Make("relu", {above}));
  return Set(c, c.Make("add", {y, above}));
}

// (clip(x, -1, 1) + 1) / 2
Status ConvertSparseSigmoid(LayerContext& c) {
  OCTET_ASSIGN(Value y, c.Make("relu_n1_to_1", {c.Input(0)}));
  OCTET_ASSIGN(y, Plus(c, y, 1));
  return Set(c, Times(c, y, 0.5f));
}

Status ConvertSelu(LayerContext& c) { return Set(c, ScaledElu(c, c.Input(0), 1.0507009873554805f, 1.6732632423543772f)); }
Status ConvertCelu(LayerContext& c) { return Set(c, Celu(c, c.Input(0), 1)); }
Status ConvertSparsemax(LayerContext& c) { return Set(c, Sparsemax(c, c.Input(0))); }
Status ConvertLogSoftmax(LayerContext& c) { return Set(c, LogSoftmax(c, c.Input(0), -1)); }

constexpr LayerRule kNamed[] = {
    {"softplus", ConvertSoftplus},       {"log_sigmoid", ConvertLogSigmoid}, {"mish", ConvertMish},
    {"softsign", ConvertSoftsign},       {"glu", ConvertGlu},                {"hard_shrink", ConvertHardShrink},
    {"soft_shrink", ConvertSoftShrink},  {"tanh_shrink", ConvertTanhShrink}, {"squareplus", ConvertSquareplus},
    {"sparse_plus", ConvertSparsePlus},  {"sparse_sigmoid", ConvertSparseSigmoid}, {"selu", ConvertSelu},
    {"log_softmax", ConvertLogSoftmax},  {"celu", ConvertCelu},              {"sparsemax", ConvertSparsemax}};

constexpr LayerRule kRules[] = {
    {"ThresholdedReLU", ConvertThresholdedRelu}, {"ELU", ConvertElu}, {"ReLU", ConvertRelu}, {"LayerScale", ConvertLayerScale},
    {"CustomScaleLayer", ConvertScaledSum}};

}  // namespace

const std::span<const LayerRule> kActivationRules = kRules;
const std::span<const LayerRule> kNamedActivations = kNamed;

}  // namespace octet::importers::keras
