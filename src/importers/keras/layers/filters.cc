// SPDX-License-Identifier: Apache-2.0
// TensorFlow's functions on images and feature maps, channels last: TFOpLambda layers of tf_keras. Filters are constants of the file.
#include <algorithm>
#include <cmath>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/axes.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/activation.h"
#include "ops/pool_util.h"

namespace octet::importers::keras {
namespace {

// One number for both axes, two, or four with those of batch and channels.
Result<std::array<int64_t, 2>> HeightWidth(LayerContext& c, std::initializer_list<std::string_view> names, bool required = false) {
  std::vector<int64_t> v;
  const Json& literal = LiteralOf(c, -1, names);
  if (literal.is_null() && !required) return std::array<int64_t, 2>{1, 1};
  if (!IntsOf(literal, &v) || (v.size() != 1 && v.size() != 2 && (v.size() != 4 || v[0] != 1 || v[3] != 1)))
    return c.Fail("'" + std::string(*names.begin()) + "' as numbers of height and width", "others", "");
  const size_t h = v.size() == 4 ? 1 : 0, w = v.size() == 4 ? 2 : v.size() - 1;
  if (v[h] < 1 || v[w] < 1 || v[h] > INT32_MAX || v[w] > INT32_MAX) return c.Fail("numbers above 0", std::to_string(std::min(v[h], v[w])), "");
  return std::array<int64_t, 2>{v[h], v[w]};
}

Result<int64_t> PaddingOf(LayerContext& c) {
  if (!c.Get("padding").is_text()) return c.Fail("padding SAME or VALID", "numbers", "pad before");
  const std::string padding = c.Text("padding", "");
  if (padding != "SAME" && padding != "VALID") return c.Fail("padding SAME or VALID", padding, "pad before");
  return static_cast<int64_t>(padding == "SAME" ? ops::Padding::kSame : ops::Padding::kValid);
}

// The first argument: a batch of feature maps of known channels.
Result<Value> Maps(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"input", "value", "images", "image"}));
  const std::string format = c.Text("data_format", "NHWC");
  if (c.rank(x) != 4 || c.shape(x).back() < 1 || format != "NHWC") return c.Fail("[batch, height, width, channels]", c.shape(x).text() + " " + format, "");
  return c.Cast(x, DType::kF32);
}

// ------------------------------------------------------------------------------------------- convolutions

// A filter [height, width, from, to]; the function's last number varies fastest.
struct Filter {
  Shape shape;
  std::vector<float> numbers;
};
Result<Filter> FilterOf(LayerContext& c, std::initializer_list<std::string_view> names) {
  OCTET_ASSIGN(const Value v, Operand(c, 1, names));
  const std::span<const float> numbers = c.type(v).dtype == DType::kF32 ? c.data_as<float>(v) : std::span<const float>();
  if (c.rank(v) != 4 || numbers.empty()) return c.Fail("a constant filter [height, width, from, to]", c.shape(v).text(), "use a layer of Keras");
  return Filter{c.shape(v), {numbers.begin(), numbers.end()}};
}

Value Zeros(LayerContext& c, int32_t n) {
  const std::vector<float> zeros(static_cast<size_t>(n), 0.0f);
  return c.Constant<float>(Shape{n}, zeros);
}

Status ConvertConv2d(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Maps(c));
  OCTET_ASSIGN(const Filter f, FilterOf(c, {"filter", "filters"}));
  OCTET_ASSIGN(const auto stride, HeightWidth(c, {"strides"}));
  OCTET_ASSIGN(const auto dilation, HeightWidth(c, {"dilations", "dilation_rate"}));
  OCTET_ASSIGN(const int64_t padding, PaddingOf(c));
  if (c.shape(x).back() % f.shape[2] != 0) return c.Fail("a filter for the input's channels", f.shape.text(), "");
  (void)c.Named("use_cudnn_on_gpu");
  const int64_t n = f.shape[3], each = static_cast<int64_t>(f.numbers.size()) / n;
  std::vector<float> outwards(f.numbers.size());
  for (int64_t i = 0; i < each; ++i)
    for (int64_t o = 0; o < n; ++o) outwards[static_cast<size_t>(o * each + i)] = f.numbers[static_cast<size_t>(i * n + o)];
  const Value filter = c.Constant<float>(Shape{f.shape[3], f.shape[0], f.shape[1], f.shape[2]}, outwards);
  return Set(c, c.Make("conv_2d", {x, filter, Zeros(c, f.shape[3])},
                       {{"padding", padding}, {"stride_h", stride[0]}, {"stride_w", stride[1]}, {"dilation_h_factor", dilation[0]},
                        {"dilation_w_factor", dilation[1]}}));
}

