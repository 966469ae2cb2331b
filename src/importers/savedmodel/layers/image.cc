// SPDX-License-Identifier: Apache-2.0
// Images: colours, contrast, cubic and area resizing, crops, patches.
#include <algorithm>
#include <cmath>

#include "importers/lowerings/activation.h"
#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

Status Set(NodeContext& c, Result<Value> y) {
  if (!y.ok()) return std::move(y).status();
  c.SetOutput(0, *y);
  return {};
}
bool Ready(const std::vector<Value>& values) { return std::ranges::all_of(values, [](Value v) { return static_cast<bool>(v); }); }

Result<Value> Clip(NodeContext& c, Value x, float low, float high) {
  OCTET_ASSIGN(const Value y, c.Make("maximum", {x, c.Scalar(low)}));
  return c.Make("minimum", {y, c.Scalar(high)});
}

// --------------------------------------------------------------------------------- colours

struct Colour {
  Value a, b, c;  // r, g, b or h, s, v: [..., 1] each.
};

Result<Colour> Split(NodeContext& c, Value x) {
  OCTET_ASSIGN(const std::vector<Value> p, c.MakeMany("split", {c.ScalarInt(c.rank(x) - 1), x}, {{"num_splits", 3}}, 3));
  return Colour{p[0], p[1], p[2]};
}
Result<Value> Join(NodeContext& c, const Colour& p) { return c.Make("concatenation", {p.a, p.b, p.c}, {{"axis", c.rank(p.a) - 1}}); }

// y > 0 ? x / y : 0
Result<Value> DivideOrZero(NodeContext& c, Value x, Value y) {
  OCTET_ASSIGN(const Value positive, c.Make("greater", {y, c.Scalar(0)}));
  OCTET_ASSIGN(const Value q, c.Make("div", {x, y}));
  return c.Make("select_v2", {positive, q, c.Scalar(0)});
}

// v = max, s = (max - min) / max, h sixths around from the largest one.
Result<Colour> ToHsv(NodeContext& c, const Colour& rgb) {
  OCTET_ASSIGN(Value most, c.Make("maximum", {rgb.a, rgb.b}));
  OCTET_ASSIGN(most, c.Make("maximum", {most, rgb.c}));
  OCTET_ASSIGN(Value least, c.Make("minimum", {rgb.a, rgb.b}));
  OCTET_ASSIGN(least, c.Make("minimum", {least, rgb.c}));
  OCTET_ASSIGN(const Value range, c.Make("sub", {most, least}));
  OCTET_ASSIGN(const Value s, DivideOrZero(c, range, most));
  const auto sector = [&](Value x, Value y, float from) -> Result<Value> {
    OCTET_ASSIGN(Value d, c.Make("sub", {x, y}));
    OCTET_ASSIGN(d, DivideOrZero(c, d, range));
    OCTET_ASSIGN(d, Times(c, d, 1.0f / 6));
    return Plus(c, d, from);
  };
  OCTET_ASSIGN(const Value red, sector(rgb.b, rgb.c, 0));
  OCTET_ASSIGN(const Value green, sector(rgb.c, rgb.a, 2.0f / 6));
  OCTET_ASSIGN(const Value blue, sector(rgb.a, rgb.b, 4.0f / 6));
  OCTET_ASSIGN(const Value is_green, c.Make("equal", {rgb.b, most}));
  OCTET_ASSIGN(const Value is_red, c.Make("equal", {rgb.a, most}));
  OCTET_ASSIGN(Value h, c.Make("select_v2", {is_green, green, blue}));
  OCTET_ASSIGN(h, c.Make("select_v2", {is_red, red, h}));
  OCTET_ASSIGN(const Value grey, c.Make("equal", {range, c.Scalar(0)}));
  OCTET_ASSIGN(h, c.Make("select_v2", {grey, c.Scalar(0), h}));
  OCTET_ASSIGN(const Value below, c.Make("less", {h, c.Scalar(0)}));
  OCTET_ASSIGN(const Value turned, Plus(c, h, 1));
  OCTET_ASSIGN(h, c.Make("select_v2", {below, turned, h}));
  return Colour{h, s, most};
}

