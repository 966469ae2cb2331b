// SPDX-License-Identifier: Apache-2.0
// Pixels at computed places of images and volumes: GridSample, AffineGrid, DeformConv.
#include <algorithm>

#include "importers/limits.h"
#include "importers/lowerings/activation.h"
#include "importers/lowerings/dims.h"
#include "importers/onnx/layers/image.h"
#include "importers/onnx/rules.h"
#include "ops/keras_conv_util.h"

namespace octet::importers::onnx {
namespace {

// How many pixels there are along an axis: a number, or a float that the running model computes.
struct Extent {
  int32_t known = kUnknown;
  Value open;
};

Result<Extent> ExtentOf(NodeContext& c, Value image, int axis) {
  if (c.shape(image)[axis] != kUnknown) return Extent{c.shape(image)[axis], {}};
  OCTET_ASSIGN(const Value size, ops::DimensionOf(c, image, axis));
  OCTET_ASSIGN(const Value open, c.Cast(size, DType::kF32));
  return Extent{kUnknown, open};
}

// extent * times + plus
Result<Value> Part(NodeContext& c, const Extent& e, float times, float plus) {
  if (e.known != kUnknown) return c.Scalar(static_cast<float>(e.known) * times + plus);
  OCTET_ASSIGN(const Value y, Times(c, e.open, times));
  return Plus(c, y, plus);
}

struct Field {
  Value pixels;              // [N, pixels, C]
  std::vector<Extent> size;  // Per axis, without the frame.
  int32_t frame = 0;         // One pixel all around where outside is zero, else none: the nearest one is read.
};

// Of [N, C, spatial...].
Result<Field> FieldOf(NodeContext& c, Value image, bool zeros) {
  const Shape s = c.shape(image);
  if (s.rank() < 4 || s.rank() > 5 || s[1] < 1) return c.Fail("an image or a volume of known channels", s.text(), "give the input's shape");
  Field f{{}, {}, zeros ? 1 : 0};
  Shape plane;
  std::vector<int32_t> pads = {0, 0};
  for (int axis = 2; axis < s.rank(); ++axis) {
    plane.push_back(s[axis] == kUnknown ? kUnknown : s[axis] + 2 * f.frame);
    pads.insert(pads.end(), {f.frame, f.frame});
    OCTET_ASSIGN(f.size.emplace_back(), ExtentOf(c, image, axis));
  }
  if (plane.known() && (!c.IsSmall(plane, kFloatIntegers - 1) || Shape(s.dims().subspan(2)).elements() < 1)) return c.Fail("1 to 2^24 pixels", s.text(), "");
  OCTET_ASSIGN(f.pixels, ChannelsLast(c, image));
  if (zeros) {
    pads.insert(pads.end(), {0, 0});
    OCTET_ASSIGN(f.pixels, c.Make("pad", {f.pixels, c.Constant<int32_t>(Shape{s.rank(), 2}, pads)}));
  }
  const Dim dims[] = {DimOf(c, image, 0), {plane.known() ? static_cast<int32_t>(plane.elements()) : kUnknown, {}, 0}, DimOf(c, image, 1)};
  OCTET_ASSIGN(f.pixels, Reshape(c, f.pixels, dims));
  return f;
}

// Places have their coordinates along their last axis, x first: of all of them at once, size * times + plus.
Result<Value> Parts(NodeContext& c, const Field& f, float times, float plus) {
  std::vector<Value> parts;
  for (size_t i = f.size.size(); i-- > 0;) {
    OCTET_ASSIGN(parts.emplace_back(), Part(c, f.size[i], times, plus));
  }
  return c.Make("pack", parts, {{"values_count", static_cast<int64_t>(parts.size())}, {"axis", 0}});
}

// How many pixels a step along each coordinate is.
Result<Value> Steps(NodeContext& c, const Field& f) {
  std::vector<Value> steps = {c.Scalar(1)};
  for (size_t i = f.size.size(); --i > 0;) {
    OCTET_ASSIGN(const Value size, Part(c, f.size[i], 1, 2.0f * static_cast<float>(f.frame)));
    OCTET_ASSIGN(steps.emplace_back(), c.Emit("mul", {steps.back(), size}));
  }
  return c.Make("pack", steps, {{"values_count", static_cast<int64_t>(steps.size())}, {"axis", 0}});
}

// The pixels at whole coordinates, those of the frame among them; the nearest one where they are outside of that.
Result<Value> Pick(NodeContext& c, const Field& f, Value at) {
  OCTET_ASSIGN(const Value last, Parts(c, f, 1, 2.0f * static_cast<float>(f.frame) - 1));
  OCTET_ASSIGN(const Value steps, Steps(c, f));
  OCTET_ASSIGN(Value place, Clamp(c, at, last));
  OCTET_ASSIGN(place, c.Emit("mul", {place, steps}));
  OCTET_ASSIGN(place, c.Make("sum", {place, c.Vector({c.rank(place) - 1})}));
  OCTET_ASSIGN(place, c.Cast(place, DType::kI32));
  return c.Make("gather", {f.pixels, place}, {{"axis", 1}, {"batch_dims", 1}});
}

// Between the pixels around a place: all corners are read at once, and weighted by how near they are along each coordinate.
Result<Value> Linear(NodeContext& c, const Field& f, Value at) {
  const auto axes = static_cast<int32_t>(f.size.size()), corners = 1 << axes;
  std::vector<float> offset, farther;
  for (int32_t corner = 0; corner < corners; ++corner)
    for (int32_t axis = 0; axis < axes; ++axis) {
      const int32_t high = corner >> axis & 1;
      offset.push_back(static_cast<float>(high + f.frame));
      farther.push_back(static_cast<float>(1 - high));
    }
  OCTET_ASSIGN(at, c.Make("expand_dims", {at, c.ScalarInt(2)}));
  OCTET_ASSIGN(const Value low, c.Emit("floor", {at}));
  OCTET_ASSIGN(const Value share, c.Emit("sub", {at, low}));
  OCTET_ASSIGN(const Value around, c.Emit("add", {low, c.Constant<float>(Shape{corners, axes}, offset)}));
  OCTET_ASSIGN(const Value values, Pick(c, f, around));
  OCTET_ASSIGN(Value weight, c.Emit("sub", {share, c.Constant<float>(Shape{corners, axes}, farther)}));
  OCTET_ASSIGN(weight, c.Emit("abs", {weight}));
  OCTET_ASSIGN(weight, c.Make("reduce_prod", {weight, c.Vector({3})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(const Value weighted, c.Emit("mul", {values, weight}));
  return c.Make("sum", {weighted, c.Vector({2})});
}

// ----------------------------------------------------------------------------------- grids

// At the borders, again and again: |v - 2*span*round(v / (2*span))|, a triangle wave; `spans` is 2*span.
Result<Value> Reflected(NodeContext& c, Value v, Value spans, bool align) {
  const float low = align ? 0.0f : -0.5f;
  OCTET_ASSIGN(const Value wave, c.Emit("maximum", {spans, c.Scalar(2)}));
  OCTET_ASSIGN(v, Plus(c, v, -low));
  OCTET_ASSIGN(Value turns, c.Emit("div", {v, wave}));
  OCTET_ASSIGN(turns, Plus(c, turns, 0.5f));
  OCTET_ASSIGN(turns, c.Emit("floor", {turns}));
  OCTET_ASSIGN(turns, c.Emit("mul", {turns, wave}));
  OCTET_ASSIGN(v, c.Emit("sub", {v, turns}));
  OCTET_ASSIGN(v, c.Emit("abs", {v}));
  return Plus(c, v, low);
}

// -1..1 to pixels; reflected where that is the padding.
Result<Value> ToPixels(NodeContext& c, Value v, const Field& f, bool align, const std::string& padding) {
  OCTET_ASSIGN(const Value half, Parts(c, f, 0.5f, align ? -0.5f : 0));
  OCTET_ASSIGN(v, Plus(c, v, 1));
  OCTET_ASSIGN(v, c.Emit("mul", {v, half}));
  if (!align) {
    OCTET_ASSIGN(v, Plus(c, v, -0.5f));
  }
  if (padding != "reflection") return v;
  OCTET_ASSIGN(const Value spans, Parts(c, f, 2, align ? -2 : 0));
  return Reflected(c, v, spans, align);
}

// Keys' kernel with a = -3/4 over the four pixels from one before a place, by how far that is behind its pixel: [..., 4, coordinates].
Result<Value> KeysWeights(NodeContext& c, Value share) {
  constexpr float kA = -0.75f;
  constexpr float kPowers[4][4] = {
      {kA, -2 * kA, kA, 0}, {kA + 2, -kA - 3, 0, 1}, {-kA - 2, 2 * kA + 3, -kA, 0}, {-kA, kA, 0, 0}};  // Of each pixel, the third first.
  const auto power = [&](int k) {
    const float column[] = {kPowers[0][k], kPowers[1][k], kPowers[2][k], kPowers[3][k]};
    return c.Constant<float>(Shape{4, 1}, std::span<const float>(column));
  };
  Value w = power(0);
  for (int k = 1; k < 4; ++k) {
    OCTET_ASSIGN(w, c.Emit("mul", {share, w}));
    OCTET_ASSIGN(w, c.Emit("add", {w, power(k)}));
  }
  return w;
}

// Four pixels of four rows. Which lie outside is decided pixel by pixel, as torch and onnxruntime do: a place beyond the border is not moved there first.
Result<Value> Cubic(NodeContext& c, const Field& f, Value at, bool align, const std::string& padding) {
  constexpr int32_t kTaps = 4;
  OCTET_ASSIGN(at, c.Make("expand_dims", {at, c.ScalarInt(2)}));
  OCTET_ASSIGN(const Value low, c.Emit("floor", {at}));
  OCTET_ASSIGN(const Value share, c.Emit("sub", {at, low}));
  OCTET_ASSIGN(const Value weights, KeysWeights(c, share));
  OCTET_ASSIGN(const std::vector<Value> along, c.MakeMany("split", {c.ScalarInt(3), weights}, {{"num_splits", 2}}, 2));
  OCTET_ASSIGN(const std::vector<Value> of_row, c.MakeMany("split", {c.ScalarInt(2), along[1]}, {{"num_splits", kTaps}}, kTaps));
  Value sum;
  for (int32_t row = 0; row < kTaps; ++row) {
    std::vector<float> offset;
    for (int32_t k = 0; k < kTaps; ++k)
      for (const int32_t tap : {k, row}) offset.push_back(static_cast<float>(tap - 1 + f.frame));
    OCTET_ASSIGN(Value pixels, c.Emit("add", {low, c.Constant<float>(Shape{kTaps, 2}, offset)}));
    if (padding == "reflection") {
      OCTET_ASSIGN(const Value spans, Parts(c, f, 2, align ? -2 : 0));
      OCTET_ASSIGN(pixels, Reflected(c, pixels, spans, align));
      OCTET_ASSIGN(pixels, c.Emit("round", {pixels}));
    }
    OCTET_ASSIGN(Value y, Pick(c, f, pixels));
    OCTET_ASSIGN(y, c.Emit("mul", {y, along[0]}));
    OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector({2})}, {{"keep_dims", 1}}));
    OCTET_ASSIGN(y, c.Emit("mul", {y, of_row[static_cast<size_t>(row)]}));
    OCTET_ASSIGN(sum, sum ? c.Emit("add", {sum, y}) : Result<Value>(y));
  }
  return sum;
}

// The grid's last axis is x, y (and z): the other way round than the image's.
Status ConvertGridSample(NodeContext& c) {
  const Shape in = c.shape(c.Input(0)), grid = c.shape(c.Input(1));
  const std::string mode = c.Text("mode", "linear"), padding = c.Text("padding_mode", "zeros");
  const Shape places = grid.rank() > 1 ? Shape(grid.dims().subspan(1)) : Shape();
  if (grid.rank() != in.rank() || in.rank() < 4 || in.rank() > 5 || grid.back() != in.rank() - 2 || (places.known() && !c.IsSmall(places, kMostPlaces)))
    return c.Fail("an image and a grid of at most 2^26 places", in.text() + " and " + grid.text(), "give the inputs' shapes");
  const bool cubic = mode == "cubic" || mode == "bicubic";
  if (!cubic && mode != "linear" && mode != "bilinear" && mode != "nearest") return c.Fail("mode linear, cubic or nearest", mode, "");
  if (cubic && in.rank() != 4) return c.Fail("an image for mode cubic", in.text(), "");
  OCTET_ASSIGN(const Field f, FieldOf(c, c.Input(0), padding == "zeros"));
  const int32_t axes = grid.back(), samples = places.known() ? static_cast<int32_t>(grid.elements(1, grid.rank() - 1)) : kUnknown;
  const Dim rows[] = {DimOf(c, c.Input(1), 0), {samples, {}, 0}, {axes, {}, 0}};
  OCTET_ASSIGN(const Value points, Reshape(c, c.Input(1), rows));
  const bool align = c.Bool("align_corners", false);
  OCTET_ASSIGN(Value at, ToPixels(c, points, f, align, padding));
  Value result;
  if (mode == "nearest") {
    OCTET_ASSIGN(at, c.Emit("round", {at}));
    OCTET_ASSIGN(at, Plus(c, at, static_cast<float>(f.frame)));
    OCTET_ASSIGN(result, Pick(c, f, at));
  } else if (cubic) {
    OCTET_ASSIGN(result, Cubic(c, f, at, align, padding));
  } else {
    OCTET_ASSIGN(result, Linear(c, f, at));
  }
  std::vector<Dim> out = {DimOf(c, c.Input(0), 0)};
  for (int i = 1; i + 1 < grid.rank(); ++i) out.push_back(DimOf(c, c.Input(1), i));
  out.push_back(DimOf(c, c.Input(0), 1));
  OCTET_ASSIGN(result, Reshape(c, result, out));
  return Set(c, ChannelsSecond(c, result));
}

// theta [N, 2, 3] times the grid of pixel centres [H, W, (x, y, 1)]; of a volume [N, 3, 4] and [D, H, W, (x, y, z, 1)].
Status ConvertAffineGrid(NodeContext& c) {
  OCTET_ASSIGN(const std::vector<int64_t> size, c.IntsAt(1, "size", {}));
  int64_t pixels = 1;
  for (size_t i = 2; i < size.size() && pixels <= 1 << 22; ++i) pixels = size[i] < 1 || size[i] > 1 << 22 ? INT64_MAX : pixels * size[i];
  if ((size.size() != 4 && size.size() != 5) || pixels > 1 << 22) return c.Fail("the size of an image or a volume", Format("%zu numbers", size.size()), "");
  const bool align = c.Bool("align_corners", false);
  const auto place = [&](int64_t i, int64_t n) {
    if (align) return n > 1 ? -1.0 + 2.0 * static_cast<double>(i) / static_cast<double>(n - 1) : 0.0;
    return (2.0 * static_cast<double>(i) + 1.0) / static_cast<double>(n) - 1.0;
  };
  std::vector<float> base;
  for (int64_t i = 0; i < pixels; ++i) {
    int64_t rest = i;
    for (size_t axis = size.size(); axis-- > 2; rest /= size[axis]) base.push_back(static_cast<float>(place(rest % size[axis], size[axis])));
    base.push_back(1.0f);
  }
  const auto axes = static_cast<int32_t>(size.size() - 2);
  const Value grid = c.Constant<float>(Shape{1, static_cast<int32_t>(pixels), axes + 1}, base);
  OCTET_ASSIGN(const Value y, c.Make("batch_matmul", {grid, c.Input(0)}, {{"adj_x", 0}, {"adj_y", 1}}));
  Shape out{c.shape(c.Input(0))[0]};
  for (size_t i = 2; i < size.size(); ++i) out.push_back(static_cast<int32_t>(size[i]));
  out.push_back(axes);
  return Set(c, c.Reshape(y, out));
}

// ---------------------------------------------------------------- deformable convolution
// Each tap of the filter reads the image at its usual place moved by an offset of its own; what the taps read, weighted by a mask,
// goes through one product.

struct Deformed {
  Window window;
  Shape in;
  int32_t outputs = 0, height = 0, width = 0, groups = 1, offset_groups = 1;
  int32_t taps() const { return static_cast<int32_t>(window.size[0] * window.size[1]); }
  int32_t places() const { return height * width; }
};

Result<Deformed> ReadDeformed(NodeContext& c) {
  constexpr int64_t kMostGroups = 64;
  const Shape in = c.shape(c.Input(0)), w = c.shape(c.Input(1)), offset = c.shape(c.Input(2));
  if (in.rank() != 4 || w.rank() != 4 || offset.rank() != 4 || !in.known() || !w.known() || !offset.known())
    return c.Fail("an image, weights and offsets of known size", in.text() + ", " + w.text() + " and " + offset.text(), "give the inputs' shapes");
  const int32_t kernel[] = {w[2], w[3]};
  OCTET_ASSIGN(Window window, ReadWindow(c, in, kernel));
  const Shape samples{in[0], w[2], w[3], offset[2], offset[3]};
  if (window.size[0] != w[2] || window.size[1] != w[3] || !c.IsSmall(samples, kMostPlaces))
    return c.Fail("at most 2^26 places, as many per filter as it has weights", samples.text(), "check the model");
  const int64_t groups = c.Int("group", 1), offset_groups = c.Int("offset_group", 1);
  if (groups < 1 || groups > kMostGroups || offset_groups < 1 || offset_groups > kMostGroups || in[1] % groups != 0 || in[1] % offset_groups != 0 ||
      w[0] % groups != 0 || w[1] != in[1] / groups || offset[1] != offset_groups * w[2] * w[3] * 2 || offset[0] != in[0])
    return c.Fail("weights and offsets for the image's channels", w.text() + " and " + offset.text(), "check the model");
  return Deformed{window, in, w[0], offset[2], offset[3], static_cast<int32_t>(groups), static_cast<int32_t>(offset_groups)};
}

// Where the taps are without offsets, along one axis: [taps, places].
Value UsualPlaces(NodeContext& c, const Deformed& d, size_t axis) {
  std::vector<float> at;
  for (int64_t tap = 0; tap < d.taps(); ++tap)
    for (int64_t place = 0; place < d.places(); ++place) {
      const int64_t k = axis == 0 ? tap / d.window.size[1] : tap % d.window.size[1], o = axis == 0 ? place / d.width : place % d.width;
      at.push_back(static_cast<float>(o * d.window.stride[axis] - d.window.before[axis] + k * d.window.dilation[axis]));
    }
  return c.Constant<float>(Shape{1, d.taps(), d.places()}, at);
}

// What the taps read of the channels that share offsets: [N, taps * places, channels].
Result<Value> ReadTaps(NodeContext& c, const Deformed& d, const Field& all, Value offsets, Value mask, int32_t q) {
  const int32_t n = d.in[0], channels = d.in[1] / d.offset_groups, samples = d.taps() * d.places();
  Field f = all;
  if (d.offset_groups > 1) {
    OCTET_ASSIGN(f.pixels, c.Make("slice", {all.pixels, c.Vector({0, 0, q * channels}), c.Vector({-1, -1, channels})}));
  }
  OCTET_ASSIGN(const Value own, c.Make("gather", {offsets, c.ScalarInt(q)}, {{"axis", 1}}));
  OCTET_ASSIGN(std::vector<Value> at, c.MakeMany("unpack", {own}, {{"num", 2}, {"axis", 2}}, 2));
  for (size_t axis = 0; axis < 2; ++axis) {
    OCTET_ASSIGN(at[axis], c.Emit("add", {at[axis], UsualPlaces(c, d, axis)}));
    OCTET_ASSIGN(at[axis], c.Reshape(at[axis], Shape{n, samples}));
  }
  OCTET_ASSIGN(const Value places, c.Make("pack", {at[1], at[0]}, {{"values_count", 2}, {"axis", 2}}));
  OCTET_ASSIGN(const Value v, Linear(c, f, places));
  if (!mask) return v;
  OCTET_ASSIGN(Value weight, c.Make("gather", {mask, c.ScalarInt(q)}, {{"axis", 1}}));
  OCTET_ASSIGN(weight, c.Make("expand_dims", {weight, c.ScalarInt(2)}));
  return c.Emit("mul", {v, weight});
}

// [N * places, taps, channels] by the weights [outputs, channels, taps] of each group.
Result<Value> Product(NodeContext& c, const Deformed& d, Value taps) {
  const int32_t channels = d.in[1] / d.groups, outputs = d.outputs / d.groups, rows = d.in[0] * d.places();
  const std::vector<float> zeros(static_cast<size_t>(outputs), 0.0f);
  OCTET_ASSIGN(Value weights, c.Reshape(c.Input(1), Shape{d.outputs, channels, d.taps()}));
  OCTET_ASSIGN(weights, c.Transpose(weights, {0, 2, 1}));
  OCTET_ASSIGN(weights, c.Reshape(weights, Shape{d.outputs, d.taps() * channels}));
  std::vector<Value> parts;
  for (int32_t g = 0; g < d.groups; ++g) {
    Value x = taps, w = weights;
    if (d.groups > 1) {
      OCTET_ASSIGN(x, c.Make("slice", {taps, c.Vector({0, 0, g * channels}), c.Vector({-1, -1, channels})}));
      OCTET_ASSIGN(w, c.Make("slice", {weights, c.Vector({g * outputs, 0}), c.Vector({outputs, -1})}));
    }
    OCTET_ASSIGN(x, c.Reshape(x, Shape{rows, d.taps() * channels}));
    OCTET_ASSIGN(x, c.Make("fully_connected", {x, w, c.Constant<float>(Shape{outputs}, zeros)}));
    parts.push_back(x);
  }
  return parts.size() == 1 ? Result<Value>(parts[0]) : c.Make("concatenation", parts, {{"axis", 1}});
}

Status ConvertDeformConv(NodeContext& c) {
  OCTET_ASSIGN(const Deformed d, ReadDeformed(c));
  OCTET_ASSIGN(const Field f, FieldOf(c, c.Input(0), true));
  const int32_t n = d.in[0];
  OCTET_ASSIGN(const Value offsets, c.Reshape(c.Input(2), Shape{n, d.offset_groups, d.taps(), 2, d.places()}));
  Value mask = c.Input(4);
  if (mask) {
    OCTET_ASSIGN(mask, c.Reshape(mask, Shape{n, d.offset_groups, d.taps() * d.places()}));
  }
  std::vector<Value> parts;
  for (int32_t q = 0; q < d.offset_groups; ++q) {
    OCTET_ASSIGN(const Value part, ReadTaps(c, d, f, offsets, mask, q));
    parts.push_back(part);
  }
  OCTET_ASSIGN(Value y, parts.size() == 1 ? Result<Value>(parts[0]) : c.Make("concatenation", parts, {{"axis", 2}}));
  OCTET_ASSIGN(y, c.Reshape(y, Shape{n, d.taps(), d.places(), d.in[1]}));
  OCTET_ASSIGN(y, c.Transpose(y, {0, 2, 1, 3}));
  OCTET_ASSIGN(y, c.Reshape(y, Shape{n * d.places(), d.taps(), d.in[1]}));
  OCTET_ASSIGN(y, Product(c, d, y));
  if (c.Input(3)) {
    OCTET_ASSIGN(y, c.Emit("add", {y, c.Input(3)}));
  }
  OCTET_ASSIGN(y, c.Reshape(y, Shape{n, d.height, d.width, d.outputs}));
  return Set(c, ChannelsSecond(c, y));
}

constexpr NodeRule kRules[] = {{"GridSample", 0, ConvertGridSample}, {"AffineGrid", 0, ConvertAffineGrid}, {"DeformConv", 0, ConvertDeformConv}};

}  // namespace

const std::span<const NodeRule> kSamplingRules = kRules;

}  // namespace octet::importers::onnx
