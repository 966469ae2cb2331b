// SPDX-License-Identifier: Apache-2.0
// Operators that are combinations of simple ones: losses, running products, centred crops, mel weights, gated
// activations, convolutions with a state, layers with the activation that onnxruntime put into them.
#include <algorithm>
#include <array>
#include <cmath>

#include "importers/lowerings/activation.h"
#include "importers/onnx/builder.h"
#include "ops/builtin.h"

namespace octet::importers::onnx {
namespace {

// -w[t] * x[t] over classes in axis 1 of [N, C, …]; the class is picked by a product with its one-hot vector.
Result<Value> Loss(NodeContext& c, Value x, Value target, Value weight) {
  const Shape in = c.shape(x);
  if (in.rank() < 2 || in[1] < 1) return c.Fail("[batch, classes, …]", in.text(), "give the input's shape");
  OCTET_ASSIGN(Value t, c.Cast(target, DType::kI32));
  Value kept;  // 0 where the target is to be ignored.
  if (c.Has("ignore_index")) {
    OCTET_ASSIGN(kept, c.Emit("not_equal", {t, c.ScalarInt(static_cast<int32_t>(c.Int("ignore_index", 0)))}));
    OCTET_ASSIGN(kept, c.Cast(kept, DType::kF32));
  }
  OCTET_ASSIGN(const Value hot, c.Make("one_hot", {t, c.ScalarInt(in[1]), c.Scalar(1), c.Scalar(0)}, {{"axis", in.rank() == 2 ? -1 : 1}}));
  OCTET_ASSIGN(Value loss, c.Emit("mul", {x, hot}));
  OCTET_ASSIGN(loss, c.Make("sum", {loss, c.Vector({1})}));
  OCTET_ASSIGN(loss, c.Emit("neg", {loss}));
  Value factor = kept;
  if (weight) {
    Shape wide{in[1]};
    for (int i = 2; i < in.rank(); ++i) wide.push_back(1);
    OCTET_ASSIGN(factor, c.Reshape(weight, wide));
    OCTET_ASSIGN(factor, c.Emit("mul", {hot, factor}));
    OCTET_ASSIGN(factor, c.Make("sum", {factor, c.Vector({1})}));
    if (kept) {
      OCTET_ASSIGN(factor, c.Emit("mul", {factor, kept}));
    }
  }
  if (factor) {
    OCTET_ASSIGN(loss, c.Emit("mul", {loss, factor}));
  }
  const std::string reduction = c.Text("reduction", "mean");
  if (reduction == "none") return loss;
  std::vector<int32_t> axes;
  for (int i = 0; i < c.rank(loss); ++i) axes.push_back(i);
  if (reduction == "mean" && !factor) return c.Make("mean", {loss, c.Vector(axes)});
  OCTET_ASSIGN(const Value sum, c.Make("sum", {loss, c.Vector(axes)}));
  if (reduction == "sum") return sum;
  OCTET_ASSIGN(const Value total, c.Make("sum", {factor, c.Vector(axes)}));
  return c.Emit("div", {sum, total});
}

Status ConvertNll(NodeContext& c) { return Set(c, Loss(c, c.Input(0), c.Input(1), c.Input(2))); }

Status ConvertCrossEntropy(NodeContext& c) {
  OCTET_ASSIGN(const Value logs, LogSoftmax(c, c.Input(0), 1));
  if (c.wants(1)) c.SetOutput(1, logs);
  return Set(c, Loss(c, logs, c.Input(1), c.Input(2)));
}

// Element by element along a short axis.
Status ConvertCumProd(NodeContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const std::vector<int64_t> axes, c.IntsAt(1, "axis", {0}));
  OCTET_ASSIGN(const int32_t axis, c.Axis(axes.empty() ? 0 : axes[0], c.rank(x)));
  const int32_t n = c.shape(x)[axis];
  if (n < 1 || n > 256) return c.Fail("a dimension of 1 to 256", c.shape(x).text(), "");
  OCTET_ASSIGN(std::vector<Value> parts, c.MakeMany("unpack", {x}, {{"num", n}, {"axis", axis}}, n));
  if (c.Bool("reverse", false)) std::ranges::reverse(parts);
  std::vector<Value> out;
  OCTET_ASSIGN(const Value one, c.Cast(c.Scalar(1), c.type(x).dtype));
  OCTET_ASSIGN(const Value zero, c.Cast(c.Scalar(0), c.type(x).dtype));
  OCTET_ASSIGN(Value product, c.Emit("mul", {parts[0], zero}));
  OCTET_ASSIGN(product, c.Emit("add", {product, one}));
  for (const Value p : parts) {
    if (c.Bool("exclusive", false)) out.push_back(product);
    OCTET_ASSIGN(product, c.Emit("mul", {product, p}));
    if (!c.Bool("exclusive", false)) out.push_back(product);
  }
  if (c.Bool("reverse", false)) std::ranges::reverse(out);
  return Set(c, c.Make("pack", out, {{"values_count", n}, {"axis", axis}}));
}

// Each axis cut or padded on both sides; an odd cell goes behind.
Status ConvertCenterCropPad(NodeContext& c) {
  Value x = c.Input(0);
  const Shape in = c.shape(x);
  OCTET_ASSIGN(const std::vector<int64_t> size, c.IntsAt(1, "shape", {}));
  std::vector<int64_t> axes = c.Ints("axes", {});
  for (int i = 0; i < in.rank() && !c.Has("axes"); ++i) axes.push_back(i);
  if (axes.size() != size.size()) return c.Fail("a size per axis", Format("%zu sizes", size.size()), "check the model");
  std::vector<int32_t> begin(static_cast<size_t>(in.rank()), 0), length(in.dims().begin(), in.dims().end()), pads(static_cast<size_t>(2 * in.rank()), 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    OCTET_ASSIGN(const int32_t axis, c.Axis(axes[i], in.rank()));
    const auto a = static_cast<size_t>(axis);
    if (in[axis] == kUnknown || size[i] < 1 || size[i] > INT32_MAX) return c.Fail("known dimensions", in.text(), "give the input's shape");
    const auto more = static_cast<int32_t>(size[i] - in[axis]);
    if (more < 0) begin[a] = -more / 2, length[a] = static_cast<int32_t>(size[i]);
    else pads[2 * a] = more / 2, pads[2 * a + 1] = more - more / 2;
  }
  OCTET_ASSIGN(x, c.Make("slice", {x, c.Vector(begin), c.Vector(length)}));
  return Set(c, c.Make("pad", {x, c.Constant<int32_t>(Shape{in.rank(), 2}, std::span<const int32_t>(pads))}));
}

// Triangles evenly spaced in mel = 2595*log10(1 + hz/700), over the bins of a spectrum: [bins, mels].
Status ConvertMelWeights(NodeContext& c) {
  double v[5];
  for (int i = 0; i < 5; ++i) {
    OCTET_ASSIGN(v[i], c.NumberAt(i, "parameter", 0));
  }
  constexpr double kMost = 1 << 24;  // Of sizes and of rates, so that every edge is a bin that an integer holds.
  if (!(v[0] >= 1 && v[0] <= kMost && v[1] >= 0 && v[1] <= kMost && v[2] >= 1 && v[2] <= kMost && v[3] >= 0 && v[4] >= v[3] && v[4] <= kMost))
    return c.Fail("positive sizes, and edges in ascending order", "others", "check the model");
  const auto mels = static_cast<int32_t>(v[0]), bins = static_cast<int32_t>(v[1]) / 2 + 1;
  if (int64_t{mels} * bins > kMost) return c.Fail("at most 2^24 weights", Format("%d x %d", bins, mels), "check the model");
  const auto mel = [](double hz) { return 2595 * std::log10(1 + hz / 700); };
  const double low = mel(v[3]), step = (mel(v[4]) - low) / (mels + 2);
  std::vector<int64_t> edges;  // In bins.
  for (int i = 0; i < mels + 2; ++i) edges.push_back(static_cast<int64_t>(std::floor((v[1] + 1) * 700 * (std::pow(10, (low + i * step) / 2595) - 1) / v[2])));
  std::vector<float> w(static_cast<size_t>(bins) * static_cast<size_t>(mels), 0.0f);
  for (int32_t m = 0; m < mels; ++m) {
    const int64_t a = edges[static_cast<size_t>(m)], b = edges[static_cast<size_t>(m + 1)], e = edges[static_cast<size_t>(m + 2)];
    const auto at = [&](int64_t bin) -> float& { return w[static_cast<size_t>(bin * mels + m)]; };
    if (a == b && b < bins) at(b) = 1;
    for (int64_t k = a; a != b && k <= b && k < bins; ++k) at(k) = static_cast<float>(k - a) / static_cast<float>(b - a);
    for (int64_t k = b; b != e && k < e && k < bins; ++k) at(k) = static_cast<float>(e - k) / static_cast<float>(e - b);
  }
  c.SetOutput(0, c.Constant<float>(Shape{bins, mels}, w));
  return {};
}

// a * sigmoid(alpha * a) * b
Status ConvertSwiGlu(NodeContext& c) {
  OCTET_ASSIGN(Value gate, Times(c, c.Input(0), static_cast<float>(c.Number("alpha", 1.0))));
  OCTET_ASSIGN(gate, c.Emit("logistic", {gate}));
  OCTET_ASSIGN(gate, c.Emit("mul", {c.Input(0), gate}));
  return Set(c, c.Emit("mul", {gate, c.Input(1)}));
}

// A depthwise convolution along time whose padding before the first step is the end of what came before: x and the
// state are [batch, channels, time], weights [channels, 1, k].
Status ConvertCausalConv(NodeContext& c) {
  const Value x = c.Input(0), weights = c.Input(1);
  const Shape in = c.shape(x), k = c.shape(weights);
  if (in.rank() != 3 || k.rank() != 3 || k[2] < 1 || in[2] == kUnknown)
    return c.Fail("[batch, channels, time] and weights of known size", in.text() + " and " + k.text(), "give the input's shape");
  Value padded = x;
  if (c.Input(3)) {
    OCTET_ASSIGN(padded, c.Make("concatenation", {c.Input(3), x}, {{"axis", 2}}));
  } else if (k[2] > 1) {
    const int32_t pads[] = {0, 0, 0, 0, k[2] - 1, 0};
    OCTET_ASSIGN(padded, c.Make("pad", {x, c.Constant<int32_t>(Shape{3, 2}, std::span<const int32_t>(pads))}));
  }
  Value bias = c.Input(2);
  if (!bias) bias = c.Constant<float>(Shape{k[0]}, std::vector<float>(static_cast<size_t>(k[0]), 0.0f));
  OCTET_ASSIGN(Value filter, c.Transpose(weights, {1, 2, 0}));  // [1, k, channels]
  OCTET_ASSIGN(filter, c.Reshape(filter, Shape{1, 1, k[2], k[0]}));
  OCTET_ASSIGN(Value y, c.Transpose(padded, {0, 2, 1}));
  OCTET_ASSIGN(y, c.Make("expand_dims", {y, c.ScalarInt(1)}));
  OCTET_ASSIGN(y, c.Make("depthwise_conv_2d", {y, filter, bias}, {{"padding", static_cast<int64_t>(ops::Padding::kValid)}, {"depth_multiplier", 1}}));
  OCTET_ASSIGN(y, c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{1}}}));
  OCTET_ASSIGN(y, c.Transpose(y, {0, 2, 1}));
  if (c.Text("activation", "none") != "none") {
    OCTET_ASSIGN(const Value gate, c.Emit("logistic", {y}));
    OCTET_ASSIGN(y, c.Emit("mul", {y, gate}));
  }
  c.SetOutput(0, y);
  if (!c.wants(1)) return {};
  const int32_t time = c.shape(padded)[2];
  OCTET_ASSIGN(const Value state, c.Make("slice", {padded, c.Vector({0, 0, time - (k[2] - 1)}), c.Vector({-1, -1, k[2] - 1})}));
  c.SetOutput(1, state);
  return {};
}

