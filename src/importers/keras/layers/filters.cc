// SPDX-License-Identifier: Apache-2.0
// TensorFlow's functions on images and feature maps, channels last: TFOpLambda layers of tf_keras. Filters are constants of the file.
#include <algorithm>
#include <cmath>

#include "importers/keras/builder.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/axes.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/layers/raw_functions.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/activation.h"

namespace octet::importers::keras {
namespace {

// A function's windows over x: numbers for each axis, from those between batch and channels or one for all of them.
struct Windowed {
  Value x, filter;
  std::vector<NodeAttr> attrs;
  bool line = false;  // A sequence, as images of one row.
};

Result<std::vector<int64_t>> OfAxes(LayerContext& c, std::initializer_list<std::string_view> names, size_t rank, bool line) {
  std::vector<int64_t> v;
  const Json& literal = LiteralOf(c, -1, names);
  if (!literal.is_null() && !IntsOf(literal, &v)) return c.Fail("'" + std::string(*names.begin()) + "' as whole numbers", "others", "");
  if (v.empty()) v = {1};
  const size_t axes = line ? 1 : rank - 2;
  if (v.size() == 1) v.assign(axes, v[0]);
  if (v.size() == axes + 2 && v.front() == 1 && v.back() == 1) v = {v.begin() + 1, v.end() - 1};
  if (v.size() != axes || std::ranges::any_of(v, [](int64_t n) { return n < 1 || n > INT32_MAX; }))
    return c.Fail("'" + std::string(*names.begin()) + "' as numbers above 0, one for each axis", "others", "");
  v.insert(v.begin(), line ? 2 : 1, 1);
  v.push_back(1);
  return v;
}

Status AddPadding(LayerContext& c, const Windowed& w, std::vector<NodeAttr>* attrs) {
  std::vector<double> pads;
  if (c.Get("padding").is_text() || c.Get("padding").is_null()) {
    attrs->push_back(TextAttr("padding", c.Text("padding", "VALID")));
    return {};
  }
  const auto is_size = [](double n) { return n >= 0 && n < 1 << 28; };
  if (!NumbersOf(c.Get("padding"), &pads) || pads.size() != (w.line ? 6u : 8u) || !std::ranges::all_of(pads, is_size))
    return c.Fail("padding SAME, VALID or numbers for each axis", "others", "pad before");
  if (w.line) pads.insert(pads.begin() + 2, 2, 0.0);
  attrs->push_back(TextAttr("padding", "EXPLICIT"));
  attrs->push_back(IntsAttr("explicit_paddings", std::vector<int64_t>(pads.begin(), pads.end())));
  return {};
}

Result<Windowed> ReadWindows(LayerContext& c) {
  Windowed w;
  OCTET_ASSIGN(w.x, Operand(c, 0, {"input", "value"}));
  OCTET_ASSIGN(w.x, c.Cast(w.x, DType::kF32));
  const int rank = c.rank(w.x);
  const std::string format = c.Text("data_format", "NHWC");
  if (rank < 3 || rank > 5 || !format.ends_with('C')) return c.Fail("sequences, images or volumes with channels last", c.shape(w.x).text() + " " + format, "");
  w.line = rank == 3;
  if (w.line) {
    OCTET_ASSIGN(w.x, c.Make("expand_dims", {w.x, Int(c, 1)}));
  }
  OCTET_ASSIGN(const std::vector<int64_t> strides, OfAxes(c, {"strides", "stride"}, static_cast<size_t>(rank), w.line));
  w.attrs.push_back(IntsAttr("strides", strides));
  OCTET_TRY(AddPadding(c, w, &w.attrs));
  return w;
}

// With the filter as it is for images.
Status ReadFilter(LayerContext& c, std::initializer_list<std::string_view> names, Windowed* w) {
  OCTET_ASSIGN(w->filter, Operand(c, -1, names));
  if (w->line && c.rank(w->filter) == 3) {
    const Shape s = c.shape(w->filter);
    const std::span<const float> known = c.data_as<float>(w->filter);
    const std::vector<float> numbers(known.begin(), known.end());
    if (!numbers.empty()) w->filter = c.Constant<float>(Shape{1, s[0], s[1], s[2]}, numbers);
    else {
      OCTET_ASSIGN(w->filter, c.Make("expand_dims", {w->filter, Int(c, 0)}));
    }
  }
  OCTET_ASSIGN(const std::vector<int64_t> dilations, OfAxes(c, {"dilations", "dilation_rate", "rate"}, static_cast<size_t>(c.rank(w->x)), w->line));
  w->attrs.push_back(IntsAttr("dilations", dilations));
  return {};
}

// A sequence again.
Status SetWindowed(LayerContext& c, const Windowed& w, Result<Value> y) {
  return Set(c, y.ok() && w.line ? c.Make("squeeze", {*y}, {{"squeeze_dims", std::vector<int32_t>{1}}}) : std::move(y));
}

// The first argument: a batch of feature maps of known channels.
Result<Value> Maps(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"input", "value", "images", "image"}));
  const std::string format = c.Text("data_format", "NHWC");
  if (c.rank(x) != 4 || c.shape(x).back() < 1 || format != "NHWC") return c.Fail("[batch, height, width, channels]", c.shape(x).text() + " " + format, "");
  return c.Cast(x, DType::kF32);
}

