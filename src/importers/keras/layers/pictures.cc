// SPDX-License-Identifier: Apache-2.0
// keras.ops.image: borders, patches, blurs, edges, colours; pooling. Channels last.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "importers/keras/builder.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/activation.h"
#include "importers/lowerings/colour.h"
#include "importers/lowerings/dims.h"
#include "ops/pool_util.h"

namespace octet::importers::keras {
namespace {

// One image or a batch, channels last.
Result<Value> Images(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"images", "x", "image"}));
  const Shape s = c.shape(x);
  if (c.Text("data_format", "channels_last") != "channels_last" || (s.rank() != 3 && s.rank() != 4) || s.back() < 1)
    return c.Fail("images, channels last", s.text(), "");
  return x;
}

// What lies before, inside and after along one axis, of which the config names two.
struct Border {
  int64_t before = 0, after = 0;
};
Result<Border> ReadBorder(LayerContext& c, const char* before, const char* after, const char* target, int64_t size, int64_t sign) {
  const bool has_before = c.Has(before), has_after = c.Has(after);
  Border b{c.Int(before, 0), c.Int(after, 0)};
  if (!has_before || !has_after) {
    if (!c.Has(target) || size < 1) return c.Fail("two of the numbers that say where the image lies, and a known size", "fewer", "");
    const int64_t rest = sign * (c.Int(target, 0) - size);
    if (!has_before && has_after) b.before = rest - b.after;
    if (has_before && !has_after) b.after = rest - b.before;
    if (!has_before && !has_after) return c.Fail("the border on one side", "none", "");
  }
  if (b.before < 0 || b.after < 0 || b.before > INT32_MAX || b.after > INT32_MAX) return c.Fail("borders of zero or more", "others", "");
  return b;
}

Status ConvertPad(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Images(c));
  const Shape s = c.shape(x);
  OCTET_ASSIGN(const Border rows, ReadBorder(c, "top_padding", "bottom_padding", "target_height", s.back(3), 1));
  OCTET_ASSIGN(const Border columns, ReadBorder(c, "left_padding", "right_padding", "target_width", s.back(2), 1));
  std::vector<int32_t> pads(s.rank() == 4 ? 2 : 0, 0);
  for (const int64_t v : {rows.before, rows.after, columns.before, columns.after, int64_t{0}, int64_t{0}}) pads.push_back(static_cast<int32_t>(v));
  return Set(c, c.Make("pad", {x, c.Constant<int32_t>(Shape{s.rank(), 2}, pads)}));
}

Status ConvertCrop(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Images(c));
  const Shape s = c.shape(x);
  OCTET_ASSIGN(const Border rows, ReadBorder(c, "top_cropping", "bottom_cropping", "target_height", s.back(3), -1));
  OCTET_ASSIGN(const Border columns, ReadBorder(c, "left_cropping", "right_cropping", "target_width", s.back(2), -1));
  if (s.back(3) < 1 || s.back(2) < 1 || rows.before + rows.after >= s.back(3) || columns.before + columns.after >= s.back(2))
    return c.Fail("images of known size, larger than what is cut off", s.text(), "");
  std::vector<int32_t> begin(s.rank() == 4 ? 1 : 0, 0), size(begin.size(), -1);
  begin.insert(begin.end(), {static_cast<int32_t>(rows.before), static_cast<int32_t>(columns.before), 0});
  size.insert(size.end(), {static_cast<int32_t>(s.back(3) - rows.before - rows.after), static_cast<int32_t>(s.back(2) - columns.before - columns.after), -1});
  return Set(c, c.Make("slice", {x, c.Vector(begin), c.Vector(size)}));
}

// One image is a batch of one meanwhile.
template <class Body> Status Batched(LayerContext& c, Value x, const Body& body) {
  const bool single = c.rank(x) == 3;
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  if (single) {
    OCTET_ASSIGN(x, c.Make("expand_dims", {x, c.Vector({0})}));
  }
  OCTET_ASSIGN(Value y, body(x));
  if (single) {
    OCTET_ASSIGN(y, c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{0}}}));
  }
  c.SetOutput(0, y);
  return {};
}

