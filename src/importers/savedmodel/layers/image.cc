// SPDX-License-Identifier: Apache-2.0
// Images: colours, contrast, cubic and area resizing, crops, patches.
#include <algorithm>
#include <cmath>
#include <limits>

#include "importers/lowerings/activation.h"
#include "importers/lowerings/colour.h"
#include "importers/lowerings/resampling.h"
#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

// --------------------------------------------------------------------------------- colours

Status ConvertColour(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Colour in, SplitColours(c, x));
  OCTET_ASSIGN(const Colour out, c.kind() == "RGBToHSV" ? ToHsv(c, in) : ToRgb(c, in));
  return Set(c, JoinColours(c, out));
}

// Hue turned by delta, or saturation scaled.
Status ConvertAdjustColour(NodeContext& c) {
  const Value x = c.Input(0), by = c.Input(1);
  if (!x || !by) return {};
  OCTET_ASSIGN(const Colour rgb, SplitColours(c, x));
  OCTET_ASSIGN(Colour hsv, ToHsv(c, rgb));
  if (c.kind() == "AdjustHue") {
    OCTET_ASSIGN(hsv.a, c.Make("add", {hsv.a, by}));
    OCTET_ASSIGN(const Value turns, c.Make("floor", {hsv.a}));
    OCTET_ASSIGN(hsv.a, c.Make("sub", {hsv.a, turns}));
  } else {
    OCTET_ASSIGN(hsv.b, c.Make("mul", {hsv.b, by}));
    OCTET_ASSIGN(hsv.b, Clip(c, hsv.b, 0, 1));
  }
  OCTET_ASSIGN(const Colour out, ToRgb(c, hsv));
  return Set(c, JoinColours(c, out));
}

