// SPDX-License-Identifier: Apache-2.0
// Convolutions, poolings and batch normalization. Channels are last, as everywhere in .tflite.
#include <algorithm>
#include <limits>
#include <numeric>

#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"
#include "ops/keras_conv_util.h"

namespace octet::importers::savedmodel {
namespace {

// Height and width of a list of four. False where the others are not 1, or one is no size.
bool Middle(const std::vector<int64_t>& v, int64_t (&out)[2]) {
  if (v.size() != 4 || v[0] != 1 || v[3] != 1) return false;
  out[0] = v[1], out[1] = v[2];
  return v[1] >= 1 && v[2] >= 1 && v[1] <= INT32_MAX && v[2] <= INT32_MAX;
}

struct Window {
  int64_t stride[2] = {1, 1}, dilation[2] = {1, 1}, size[2] = {1, 1};
  bool same = false, nchw = false;
};

std::vector<int64_t> ToLast(const std::vector<int64_t>& v, bool nchw) {
  return nchw && v.size() == 4 ? std::vector<int64_t>{v[0], v[2], v[3], v[1]} : v;
}

Status ReadWindow(NodeContext& c, Window* w) {
  const std::string padding = c.Text("padding", "VALID"), format = c.Text("data_format", "NHWC");
  w->nchw = format == "NCHW";
  w->same = padding == "SAME";
  if (format != "NHWC" && !w->nchw) return c.Fail("data_format NHWC", format, "");
  if (!Middle(ToLast(c.Ints("strides", {1, 1, 1, 1}), w->nchw), w->stride)) return c.Fail("strides in height and width only", "others", "");
  if (!Middle(ToLast(c.Ints("dilations", {1, 1, 1, 1}), w->nchw), w->dilation)) return c.Fail("dilations in height and width only", "others", "");
  if (c.Has("ksize") && !Middle(ToLast(c.Ints("ksize", {}), w->nchw), w->size)) return c.Fail("a window in height and width only", "another one", "");
  return {};
}

Result<Value> Enter(NodeContext& c, const Window& w, Value x) { return w.nchw ? c.Transpose(x, {0, 2, 3, 1}) : Result<Value>(x); }
Status Leave(NodeContext& c, const Window& w, Value y) {
  if (w.nchw) {
    OCTET_ASSIGN(y, c.Transpose(y, {0, 3, 1, 2}));
  }
  c.SetOutput(0, y);
  return {};
}

Result<Value> PadWith(NodeContext& c, Value x, const std::vector<int32_t>& pads, const float* number) {
  const Value list = c.Constant<int32_t>(Shape{4, 2}, pads);
  return number ? c.Make("padv2", {x, list, c.Scalar(*number)}) : c.Make("pad", {x, list});
}

bool IsPadded(const NodeContext& c) { return c.Text("padding", "") == "EXPLICIT"; }

// What is padded then: cells before and after each axis, channels last.
Result<std::vector<int32_t>> Paddings(NodeContext& c) {
  const std::vector<int64_t> pads = c.Ints("explicit_paddings", {});
  if (pads.size() != 8) return c.Fail("eight paddings", std::to_string(pads.size()), "");
  std::vector<int32_t> list;
  const bool nchw = c.Text("data_format", "NHWC") == "NCHW";
  for (const size_t axis : {0, nchw ? 2 : 1, nchw ? 3 : 2, nchw ? 1 : 3})
    for (const size_t side : {0, 1}) list.push_back(static_cast<int32_t>(std::clamp<int64_t>(pads[2 * axis + side], 0, INT32_MAX)));
  return list;
}

// padding="EXPLICIT": zeros, or the number, around, then no padding.
Result<Value> Padded(NodeContext& c, Value x, const float* number = nullptr) {
  if (!IsPadded(c)) return x;
  OCTET_ASSIGN(const std::vector<int32_t> pads, Paddings(c));
  return PadWith(c, x, pads, number);
}

Value Zeros(NodeContext& c, int32_t count) {
  const std::vector<float> zeros(static_cast<size_t>(std::max(count, 0)), 0.0f);
  return c.Constant<float>(Shape{count}, zeros);
}

int64_t PaddingOf(const Window& w) { return static_cast<int64_t>(w.same ? ops::Padding::kSame : ops::Padding::kValid); }

Status ConvertConv2D(NodeContext& c) {
  Window w;
  const Value image = c.Input(0), filter = c.Input(1);
  if (!image || !filter) return {};
  OCTET_TRY(ReadWindow(c, &w));
  if (c.rank(filter) != 4 || c.rank(image) != 4) return c.Fail("an image and a filter of rank 4", c.shape(filter).text(), "");
  OCTET_ASSIGN(Value x, Enter(c, w, image));
  OCTET_ASSIGN(x, Padded(c, x));
  OCTET_ASSIGN(const Value ohwi, c.Transpose(filter, {3, 0, 1, 2}));
  if (c.shape(ohwi)[0] == kUnknown) return c.Fail("a known number of channels", c.shape(ohwi).text(), "");
  OCTET_ASSIGN(const Value y, c.Make("conv_2d", {x, ohwi, Zeros(c, c.shape(ohwi)[0])},
                                     {{"padding", PaddingOf(w)}, {"stride_w", w.stride[1]}, {"stride_h", w.stride[0]},
                                      {"dilation_w_factor", w.dilation[1]}, {"dilation_h_factor", w.dilation[0]}}));
  return Leave(c, w, y);
}

Status ConvertDepthwise(NodeContext& c) {
  Window w;
  const Value image = c.Input(0), filter = c.Input(1);
  if (!image || !filter) return {};
  OCTET_TRY(ReadWindow(c, &w));
  const Shape f = c.shape(filter);
  if (f.rank() != 4 || !f.known() || c.rank(image) != 4) return c.Fail("an image and a filter of rank 4", f.text(), "");
  OCTET_ASSIGN(Value x, Enter(c, w, image));
  OCTET_ASSIGN(x, Padded(c, x));
  // Channel k with multiplier m is output channel k*M + m: the layout is already right.
  const int32_t dims[] = {1, f[0], f[1], f[2] * f[3]};
  OCTET_ASSIGN(const Value flat, c.ReshapeTo(filter, dims));
  OCTET_ASSIGN(const Value y, c.Make("depthwise_conv_2d", {x, flat, Zeros(c, dims[3])},
                                     {{"padding", PaddingOf(w)}, {"stride_w", w.stride[1]}, {"stride_h", w.stride[0]}, {"depth_multiplier", int64_t{f[3]}},
                                      {"dilation_w_factor", w.dilation[1]}, {"dilation_h_factor", w.dilation[0]}}));
  return Leave(c, w, y);
}

Status ConvertTransposed(NodeContext& c) {
  Window w;
  const Value filter = c.Input(1), image = c.Input(2);
  if (!image || !filter) return {};
  OCTET_TRY(ReadWindow(c, &w));
  const Partial* sizes = c.Known(0);
  if (!sizes || sizes->v.size() != 4) return c.Fail("an output shape of four numbers", "another one", "");
  std::vector<int32_t> dims = sizes->dims();
  if (w.nchw) dims = {dims[0], dims[2], dims[3], dims[1]};
  Value shape = c.Vector(dims);
  if (std::ranges::count(dims, kUnknown) > 0) {
    if (!c.Input(0)) return {};
    OCTET_ASSIGN(shape, c.Cast(c.Input(0), DType::kI32));
    if (w.nchw) {
      OCTET_ASSIGN(shape, c.Make("gather", {shape, c.Vector({0, 2, 3, 1})}, {{"axis", 0}}));
    }
  }
  OCTET_ASSIGN(const Value x, Enter(c, w, image));
  OCTET_ASSIGN(const Value taps, c.Transpose(filter, {2, 0, 1, 3}));
  OCTET_ASSIGN(const Value ohwi, ops::SpreadTaps(c, taps, w.dilation[0], w.dilation[1]));
  dims[3] = c.shape(ohwi)[0];
  OCTET_ASSIGN(const std::vector<int32_t> pads, IsPadded(c) ? Paddings(c) : Result<std::vector<int32_t>>(std::vector<int32_t>(8, 0)));
  std::vector<int32_t> size = dims, more(4);  // Before what was padded is cut off.
  for (size_t i = 0; i < 4; ++i) {
    more[i] = pads[2 * i] + pads[2 * i + 1];
    if (size[i] != kUnknown) size[i] += more[i];
  }
  OCTET_ASSIGN(const Value whole, IsPadded(c) ? c.Make("add", {shape, c.Vector(more)}) : Result<Value>(shape));
  OCTET_ASSIGN(Value y, c.Make("transpose_conv", {whole, ohwi, x, Zeros(c, dims[3])},
                               {{"padding", PaddingOf(w)}, {"stride_w", w.stride[1]}, {"stride_h", w.stride[0]}}));
  c.Refine(y, {DType::kF32, Shape(size), {}});
  if (IsPadded(c)) {
    OCTET_ASSIGN(y, c.Make("slice", {y, c.Vector({pads[0], pads[2], pads[4], pads[6]}), shape}));
    c.Refine(y, {DType::kF32, Shape(dims), {}});
  }
  return Leave(c, w, y);
}

constexpr int32_t kMostGroups = 4096;

// Convolution over volumes; the filter lies as in the file: [d, h, w, in, out]. Groups of channels go side by side.
Status ConvertConv3D(NodeContext& c) {
  const Value volume = c.Input(0), filter = c.Input(1);
  if (!volume || !filter) return {};
  const bool first = c.Text("data_format", "NDHWC") == "NCDHW";
  const auto last = [&](const std::vector<int64_t>& v) { return first && v.size() == 5 ? std::vector<int64_t>{v[0], v[2], v[3], v[4], v[1]} : v; };
  const std::vector<int64_t> stride = last(c.Ints("strides", {1, 1, 1, 1, 1})), dilation = last(c.Ints("dilations", {1, 1, 1, 1, 1}));
  for (const auto& v : {stride, dilation})
    if (v.size() != 5 || v[0] != 1 || v[4] != 1 || std::ranges::any_of(v, [](int64_t n) { return n < 1 || n > INT32_MAX; }))
      return c.Fail("strides and dilations in depth, height and width only", "others", "");
  const Shape f = c.shape(filter);
  if (f.rank() != 5 || f[4] == kUnknown || c.rank(volume) != 5) return c.Fail("a volume and a filter of rank 5", f.text(), "");
  Window w;
  w.same = c.Text("padding", "VALID") == "SAME";
  OCTET_ASSIGN(const Value x, first ? c.Transpose(volume, {0, 2, 3, 4, 1}) : Result<Value>(volume));
  const auto convolve = [&](Value part, Value taps) {
    return c.Make("conv_3d", {part, taps, Zeros(c, c.shape(taps)[4])},
                  {{"padding", PaddingOf(w)}, {"stride_d", stride[1]}, {"stride_h", stride[2]}, {"stride_w", stride[3]},
                   {"dilation_d_factor", dilation[1]}, {"dilation_h_factor", dilation[2]}, {"dilation_w_factor", dilation[3]}});
  };
  const int32_t channels = c.shape(x)[4], groups = channels == kUnknown || f[3] < 1 ? 1 : channels / f[3];
  Value y;
  if (groups > 1 && groups <= kMostGroups && channels % f[3] == 0 && f[4] % groups == 0) {
    const auto parts = [&](Value v) { return c.MakeMany("split", {c.ScalarInt(4), v}, {{"num_splits", groups}}, groups); };
    OCTET_ASSIGN(const std::vector<Value> images, parts(x));
    OCTET_ASSIGN(const std::vector<Value> filters, parts(filter));
    std::vector<Value> results;
    for (size_t g = 0; g < images.size(); ++g) {
      OCTET_ASSIGN(const Value one, convolve(images[g], filters[g]));
      results.push_back(one);
    }
    OCTET_ASSIGN(y, c.Make("concatenation", results, {{"axis", 4}}));
  } else {
    OCTET_ASSIGN(y, convolve(x, filter));
  }
  if (first) {
    OCTET_ASSIGN(y, c.Transpose(y, {0, 4, 1, 2, 3}));
  }
  c.SetOutput(0, y);
  return {};
}

Status ConvertTransposed3D(NodeContext& c) {
  const Value filter = c.Input(1);
  Value volume = c.Input(2);
  if (!volume || !filter) return {};
  std::vector<int64_t> stride = c.Ints("strides", {1, 1, 1, 1, 1});
  const bool first = c.Text("data_format", "NDHWC") == "NCDHW";
  if (stride.size() != 5 || c.rank(filter) != 5 || c.rank(volume) != 5)
    return c.Fail("a volume, a filter and strides of five dimensions", c.shape(volume).text(), "");
  if (first) {
    std::ranges::rotate(stride.begin() + 1, stride.begin() + 2, stride.end());
    OCTET_ASSIGN(volume, c.Transpose(volume, {0, 2, 3, 4, 1}));
  }
  for (const int64_t d : c.Ints("dilations", {1}))
    if (d != 1) return c.Fail("no dilation", std::to_string(d), "");
  const Partial* sizes = c.Known(0);
  if (!sizes || sizes->v.size() != 5) return c.Fail("an output shape of five numbers", "another one", "");
  std::vector<int32_t> dims = sizes->dims();
  if (first) std::ranges::rotate(dims.begin() + 1, dims.begin() + 2, dims.end());
  Value shape = c.Vector(dims);
  if (std::ranges::count(dims, kUnknown) > 0) {
    if (!c.Input(0)) return {};
    OCTET_ASSIGN(shape, c.Cast(c.Input(0), DType::kI32));
    if (first) {
      OCTET_ASSIGN(shape, c.Make("gather", {shape, c.Vector({0, 2, 3, 4, 1})}, {{"axis", 0}}));
    }
  }
  Window w;
  w.same = c.Text("padding", "VALID") == "SAME";
  dims[4] = c.shape(filter)[3];
  OCTET_ASSIGN(Value y, c.Make("conv_3d_transpose", {shape, filter, volume, Zeros(c, dims[4])},
                                     {{"padding", PaddingOf(w)}, {"stride_d", stride[1]}, {"stride_h", stride[2]}, {"stride_w", stride[3]}}));
  c.Refine(y, {DType::kF32, Shape(dims), {}});
  if (first) {
    OCTET_ASSIGN(y, c.Transpose(y, {0, 4, 1, 2, 3}));
  }
  c.SetOutput(0, y);
  return {};
}

// Over volumes: over the images of all depths at once, then over depth with the pixels in one row. Averages of averages
// are right, too: how many numbers a window has is a product over the axes.
Status ConvertPool3D(NodeContext& c) {
  Value x = c.Input(0);
  if (!x) return {};
  const std::vector<int64_t> size = c.Ints("ksize", {}), stride = c.Ints("strides", {});
  const Shape in = c.shape(x);
  if (c.Text("data_format", "NDHWC") != "NDHWC" || size.size() != 5 || stride.size() != 5) return c.Fail("data_format NDHWC", c.Text("data_format", ""), "");
  for (const auto& v : {size, stride})
    if (v[0] != 1 || v[4] != 1 || std::ranges::any_of(v, [](int64_t n) { return n < 1 || n > INT32_MAX; }))
      return c.Fail("windows in depth, height and width only", "others", "");
  if (in.rank() != 5 || std::ranges::count(in.dims().subspan(1), kUnknown) > 0) return c.Fail("volumes of known size", in.text(), "give the input's shape");
  Window w;
  w.same = c.Text("padding", "VALID") == "SAME";
  const char* op = c.kind() == "AvgPool3D" ? "average_pool_2d" : "max_pool_2d";
  const auto pool = [&](Value v, int64_t h, int64_t ww, int64_t sh, int64_t sw) {
    return c.Make(op, {v}, {{"padding", PaddingOf(w)}, {"stride_w", sw}, {"stride_h", sh}, {"filter_width", ww}, {"filter_height", h}});
  };
  const int32_t images[] = {-1, in[2], in[3], in[4]};
  OCTET_ASSIGN(x, c.ReshapeTo(x, images));
  OCTET_ASSIGN(x, pool(x, size[2], size[3], stride[2], stride[3]));
  const int32_t h = c.shape(x)[1], width = c.shape(x)[2], rows[] = {-1, in[1], h * width, in[4]};
  OCTET_ASSIGN(x, c.ReshapeTo(x, rows));
  OCTET_ASSIGN(x, pool(x, size[1], 1, stride[1], 1));
  const int32_t out[] = {-1, c.shape(x)[1], h, width, in[4]};
  OCTET_ASSIGN(const Value y, c.ReshapeTo(x, out));
  c.SetOutput(0, y);
  return {};
}

// sum over nearby channels: x / (bias + alpha * sum x^2)^beta
Status ConvertLrn(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value y,
               c.Make("local_response_normalization", {x},
                      {{"radius", c.Int("depth_radius", 5)}, {"bias", c.Number("bias", 1)}, {"alpha", c.Number("alpha", 1)}, {"beta", c.Number("beta", 0.5)}}));
  c.SetOutput(0, y);
  return {};
}

// How many cells SAME puts before and after an axis.
std::pair<int32_t, int32_t> SamePads(int32_t in, int64_t size, int64_t stride) {
  const int64_t out = (in + stride - 1) / stride, pads = std::max<int64_t>(0, (out - 1) * stride + size - in);
  return {static_cast<int32_t>(pads / 2), static_cast<int32_t>(pads - pads / 2)};
}

// Where the largest of each window lies, the first of equal ones, as (row * width + column) * channels + channel, behind the images before where those count:
// the window's cells are compared one by one.
Status SetLargestPlaces(NodeContext& c, const Window& w, Value image) {
  constexpr int64_t kMostCells = 64, kMostPlaces = 1 << 20;
  const Shape in = c.shape(image);
  const int64_t cells = w.size[0] * w.size[1];
  const int first = c.Bool("include_batch_in_index", false) ? 0 : 1;
  if (c.type(image).dtype != DType::kF32 || w.nchw)
    return c.Fail("float images with channels last", std::string(Name(c.type(image).dtype)) + in.text(), "cast the images to float32");
  if (cells < 1 || cells > kMostCells) return c.Fail(Format("windows of 1 to %lld cells", static_cast<long long>(kMostCells)), std::to_string(cells), "");
  if (in.rank() != 4 || !Shape(in.dims().subspan(static_cast<size_t>(first))).known() || in.elements(first, 4) > kMostPlaces)
    return c.Fail(first == 0 ? "a known number of small images, as include_batch_in_index counts through all" : "small images of known size", in.text(),
                  "give the input's shape");
  Shape each = in;
  if (first > 0) each[0] = 1;
  std::vector<int32_t> numbers(static_cast<size_t>(each.elements()));
  std::iota(numbers.begin(), numbers.end(), 0);
  Value places = c.Constant<int32_t>(each, numbers);
  if (w.same) {
    const auto [top, bottom] = SamePads(in[1], w.size[0], w.stride[0]);
    const auto [left, right] = SamePads(in[2], w.size[1], w.stride[1]);
    const std::vector<int32_t> pads = {0, 0, top, bottom, left, right, 0, 0};
    const float lowest = std::numeric_limits<float>::lowest();
    OCTET_ASSIGN(image, PadWith(c, image, pads, &lowest));
    OCTET_ASSIGN(places, PadWith(c, places, pads, nullptr));
  }
  const Shape padded = c.shape(image);
  const auto last = [&](int i) { return (padded[1 + i] - w.size[i]) / w.stride[i] * w.stride[i] + 1; };
  const auto cell = [&](Value v, int64_t k) {
    const auto row = static_cast<int32_t>(k / w.size[1]), column = static_cast<int32_t>(k % w.size[1]);
    const Value from = c.Vector({0, row, column, 0}), to = c.Vector({0, static_cast<int32_t>(row + last(0)), static_cast<int32_t>(column + last(1)), 0});
    const Value steps = c.Vector({1, static_cast<int32_t>(w.stride[0]), static_cast<int32_t>(w.stride[1]), 1});
    return c.Make("strided_slice", {v, from, to, steps}, {{"begin_mask", 0b1001}, {"end_mask", 0b1001}});
  };
  OCTET_ASSIGN(Value best, cell(image, 0));
  OCTET_ASSIGN(Value at, cell(places, 0));
  for (int64_t k = 1; k < cells; ++k) {
    OCTET_ASSIGN(const Value next, cell(image, k));
    OCTET_ASSIGN(const Value place, cell(places, k));
    OCTET_ASSIGN(const Value larger, c.Make("greater", {next, best}));
    OCTET_ASSIGN(at, c.Make("select_v2", {larger, place, at}));
    OCTET_ASSIGN(best, c.Make("maximum", {best, next}));
  }
  OCTET_ASSIGN(const Value y, c.Cast(at, c.Has("Targmax") ? c.Type("Targmax") : DType::kI64));
  c.SetOutput(1, y);
  return {};
}

Status ConvertPool(NodeContext& c) {
  Window w;
  const Value image = c.Input(0);
  if (!image) return {};
  OCTET_TRY(ReadWindow(c, &w));
  if (c.kind() == "MaxPoolWithArgmax" && c.node().read.contains(1)) OCTET_TRY(SetLargestPlaces(c, w, image));
  OCTET_ASSIGN(Value x, Enter(c, w, image));
  const float lowest = std::numeric_limits<float>::lowest();  // No window's largest.
  OCTET_ASSIGN(x, Padded(c, x, &lowest));
  OCTET_ASSIGN(const Value y, c.Make(c.kind() == "AvgPool" ? "average_pool_2d" : "max_pool_2d", {x},
                                     {{"padding", PaddingOf(w)}, {"stride_w", w.stride[1]}, {"stride_h", w.stride[0]},
                                      {"filter_width", w.size[1]}, {"filter_height", w.size[0]}}));
  return Leave(c, w, y);
}

// y = (x - mean) * gamma / sqrt(variance + epsilon) + beta = x * m + (beta - mean * m)
Status ConvertBatchNorm(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  for (const Value v : in)
    if (!v) return {};
  if (in.size() < 5) return c.Fail("five inputs", std::to_string(in.size()), "");
  Window w;
  w.nchw = c.Text("data_format", "NHWC") == "NCHW";
  OCTET_ASSIGN(const Value x, Enter(c, w, in[0]));
  Value mean = in[3], variance = in[4];
  if (c.Bool("is_training", true)) {
    const Value axes = c.Vector({0, 1, 2});
    OCTET_ASSIGN(mean, c.Make("mean", {x, axes}, {{"keep_dims", 1}}));
    OCTET_ASSIGN(variance, c.Make("squared_difference", {x, mean}));
    OCTET_ASSIGN(variance, c.Make("mean", {variance, axes}, {{"keep_dims", 1}}));
  }
  if (!c.Bool("is_training", true)) c.SetOutput(1, mean), c.SetOutput(2, variance);
  OCTET_ASSIGN(Value m, c.Make("add", {variance, c.Scalar(static_cast<float>(c.Number("epsilon", 1e-4)))}));
  OCTET_ASSIGN(m, c.Make("rsqrt", {m}));
  OCTET_ASSIGN(m, c.Make("mul", {m, in[1]}));
  OCTET_ASSIGN(Value a, c.Make("mul", {mean, m}));
  OCTET_ASSIGN(a, c.Make("sub", {in[2], a}));
  OCTET_ASSIGN(Value y, c.Make("mul", {x, m}));
  OCTET_ASSIGN(y, c.Make("add", {y, a}));
  return Leave(c, w, y);
}

constexpr NodeRule kRules[] = {{"Conv2D", ConvertConv2D}, {"DepthwiseConv2dNative", ConvertDepthwise}, {"Conv2DBackpropInput", ConvertTransposed},
                               {"Conv3D", ConvertConv3D}, {"Conv3DBackpropInputV2", ConvertTransposed3D}, {"AvgPool3D", ConvertPool3D},
                               {"MaxPool3D", ConvertPool3D}, {"LRN", ConvertLrn}, {"AvgPool", ConvertPool}, {"MaxPoolWithArgmax", ConvertPool},
                               {"MaxPool", ConvertPool}, {"FusedBatchNorm", ConvertBatchNorm}, {"FusedBatchNormV2", ConvertBatchNorm},
                               {"FusedBatchNormV3", ConvertBatchNorm}};

}  // namespace

const std::span<const NodeRule> kConvolutionRules = kRules;

}  // namespace octet::importers::savedmodel
