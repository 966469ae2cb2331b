// SPDX-License-Identifier: Apache-2.0
// Quantization-aware training (tfmot, octet.qat): layers in wrappers that round weights and activations to 8 bits between
// trained limits. Activations become QUANTIZE and DEQUANTIZE, weights their rounded values.
#include <algorithm>
#include <cmath>
#include <map>
#include <ranges>

#include "importers/keras/builder.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/fake_quant.h"

namespace octet::importers::keras {
namespace {

// A wrapper's variables by their names, as tfmot's code has them: "kernel", "kernel_min", "output_max", "optimizer_step".
using Named = std::map<std::string, std::string, std::less<>>;

struct Wrapped {
  Variables inner;  // Those of the layer inside, in its order.
  Named named;
};

const std::string& Find(const Named& named, std::string_view name) {
  static const std::string kNone;
  const auto it = named.find(name);
  return it == named.end() ? kNone : it->second;
}

// The older format says the names: "head/kernel:0".
Named NamesOf(const std::vector<std::string>& paths) {
  Named named;
  for (const std::string& path : paths) {
    const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    named.emplace(name.substr(0, name.find(':')), path);
  }
  return named;
}

// The activation inside a wrapper's.
const std::string& NameOf(const Json& activation) {
  const Json& inside = activation["config"]["activation"];
  return activation.is_text() ? activation.text() : inside.is_text() ? inside.text() : inside["class_name"].text();
}

// What a wrapper adds to its layer's variables behind those that are trained. A .keras file numbers variables in the order in which they
// were made: that of QuantizeWrapper.build and, for activations, of QuantizeAwareActivation's two lists in tfmot 0.8.1. What the file
// can be held against is their number (ByPlace).
std::vector<std::string> AddedBy(const Json& quantize_config, const std::string& activation) {
  std::vector<std::string> names = {"optimizer_step"};
  const auto limits = [&](const std::string& of) { names.insert(names.end(), {of + "_min", of + "_max"}); };
  const Json& settings = quantize_config["config"];
  for (const Json& attribute : settings["weight_attrs"].items()) limits(attribute.text());
  for (size_t i = 0; i < settings["activation_attrs"].items().size(); ++i) {
    const bool before = activation == "softmax" || activation == "sigmoid" || activation == "tanh" || activation == "gelu";
    if (before) limits("pre_activation");
    if (activation == "gelu" || (!before && activation != "NoOpActivation")) limits("post_activation");
  }
  constexpr std::string_view kRounded[] = {"relu", "swish", "gelu", "relu6"};  // Other Activation layers have no limits of their own.
  const bool is_activation = quantize_config["class_name"].text().find("Default8BitActivation") != std::string::npos;
  if (settings["quantize_output"].boolean() && (!is_activation || std::ranges::find(kRounded, activation) != std::end(kRounded))) limits("output");
  return names;
}

struct Bits {
  int weights = 8, activations = 8;
};

// How fine a wrapper rounds. A class of the user's own says it in Python alone.
Result<Bits> BitsOf(LayerContext& c) {
  const Json& object = c.Get("quantize_config");
  const Json& settings = object["config"];
  const std::string& kind = object["class_name"].text();
  if (settings.Has("num_bits_weight")) {
    const Bits bits{static_cast<int>(settings["num_bits_weight"].integer()), static_cast<int>(settings["num_bits_activation"].integer())};
    if (std::min(bits.weights, bits.activations) < 2 || bits.weights > 8 || bits.activations > 16)
      return c.Fail("2 to 8 bits", Format("%d and %d", bits.weights, bits.activations), "");
    return bits;
  }
  if (kind.find("Default8Bit") != std::string::npos || kind == "NoOpQuantizeConfig") return Bits{};
  return c.Fail("a QuantizeConfig of tfmot's", "'" + kind + "', whose number of bits the file does not say", "save the model as a SavedModel");
}

// A .keras file numbers them. The wrapper's own: what the layer trains (not when it is frozen), the kernels to be rounded once more,
// and what the wrapper adds. The layer's: all but those kernels.
Result<Wrapped> ByPlace(LayerContext& c) {
  if (Result<Bits> known = BitsOf(c); !known.ok()) return std::move(known).status();  // Nor does the file say what such a class adds.
  Weights& weights = c.builder().weights();
  OCTET_ASSIGN(const std::vector<std::string> own, weights.Datasets(c.variables()));
  OCTET_ASSIGN(const std::vector<std::string> inside, weights.Datasets(weights.Inside(c.variables(), "layer", 0, SIZE_MAX / 2)));
  const Json &layer = c.Get("layer"), &rounded = c.Get("quantize_config")["config"]["weight_attrs"];
  const std::vector<VariableName> names = VariablesOf(layer["class_name"].text(), layer["config"]);
  std::vector<std::string> added = AddedBy(c.Get("quantize_config"), NameOf(layer["config"]["activation"]));
  const auto trained = static_cast<size_t>(std::ranges::count_if(names, [](const VariableName& n) { return n.trainable; }));
  const size_t kernels = rounded.items().size();
  // Where clusters are preserved (CQAT, PCQAT), each kernel has centroids and what it was without them before it, and indices behind the step.
  const bool clustered = kernels > 0 && own.size() == trained + kernels + added.size() + 3 * kernels;
  if (clustered) added.insert(added.begin() + 1, kernels, "pulling_indices");
  const size_t end = own.size() - std::min(own.size(), added.size());
  const bool frozen = end == kernels;
  if (own.size() < added.size() || (!frozen && end != trained + (clustered ? 3 : 1) * kernels)) {
    return c.Fail(Format("%zu variables", trained + kernels + added.size()), Format("%zu", own.size()), "save the model as .h5");
  }
  Wrapped w;
  for (size_t i = 0; i < added.size(); ++i) w.named[added[i]] = own[end + i];
  size_t first = 0, next = 0, rest = inside.size() - std::min(inside.size(), names.size() - trained);
  for (const VariableName& n : names) {
    const auto is_kernel = [&](const Json& attribute) { return attribute.text().ends_with(n.name); };  // "depthwise_kernel" is a kernel.
    const auto kernel = std::ranges::find_if(rounded.items(), is_kernel);
    const bool in_wrapper = n.trainable && !frozen;
    const size_t place = in_wrapper ? first++ : n.trainable ? next : rest++;
    const std::vector<std::string>& list = in_wrapper ? own : inside;
    if (kernel != rounded.items().end()) {
      w.inner.paths.push_back(own[end - kernels + static_cast<size_t>(kernel - rounded.items().begin())]);
      w.named[kernel->text()] = w.inner.paths.back();
    } else {
      if (place >= list.size()) return c.Fail(Format("%zu variables inside", names.size()), Format("%zu", inside.size()), "save the model as .h5");
      if (n.trainable && frozen) ++next;
      w.inner.paths.push_back(list[place]);
      w.named.emplace(n.name, list[place]);
    }
  }
  return w;
}

Result<Wrapped> VariablesOfWrapper(LayerContext& c) {
  const std::vector<std::string>& paths = c.variables().paths;
  if (paths.empty()) return ByPlace(c);
  Wrapped w{{}, NamesOf(paths)};
  const auto end = std::ranges::find(paths, Find(w.named, "optimizer_step"));
  if (end == paths.end()) return c.Fail("a wrapper's variables", "none of its own", "save the model again");
  w.inner.paths.assign(paths.begin(), end);
  return w;
}

// The limits of one quantizer; false when the layer does not have it.
Result<bool> ReadLimits(LayerContext& c, const Named& named, const std::string& name, std::vector<float>* min, std::vector<float>* max) {
  const std::string &low = Find(named, name + "_min"), &high = Find(named, name + "_max");
  if (low.empty() || high.empty()) return false;
  for (const auto& [path, out] : {std::pair(low, min), std::pair(high, max)}) {
    OCTET_ASSIGN(const Value v, c.builder().FloatVariable(path, name, c));
    const std::span<const float> values = c.data_as<float>(v);
    out->assign(values.begin(), values.end());
  }
  return !min->empty() && min->size() == max->size();
}

Result<Value> RoundActivation(LayerContext& c, Value x, const Named& named, const std::string& quantizer, int bits) {
  std::vector<float> min, max;
  OCTET_ASSIGN(const bool there, ReadLimits(c, named, quantizer, &min, &max));
  if (!there) return x;
  return RoundToLevels(c, x, MakeLevels(min[0], max[0], bits, false));
}

// Limits per slice of the axis that has as many entries; the last such axis, as for convolutions.
Status RoundKernel(LayerContext& c, const Named& named, const std::string& attribute, int bits) {
  std::vector<float> min, max;
  const std::string& dataset = Find(named, attribute);
  if (dataset.empty()) return {};
  OCTET_ASSIGN(const bool there, ReadLimits(c, named, attribute, &min, &max));
  if (!there) return {};
  OCTET_ASSIGN(const Value stored, c.builder().Variable(dataset, attribute, c));
  const Shape s = c.shape(stored);
  if (s.rank() == 0) return c.Fail("a kernel with dimensions", s.text(), "check the model");
  std::vector<float> values(c.data_as<float>(stored).begin(), c.data_as<float>(stored).end());
  int axis = s.rank() - 1;
  while (axis > 0 && min.size() > 1 && s[axis] != static_cast<int32_t>(min.size())) --axis;
  // A transposed convolution keeps its outputs in the last axis but one.
  if (c.Get("layer")["class_name"].text().ends_with("Transpose") && s.rank() > 1) axis = s.rank() - 2;
  if (min.size() > 1 && s[axis] != static_cast<int32_t>(min.size())) return c.Fail("limits per channel", Format("%zu", min.size()), "");
  const int64_t inner = s.elements(axis + 1, s.rank()), channels = s[axis];
  std::vector<Levels> levels;
  for (size_t k = 0; k < min.size(); ++k) levels.push_back(MakeLevels(min[k], max[k], bits, true));
  TensorType type{DType::kF32, s, GridOf(levels, axis)};  // Remembers its grid: the integers come back from it exactly.
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t k = static_cast<size_t>(static_cast<int64_t>(i) / inner % channels);
    values[i] = levels.size() > 1 ? levels[k].RoundOfChannel(values[i], min[k], max[k]) : levels[0].Round(values[i]);
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
Status GiveGrid(LayerContext& c, const Named& named, const std::string& kind) {
  for (const char* name : {"kernel", "depthwise_kernel"}) {
    const std::string& dataset = Find(named, name);
    if (dataset.empty() || !Find(named, std::string(name) + "_min").empty()) continue;
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
  OCTET_ASSIGN(const std::vector<std::string> own, c.builder().weights().Datasets(c.variables()));
  Named named;
  if (c.variables().paths.empty() && own.size() == 3) named = {{"x_min", own[0]}, {"x_max", own[1]}, {"optimizer_step", own[2]}};
  for (const auto& [name, path] : NamesOf(c.variables().paths)) named["x" + name.substr(std::min(name.rfind('_'), name.size()))] = path;
  std::vector<float> min, max;
  OCTET_ASSIGN(const bool there, ReadLimits(c, named, "x", &min, &max));
  if (!there) return c.Fail("limits that were trained", "none", "save the model as .h5");
  const Json& bits = c.Get("quantizer")["config"]["num_bits"];
  if (!bits.is_null() && (bits.integer() < 2 || bits.integer() > 16)) return c.Fail("2 to 16 bits", std::to_string(bits.integer()), "");
  OCTET_ASSIGN(const Value y, RoundToLevels(c, c.Input(0), MakeLevels(min[0], max[0], bits.is_null() ? 8 : static_cast<int>(bits.integer()), false)));
  c.SetOutput(0, y);
  return {};
}

// What TensorFlow gives these activations in bytes: 1/256, and 1/128 around zero.
std::optional<Levels> FixedLevels(const std::string& activation) {
  if (activation == "softmax" || activation == "sigmoid") return MakeLevels(0.0f, 255.0f / 256, 8, false);
  if (activation == "tanh") return MakeLevels(-1.0f, 127.0f / 128, 8, false);
  return std::nullopt;
}

Status ConvertWrapper(LayerContext& c) {
  OCTET_ASSIGN(const Wrapped w, VariablesOfWrapper(c));
  const bool rounds = std::ranges::any_of(w.named, [](const auto& entry) { return entry.first.ends_with("_min"); });
  Bits bits;
  if (rounds) {
    OCTET_ASSIGN(bits, BitsOf(c));
  }
  const Json& layer = c.Get("layer");
  const std::string& kind = layer["class_name"].text();
  for (const Json& attribute : c.Get("quantize_config")["config"]["weight_attrs"].items()) OCTET_TRY(RoundKernel(c, w.named, attribute.text(), bits.weights));
  std::vector<Value> inputs;
  for (int i = 0; i < c.num_inputs(); ++i) inputs.push_back(c.Input(i));
  if (kind == "Conv2DTranspose" || kind == "Conv2D" || kind == "DepthwiseConv2D" || kind == "Dense") OCTET_TRY(GiveGrid(c, w.named, kind));
  std::vector<float> min, max;
  OCTET_ASSIGN(const bool operand, ReadLimits(c, w.named, "pre_activation", &min, &max));
  if (operand) c.builder().SetOperandLevels(MakeLevels(min[0], max[0], bits.activations, false));
  OCTET_ASSIGN(const std::vector<Value> values, c.Apply(layer, w.inner, inputs, layer["config"]["name"].text()));
  c.builder().SetOperandLevels({});
  Value y = values[0];
  const bool activates = operand || (kind == "Activation" && Find(w.named, "output_min").empty());
  if (const auto fixed = FixedLevels(NameOf(layer["config"]["activation"])); fixed && activates && Find(w.named, "post_activation_min").empty()) {
    OCTET_ASSIGN(y, RoundToLevels(c, y, *fixed));
  }
  OCTET_ASSIGN(y, RoundActivation(c, y, w.named, "post_activation", bits.activations));
  OCTET_ASSIGN(y, RoundActivation(c, y, w.named, "output", bits.activations));
  c.SetOutput(0, y);
  return {};
}

// tfmot's wrapper of pruning that was not stripped: the layer inside, whose kernels have their zeros already.
Status ConvertPruned(LayerContext& c) {
  const Json& layer = c.Get("layer");
  const std::vector<VariableName> names = VariablesOf(layer["class_name"].text(), layer["config"]);
  Variables inner = c.builder().weights().Inside(c.variables(), "layer", 0, 0);
  if (!c.variables().paths.empty()) {
    const Named named = NamesOf(c.variables().paths);
    for (const VariableName& n : names) {
      const std::string& path = Find(named, n.name);
      inner.paths.push_back(path.empty() ? Find(named, "depthwise_" + n.name) : path);
      if (inner.paths.back().empty()) return c.Fail("a variable '" + n.name + "'", "none", "strip the wrappers, and save the model again");
    }
  }
  std::vector<Value> inputs;
  for (int i = 0; i < c.num_inputs(); ++i) inputs.push_back(c.Input(i));
  OCTET_ASSIGN(const std::vector<Value> values, c.Apply(layer, inner, inputs, layer["config"]["name"].text()));
  c.SetOutput(0, values[0]);
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

// That of clustering computes its kernels from centroids and indices in every call.
Status RefuseClustered(LayerContext& c) {
  return c.Fail("a model without the wrappers of clustering", "one of them", "save what tfmot.clustering.keras.strip_clustering(model) returns");
}

constexpr LayerRule kRules[] = {{"QuantizeLayer", ConvertQuantizeLayer}, {"QuantizeWrapperV2", ConvertWrapper},
                                {"PruneLowMagnitude", ConvertPruned},    {"ClusterWeights", RefuseClustered},
                                {"FakeQuantize", ConvertFakeQuantize},   {"QuantizedWeights", ConvertQuantizedWeights}};

}  // namespace

const std::span<const LayerRule> kQuantizedRules = kRules;

}  // namespace octet::importers::keras