// ------------------------------------------------------------------------------------------- convolutions

Status ConvertConvolution(LayerContext& c) {
  (void)c.Named("use_cudnn_on_gpu");
  OCTET_ASSIGN(Windowed w, ReadWindows(c));
  OCTET_TRY(ReadFilter(c, {"filters", "filter"}, &w));
  return SetWindowed(c, w, RunOp(c, c.rank(w.x) == 5 ? "Conv3D" : "Conv2D", {w.x, w.filter}, w.attrs));
}

Status ConvertDepthwise(LayerContext& c) {
  OCTET_ASSIGN(Windowed w, ReadWindows(c));
  OCTET_TRY(ReadFilter(c, {"filter"}, &w));
  return Set(c, RunOp(c, "DepthwiseConv2dNative", {w.x, w.filter}, w.attrs));
}

// A filter for each channel, then one over all of them.
Status ConvertSeparable(LayerContext& c) {
  OCTET_ASSIGN(Windowed w, ReadWindows(c));
  OCTET_TRY(ReadFilter(c, {"depthwise_filter"}, &w));
  OCTET_ASSIGN(const Value across, Operand(c, -1, {"pointwise_filter"}));
  OCTET_ASSIGN(const Value each, RunOp(c, "DepthwiseConv2dNative", {w.x, w.filter}, w.attrs));
  const int64_t ones[] = {1, 1, 1, 1};
  return Set(c, RunOp(c, "Conv2D", {each, across}, {IntsAttr("strides", ones), TextAttr("padding", "VALID")}));
}

// Over a sequence; the result's shape gets an axis of 1, too.
Status ConvertTransposed1d(LayerContext& c) {
  OCTET_ASSIGN(Windowed w, ReadWindows(c));
  OCTET_TRY(ReadFilter(c, {"filters"}, &w));
  OCTET_ASSIGN(const WholeNumbers shape, WholeNumbersAt(c, -1, {"output_shape"}));
  if (!w.line || shape.known.size() != 3) return c.Fail("sequences, and an output_shape of three numbers", c.shape(w.x).text(), "");
  std::vector<int32_t> known = shape.known;
  known.insert(known.begin() + 1, 1);
  OCTET_ASSIGN(const std::vector<Value> parts, c.MakeMany("split", {Int(c, 0), shape.vector}, {{"num_splits", 3}}, 3));
  const auto joined = [&] { return c.Make("concatenation", {parts[0], c.Vector({1}), parts[1], parts[2]}, {{"axis", 0}}); };
  OCTET_ASSIGN(const Value wide, shape.complete() ? Result<Value>(c.Vector(known)) : joined());
  c.builder().SetElements(wide, known);
  return SetWindowed(c, w, RunOp(c, "Conv2DBackpropInput", {wide, w.filter, w.x}, w.attrs));
}

Status ConvertBiasAdd(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"value"}));
  OCTET_ASSIGN(const Value bias, Operand(c, 1, {"bias"}));
  const std::string format = c.Text("data_format", "NHWC");
  if (format.starts_with("NC") && c.rank(x) > 2) return c.Fail("channels last", format, "");
  return Set(c, c.Make("add", {x, bias}));
}