// -------------------------------------------------------------------------- onnxruntime's
// What its optimizer makes of a layer and the activation behind it, as it is found in models that it wrote.

struct Fused {
  std::string_view activation;
  std::array<std::string_view, 2> parameters = {};  // Its attributes, in the order of `activation_params`.
};
constexpr Fused kFused[] = {{"Relu"}, {"Sigmoid"}, {"Tanh"}, {"Softplus"}, {"Softsign"}, {"LeakyRelu", {"alpha"}}, {"Elu", {"alpha"}},
                            {"ThresholdedRelu", {"alpha"}}, {"Selu", {"alpha", "gamma"}}, {"HardSigmoid", {"alpha", "beta"}}, {"Clip", {"min", "max"}}};

NodeProto Part(const NodeContext& c, std::string_view op) {
  NodeProto node;
  node.name = c.node().name;
  node.op = op;
  node.outputs = {c.node().outputs[0]};
  return node;
}

// The activation's numbers are `activation_params`, or attributes of its own: `activation_alpha`.
Status Activate(NodeContext& c, Value x) {
  const std::string name = c.Text("activation", "");
  const Fused* fused = std::ranges::find(kFused, name, &Fused::activation);
  if (fused == std::end(kFused))
    return c.Fail("an activation that octet knows beside a layer", name, "write the model without onnxruntime's extended optimizations");
  NodeProto node = Part(c, fused->activation);
  const std::vector<double> parameters = c.Numbers("activation_params", {});
  for (size_t i = 0; i < fused->parameters.size(); ++i) {
    const std::string key = "activation_" + std::string(fused->parameters[i]);
    if (fused->parameters[i].empty() || (i >= parameters.size() && !c.Has(key))) continue;
    AttributeProto& a = node.attributes.emplace_back();
    a.name = fused->parameters[i];
    a.f = static_cast<float>(i < parameters.size() ? parameters[i] : c.Number(key, 0));
  }
  return Set(c, c.builder().RunAs(c, node, {x}));
}

