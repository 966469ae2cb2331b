// SPDX-License-Identifier: Apache-2.0
// Quantization-aware training (tfmot, octet.qat): layers in wrappers that round weights and activations to 8 bits between
// trained limits. Activations become QUANTIZE and DEQUANTIZE, weights their rounded values.
#include <algorithm>
#include <cmath>

#include "importers/keras/builder.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/fake_quant.h"

namespace octet::importers::keras {
namespace {

// The dataset of the layer whose name ends in `suffix`, or none.
std::string FindPath(const LayerContext& c, const std::string& suffix) {
  for (const std::string& path : c.variables().paths)
    if (path.ends_with("/" + suffix + ":0") || path.ends_with("/" + suffix)) return path;
  return {};
}

// The limits of one quantizer; false when the layer does not have it.
Result<bool> ReadLimits(LayerContext& c, const std::string& name, std::vector<float>* min, std::vector<float>* max) {
  const std::string low = FindPath(c, name + "_min"), high = FindPath(c, name + "_max");
  if (low.empty() || high.empty()) return false;
  for (const auto& [path, out] : {std::pair(low, min), std::pair(high, max)}) {
    OCTET_ASSIGN(const Value v, c.builder().FloatVariable(path, name, c));
    const std::span<const float> values = c.data_as<float>(v);
    out->assign(values.begin(), values.end());
  }
  return !min->empty() && min->size() == max->size();
}

Result<Value> RoundActivation(LayerContext& c, Value x, const std::string& quantizer) {
  std::vector<float> min, max;
  OCTET_ASSIGN(const bool there, ReadLimits(c, quantizer, &min, &max));
  if (!there) return x;
  return RoundToLevels(c, x, MakeLevels(min[0], max[0], 8, false));
}

// Limits per slice of the axis that has as many entries; the last such axis, as for convolutions.
Status RoundKernel(LayerContext& c, const std::string& dataset, const std::string& attribute) {
  std::vector<float> min, max;
  OCTET_ASSIGN(const bool there, ReadLimits(c, attribute, &min, &max));
  if (!there) return {};
  OCTET_ASSIGN(const Value stored, c.builder().Variable(dataset, attribute, c));
  const Shape s = c.shape(stored);
  if (s.rank() == 0) return c.Fail("a kernel with dimensions", s.text(), "check the model");
  std::vector<float> values(c.data_as<float>(stored).begin(), c.data_as<float>(stored).end());
  int axis = s.rank() - 1;
  while (axis > 0 && min.size() > 1 && s[axis] != static_cast<int32_t>(min.size())) --axis;
  // A transposed convolution keeps its outputs in the last axis but one.
  if ((*c.layer().config)["layer"]["class_name"].text().ends_with("Transpose") && s.rank() > 1) axis = s.rank() - 2;
  if (min.size() > 1 && s[axis] != static_cast<int32_t>(min.size())) return c.Fail("limits per channel", Format("%zu", min.size()), "");
  const int64_t inner = s.elements(axis + 1, s.rank()), channels = s[axis];
  TensorType type{DType::kF32, s, {}};  // Remembers its grid: the integers come back from it exactly.
  type.quant.axis = axis;
  for (size_t k = 0; k < min.size(); ++k) {
    const Levels levels = MakeLevels(min[k], max[k], 8, true);
    type.quant.scale.push_back(levels.scale);
    type.quant.zero_point.push_back(static_cast<int32_t>(levels.zero) - 128);
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t channel = min.size() > 1 ? static_cast<size_t>(static_cast<int64_t>(i) / inner % channels) : 0;
    values[i] = MakeLevels(min[channel], max[channel], 8, true).Round(values[i]);
  }
  c.builder().SetVariable(dataset, c.Constant(type, std::as_bytes(std::span<const float>(values))));
  return {};
}

// The axis of a kernel that has a scale per slice; -1: one scale for all.
int ChannelAxis(const std::string& kind, const Shape& s) {
  if (kind.starts_with("DepthwiseConv")) return s.back() == 1 ? s.rank() - 2 : -1;
  return kind == "Conv2DTranspose" ? s.rank() - 2 : s.rank() - 1;
}

// tfmot leaves some kernels as they are (of a transposed convolution before a relu). TensorFlow rounds them like others where the
// operator becomes one of integers, so the constant gets the grid and keeps its values.
Status GiveGrid(LayerContext& c, const std::string& kind) {
  for (const char* name : {"kernel", "depthwise_kernel"}) {
    const std::string dataset = FindPath(c, name);
    if (dataset.empty() || !FindPath(c, std::string(name) + "_min").empty()) continue;
    OCTET_ASSIGN(const Value stored, c.builder().FloatVariable(dataset, name, c));
    const std::span<const float> values = c.data_as<float>(stored);
    if (c.rank(stored) < 2 || values.empty()) continue;
    KernelGrid grid(c.shape(stored), values, ChannelAxis(kind, c.shape(stored)));
    c.builder().SetVariable(dataset, c.Constant(grid.type(), std::as_bytes(values)));
  }
  return {};
}

// Its limits have the layer's own name, which is "quantize_layer_3" in the fourth model of a process.
Status ConvertQuantizeLayer(LayerContext& c) {
  std::vector<float> min, max;
  for (const std::string& path : c.variables().paths) {
    const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    const size_t end = name.rfind("_min");
    if (end == std::string_view::npos) continue;
    OCTET_ASSIGN(const bool there, ReadLimits(c, std::string(name.substr(0, end)), &min, &max));
    if (there) break;
  }
  if (min.empty()) return c.Fail("limits that were trained", "none", "save the model as .h5");
  OCTET_ASSIGN(const Value y, RoundToLevels(c, c.Input(0), MakeLevels(min[0], max[0], 8, false)));
  c.SetOutput(0, y);
  return {};
}

// The activation inside a wrapper's.
const std::string& NameOf(const Json& activation) {
  const Json& inside = activation["config"]["activation"];
  return activation.is_text() ? activation.text() : inside.is_text() ? inside.text() : inside["class_name"].text();
}

// What TensorFlow gives these activations in bytes: 1/256, and 1/128 around zero.
std::optional<Levels> FixedLevels(const std::string& activation) {
  if (activation == "softmax" || activation == "sigmoid") return MakeLevels(0.0f, 255.0f / 256, 8, false);
  if (activation == "tanh") return MakeLevels(-1.0f, 127.0f / 128, 8, false);
  return std::nullopt;
}

Status ConvertWrapper(LayerContext& c) {
  const std::vector<std::string>& paths = c.variables().paths;
  const std::string step = FindPath(c, "optimizer_step");
  const auto end = std::ranges::find(paths, step);
  if (step.empty() || end == paths.end()) return c.Fail("a wrapper saved as .h5", "another file", "save the model as .h5");
  const Variables inner{"", {paths.begin(), end}};
  for (const Json& attribute : c.Get("quantize_config")["config"]["weight_attrs"].items()) {
    const std::string dataset = FindPath(c, attribute.text());
    if (!dataset.empty()) OCTET_TRY(RoundKernel(c, dataset, attribute.text()));
  }
  std::vector<Value> inputs;
  for (int i = 0; i < c.num_inputs(); ++i) inputs.push_back(c.Input(i));
  const Json& layer = c.Get("layer");
  const std::string& kind = layer["class_name"].text();
  if (kind == "Conv2DTranspose" || kind == "Conv2D" || kind == "DepthwiseConv2D" || kind == "Dense") OCTET_TRY(GiveGrid(c, kind));
  std::vector<float> min, max;
  OCTET_ASSIGN(const bool operand, ReadLimits(c, "pre_activation", &min, &max));
  if (operand) c.builder().SetOperandLevels(MakeLevels(min[0], max[0], 8, false));
  OCTET_ASSIGN(const std::vector<Value> values, c.Apply(layer, inner, inputs, layer["config"]["name"].text()));
  c.builder().SetOperandLevels({});
  Value y = values[0];
  if (const auto fixed = FixedLevels(NameOf(layer["config"]["activation"])); fixed && operand && FindPath(c, "post_activation_min").empty()) {
    OCTET_ASSIGN(y, RoundToLevels(c, y, *fixed));
  }
  OCTET_ASSIGN(y, RoundActivation(c, y, "post_activation"));
  OCTET_ASSIGN(y, RoundActivation(c, y, "output"));
  c.SetOutput(0, y);
  return {};
}

// ------------------------------------------------------------------------- octet.qat's layers

// Limits that were never observed round nothing.
Status ConvertFakeQuantize(LayerContext& c) {
  OCTET_ASSIGN(const Value low, c.Weight(0));
  OCTET_ASSIGN(const Value high, c.Weight(1));
  const std::span<const float> least = c.data_as<float>(low), most = c.data_as<float>(high);
  if (least.size() != 1 || most.size() != 1) return c.Fail("two limits", c.shape(low).text(), "save the model again");
  Value y = c.Input(0);
  if (most[0] > least[0]) {
    OCTET_ASSIGN(y, RoundToLevels(c, y, MakeLevels(least[0], most[0], 8, false)));
  }
  c.SetOutput(0, y);
  return {};
}

// w -> clamp(floor(w / scale + 1/2), -127, 127) * scale, as octet.qat trains it.
Value RoundedKernel(LayerContext& c, Value stored, int axis) {
  std::vector<float> values(c.data_as<float>(stored).begin(), c.data_as<float>(stored).end());
  KernelGrid grid(c.shape(stored), values, axis);
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::clamp(std::floor(values[i] / grid.scale(i) + 0.5f), -127.0f, 127.0f) * grid.scale(i);
  return c.Constant(grid.type(), std::as_bytes(std::span<const float>(values)));
}

Status ConvertQuantizedWeights(LayerContext& c) {
  const Json& layer = c.Get("layer");
  Weights& weights = c.builder().weights();
  const Variables inner = weights.Inside(c.variables(), "layer", 0, SIZE_MAX / 2);
  OCTET_ASSIGN(const std::vector<std::string> paths, weights.Datasets(inner));
  if (paths.empty()) return c.Fail("a layer with a kernel", "one without", "save the model again");
  OCTET_ASSIGN(const Value stored, c.builder().Variable(paths[0], "kernel", c));
  if (c.type(stored).quant.empty()) c.builder().SetVariable(paths[0], RoundedKernel(c, stored, ChannelAxis(layer["class_name"].text(), c.shape(stored))));
  const Value x = c.Input(0);
  OCTET_ASSIGN(const std::vector<Value> y, c.Apply(layer, inner, std::span(&x, 1), layer["config"]["name"].text()));
  c.SetOutput(0, y[0]);
  return {};
}

constexpr LayerRule kRules[] = {{"QuantizeLayer", ConvertQuantizeLayer}, {"QuantizeWrapperV2", ConvertWrapper},
                                {"FakeQuantize", ConvertFakeQuantize},   {"QuantizedWeights", ConvertQuantizedWeights}};

}  // namespace

const std::span<const LayerRule> kQuantizedRules = kRules;

}  // namespace octet::importers::keras