Status Pool(LayerContext& c, bool most, std::string_view size) {
  OCTET_ASSIGN(Windowed w, ReadWindows(c));
  OCTET_ASSIGN(const std::vector<int64_t> ksize, OfAxes(c, {size}, static_cast<size_t>(c.rank(w.x)), w.line));
  w.attrs.push_back(IntsAttr("ksize", ksize));
  const bool volume = c.rank(w.x) == 5;
  return SetWindowed(c, w, RunOp(c, volume ? (most ? "MaxPool3D" : "AvgPool3D") : (most ? "MaxPool" : "AvgPool"), {w.x}, w.attrs));
}

template <bool Most> Status ConvertPool(LayerContext& c) { return Pool(c, Most, "ksize"); }

Status ConvertAnyPool(LayerContext& c) {
  const std::string type = c.Text("pooling_type", "");
  std::vector<int64_t> dilation;
  (void)IntsOf(LiteralOf(c, -1, {"dilation_rate", "dilations"}), &dilation);
  if (std::ranges::any_of(dilation, [](int64_t d) { return d != 1; }) || (type != "MAX" && type != "AVG"))
    return c.Fail("pooling_type MAX or AVG without dilation", type, "");
  return Pool(c, type == "MAX", "window_shape");
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

// Colours as sums of the channels: rows are red, green, blue or what stands for them.
struct Colours {
  std::string_view function;
  float matrix[9];
};
constexpr Colours kColours[] = {
    {"image.rgb_to_yiq", {0.299f, 0.59590059f, 0.2115f, 0.587f, -0.27455667f, -0.52273617f, 0.114f, -0.32134392f, 0.31119955f}},
    {"image.yiq_to_rgb", {1, 1, 1, 0.95598634f, -0.27201283f, -1.10674021f, 0.6208248f, -0.64720424f, 1.70423049f}},
    {"image.rgb_to_yuv", {0.299f, -0.14714119f, 0.61497538f, 0.587f, -0.28886916f, -0.51496512f, 0.114f, 0.43601035f, -0.10001026f}},
    {"image.yuv_to_rgb", {1, 1, 1, 0, -0.394642334f, 2.03206185f, 1.13988303f, -0.58062185f, 0}}};

Status ConvertColours(LayerContext& c) {
  OCTET_ASSIGN(const Value x, FloatImages(c));
  const Colours& colours = *std::ranges::find(kColours, (*c.layer().config)["function"].text(), &Colours::function);
  if (c.shape(x).back() != 3) return c.Fail("three channels", c.shape(x).text(), "");
  std::vector<float> outwards;
  for (size_t to = 0; to < 3; ++to)
    for (size_t from = 0; from < 3; ++from) outwards.push_back(colours.matrix[from * 3 + to]);
  const float zeros[] = {0, 0, 0};
  return Set(c, c.Make("fully_connected", {x, c.Constant<float>(Shape{3, 3}, outwards), c.Constant<float>(Shape{3}, zeros)}, {{"keep_num_dims", 1}}));
}

// A quarter turn against the clock, k times.
Status ConvertTurn(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const int rows, RowsOf(c, x));
  const int64_t k = ((c.Int("k", 1) % 4) + 4) % 4;
  std::vector<int32_t> order;
  for (int i = 0; i < c.rank(x); ++i) order.push_back(i);
  if (k == 2) return Set(c, c.Make("reverse_v2", {x, c.Vector({rows, rows + 1})}));
  std::swap(order[static_cast<size_t>(rows)], order[static_cast<size_t>(rows) + 1]);
  if (k == 0) return Set(c, x);
  OCTET_ASSIGN(const Value y, c.Make("transpose", {x, c.Vector(order)}));
  return Set(c, c.Make("reverse_v2", {y, c.Vector({k == 1 ? rows : rows + 1})}));
}

Status ConvertTranspose(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const int rows, RowsOf(c, x));
  return Set(c, c.Make("transpose", {x, rows == 0 ? c.Vector({1, 0, 2}) : c.Vector({0, 2, 1, 3})}));
}

// --------------------------------------------------------------------------------- how alike two images are

struct Compared {
  Value a, b;
  double most = 1;  // What pixels go up to.
  int rows = 0;
};
Result<Compared> ReadCompared(LayerContext& c, std::string_view a, std::string_view b) {
  Compared pair;
  OCTET_ASSIGN(pair.a, Operand(c, 0, {a}));
  OCTET_ASSIGN(pair.b, Operand(c, 1, {b}));
  pair.most = c.Number("max_val", 1);
  if (!IsFloat(c.type(pair.a).dtype) || !IsFloat(c.type(pair.b).dtype) || !(pair.most > 0)) return c.Fail("images of floats", "others", "convert them before");
  OCTET_ASSIGN(pair.rows, RowsOf(c, pair.a));
  return pair;
}