Status ConvertDepthwise(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Maps(c));
  OCTET_ASSIGN(const Filter f, FilterOf(c, {"filter"}));
  OCTET_ASSIGN(const auto stride, HeightWidth(c, {"strides"}));
  OCTET_ASSIGN(const auto dilation, HeightWidth(c, {"rate", "dilations"}));
  OCTET_ASSIGN(const int64_t padding, PaddingOf(c));
  if (c.shape(x).back() != f.shape[2] || stride[0] != stride[1])
    return c.Fail("a filter for each of the input's channels, and as large steps down as across", f.shape.text(), "");
  const int32_t n = f.shape[2] * f.shape[3];
  const Value filter = c.Constant<float>(Shape{1, f.shape[0], f.shape[1], n}, f.numbers);
  return Set(c, c.Make("depthwise_conv_2d", {x, filter, Zeros(c, n)},
                       {{"padding", padding}, {"stride_h", stride[0]}, {"stride_w", stride[1]}, {"depth_multiplier", f.shape[3]},
                        {"dilation_h_factor", dilation[0]}, {"dilation_w_factor", dilation[1]}}));
}

Status ConvertBiasAdd(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"value"}));
  OCTET_ASSIGN(const Value bias, Operand(c, 1, {"bias"}));
  const std::string format = c.Text("data_format", "NHWC");
  if (format.starts_with("NC") && c.rank(x) > 2) return c.Fail("channels last", format, "");
  return Set(c, c.Make("add", {x, bias}));
}

// A convolution whose filters pick one number each.
Status ConvertPatches(LayerContext& c) {
  OCTET_ASSIGN(const Value images, Operand(c, 0, {"images"}));
  const DType own = c.type(images).dtype;
  OCTET_ASSIGN(const Value x, Maps(c));
  OCTET_ASSIGN(const auto size, HeightWidth(c, {"sizes"}, true));
  OCTET_ASSIGN(const auto stride, HeightWidth(c, {"strides"}, true));
  OCTET_ASSIGN(const auto rate, HeightWidth(c, {"rates"}));
  OCTET_ASSIGN(const int64_t padding, PaddingOf(c));
  constexpr int64_t kMost = 4096;
  const int64_t n = size[0] > kMost || size[1] > kMost ? kMost + 1 : size[0] * size[1] * c.shape(x).back();
  if (n > kMost) return c.Fail(Format("patches of at most %d numbers", static_cast<int>(kMost)), "more", "");
  std::vector<float> picks(static_cast<size_t>(n * n), 0.0f);
  for (int64_t i = 0; i < n; ++i) picks[static_cast<size_t>(i * (n + 1))] = 1.0f;
  const auto out = static_cast<int32_t>(n);
  const Value filter = c.Constant<float>(Shape{out, static_cast<int32_t>(size[0]), static_cast<int32_t>(size[1]), c.shape(x).back()}, picks);
  OCTET_ASSIGN(const Value y, c.Make("conv_2d", {x, filter, Zeros(c, out)},
                                     {{"padding", padding}, {"stride_h", stride[0]}, {"stride_w", stride[1]}, {"dilation_h_factor", rate[0]},
                                      {"dilation_w_factor", rate[1]}}));
  return Set(c, c.Cast(y, own));
}

