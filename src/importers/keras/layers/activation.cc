// SPDX-License-Identifier: Apache-2.0
// Element-wise layers that take more than one operator.
#include "importers/keras/context.h"
#include "importers/keras/rules.h"

namespace octet::importers::keras {
namespace {

Status Set(LayerContext& c, Result<Value> y) {
  if (!y.ok()) return std::move(y).status();
  c.SetOutput(0, *y);
  return {};
}

// x > theta ? x : 0
Status ConvertThresholdedRelu(LayerContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const Value above, c.Make("greater", {x, c.Scalar(static_cast<float>(c.Number("theta", 1.0)))}));
  OCTET_ASSIGN(const Value kept, c.Cast(above, DType::kF32));
  return Set(c, c.Make("mul", {x, kept}));
}

// x > 0 ? x : alpha * (exp(x) - 1); the operator has alpha = 1.
Status ConvertElu(LayerContext& c) {
  const double alpha = c.Number("alpha", 1.0);
  if (alpha == 1.0) return c.ApplyOperatorRule();
  const Value x = c.Input(0);
  OCTET_ASSIGN(const Value positive, c.Make("relu", {x}));
  OCTET_ASSIGN(Value negative, c.Make("minimum", {x, c.Scalar(0.0f)}));
  OCTET_ASSIGN(negative, c.Make("elu", {negative}));
  OCTET_ASSIGN(negative, c.Make("mul", {negative, c.Scalar(static_cast<float>(alpha))}));
  return Set(c, c.Make("add", {positive, negative}));
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

constexpr LayerRule kRules[] = {
    {"ThresholdedReLU", ConvertThresholdedRelu}, {"ELU", ConvertElu}, {"ReLU", ConvertRelu}, {"LayerScale", ConvertLayerScale}};

}  // namespace

const std::span<const LayerRule> kActivationRules = kRules;

}  // namespace octet::importers::keras