// Each of r, g, b: v * (1 - s + s * clip(a trapezoid of the hue, 0, 1)).
Result<Colour> ToRgb(NodeContext& c, const Colour& hsv) {
  OCTET_ASSIGN(const Value six, Times(c, hsv.a, 6));
  const auto part = [&](float centre, float sign, float offset) -> Result<Value> {
    OCTET_ASSIGN(Value w, Plus(c, six, -centre));
    OCTET_ASSIGN(w, c.Make("abs", {w}));
    OCTET_ASSIGN(w, Times(c, w, sign));
    OCTET_ASSIGN(w, Plus(c, w, offset));
    OCTET_ASSIGN(w, Clip(c, w, 0, 1));
    OCTET_ASSIGN(w, Plus(c, w, -1));
    OCTET_ASSIGN(w, c.Make("mul", {w, hsv.b}));
    OCTET_ASSIGN(w, Plus(c, w, 1));
    return c.Make("mul", {w, hsv.c});
  };
  OCTET_ASSIGN(const Value r, part(3, 1, -1));
  OCTET_ASSIGN(const Value g, part(2, -1, 2));
  OCTET_ASSIGN(const Value b, part(4, -1, 2));
  return Colour{r, g, b};
}

Status ConvertColour(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Colour in, Split(c, x));
  OCTET_ASSIGN(const Colour out, c.kind() == "RGBToHSV" ? ToHsv(c, in) : ToRgb(c, in));
  return Set(c, Join(c, out));
}