template <OpName Op> Status ConvertPool(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Maps(c));
  OCTET_ASSIGN(const auto size, HeightWidth(c, {"ksize"}, true));
  OCTET_ASSIGN(const auto stride, HeightWidth(c, {"strides"}, true));
  OCTET_ASSIGN(const int64_t padding, PaddingOf(c));
  return Set(c, c.Make(Op, {x}, {{"padding", padding}, {"stride_h", stride[0]}, {"stride_w", stride[1]}, {"filter_height", size[0]},
                                 {"filter_width", size[1]}}));
}

template <OpName Op> Status ConvertBlocks(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"input"}));
  const std::string format = c.Text("data_format", "NHWC");
  if (c.rank(x) != 4 || format != "NHWC") return c.Fail("[batch, height, width, channels]", c.shape(x).text() + " " + format, "");
  return Set(c, c.Make(Op, {x}, {{"block_size", c.Int("block_size", 1)}}));
}

Status ConvertLocalResponse(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Maps(c));
  return Set(c, c.Make("local_response_normalization", {x}, {{"radius", c.Int("depth_radius", 5)}, {"bias", c.Number("bias", 1)},
                                                             {"alpha", c.Number("alpha", 1)}, {"beta", c.Number("beta", 0.5)}}));
}

// ------------------------------------------------------------------------------------------------ images

// One image or a batch: where its rows are among the axes.
Result<int> RowsOf(LayerContext& c, Value x) {
  const int rank = c.rank(x);
  return rank == 3 || rank == 4 ? Result<int>(rank - 3) : c.Fail("images, channels last", c.shape(x).text(), "");
}

template <int Axis> Status ConvertFlip(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const int rows, RowsOf(c, x));
  return Set(c, c.Make("reverse_v2", {x, c.Vector({rows + Axis})}));
}

Status ConvertGrayToRgb(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  std::vector<int32_t> times(static_cast<size_t>(c.rank(x)), 1);
  if (times.empty() || c.shape(x).back() != 1) return c.Fail("one channel", c.shape(x).text(), "");
  times.back() = 3;
  return Set(c, c.Make("tile", {x, c.Vector(times)}));
}

Result<Value> FloatImages(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  if (!IsFloat(c.type(x).dtype)) return c.Fail("images of floats", std::string(NumpyName(c.type(x).dtype)), "cast the input before");
  return x;
}

Status ConvertBrightness(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatImages(c));
  return Set(c, Plus(c, x, static_cast<float>(c.Number("delta", 0))));
}