// A convolution whose filters pick one number each.
Status ConvertPatches(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Images(c));
  std::vector<int64_t> size, strides;
  if (!IntsOf(LiteralOf(c, -1, {"size"}), &size) || size.empty() || size.size() > 2) return c.Fail("a size of one or two numbers", "another one", "");
  if (size.size() == 1) size.push_back(size[0]);
  if (!IntsOf(LiteralOf(c, -1, {"strides"}), &strides) || strides.empty()) strides = size;
  if (strides.size() == 1) strides.push_back(strides[0]);
  const int32_t channels = c.shape(x).back();
  const int64_t n = size[0] * size[1] * channels;
  if (size[0] < 1 || size[1] < 1 || n > 4096) return c.Fail("patches of at most 4096 numbers", std::to_string(n), "");
  std::vector<float> filter(static_cast<size_t>(n * n), 0.0f), zeros(static_cast<size_t>(n), 0.0f);
  for (int64_t i = 0; i < n; ++i) filter[static_cast<size_t>(i * (n + 1))] = 1.0f;
  const Shape shape{static_cast<int32_t>(n), static_cast<int32_t>(size[0]), static_cast<int32_t>(size[1]), channels};
  const int64_t dilation = c.Int("dilation_rate", 1);
  const ops::Padding padding = c.Text("padding", "valid") == "same" ? ops::Padding::kSame : ops::Padding::kValid;
  OCTET_ASSIGN(const Value floats, c.Cast(x, DType::kF32));
  return Batched(c, floats, [&](Value image) -> Result<Value> {
    OCTET_ASSIGN(const Value y, c.Make("conv_2d", {image, c.Constant<float>(shape, filter), c.Constant<float>(Shape{shape[0]}, zeros)},
                  {{"padding", static_cast<int64_t>(padding)}, {"stride_h", strides[0]}, {"stride_w", strides[1]},
                   {"dilation_h_factor", dilation}, {"dilation_w_factor", dilation}}));
    return Narrowed(c, y, c.type(x).dtype);
  });
}

// The same filter [h, w] on each channel.
Result<Value> EachChannel(LayerContext& c, Value image, int32_t h, int32_t w, const std::vector<float>& taps, ops::Padding padding) {
  const int32_t channels = c.shape(image).back();
  std::vector<float> filter, zeros(static_cast<size_t>(channels), 0.0f);
  for (const float t : taps) filter.insert(filter.end(), static_cast<size_t>(channels), t);
  return c.Make("depthwise_conv_2d", {image, c.Constant<float>(Shape{1, h, w, channels}, filter), c.Constant<float>(Shape{channels}, zeros)},
                {{"padding", static_cast<int64_t>(padding)}, {"stride_h", 1}, {"stride_w", 1}, {"depth_multiplier", 1}, {"dilation_h_factor", 1},
                 {"dilation_w_factor", 1}});
}

// A bell of that many numbers whose sum is one.
std::vector<double> Bell(int64_t size, double sigma) {
  std::vector<double> bell;
  double sum = 0;
  for (int64_t i = 0; i < size; ++i) {
    const double d = static_cast<double>(i) - static_cast<double>(size - 1) / 2;
    sum += bell.emplace_back(std::exp(-0.5 * (d / sigma) * (d / sigma)));
  }
  for (double& v : bell) v /= sum;
  return bell;
}

// The filter that one row of numbers is downwards and another one across.
std::vector<float> FilterOf(const std::vector<double>& down, const std::vector<double>& across) {
  std::vector<float> taps;
  for (const double y : down)
    for (const double x : across) taps.push_back(static_cast<float>(y * x));
  return taps;
}

