// SPDX-License-Identifier: Apache-2.0
// Activations as keras.ops and TensorFlow functions: by name, or with parameters.
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/axes.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/activation.h"

namespace octet::importers::keras {
namespace {

template <OpName Name> Status Activated(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x", "features", "logits"}));
  const bool stays = std::string_view(Name) == "relu";
  OCTET_ASSIGN(x, stays ? Result<Value>(x) : c.Cast(x, DType::kF32));
  return Set(c, c.ApplyActivation(x, Json(std::string(Name))));
}

// Of whole numbers without the operator, whose integers are quantized.
Status ConvertRelu6(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x", "features"}));
  const DType own = c.type(x).dtype;
  if (own == DType::kF32) return Set(c, c.Make("relu6", {x}));
  OCTET_ASSIGN(x, c.Make("maximum", {x, NumberOf(c, 0, own)}));
  return Set(c, c.Make("minimum", {x, NumberOf(c, 6, own)}));
}

Status ConvertLeakyRelu(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x", "features"}));
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  const double slope = c.Has("negative_slope") ? c.Number("negative_slope", 0.2) : c.Number("alpha", 0.2);
  OCTET_ASSIGN(const Value y, c.Make("leaky_relu", {x}, {{"alpha", slope}}));
  c.SetOutput(0, y);
  return {};
}

Status ConvertSoftmax(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x", "logits"}));
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", -1), c.rank(x)));
  OCTET_ASSIGN(Value y, Exchanged(c, x, axis));
  OCTET_ASSIGN(y, c.Make("softmax", {y}, {{"beta", 1.0}}));
  return Set(c, Exchanged(c, y, axis));
}

Status ConvertLogSoftmax(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x", "logits"}));
  OCTET_ASSIGN(const int at, AxisOf(c, c.Int("axis", -1), c.rank(x)));
  if (at == c.rank(x) - 1) return Activated<"log_softmax">(c);
  OCTET_ASSIGN(const Value y, LogSoftmax(c, x, at));
  c.SetOutput(0, y);
  return {};
}

Status ConvertGelu(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  return Set(c, c.Make("gelu", {x}, {{"approximate", c.Bool("approximate", !c.kind().starts_with("TFOp"))}}));
}

// --------------------------------------------------------------------------- activations with a parameter

// x times the sigmoid of beta x
Status ConvertSilu(LayerContext& c) {
  const auto beta = static_cast<float>(c.Number("beta", 1));
  if (beta == 1) return Activated<"silu">(c);
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"features"}));
  OCTET_ASSIGN(Value gate, Times(c, x, beta));
  OCTET_ASSIGN(gate, c.Make("logistic", {gate}));
  return Set(c, c.Make("mul", {x, gate}));
}

// Of x and of -x, one behind the other.
Status ConvertCrelu(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"features"}));
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", -1), c.rank(x)));
  OCTET_ASSIGN(const Value negative, c.Make("neg", {x}));
  OCTET_ASSIGN(const Value both, c.Make("concatenation", {x, negative}, {{"axis", axis}}));
  return Set(c, c.Make("relu", {both}));
}

Status ConvertElu(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  const auto alpha = static_cast<float>(c.Number("alpha", 1));
  return Set(c, alpha == 1 ? c.Make("elu", {x}) : ScaledElu(c, x, 1, alpha));
}

Status ConvertCelu(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  return Set(c, Celu(c, x, static_cast<float>(c.Number("alpha", 1))));
}

Status ConvertSparsemax(LayerContext& c) {
  OCTET_ASSIGN(Value x, FloatTensor(c));
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", -1), c.rank(x)));
  OCTET_ASSIGN(x, Exchanged(c, x, axis));
  OCTET_ASSIGN(const Value y, Sparsemax(c, x));
  return Set(c, Exchanged(c, y, axis));
}

// |x| > threshold ? x : 0;  x - clip(x, -threshold, threshold)
Status ConvertShrink(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  const auto threshold = static_cast<float>(c.Number("threshold", 0.5));
  if (c.kind() == "HardShrink") {
    OCTET_ASSIGN(const Value size, c.Make("abs", {x}));
    OCTET_ASSIGN(const Value above, c.Make("greater", {size, c.Scalar(threshold)}));
    return Set(c, c.Make("select_v2", {above, x, c.Scalar(0)}));
  }
  OCTET_ASSIGN(Value y, c.Make("minimum", {x, c.Scalar(threshold)}));
  OCTET_ASSIGN(y, c.Make("maximum", {y, c.Scalar(-threshold)}));
  return Set(c, c.Make("sub", {x, y}));
}