// 20 log10(most) - 10 log10(mean squared difference)
Status ConvertPsnr(LayerContext& c) {
  OCTET_ASSIGN(const Compared p, ReadCompared(c, "a", "b"));
  OCTET_ASSIGN(Value y, c.Make("squared_difference", {p.a, p.b}));
  OCTET_ASSIGN(y, c.Make("mean", {y, c.Vector({p.rows, p.rows + 1, p.rows + 2})}, {{"keep_dims", 0}}));
  OCTET_ASSIGN(y, c.Make("log", {y}));
  OCTET_ASSIGN(y, Times(c, y, static_cast<float>(-10 / std::log(10.0))));
  return Set(c, Plus(c, y, static_cast<float>(20 * std::log10(p.most))));
}

// A window of Gauss' bell, whose numbers sum up to 1.
std::vector<float> Bell(int64_t size, double sigma) {
  std::vector<double> line;
  double sum = 0;
  for (int64_t i = 0; i < size; ++i) {
    const double at = static_cast<double>(i) - static_cast<double>(size - 1) / 2;
    sum += line.emplace_back(std::exp(-at * at / (2 * sigma * sigma)));
  }
  std::vector<float> bell;
  for (const double a : line)
    for (const double b : line) bell.push_back(static_cast<float>(a * b / (sum * sum)));
  return bell;
}

// Means, variances and what goes together under a window: (2 mean mean' + c1)(2 cov + c2) / ((mean^2 + mean'^2 + c1)(var + var' + c2)), over all windows.
Status ConvertSsim(LayerContext& c) {
  constexpr int64_t kLargestWindow = 255, kMostWeights = 1 << 24;
  OCTET_ASSIGN(const Compared p, ReadCompared(c, "img1", "img2"));
  const int64_t size = c.Int("filter_size", 11);
  const double sigma = c.Number("filter_sigma", 1.5);
  const int32_t channels = c.shape(p.a).back();
  const bool small = channels > 0 && size > 0 && size <= kLargestWindow && size * size * channels <= kMostWeights;
  if (p.rows != 1 || !small || !(sigma > 0) || c.Bool("return_index_map", false))
    return c.Fail("a batch of images of known channels, and one number of each", c.shape(p.a).text(), "");
  std::vector<float> filter;
  for (const float w : Bell(size, sigma)) filter.insert(filter.end(), static_cast<size_t>(channels), w);
  const Value window = c.Constant<float>(Shape{1, static_cast<int32_t>(size), static_cast<int32_t>(size), channels}, filter);
  const Value zeros = c.Constant<float>(Shape{channels}, std::vector<float>(static_cast<size_t>(channels), 0.0f));
  const auto under = [&](Result<Value> x) -> Result<Value> {
    if (!x.ok()) return x;
    return c.Make("depthwise_conv_2d", {*x, window, zeros},
                  {{"padding", static_cast<int64_t>(ops::Padding::kValid)}, {"stride_h", 1}, {"stride_w", 1}, {"depth_multiplier", 1}});
  };
  const auto product = [&](Value x, Value y) { return c.Make("mul", {x, y}); };
  const auto plus = [&](double k) { return static_cast<float>(k * p.most * k * p.most); };
  const float c1 = plus(c.Number("k1", 0.01)), c2 = plus(c.Number("k2", 0.03));
  OCTET_ASSIGN(const Value mean_a, under(p.a));
  OCTET_ASSIGN(const Value mean_b, under(p.b));
  OCTET_ASSIGN(Value means, product(mean_a, mean_b));
  OCTET_ASSIGN(means, Times(c, means, 2));
  OCTET_ASSIGN(Value squares, product(mean_a, mean_a));
  OCTET_ASSIGN(const Value square_b, product(mean_b, mean_b));
  OCTET_ASSIGN(squares, c.Make("add", {squares, square_b}));
  OCTET_ASSIGN(Value both, under(product(p.a, p.b)));
  OCTET_ASSIGN(both, Times(c, both, 2));
  OCTET_ASSIGN(Value all, product(p.a, p.a));
  OCTET_ASSIGN(const Value all_b, product(p.b, p.b));
  OCTET_ASSIGN(all, under(c.Make("add", {all, all_b})));
  const auto share = [&](Value above, Value below, float k) -> Result<Value> {
    OCTET_ASSIGN(const Value a, Plus(c, above, k));
    OCTET_ASSIGN(const Value b, Plus(c, below, k));
    return c.Make("div", {a, b});
  };
  OCTET_ASSIGN(const Value luminance, share(means, squares, c1));
  OCTET_ASSIGN(both, c.Make("sub", {both, means}));
  OCTET_ASSIGN(all, c.Make("sub", {all, squares}));
  OCTET_ASSIGN(const Value structure, share(both, all, c2));
  OCTET_ASSIGN(Value y, product(luminance, structure));
  return Set(c, c.Make("mean", {y, c.Vector({1, 2, 3})}, {{"keep_dims", 0}}));
}