// How brightness changes downwards and to the right: [n, h, w, channels, 2].
Status ConvertSobel(LayerContext& c) {
  OCTET_ASSIGN(Value x, Images(c));
  const Shape s = c.shape(x);
  if (s.rank() != 4) return c.Fail("a batch of images", s.text(), "expand the dimensions before");
  const int32_t pads[] = {0, 0, 1, 1, 1, 1, 0, 0}, channels = s.back();
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  OCTET_ASSIGN(x, c.Make("mirror_pad", {x, c.Constant<int32_t>(Shape{4, 2}, pads)}, {{"mode", 0}}));
  constexpr float kDown[3][3] = {{-1, -2, -1}, {0, 0, 0}, {1, 2, 1}};
  std::vector<float> filter, zeros(static_cast<size_t>(2 * channels), 0.0f);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      for (int32_t k = 0; k < channels; ++k) filter.insert(filter.end(), {kDown[i][j], kDown[j][i]});
  OCTET_ASSIGN(const Value y, c.Make("depthwise_conv_2d", {x, c.Constant<float>(Shape{1, 3, 3, 2 * channels}, filter),
                                                           c.Constant<float>(Shape{2 * channels}, zeros)},
                {{"padding", static_cast<int64_t>(ops::Padding::kValid)}, {"stride_h", 1}, {"stride_w", 1}, {"depth_multiplier", 2},
                 {"dilation_h_factor", 1}, {"dilation_w_factor", 1}}));
  const Dim dims[] = {DimOf(c, y, 0), DimOf(c, y, 1), DimOf(c, y, 2), {channels, {}, 0}, {2, {}, 0}};
  return Set(c, importers::Reshape(c, y, dims));
}

Status ConvertBlur(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Images(c));
  const std::vector<int64_t> size = c.Ints("kernel_size", {3, 3});
  const std::vector<double> sigma = c.Numbers("sigma", {1, 1});
  if (size.size() != 2 || sigma.size() != 2 || size[0] < 1 || size[1] < 1 || size[0] * size[1] > 4096)
    return c.Fail("a kernel of two numbers", "another one", "");
  const std::vector<float> taps = FilterOf(Bell(size[0], sigma[0]), Bell(size[1], sigma[1]));
  const auto h = static_cast<int32_t>(size[0]), w = static_cast<int32_t>(size[1]);
  return Batched(c, x, [&](Value image) { return EachChannel(c, image, h, w, taps, ops::Padding::kSame); });
}

template <bool ToHue> Status ConvertColour(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Images(c));
  if (c.shape(x).back() != 3) return c.Fail("three channels", c.shape(x).text(), "");
  OCTET_ASSIGN(const Colour in, SplitColours(c, x));
  OCTET_ASSIGN(const Colour out, ToHue ? ToHsv(c, in) : ToRgb(c, in));
  return Set(c, JoinColours(c, out));
}

std::vector<int64_t> Two(LayerContext& c, const char* key, const std::vector<int64_t>& fallback) {
  std::vector<int64_t> v = c.Ints(key, fallback);
  if (v.size() == 1) v.push_back(v[0]);
  return v;
}

// Of images, or of series: those are images of one row.
Status ConvertPool(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  std::vector<int64_t> size = Two(c, "pool_size", {}), stride = Two(c, "strides", size);
  const bool series = c.rank(x) == 3;
  if ((c.rank(x) != 4 && !series) || size.size() != 2 || stride.size() != 2 || c.Text("data_format", "channels_last") != "channels_last")
    return c.Fail("images or series, channels last", c.shape(x).text(), "");
  if (series) {
    size[0] = stride[0] = 1;
    OCTET_ASSIGN(x, c.Make("expand_dims", {x, c.Vector({1})}));
  }
  const DType own = c.type(x).dtype;
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  OCTET_ASSIGN(Value y, c.Make(c.kind() == "MaxPool" ? "max_pool_2d" : "average_pool_2d", {x},
                               {{"padding", static_cast<int64_t>(c.Text("padding", "valid") == "same" ? ops::Padding::kSame : ops::Padding::kValid)},
                                {"stride_h", stride[0]}, {"stride_w", stride[1]}, {"filter_height", size[0]}, {"filter_width", size[1]}}));
  OCTET_ASSIGN(y, series ? c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{1}}}) : Result<Value>(y));
  return Set(c, Narrowed(c, y, own));
}