// (x - mean of the image's channel) * factor + mean
Status ConvertContrast(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatImages(c));
  OCTET_ASSIGN(const int rows, RowsOf(c, x));
  OCTET_ASSIGN(const Value mean, c.Make("mean", {x, c.Vector({rows, rows + 1})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(Value y, c.Make("sub", {x, mean}));
  OCTET_ASSIGN(y, Times(c, y, static_cast<float>(c.Number("contrast_factor", 1))));
  return Set(c, c.Make("add", {y, mean}));
}

// gain * x ^ gamma
Status ConvertGamma(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatImages(c));
  OCTET_ASSIGN(const Value y, c.Make("pow", {x, c.Scalar(static_cast<float>(c.Number("gamma", 1)))}));
  return Set(c, Times(c, y, static_cast<float>(c.Number("gain", 1))));
}

// (x - mean) / max(deviation, 1 / sqrt(n)) of each image.
Status ConvertStandardize(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  OCTET_ASSIGN(const int rows, RowsOf(c, x));
  const Shape s = c.shape(x);
  const Value axes = c.Vector({rows, rows + 1, rows + 2});
  int64_t n = 1;
  for (int i = rows; i < s.rank(); ++i) n = n < 1 || s[i] < 1 || n > INT32_MAX ? 0 : n * s[i];
  if (n < 1) return c.Fail("images of known size", s.text(), "give the input's shape");
  OCTET_ASSIGN(const Value mean, c.Make("mean", {x, axes}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(Value spread, c.Make("squared_difference", {x, mean}));
  OCTET_ASSIGN(spread, c.Make("mean", {spread, axes}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(spread, c.Make("sqrt", {spread}));
  OCTET_ASSIGN(spread, c.Make("maximum", {spread, c.Scalar(static_cast<float>(1 / std::sqrt(static_cast<double>(n))))}));
  OCTET_ASSIGN(const Value y, c.Make("sub", {x, mean}));
  return Set(c, c.Make("div", {y, spread}));
}

// Bytes as floats from 0 to 1.
Status ConvertImageType(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const DType type, NamedType(c, 1, DType::kF32));
  const DType own = c.type(x).dtype;
  if (own == type) return Set(c, x);
  if (type != DType::kF32 || (own != DType::kU8 && own != DType::kI8)) return c.Fail("images of uint8 as float32", std::string(NumpyName(own)), "cast before");
  OCTET_ASSIGN(const Value y, c.Cast(x, DType::kF32));
  return Set(c, Times(c, y, 1.0f / (own == DType::kU8 ? 255.0f : 127.0f)));
}

// A window of known size into the image.
Result<Value> Cropped(LayerContext& c, Value x, int rows, int64_t top, int64_t left, int64_t height, int64_t width) {
  std::vector<int32_t> begin(static_cast<size_t>(c.rank(x)), 0), size(begin.size(), -1);
  begin[static_cast<size_t>(rows)] = static_cast<int32_t>(top), begin[static_cast<size_t>(rows) + 1] = static_cast<int32_t>(left);
  size[static_cast<size_t>(rows)] = static_cast<int32_t>(height), size[static_cast<size_t>(rows) + 1] = static_cast<int32_t>(width);
  return c.Make("slice", {x, c.Vector(begin), c.Vector(size)});
}

Result<Value> Padded(LayerContext& c, Value x, int rows, int64_t top, int64_t bottom, int64_t left, int64_t right) {
  std::vector<int32_t> pads(static_cast<size_t>(c.rank(x)) * 2, 0);
  const auto at = static_cast<size_t>(rows) * 2;
  pads[at] = static_cast<int32_t>(top), pads[at + 1] = static_cast<int32_t>(bottom);
  pads[at + 2] = static_cast<int32_t>(left), pads[at + 3] = static_cast<int32_t>(right);
  return c.Make("pad", {x, c.Constant<int32_t>(Shape{c.rank(x), 2}, pads)});
}

// An image of known size, and where its rows are.
struct Image {
  Value x;
  int rows = 0;
  int32_t height = 0, width = 0;
};
Result<Image> KnownImage(LayerContext& c) {
  Image i;
  OCTET_ASSIGN(i.x, Tensor(c));
  OCTET_ASSIGN(i.rows, RowsOf(c, i.x));
  i.height = c.shape(i.x)[i.rows], i.width = c.shape(i.x)[i.rows + 1];
  return i.height > 0 && i.width > 0 ? Result<Image>(i) : c.Fail("images of known size", c.shape(i.x).text(), "give the input's shape");
}

constexpr int64_t kLargest = 1 << 16;  // Rows or columns.

bool IsSize(int64_t n) { return n > 0 && n <= kLargest; }

Status ConvertCropBox(LayerContext& c) {
  OCTET_ASSIGN(const Image i, KnownImage(c));
  const int64_t top = c.Int("offset_height", 0), left = c.Int("offset_width", 0), height = c.Int("target_height", 0), width = c.Int("target_width", 0);
  if (top < 0 || left < 0 || !IsSize(height) || !IsSize(width) || top > i.height - height || left > i.width - width)
    return c.Fail("a box inside the image", c.shape(i.x).text(), "");
  return Set(c, Cropped(c, i.x, i.rows, top, left, height, width));
}

Status ConvertPadBox(LayerContext& c) {
  OCTET_ASSIGN(const Image i, KnownImage(c));
  const int64_t top = c.Int("offset_height", 0), left = c.Int("offset_width", 0), height = c.Int("target_height", 0), width = c.Int("target_width", 0);
  if (top < 0 || left < 0 || !IsSize(height) || !IsSize(width) || top > height - i.height || left > width - i.width)
    return c.Fail("a box around the image", c.shape(i.x).text(), "");
  return Set(c, Padded(c, i.x, i.rows, top, height - i.height - top, left, width - i.width - left));
}

// The middle of the image, or the image in the middle.
Status ConvertCropOrPad(LayerContext& c) {
  OCTET_ASSIGN(const Image i, KnownImage(c));
  const int64_t height = c.Int("target_height", 0), width = c.Int("target_width", 0);
  if (!IsSize(height) || !IsSize(width)) return c.Fail("a size above 0", std::to_string(std::min(height, width)), "");
  const int64_t h = std::min<int64_t>(height, i.height), w = std::min<int64_t>(width, i.width);
  Value y = i.x;
  if (h < i.height || w < i.width) {
    OCTET_ASSIGN(y, Cropped(c, y, i.rows, (i.height - h) / 2, (i.width - w) / 2, h, w));
  }
  if (h == height && w == width) return Set(c, y);
  const int64_t top = (height - h) / 2, left = (width - w) / 2;
  return Set(c, Padded(c, y, i.rows, top, height - h - top, left, width - w - left));
}

Status ConvertCentralCrop(LayerContext& c) {
  OCTET_ASSIGN(const Image i, KnownImage(c));
  const double share = c.Number("central_fraction", 1);
  if (!(share > 0 && share <= 1)) return c.Fail("a share from 0 to 1", std::to_string(share), "");
  const auto start = [share](int32_t n) { return static_cast<int64_t>((n - n * share) / 2); };
  const int64_t top = start(i.height), left = start(i.width);
  return Set(c, Cropped(c, i.x, i.rows, top, left, i.height - 2 * top, i.width - 2 * left));
}

constexpr LayerRule kRules[] = {
    {"tf.compat.v1.nn.conv2d", ConvertConv2d}, {"tf.nn.conv2d", ConvertConv2d}, {"tf.compat.v1.nn.convolution", ConvertConv2d},
    {"tf.nn.local_response_normalization", ConvertLocalResponse}, {"tf.compat.v1.nn.depthwise_conv2d", ConvertDepthwise},
    {"tf.nn.depthwise_conv2d", ConvertDepthwise}, {"tf.nn.bias_add", ConvertBiasAdd}, {"tf.image.extract_patches", ConvertPatches},
    {"tf.nn.max_pool2d", ConvertPool<"max_pool_2d">}, {"tf.nn.avg_pool2d", ConvertPool<"average_pool_2d">},
    {"tf.compat.v1.nn.max_pool", ConvertPool<"max_pool_2d">}, {"tf.compat.v1.nn.avg_pool", ConvertPool<"average_pool_2d">},
    {"tf.nn.max_pool", ConvertPool<"max_pool_2d">}, {"tf.nn.avg_pool", ConvertPool<"average_pool_2d">},
    {"tf.nn.depth_to_space", ConvertBlocks<"depth_to_space">}, {"tf.compat.v1.nn.depth_to_space", ConvertBlocks<"depth_to_space">},
    {"tf.nn.space_to_depth", ConvertBlocks<"space_to_depth">}, {"tf.compat.v1.nn.space_to_depth", ConvertBlocks<"space_to_depth">},
    {"tf.image.flip_left_right", ConvertFlip<1>}, {"tf.image.flip_up_down", ConvertFlip<0>}, {"tf.image.grayscale_to_rgb", ConvertGrayToRgb},
    {"tf.image.adjust_brightness", ConvertBrightness}, {"tf.image.adjust_contrast", ConvertContrast}, {"tf.image.adjust_gamma", ConvertGamma},
    {"tf.image.per_image_standardization", ConvertStandardize}, {"tf.image.convert_image_dtype", ConvertImageType},
    {"tf.image.crop_to_bounding_box", ConvertCropBox}, {"tf.image.pad_to_bounding_box", ConvertPadBox},
    {"tf.image.resize_with_crop_or_pad", ConvertCropOrPad}, {"tf.image.central_crop", ConvertCentralCrop}};

}  // namespace

const std::span<const LayerRule> kFilterRules = kRules;

}  // namespace octet::importers::keras
