// SPDX-License-Identifier: Apache-2.0
// keras.ops that convolve with given kernels, and volumes in groups.
#include <algorithm>

#include "importers/keras/context.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/rules.h"
#include "ops/keras_conv_util.h"

namespace octet::importers::keras {
namespace {

// A window over images; sequences are images of height 1.
struct Window {
  bool sequence = false;
  int64_t padding = 0, stride[2] = {1, 1}, dilation[2] = {1, 1};
};

Result<Window> ReadWindow(LayerContext& c, Value x) {
  Window w;
  w.sequence = c.rank(x) == 3;
  const std::string padding = c.Text("padding", "valid");
  if (c.rank(x) < 3 || c.rank(x) > 4 || c.Text("data_format", "channels_last") != "channels_last" || (padding != "valid" && padding != "same"))
    return c.Fail("sequences or images, channels last, padding valid or same", c.shape(x).text() + ", " + padding, "");
  w.padding = static_cast<int64_t>(padding == "same" ? ops::Padding::kSame : ops::Padding::kValid);
  const auto read = [&](const char* key, int64_t* to) {
    const std::vector<int64_t> v = c.Ints(key, {1});
    for (size_t i = w.sequence; i < 2 && !v.empty(); ++i) to[i] = v[std::min(w.sequence ? 0 : i, v.size() - 1)];
  };
  read("strides", w.stride);
  read("dilation_rate", w.dilation);
  for (int i = 0; i < 2; ++i)
    if (w.stride[i] < 1 || w.stride[i] > INT32_MAX || w.dilation[i] < 1 || w.dilation[i] > INT32_MAX)
      return c.Fail("positive strides and dilations", "others", "");
  return w;
}

Result<Value> Leave(LayerContext& c, Value y, const Window& w) {
  return w.sequence ? c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{1}}}) : Result<Value>(y);
}

// The kernel's operand as [h, w, in, out].
Result<Value> Kernel(LayerContext& c, int position, const char* name, const Window& w) {
  OCTET_ASSIGN(Value k, Operand(c, position, {name}));
  if (w.sequence && c.rank(k) == 3) {
    OCTET_ASSIGN(k, c.Make("expand_dims", {k, c.Vector({0})}));
  }
  const Shape s = c.shape(k);
  if (s.rank() != 4 || std::ranges::find(s.dims(), kUnknown) != s.dims().end()) return c.Fail("a kernel of known size", s.text(), "");
  return k;
}

Result<Value> Convolve(LayerContext& c, Value x, Value kernel, const Window& w) {
  OCTET_ASSIGN(const Value filter, c.Make("transpose", {kernel, c.Vector({3, 0, 1, 2})}));
  OCTET_ASSIGN(const Value bias, ops::Zeros(c, c.shape(kernel)[3]));
  return c.Make("conv_2d", {x, filter, bias},
                {{"padding", w.padding}, {"stride_h", w.stride[0]}, {"stride_w", w.stride[1]}, {"dilation_h_factor", w.dilation[0]},
                 {"dilation_w_factor", w.dilation[1]}});
}

// Channel k with multiplier m is output channel k * M + m: the kernel's last two axes as one.
Result<Value> ConvolveDepthwise(LayerContext& c, Value x, Value kernel, const Window& w) {
  const Shape s = c.shape(kernel);
  OCTET_ASSIGN(const Value filter, c.Make("reshape", {kernel, c.Vector({1, s[0], s[1], s[2] * s[3]})}));
  OCTET_ASSIGN(const Value bias, ops::Zeros(c, s[2] * s[3]));
  return c.Make("depthwise_conv_2d", {x, filter, bias},
                {{"padding", w.padding}, {"stride_h", w.stride[0]}, {"stride_w", w.stride[1]}, {"depth_multiplier", s[3]},
                 {"dilation_h_factor", w.dilation[0]}, {"dilation_w_factor", w.dilation[1]}});
}