template <OpName Op> Status AdaptivePool(LayerContext& c) {
  if (c.num_inputs() != 1 || !IsFloat(c.type(c.Input(0)).dtype)) return c.Fail("one tensor of floats", std::to_string(c.num_inputs()) + " of others", "");
  return ops::AdaptivePoolFromKeras(c, Op);
}

Status ConvertGrayscale(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  if (c.Text("data_format", "channels_last") != "channels_last" || c.rank(x) < 3 || c.shape(x).back() != 3)
    return c.Fail("RGB images, channels last", c.shape(x).text(), "");
  const float share[] = {0.2989f, 0.5870f, 0.1140f};
  OCTET_ASSIGN(Value y, c.Cast(x, DType::kF32));
  OCTET_ASSIGN(y, c.Make("mul", {y, c.Constant<float>(Shape{3}, std::span<const float>(share))}));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector({c.rank(x) - 1})}, {{"keep_dims", 1}}));
  return Set(c, Narrowed(c, y, c.type(x).dtype));
}

// 20 log10(largest / root of the mean squared error), of all numbers.
Status ConvertPsnr(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Fractions(c));
  OCTET_ASSIGN(Value y, c.Make("squared_difference", {p.a, p.b}));
  std::vector<int32_t> all;
  for (int i = 0; i < c.rank(y); ++i) all.push_back(i);
  OCTET_ASSIGN(y, c.Make("mean", {y, c.Vector(all)}, {{"keep_dims", 0}}));
  OCTET_ASSIGN(y, c.Make("log", {y}));
  OCTET_ASSIGN(y, Times(c, y, static_cast<float>(-10 / std::numbers::ln10)));
  return Set(c, Plus(c, y, static_cast<float>(20 * std::log10(c.Number("max_val", 1)))));
}

// What two images have in common: light (2ab + c1) / (aa + bb + c1) times structure (2 cov + c2) / (var + var + c2) of what a window sees, their mean.
class Similarity {
 public:
  explicit Similarity(LayerContext& c) : c_(c) {}

