// SPDX-License-Identifier: Apache-2.0
// Layers that prepare features: numbers to categories, categories to vectors, images to a size, and lists of such layers.
#include <algorithm>

#include "importers/keras/builder.h"
#include "importers/keras/layers/categories.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/selection.h"

namespace octet::importers::keras {
namespace {

Result<Value> OneHot(LayerContext& c, Value ids, int32_t classes) {
  OCTET_ASSIGN(const Value index, c.Cast(ids, DType::kI32));
  return c.Make("one_hot", {index, c.Constant<int32_t>(Shape{}, std::span(&classes, 1)), c.Scalar(1), c.Scalar(0)}, {{"axis", -1}});
}

// The result by the layer's own output mode.
Status SetEncoded(LayerContext& c, Value ids, int32_t classes) {
  const std::string mode = c.Text("output_mode", "int");
  if (mode == "int") {
    c.SetOutput(0, ids);
    return {};
  }
  const Argument* named = c.Named("count_weights");
  if (const Value weights = named ? c.TensorOf(named) : c.Input(1)) {
    if (mode != "count") return c.Fail("weights with output_mode count only", mode, "");
    OCTET_ASSIGN(Value y, OneHot(c, ids, classes));
    OCTET_ASSIGN(Value each, c.Cast(weights, DType::kF32));
    OCTET_ASSIGN(each, c.Make("expand_dims", {each, c.Vector({-1})}));
    OCTET_ASSIGN(y, c.Make("mul", {y, each}));
    OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector({std::min(c.rank(ids) - 1, 1)})}, {{"keep_dims", 0}}));
    c.SetOutput(0, y);
    return {};
  }
  OCTET_ASSIGN(const Value y, Encode(c, mode, ids, classes));
  c.SetOutput(0, y);
  return {};
}

Status ConvertCategoryEncoding(LayerContext& c) {
  const int64_t tokens = c.Int("num_tokens", 0);
  if (tokens < 1 || tokens > 1 << 24) return c.Fail("num_tokens", std::to_string(tokens), "");
  return SetEncoded(c, c.Input(0), static_cast<int32_t>(tokens));
}

// The number of boundaries that are not above x.
Status ConvertDiscretization(LayerContext& c) {
  const std::vector<double> boundaries = c.Numbers("bin_boundaries", {});
  if (boundaries.empty()) return c.Fail("bin_boundaries", "none", "adapt the layer before saving");
  const std::vector<float> limits(boundaries.begin(), boundaries.end());
  OCTET_ASSIGN(const Value x, c.Cast(c.Input(0), DType::kF32));
  OCTET_ASSIGN(const Value bin, Bucketize(c, x, limits));
  return SetEncoded(c, bin, static_cast<int32_t>(limits.size()) + 1);
}

// At inference Keras 3 leaves the image as it is; Keras 2 cuts its middle to the wanted proportions and resizes it.
Status ConvertRandomCrop(LayerContext& c) {
  OCTET_ASSIGN(Value x, c.Cast(c.Input(0), DType::kF32));
  if (c.builder().version() > 2) {
    c.SetOutput(0, x);
    return {};
  }
  const Shape in = c.shape(x);
  const auto height = static_cast<int32_t>(c.Int("height", 0)), width = static_cast<int32_t>(c.Int("width", 0));
  if (in.rank() != 4 || in[1] < 1 || in[2] < 1 || height < 1 || width < 1) return c.Fail("[batch, height, width, channels] with known sizes", in.text(), "");
  const int32_t kept_height = std::min<int32_t>(in[1], static_cast<int32_t>(static_cast<int64_t>(in[2]) * height / width));
  const int32_t kept_width = std::min<int32_t>(in[2], static_cast<int32_t>(static_cast<int64_t>(in[1]) * width / height));
  if (kept_height != in[1] || kept_width != in[2]) {
    const int32_t top = (in[1] - kept_height) / 2, left = (in[2] - kept_width) / 2;
    OCTET_ASSIGN(x, c.Make("slice", {x, c.Vector({0, top, left, 0}), c.Vector({-1, kept_height, kept_width, in[3]})}));
  }
  OCTET_ASSIGN(const Value y, c.Make("resize_bilinear", {x, c.Vector({height, width})}, {{"half_pixel_centers", 1}}));
  c.SetOutput(0, y);
  return {};
}

Status ConvertPipeline(LayerContext& c) {
  Value x = c.Input(0);
  for (const Json& layer : c.Get("layers").items()) {
    OCTET_ASSIGN(const std::vector<Value> y, c.Apply(layer, {}, std::span(&x, 1), layer["config"]["name"].text()));
    x = y[0];
  }
  c.SetOutput(0, x);
  return {};
}

// FeatureSpace's: all features as one vector, floats where any is.
Status ConvertFeatures(LayerContext& c) {
  bool real = false;
  std::vector<Value> parts;
  for (int i = 0; i < c.num_inputs(); ++i) real |= IsFloat(c.type(c.Input(i)).dtype);
  for (int i = 0; i < c.num_inputs(); ++i) {
    OCTET_ASSIGN(parts.emplace_back(), c.Cast(c.Input(i), real ? DType::kF32 : DType::kI64));
  }
  OCTET_ASSIGN(const Value y, c.Make("concatenation", parts, {{"axis", c.Int("axis", -1)}}));
  c.SetOutput(0, y);
  return {};
}

Status ConvertFeature(LayerContext& c) {
  c.SetOutput(0, c.Input(0));
  return {};
}

constexpr LayerRule kRules[] = {
    {"TFDConcat", ConvertFeatures}, {"TFDIdentity", ConvertFeature}, {"CategoryEncoding", ConvertCategoryEncoding}, {"Discretization", ConvertDiscretization},
    {"RandomCrop", ConvertRandomCrop}, {"Pipeline", ConvertPipeline}};

}  // namespace

const std::span<const LayerRule> kPreprocessingRules = kRules;

Result<Value> Encode(LayerContext& c, const std::string& mode, Value ids, int32_t classes) {
  const Shape in = c.shape(ids);
  OCTET_ASSIGN(const Value y, OneHot(c, ids, classes));
  if (mode == "one_hot") {
    if (in.rank() < 2 || in.back() != 1) return y;
    return c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{in.rank() - 1}}});
  }
  const int32_t along = std::min(in.rank() - 1, 1);  // Keras counts along the second axis, whatever is behind it.
  if (mode == "multi_hot") return c.Make("reduce_max", {y, c.Vector({along})}, {{"keep_dims", 0}});
  if (mode == "count") return c.Make("sum", {y, c.Vector({along})}, {{"keep_dims", 0}});
  return c.Fail("output_mode int, one_hot, multi_hot or count", mode, "");
}

}  // namespace octet::importers::keras