Status ConvertConv(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"inputs"}));
  OCTET_ASSIGN(const Window w, ReadWindow(c, x));
  if (w.sequence) {
    OCTET_ASSIGN(x, c.Make("expand_dims", {x, c.Vector({1})}));
  }
  Value y;
  if (c.kind() == "Conv") {
    OCTET_ASSIGN(const Value kernel, Kernel(c, 1, "kernel", w));
    OCTET_ASSIGN(y, Convolve(c, x, kernel, w));
  } else if (c.kind() == "DepthwiseConv") {
    OCTET_ASSIGN(const Value kernel, Kernel(c, 1, "kernel", w));
    OCTET_ASSIGN(y, ConvolveDepthwise(c, x, kernel, w));
  } else {
    OCTET_ASSIGN(const Value depthwise, Kernel(c, 1, "depthwise_kernel", w));
    OCTET_ASSIGN(const Value pointwise, Kernel(c, 2, "pointwise_kernel", w));
    OCTET_ASSIGN(y, ConvolveDepthwise(c, x, depthwise, w));
    Window point;
    point.padding = static_cast<int64_t>(ops::Padding::kValid);
    OCTET_ASSIGN(y, Convolve(c, y, pointwise, point));
  }
  OCTET_ASSIGN(y, Leave(c, y, w));
  c.SetOutput(0, y);
  return {};
}

// Each group of channels by its share of the filters, side by side: the operator for volumes has no groups.
Status ConvertVolumes(LayerContext& c) {
  const int64_t groups = c.Int("groups", 1);
  if (groups == 1) return c.ApplyOperatorRule();
  OCTET_ASSIGN(const Value filter, c.Weight(0));
  const Shape s = c.shape(filter);
  const std::span<const float> from = c.data_as<float>(filter);
  if (s.rank() != 5 || from.empty() || groups < 1 || groups > s[4] || s[4] % groups != 0 || c.Text("data_format", "channels_last") != "channels_last")
    return c.Fail("channels last, and groups that divide the filters", std::to_string(groups), "");
  const auto n = static_cast<int32_t>(groups), width = s[4] / n;
  std::vector<float> bias(static_cast<size_t>(s[4]), 0.0f);
  if (c.Bool("use_bias", true)) {
    OCTET_ASSIGN(const Value stored, c.Weight(1));
    const std::span<const float> values = c.data_as<float>(stored);
    if (values.size() != bias.size()) return c.Fail("a bias per filter", c.shape(stored).text(), "save the model again");
    bias.assign(values.begin(), values.end());
  }
  const int32_t last = 4;
  OCTET_ASSIGN(const std::vector<Value> parts, c.MakeMany("split", {c.Constant<int32_t>(Shape{}, std::span(&last, 1)), c.Input(0)},
                                                          {{"num_splits", groups}}, n));
  const std::vector<int64_t> strides = c.Ints("strides", {1}), dilations = c.Ints("dilation_rate", {1});
  const auto at = [](const std::vector<int64_t>& v, size_t i) { return v.empty() ? 1 : v[std::min(i, v.size() - 1)]; };
  const auto padding = static_cast<int64_t>(c.Text("padding", "valid") == "same" ? ops::Padding::kSame : ops::Padding::kValid);
  std::vector<Value> results;
  for (int32_t g = 0; g < n; ++g) {
    std::vector<float> own;
    for (size_t row = 0; row < from.size(); row += static_cast<size_t>(s[4]))
      own.insert(own.end(), from.begin() + static_cast<std::ptrdiff_t>(row) + g * width, from.begin() + static_cast<std::ptrdiff_t>(row) + (g + 1) * width);
    const Value weights = c.Constant<float>(Shape{s[0], s[1], s[2], s[3], width}, own);
    const Value shift = c.Constant<float>(Shape{width}, std::span<const float>(bias).subspan(static_cast<size_t>(g * width), static_cast<size_t>(width)));
    OCTET_ASSIGN(const Value y, c.Make("conv_3d", {parts[static_cast<size_t>(g)], weights, shift},
                                       {{"padding", padding}, {"stride_d", at(strides, 0)}, {"stride_h", at(strides, 1)}, {"stride_w", at(strides, 2)},
                                        {"dilation_d_factor", at(dilations, 0)}, {"dilation_h_factor", at(dilations, 1)},
                                        {"dilation_w_factor", at(dilations, 2)}}));
    results.push_back(y);
  }
  OCTET_ASSIGN(Value y, c.Make("concatenation", results, {{"axis", 4}}));
  OCTET_ASSIGN(y, c.Activate(y));
  c.SetOutput(0, y);
  return {};
}

constexpr LayerRule kRules[] = {{"ops.Conv", ConvertConv}, {"ops.DepthwiseConv", ConvertConv}, {"ops.SeparableConv", ConvertConv}, {"Conv3D", ConvertVolumes}};

}  // namespace

const std::span<const LayerRule> kConvolutionRules = kRules;

}  // namespace octet::importers::keras