  Status Convert() {
    OCTET_ASSIGN(const Pair images, Fractions(c_));
    const int64_t size = c_.Int("filter_size", 11);
    const int rank = c_.rank(images.a);
    constexpr int64_t kMost = 64;
    if ((rank != 3 && rank != 4) || c_.rank(images.b) != rank || size < 1 || size > kMost)
      return c_.Fail(Format("images or batches of them, and a filter of 1 to %d", static_cast<int>(kMost)), c_.shape(images.a).text(), "");
    const std::vector<double> bell = Bell(size, c_.Number("filter_sigma", 1.5));
    taps_ = FilterOf(bell, bell);
    size_ = static_cast<int32_t>(size);
    OCTET_ASSIGN(const Value a, ChannelsLast(images.a));
    OCTET_ASSIGN(const Value b, ChannelsLast(images.b));
    OCTET_ASSIGN(const Value light_a, Seen(a, {}));
    OCTET_ASSIGN(const Value light_b, Seen(b, {}));
    OCTET_ASSIGN(const Value aa, c_.Make("mul", {light_a, light_a}));
    OCTET_ASSIGN(const Value bb, c_.Make("mul", {light_b, light_b}));
    OCTET_ASSIGN(const Value ab, c_.Make("mul", {light_a, light_b}));
    OCTET_ASSIGN(const Value var_a, Spread(a, a, aa));
    OCTET_ASSIGN(const Value var_b, Spread(b, b, bb));
    OCTET_ASSIGN(const Value cov, Spread(a, b, ab));
    OCTET_ASSIGN(const Value light, Share(ab, aa, bb, c_.Number("k1", 0.01)));
    OCTET_ASSIGN(const Value structure, Share(cov, var_a, var_b, c_.Number("k2", 0.03)));
    OCTET_ASSIGN(Value y, c_.Make("mul", {light, structure}));
    OCTET_ASSIGN(y, c_.Make("mean", {y, c_.Vector({1, 2, 3})}, {{"keep_dims", 0}}));
    return Set(c_, rank == 3 ? c_.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{0}}}) : Result<Value>(y));
  }

 private:
  Result<Value> ChannelsLast(Value image) {
    OCTET_ASSIGN(image, c_.Cast(image, DType::kF32));
    OCTET_ASSIGN(image, c_.rank(image) == 3 ? c_.Make("expand_dims", {image, c_.Vector({0})}) : Result<Value>(image));
    const bool first = c_.Text("data_format", "channels_last") == "channels_first";
    OCTET_ASSIGN(image, first ? c_.Make("transpose", {image, c_.Vector({0, 2, 3, 1})}) : Result<Value>(image));
    return c_.shape(image).back() > 0 ? Result<Value>(image) : c_.Fail("a known number of channels", c_.shape(image).text(), "give the input's shape");
  }
  // The mean of a window, of an image or of the product of two.
  Result<Value> Seen(Value image, Value by) {
    OCTET_ASSIGN(image, by ? c_.Make("mul", {image, by}) : Result<Value>(image));
    return EachChannel(c_, image, size_, size_, taps_, ops::Padding::kValid);
  }
  Result<Value> Spread(Value a, Value b, Value product_of_means) {
    OCTET_ASSIGN(const Value seen, Seen(a, b));
    return c_.Make("sub", {seen, product_of_means});
  }
  // (2 both + k) / (first + second + k)
  Result<Value> Share(Value both, Value first, Value second, double share) {
    const double most = c_.Number("max_val", 1);
    const auto k = static_cast<float>(share * most * share * most);
    OCTET_ASSIGN(both, Times(c_, both, 2));
    OCTET_ASSIGN(both, Plus(c_, both, k));
    OCTET_ASSIGN(Value sum, c_.Make("add", {first, second}));
    OCTET_ASSIGN(sum, Plus(c_, sum, k));
    return c_.Make("div", {both, sum});
  }

  LayerContext& c_;
  std::vector<float> taps_;
  int32_t size_ = 0;
};
Status ConvertSimilarity(LayerContext& c) { return Similarity(c).Convert(); }

constexpr LayerRule kRules[] = {
    {"ops.PadImages", ConvertPad}, {"ops.CropImages", ConvertCrop}, {"ops.ExtractPatches", ConvertPatches}, {"ops.GaussianBlur", ConvertBlur},
    {"ops.RGBToHSV", ConvertColour<true>}, {"ops.HSVToRGB", ConvertColour<false>}, {"tf.image.rgb_to_hsv", ConvertColour<true>},
    {"tf.image.hsv_to_rgb", ConvertColour<false>}, {"ops.MaxPool", ConvertPool}, {"ops.AveragePool", ConvertPool},
    {"ops.RGBToGrayscale", ConvertGrayscale}, {"tf.image.rgb_to_grayscale", ConvertGrayscale}, {"ops.PSNR", ConvertPsnr},
    {"ops.SSIM", ConvertSimilarity}, {"ops.SobelEdges", ConvertSobel},
    {"ops.AdaptiveAveragePool", AdaptivePool<"average_pool_2d">}, {"ops.AdaptiveMaxPool", AdaptivePool<"max_pool_2d">}};

}  // namespace

const std::span<const LayerRule> kPictureRules = kRules;

}  // namespace octet::importers::keras