Status ConvertHardTanh(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  return Set(c, c.Make("relu_n1_to_1", {x}));
}

// The first half of an axis times the second's sigmoid.
Status ConvertGlu(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", -1), c.rank(x)));
  OCTET_ASSIGN(const std::vector<Value> half, c.MakeMany("split", {Int(c, axis), x}, {{"num_splits", 2}}, 2));
  OCTET_ASSIGN(const Value gate, c.Make("logistic", {half[1]}));
  return Set(c, c.Make("mul", {half[0], gate}));
}

// (x + sqrt(x^2 + b)) / 2
Status ConvertSquareplus(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatTensor(c));
  OCTET_ASSIGN(Value y, c.Make("mul", {x, x}));
  OCTET_ASSIGN(y, Plus(c, y, static_cast<float>(c.Number("b", 4))));
  OCTET_ASSIGN(y, c.Make("sqrt", {y}));
  OCTET_ASSIGN(y, c.Make("add", {x, y}));
  return Set(c, Times(c, y, 0.5f));
}

// x > threshold ? x : value
Status ConvertThreshold(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  const DType own = c.type(x).dtype;
  OCTET_ASSIGN(Value threshold, Operand(c, 1, {"threshold"}, own));
  OCTET_ASSIGN(Value other, Operand(c, 2, {"default_value"}, own));
  OCTET_ASSIGN(threshold, c.Cast(threshold, own));
  OCTET_ASSIGN(other, c.Cast(other, own));
  OCTET_ASSIGN(const Value above, c.Make("greater", {x, threshold}));
  OCTET_ASSIGN(const Value y, c.Make("select_v2", {above, x, other}));
  c.SetOutput(0, y);
  return {};
}

constexpr LayerRule kRules[] = {
    {"ops.Relu", Activated<"relu">}, {"tf.nn.relu", Activated<"relu">}, {"ops.Sigmoid", Activated<"sigmoid">}, {"tf.math.sigmoid", Activated<"sigmoid">},
    {"ops.Tanh", Activated<"tanh">}, {"tf.math.tanh", Activated<"tanh">}, {"ops.Silu", Activated<"silu">}, {"tf.nn.silu", ConvertSilu},
    {"tf.nn.gelu", ConvertGelu}, {"tf.nn.elu", Activated<"elu">}, {"ops.Selu", Activated<"selu">}, {"tf.nn.selu", Activated<"selu">},
    {"ops.Softplus", Activated<"softplus">}, {"tf.math.softplus", Activated<"softplus">}, {"ops.Softsign", Activated<"softsign">},
    {"tf.nn.softsign", Activated<"softsign">}, {"ops.HardSigmoid", Activated<"hard_sigmoid">}, {"ops.HardSilu", Activated<"hard_silu">},
    {"ops.LogSigmoid", Activated<"log_sigmoid">}, {"tf.math.log_sigmoid", Activated<"log_sigmoid">}, {"ops.Mish", Activated<"mish">},
    {"ops.SparsePlus", Activated<"sparse_plus">},
    {"ops.SparseSigmoid", Activated<"sparse_sigmoid">}, {"ops.TanhShrink", Activated<"tanh_shrink">}, {"ops.Relu6", ConvertRelu6},
    {"tf.nn.relu6", ConvertRelu6}, {"ops.LeakyRelu", ConvertLeakyRelu}, {"tf.nn.leaky_relu", ConvertLeakyRelu}, {"ops.Softmax", ConvertSoftmax},
    {"tf.nn.softmax", ConvertSoftmax}, {"ops.LogSoftmax", ConvertLogSoftmax}, {"tf.nn.log_softmax", ConvertLogSoftmax},
    {"tf.compat.v1.nn.crelu", ConvertCrelu}, {"ops.Gelu", ConvertGelu}, {"ops.Elu", ConvertElu}, {"ops.Celu", ConvertCelu},
    {"ops.Sparsemax", ConvertSparsemax}, {"ops.HardShrink", ConvertShrink}, {"ops.SoftShrink", ConvertShrink}, {"ops.HardTanh", ConvertHardTanh},
    {"ops.Glu", ConvertGlu}, {"ops.Squareplus", ConvertSquareplus}, {"ops.Threshold", ConvertThreshold}};

}  // namespace

const std::span<const LayerRule> kActivationOpRules = kRules;

}  // namespace octet::importers::keras