// mean + (x - mean) * factor, the mean over each channel of an image.
Status ConvertContrast(NodeContext& c) {
  const Value x = c.Input(0), factor = c.Input(1);
  if (!x || !factor) return {};
  if (c.rank(x) < 3) return c.Fail("images", c.shape(x).text(), "");
  OCTET_ASSIGN(const Value mean, c.Make("mean", {x, c.Vector({c.rank(x) - 3, c.rank(x) - 2})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(Value d, c.Make("sub", {x, mean}));
  OCTET_ASSIGN(d, c.Make("mul", {d, factor}));
  return Set(c, c.Make("add", {mean, d}));
}

// -------------------------------------------------------------------------------- resizing
Status ConvertResize(NodeContext& c) {
  Value x = c.Input(0);
  std::vector<int64_t> size;
  if (!x) return {};
  const Shape in = c.shape(x);
  if (!c.IntsOf(1, &size) || size.size() != 2 || size[0] < 1 || size[1] < 1) return c.Fail("a known size", "a computed one", "");
  if (in.rank() != 4 || in[1] < 1 || in[2] < 1 || in[3] < 1 || size[0] * in[1] > (1 << 22) || size[1] * in[2] > (1 << 22))
    return c.Fail("images of known size", in.text(), "give the input's shape");
  const Sampling s{c.kind() == "ResizeBicubic", c.Bool("half_pixel_centers", false), c.Bool("align_corners", false)};
  const auto height = static_cast<int32_t>(size[0]), width = static_cast<int32_t>(size[1]);
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  return Set(c, Resample(c, x, height, width, SampleRows(in[1], height, s), SampleRows(in[2], width, s)));
}

// image, size, scale, translation
Status ConvertScaleAndTranslate(NodeContext& c) {
  Value x = c.Input(0);
  std::vector<int64_t> size;
  if (!x) return {};
  const Shape in = c.shape(x);
  const Partial *scale = c.Known(2), *move = c.Known(3);
  const ResampleKernel* kernel = FindResampleKernel(c.Text("kernel_type", "lanczos3"));
  if (!kernel) return c.Fail("a kernel that octet knows", c.Text("kernel_type", ""), "");
  if (!c.IntsOf(1, &size) || size.size() != 2 || !scale || !move || !scale->known() || !move->known() || scale->v.size() != 2 || move->v.size() != 2)
    return c.Fail("known sizes and scales", "computed ones", "");
  if (in.rank() != 4 || in[1] < 1 || in[2] < 1 || in[3] < 1 || size[0] < 1 || size[1] < 1 || size[0] * in[1] > (1 << 22) || size[1] * in[2] > (1 << 22))
    return c.Fail("images of known size", in.text(), "give the input's shape");
  const bool antialias = c.Bool("antialias", true);
  const auto height = static_cast<int32_t>(size[0]), width = static_cast<int32_t>(size[1]);
  const auto rows = [&](size_t axis, int32_t from, int32_t to) {
    return KernelRows(from, to, static_cast<float>(scale->v[axis].f), static_cast<float>(move->v[axis].f), antialias, *kernel);
  };
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  return Set(c, Resample(c, x, height, width, rows(0, in[1], height), rows(1, in[2], width)));
}

// ------------------------------------------------------------------------- crops and patches

// One axis of boxes [n, 2] (from, to in shares of size - 1): coordinates [n, count]. In TensorFlow's order of operations: what lies on the
// image's edge or between two pixels is decided by the last bit.
Result<Value> Coordinates(NodeContext& c, Value from, Value to, int32_t size, int32_t count) {
  const auto last = static_cast<float>(size - 1);
  if (count == 1) {
    OCTET_ASSIGN(Value middle, c.Make("add", {from, to}));
    OCTET_ASSIGN(middle, Times(c, middle, 0.5f));
    return Times(c, middle, last);
  }
  std::vector<float> steps;
  for (int32_t i = 0; i < count; ++i) steps.push_back(static_cast<float>(i));
  OCTET_ASSIGN(Value d, c.Make("sub", {to, from}));
  OCTET_ASSIGN(d, Times(c, d, last));
  OCTET_ASSIGN(d, c.Make("div", {d, c.Scalar(static_cast<float>(count - 1))}));
  OCTET_ASSIGN(d, c.Make("mul", {d, c.Constant<float>(Shape{1, count}, steps)}));
  OCTET_ASSIGN(const Value first, Times(c, from, last));
  return c.Make("add", {first, d});
}

struct Neighbours {
  Value low, high, share, inside;  // Whole coordinates, how far between them, whether within the image: [n, count].
};
Result<Neighbours> Around(NodeContext& c, Value at, int32_t size, bool nearest) {
  const auto most = static_cast<float>(size - 1);
  Neighbours n;
  OCTET_ASSIGN(const Value over, c.Make("greater_equal", {at, c.Scalar(0)}));
  OCTET_ASSIGN(const Value under, c.Make("less_equal", {at, c.Scalar(most)}));
  OCTET_ASSIGN(n.inside, c.Make("logical_and", {over, under}));
  OCTET_ASSIGN(const Value safe, Clip(c, at, 0, most));
  if (nearest) {  // Half is rounded up.
    OCTET_ASSIGN(n.low, Plus(c, safe, 0.5f));
    OCTET_ASSIGN(n.low, c.Make("floor", {n.low}));
    return n;
  }
  OCTET_ASSIGN(n.low, c.Make("floor", {safe}));
  OCTET_ASSIGN(n.high, c.Make("ceil", {safe}));
  OCTET_ASSIGN(n.share, c.Make("sub", {safe, n.low}));
  return n;
}

// [n, h] and [n, w] -> [n, h, w, 1]
Result<Value> Column(NodeContext& c, Value v) {
  const int32_t dims[] = {-1, c.shape(v)[1], 1, 1};
  return c.ReshapeTo(v, dims);
}
Result<Value> Row(NodeContext& c, Value v) {
  const int32_t dims[] = {-1, 1, c.shape(v)[1], 1};
  return c.ReshapeTo(v, dims);
}

Result<Value> Between(NodeContext& c, Value a, Value b, Value share) {
  OCTET_ASSIGN(Value d, c.Make("sub", {b, a}));
  OCTET_ASSIGN(d, c.Make("mul", {d, share}));
  return c.Make("add", {a, d});
}

// image, boxes [n, (y1, x1, y2, x2)], which image, size
Status ConvertCropAndResize(NodeContext& c) {
  const std::vector<Value> in = c.Inputs();
  std::vector<int64_t> size;
  if (!Ready(in) || in.size() < 4) return {};
  const Shape s = c.shape(in[0]);
  if (!c.IntsOf(3, &size) || size.size() != 2 || size[0] < 1 || size[1] < 1 || size[0] > 4096 || size[1] > 4096)
    return c.Fail("a known size", "a computed one", "");
  if (s.rank() != 4 || s[1] < 1 || s[2] < 1 || s[3] < 1) return c.Fail("images of known size", s.text(), "give the input's shape");
  const auto height = static_cast<int32_t>(size[0]), width = static_cast<int32_t>(size[1]);
  const std::string method = c.Text("method", "bilinear");
  const bool nearest = method == "nearest";
  OCTET_ASSIGN(const Value pixels, c.Cast(in[0], DType::kF32));
  const int32_t flat[] = {-1, s[3]};
  OCTET_ASSIGN(const Value table, c.ReshapeTo(pixels, flat));
  OCTET_ASSIGN(const std::vector<Value> edge, c.MakeMany("split", {c.ScalarInt(1), in[1]}, {{"num_splits", 4}}, 4));
  OCTET_ASSIGN(const Value ys, Coordinates(c, edge[0], edge[2], s[1], height));
  OCTET_ASSIGN(const Value xs, Coordinates(c, edge[1], edge[3], s[2], width));
  OCTET_ASSIGN(const Neighbours y, Around(c, ys, s[1], nearest));
  OCTET_ASSIGN(const Neighbours x, Around(c, xs, s[2], nearest));
  OCTET_ASSIGN(Value image, c.Cast(in[2], DType::kF32));
  const int32_t column[] = {-1, 1, 1};
  OCTET_ASSIGN(image, c.ReshapeTo(image, column));
  OCTET_ASSIGN(image, Times(c, image, static_cast<float>(s[1]) * static_cast<float>(s[2])));
  const auto pick = [&](Value yy, Value xx) -> Result<Value> {
    const int32_t rows[] = {-1, height, 1}, columns[] = {-1, 1, width};
    OCTET_ASSIGN(Value at, Times(c, yy, static_cast<float>(s[2])));
    OCTET_ASSIGN(at, c.ReshapeTo(at, rows));
    OCTET_ASSIGN(const Value across, c.ReshapeTo(xx, columns));
    OCTET_ASSIGN(at, c.Make("add", {at, across}));
    OCTET_ASSIGN(at, c.Make("add", {at, image}));
    OCTET_ASSIGN(at, c.Cast(at, DType::kI32));
    return c.Make("gather", {table, at}, {{"axis", 0}});
  };
  Value out;
  if (nearest) {
    OCTET_ASSIGN(out, pick(y.low, x.low));
  } else {
    OCTET_ASSIGN(const Value ty, Column(c, y.share));
    OCTET_ASSIGN(const Value tx, Row(c, x.share));
    OCTET_ASSIGN(const Value a, pick(y.low, x.low));
    OCTET_ASSIGN(const Value b, pick(y.low, x.high));
    OCTET_ASSIGN(const Value d, pick(y.high, x.low));
    OCTET_ASSIGN(const Value e, pick(y.high, x.high));
    OCTET_ASSIGN(const Value top, Between(c, a, b, tx));
    OCTET_ASSIGN(const Value bottom, Between(c, d, e, tx));
    OCTET_ASSIGN(out, Between(c, top, bottom, ty));
  }
  OCTET_ASSIGN(const Value rows, Column(c, y.inside));
  OCTET_ASSIGN(const Value columns, Row(c, x.inside));
  OCTET_ASSIGN(const Value inside, c.Make("logical_and", {rows, columns}));
  return Set(c, c.Make("select_v2", {inside, out, c.Scalar(static_cast<float>(c.Number("extrapolation_value", 0)))}));
}

// A convolution whose filters pick one number each.
Status ConvertPatches(NodeContext& c) {
  Value x = c.Input(0);
  if (!x) return {};
  const Shape in = c.shape(x);
  const std::vector<int64_t> k = c.Ints("ksizes", {}), stride = c.Ints("strides", {}), rate = c.Ints("rates", {});
  if (in.rank() != 4 || in[3] < 1 || k.size() != 4 || stride.size() != 4 || rate.size() != 4) return c.Fail("images of known channels", in.text(), "");
  const int64_t out = k[1] * k[2] * in[3];
  if (k[1] < 1 || k[2] < 1 || out * out > (1 << 24)) return c.Fail("patches of at most 4096 numbers", std::to_string(out), "");
  std::vector<float> filter(static_cast<size_t>(out * out), 0.0f), zeros(static_cast<size_t>(out), 0.0f);
  for (int64_t i = 0; i < out; ++i) filter[static_cast<size_t>(i * out + i)] = 1.0f;
  const auto n = static_cast<int32_t>(out);
  const DType own = c.type(x).dtype;
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  const Value picks = c.Constant<float>(Shape{n, static_cast<int32_t>(k[1]), static_cast<int32_t>(k[2]), in[3]}, filter);
  OCTET_ASSIGN(const Value y, c.Make("conv_2d", {x, picks, c.Constant<float>(Shape{n}, zeros)},
                       {{"padding", static_cast<int64_t>(c.Text("padding", "VALID") == "SAME" ? ops::Padding::kSame : ops::Padding::kValid)},
                        {"stride_h", stride[1]}, {"stride_w", stride[2]}, {"dilation_h_factor", rate[1]}, {"dilation_w_factor", rate[2]}}));
  return Set(c, c.Cast(y, own));
}

// The same of volumes.
Status ConvertVolumePatches(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  const Shape in = c.shape(x);
  const std::vector<int64_t> k = c.Ints("ksizes", {}), stride = c.Ints("strides", {});
  if (in.rank() != 5 || in[4] < 1 || k.size() != 5 || stride.size() != 5) return c.Fail("volumes of known channels", in.text(), "");
  int64_t out = in[4];
  for (size_t i = 1; i < 4; ++i) out = k[i] < 1 || k[i] > 4096 || out > 4096 ? 4097 : out * k[i];
  if (out > 4096) return c.Fail("patches of at most 4096 numbers", in.text(), "");
  std::vector<float> filter(static_cast<size_t>(out * out), 0.0f), zeros(static_cast<size_t>(out), 0.0f);
  for (int64_t i = 0; i < out; ++i) filter[static_cast<size_t>(i * out + i)] = 1.0f;
  const auto n = static_cast<int32_t>(out), d = static_cast<int32_t>(k[1]), h = static_cast<int32_t>(k[2]), w = static_cast<int32_t>(k[3]);
  return Set(c, c.Make("conv_3d", {x, c.Constant<float>(Shape{d, h, w, in[4], n}, filter), c.Constant<float>(Shape{n}, zeros)},
                       {{"padding", static_cast<int64_t>(c.Text("padding", "VALID") == "SAME" ? ops::Padding::kSame : ops::Padding::kValid)},
                        {"stride_d", stride[1]}, {"stride_h", stride[2]}, {"stride_w", stride[3]}}));
}

// The most of image + filter under the window: one tap after another. Outside the image there is nothing.
Status ConvertDilation(NodeContext& c) {
  const Value x = c.Input(0), filter = c.Input(1);
  if (!x || !filter) return {};
  const Shape in = c.shape(x), f = c.shape(filter);
  const std::vector<int64_t> stride = c.Ints("strides", {}), rate = c.Ints("rates", {});
  if (in.rank() != 4 || f.rank() != 3 || in[1] < 1 || in[2] < 1 || stride.size() != 4 || rate.size() != 4 || stride[1] < 1 || stride[2] < 1 || rate[1] < 1 ||
      rate[2] < 1)
    return c.Fail("images of known size", in.text(), "give the input's shape");
  if (f[0] < 1 || f[1] < 1 || f[0] * f[1] > 256) return c.Fail("a window of at most 256 taps", f.text(), "");
  int32_t before[2], out[2], wide[2];
  for (int i = 0; i < 2; ++i) {
    const auto s = static_cast<int32_t>(stride[static_cast<size_t>(i + 1)]), size = static_cast<int32_t>((f[i] - 1) * rate[static_cast<size_t>(i + 1)] + 1),
               n = in[i + 1];
    const bool same = c.Text("padding", "VALID") == "SAME";
    out[i] = same ? (n + s - 1) / s : (n - size) / s + 1;
    if (out[i] < 1) return c.Fail("an image as large as the window", in.text(), "");
    const int32_t missing = same ? std::max((out[i] - 1) * s + size - n, 0) : 0;
    before[i] = missing / 2;
    wide[i] = missing - before[i];
  }
  Value padded = x;
  if (before[0] + wide[0] + before[1] + wide[1] > 0) {
    const int32_t pads[] = {0, 0, before[0], wide[0], before[1], wide[1], 0, 0};
    OCTET_ASSIGN(padded, c.Make("padv2", {x, c.Constant<int32_t>(Shape{4, 2}, pads), c.Scalar(std::numeric_limits<float>::lowest())}));
  }
  const int32_t flat_dims[] = {f[0] * f[1], f[2]};
  OCTET_ASSIGN(const Value flat, c.ReshapeTo(filter, flat_dims));
  OCTET_ASSIGN(const std::vector<Value> taps, c.MakeMany("unpack", {flat}, {{"num", f[0] * f[1]}, {"axis", 0}}, f[0] * f[1]));
  Value most;
  for (int32_t i = 0; i < f[0] * f[1]; ++i) {
    const auto y = static_cast<int32_t>(i / f[1] * rate[1]), at = static_cast<int32_t>(i % f[1] * rate[2]);
    const auto down = static_cast<int32_t>(stride[1]), across = static_cast<int32_t>(stride[2]);
    OCTET_ASSIGN(Value part, c.Make("strided_slice",
                                    {padded, c.Vector({0, y, at, 0}), c.Vector({0, y + (out[0] - 1) * down + 1, at + (out[1] - 1) * across + 1, 0}),
                                     c.Vector({1, down, across, 1})},
                                    {{"begin_mask", 9}, {"end_mask", 9}}));
    OCTET_ASSIGN(part, c.Make("add", {part, taps[static_cast<size_t>(i)]}));
    OCTET_ASSIGN(most, most ? c.Make("maximum", {most, part}) : Result<Value>(part));
  }
  return Set(c, most);
}

constexpr NodeRule kRules[] = {{"ScaleAndTranslate", ConvertScaleAndTranslate}, {"Dilation2D", ConvertDilation}, {"RGBToHSV", ConvertColour},
                               {"HSVToRGB", ConvertColour}, {"AdjustHue", ConvertAdjustColour}, {"AdjustSaturation", ConvertAdjustColour},
                               {"AdjustContrastv2", ConvertContrast}, {"ResizeBicubic", ConvertResize}, {"ResizeArea", ConvertResize},
                               {"CropAndResize", ConvertCropAndResize}, {"ExtractImagePatches", ConvertPatches},
                               {"ExtractVolumePatches", ConvertVolumePatches}};

}  // namespace

const std::span<const NodeRule> kImageRules = kRules;

}  // namespace octet::importers::savedmodel