// activation(conv(x, weights, bias) + sum)
Status ConvertFusedConv(NodeContext& c) {
  NodeProto conv = Part(c, "Conv");
  OCTET_ASSIGN(Value y, c.builder().RunAs(c, conv, {c.Input(0), c.Input(1), c.Input(2)}));
  if (c.Input(3)) {
    OCTET_ASSIGN(y, c.Emit("add", {y, c.Input(3)}));
  }
  return Activate(c, y);
}

Status ConvertFusedGemm(NodeContext& c) {
  NodeProto gemm = Part(c, "Gemm");
  OCTET_ASSIGN(const Value y, c.builder().RunAs(c, gemm, {c.Input(0), c.Input(1), c.Input(2)}));
  return Activate(c, y);
}

constexpr NodeRule kRules[] = {{"SwiGLU", 0, ConvertSwiGlu}, {"CausalConvWithState", 0, ConvertCausalConv},
                               {"NegativeLogLikelihoodLoss", 0, ConvertNll}, {"SoftmaxCrossEntropyLoss", 0, ConvertCrossEntropy},
                               {"CumProd", 0, ConvertCumProd}, {"CenterCropPad", 0, ConvertCenterCropPad},   {"MelWeightMatrix", 0, ConvertMelWeights},
                               {"com.microsoft.FusedConv", 0, ConvertFusedConv}, {"com.microsoft.FusedGemm", 0, ConvertFusedGemm}};

}  // namespace

const std::span<const NodeRule> kCombinedRules = kRules;

}  // namespace octet::importers::onnx