constexpr LayerRule kRules[] = {
    {"tf.compat.v1.nn.conv1d", ConvertConvolution}, {"tf.nn.conv1d", ConvertConvolution}, {"tf.compat.v1.nn.conv2d", ConvertConvolution},
    {"tf.nn.conv2d", ConvertConvolution}, {"tf.nn.conv3d", ConvertConvolution}, {"tf.compat.v1.nn.convolution", ConvertConvolution},
    {"tf.nn.convolution", ConvertConvolution}, {"tf.nn.conv1d_transpose", ConvertTransposed1d},
    {"tf.compat.v1.nn.depthwise_conv2d", ConvertDepthwise}, {"tf.nn.depthwise_conv2d", ConvertDepthwise},
    {"tf.compat.v1.nn.separable_conv2d", ConvertSeparable}, {"tf.nn.separable_conv2d", ConvertSeparable},
    {"tf.nn.local_response_normalization", ConvertLocalResponse}, {"tf.nn.bias_add", ConvertBiasAdd},
    {"tf.nn.max_pool1d", ConvertPool<true>}, {"tf.nn.max_pool2d", ConvertPool<true>}, {"tf.nn.max_pool3d", ConvertPool<true>},
    {"tf.nn.max_pool", ConvertPool<true>}, {"tf.compat.v1.nn.max_pool", ConvertPool<true>}, {"tf.nn.avg_pool1d", ConvertPool<false>},
    {"tf.nn.avg_pool2d", ConvertPool<false>}, {"tf.nn.avg_pool3d", ConvertPool<false>}, {"tf.nn.avg_pool", ConvertPool<false>},
    {"tf.compat.v1.nn.avg_pool", ConvertPool<false>}, {"tf.compat.v1.nn.pool", ConvertAnyPool}, {"tf.nn.pool", ConvertAnyPool},
    {"tf.nn.depth_to_space", ConvertBlocks<"depth_to_space">}, {"tf.compat.v1.nn.depth_to_space", ConvertBlocks<"depth_to_space">},
    {"tf.nn.space_to_depth", ConvertBlocks<"space_to_depth">}, {"tf.compat.v1.nn.space_to_depth", ConvertBlocks<"space_to_depth">},
    {"tf.image.rgb_to_yiq", ConvertColours}, {"tf.image.yiq_to_rgb", ConvertColours}, {"tf.image.rgb_to_yuv", ConvertColours},
    {"tf.image.yuv_to_rgb", ConvertColours}, {"tf.image.rot90", ConvertTurn}, {"tf.image.transpose", ConvertTranspose},
    {"tf.image.psnr", ConvertPsnr}, {"tf.image.ssim", ConvertSsim},
    {"tf.image.flip_left_right", ConvertFlip<1>}, {"tf.image.flip_up_down", ConvertFlip<0>}, {"tf.image.grayscale_to_rgb", ConvertGrayToRgb},
    {"tf.image.adjust_brightness", ConvertBrightness}, {"tf.image.adjust_contrast", ConvertContrast}, {"tf.image.adjust_gamma", ConvertGamma},
    {"tf.image.per_image_standardization", ConvertStandardize}, {"tf.image.convert_image_dtype", ConvertImageType},
    {"tf.image.crop_to_bounding_box", ConvertCropBox}, {"tf.image.pad_to_bounding_box", ConvertPadBox},
    {"tf.image.resize_with_crop_or_pad", ConvertCropOrPad}, {"tf.image.central_crop", ConvertCentralCrop}};

}  // namespace

const std::span<const LayerRule> kFilterRules = kRules;

}  // namespace octet::importers::keras