// Hue turned by delta, or saturation scaled.
Status ConvertAdjustColour(NodeContext& c) {
  const Value x = c.Input(0), by = c.Input(1);
  if (!x || !by) return {};
  OCTET_ASSIGN(const Colour rgb, Split(c, x));
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
  return Set(c, Join(c, out));
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
// Resizing one axis is a product with a matrix [out, in] whose rows say which pixels count how much.

struct Sampling {
  bool cubic = true, centres = false, corners = false;
};

// Keys' cubic kernel.
double Cubic(double t, double a) {
  t = std::fabs(t);
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

std::vector<float> Rows(int32_t in, int32_t out, const Sampling& s) {
  std::vector<float> m(static_cast<size_t>(in) * static_cast<size_t>(out), 0.0f);
  const double scale = s.corners && out > 1 ? static_cast<double>(in - 1) / (out - 1) : static_cast<double>(in) / out;
  for (int32_t i = 0; i < out; ++i) {
    float* row = &m[static_cast<size_t>(i) * static_cast<size_t>(in)];
    if (!s.cubic) {  // Area: each pixel by how much of it the new one covers.
      const double from = i * scale, to = std::min((i + 1) * scale, static_cast<double>(in));
      for (auto k = static_cast<int32_t>(from); k < in && k < to; ++k)
        row[k] = static_cast<float>((std::min(to, k + 1.0) - std::max(from, static_cast<double>(k))) / (to - from));
      continue;
    }
    double at = s.centres ? (i + 0.5) * scale - 0.5 : i * scale;
    const double base = std::floor(at);
    at = base + std::nearbyint((at - base) * 1024) / 1024;  // TensorFlow takes the weights from a table of as many steps.
    double sum = 0, w[4];
    for (int k = 0; k < 4; ++k) {
      const double place = base - 1 + k;
      const bool inside = place >= 0 && place < in;
      w[k] = s.centres && !inside ? 0 : Cubic(at - place, s.centres ? -0.5 : -0.75);
      sum += w[k];
    }
    for (int k = 0; k < 4; ++k)
      row[std::clamp(static_cast<int32_t>(base) - 1 + k, 0, in - 1)] += static_cast<float>(s.centres ? w[k] / sum : w[k]);
  }
  return m;
}

Status ConvertResize(NodeContext& c) {
  Value x = c.Input(0);
  std::vector<int64_t> size;
  if (!x) return {};
  const Shape in = c.shape(x);
  if (!c.IntsOf(1, &size) || size.size() != 2 || size[0] < 1 || size[1] < 1) return c.Fail("a known size", "a computed one", "");
  if (in.rank() != 4 || in[1] < 1 || in[2] < 1 || in[3] < 1 || size[0] * in[1] > (1 << 22) || size[1] * in[2] > (1 << 22)) return c.Fail("images of known size", in.text(), "give the input's shape");
  const Sampling s{c.kind() == "ResizeBicubic", c.Bool("half_pixel_centers", false), c.Bool("align_corners", false)};
  const auto height = static_cast<int32_t>(size[0]), width = static_cast<int32_t>(size[1]);
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  // [n, h, w*c] from the left, then [n*h, w, c] from the left.
  const int32_t rows[] = {-1, in[1], in[2] * in[3]}, columns[] = {-1, in[2], in[3]}, out[] = {in[0], height, width, in[3]};
  OCTET_ASSIGN(x, c.ReshapeTo(x, rows));
  OCTET_ASSIGN(x, c.Make("batch_matmul", {c.Constant<float>(Shape{1, height, in[1]}, Rows(in[1], height, s)), x}, {{"adj_x", 0}, {"adj_y", 0}}));
  OCTET_ASSIGN(x, c.ReshapeTo(x, columns));
  OCTET_ASSIGN(x, c.Make("batch_matmul", {c.Constant<float>(Shape{1, width, in[2]}, Rows(in[2], width, s)), x}, {{"adj_x", 0}, {"adj_y", 0}}));
  return Set(c, c.ReshapeTo(x, out));
}

// ------------------------------------------------------------------------- crops and patches

// One axis of boxes [n, 2] (from, to in shares of size - 1): coordinates [n, count].
Result<Value> Coordinates(NodeContext& c, Value from, Value to, int32_t size, int32_t count) {
  std::vector<float> steps;
  for (int32_t i = 0; i < count; ++i) steps.push_back(count > 1 ? static_cast<float>(i) / static_cast<float>(count - 1) : 0.5f);
  OCTET_ASSIGN(Value d, c.Make("sub", {to, from}));
  OCTET_ASSIGN(d, c.Make("mul", {d, c.Constant<float>(Shape{1, count}, steps)}));
  OCTET_ASSIGN(d, c.Make("add", {d, from}));
  return Times(c, d, static_cast<float>(size - 1));
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
  if (!c.IntsOf(3, &size) || size.size() != 2 || size[0] < 1 || size[1] < 1 || size[0] > 4096 || size[1] > 4096) return c.Fail("a known size", "a computed one", "");
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
  const Value x = c.Input(0);
  if (!x) return {};
  const Shape in = c.shape(x);
  const std::vector<int64_t> k = c.Ints("ksizes", {}), stride = c.Ints("strides", {}), rate = c.Ints("rates", {});
  if (in.rank() != 4 || in[3] < 1 || k.size() != 4 || stride.size() != 4 || rate.size() != 4) return c.Fail("images of known channels", in.text(), "");
  const int64_t out = k[1] * k[2] * in[3];
  if (k[1] < 1 || k[2] < 1 || out * out > (1 << 24)) return c.Fail("patches of at most 4096 numbers", std::to_string(out), "");
  std::vector<float> filter(static_cast<size_t>(out * out), 0.0f), zeros(static_cast<size_t>(out), 0.0f);
  for (int64_t i = 0; i < out; ++i) filter[static_cast<size_t>(i * out + i)] = 1.0f;
  const auto n = static_cast<int32_t>(out);
  return Set(c, c.Make("conv_2d", {x, c.Constant<float>(Shape{n, static_cast<int32_t>(k[1]), static_cast<int32_t>(k[2]), in[3]}, filter), c.Constant<float>(Shape{n}, zeros)},
                       {{"padding", static_cast<int64_t>(c.Text("padding", "VALID") == "SAME" ? ops::Padding::kSame : ops::Padding::kValid)},
                        {"stride_h", stride[1]}, {"stride_w", stride[2]}, {"dilation_h_factor", rate[1]}, {"dilation_w_factor", rate[2]}}));
}

constexpr NodeRule kRules[] = {{"RGBToHSV", ConvertColour}, {"HSVToRGB", ConvertColour}, {"AdjustHue", ConvertAdjustColour}, {"AdjustSaturation", ConvertAdjustColour},
                               {"AdjustContrastv2", ConvertContrast}, {"ResizeBicubic", ConvertResize}, {"ResizeArea", ConvertResize},
                               {"CropAndResize", ConvertCropAndResize}, {"ExtractImagePatches", ConvertPatches}};

}  // namespace

const std::span<const NodeRule> kImageRules = kRules;

}  // namespace octet::importers::savedmodel
