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

// a + t*(b - a)
Result<Value> Between(NodeContext& c, Value a, Value b, Value t) {
  OCTET_ASSIGN(Value d, c.Emit("sub", {b, a}));
  OCTET_ASSIGN(d, c.Emit("mul", {d, t}));
  return c.Emit("add", {a, d});
}

struct Field {
  Value pixels;              // [N, pixels, C]
  std::vector<Extent> size;  // Per axis.
  bool zeros = false;        // Outside: zeros, else the border.
};

// Of [N, C, spatial...].
Result<Field> FieldOf(NodeContext& c, Value image, bool zeros) {
  const Shape s = c.shape(image);
  if (s.rank() < 4 || s.rank() > 5 || s[1] < 1) return c.Fail("an image or a volume of known channels", s.text(), "give the input's shape");
  Field f{{}, {}, zeros};
  const Shape plane(s.dims().subspan(2));
  if (plane.known() && (!c.IsSmall(plane, kFloatIntegers - 1) || plane.elements() < 1)) return c.Fail("1 to 2^24 pixels", s.text(), "");
  for (int axis = 2; axis < s.rank(); ++axis) {
    OCTET_ASSIGN(f.size.emplace_back(), ExtentOf(c, image, axis));
  }
  OCTET_ASSIGN(f.pixels, ChannelsLast(c, image));
  const Dim dims[] = {DimOf(c, image, 0), {plane.known() ? static_cast<int32_t>(plane.elements()) : kUnknown, {}, 0}, DimOf(c, image, 1)};
  OCTET_ASSIGN(f.pixels, Reshape(c, f.pixels, dims));
  return f;
}

// The pixels at whole coordinates, [N, samples] per axis; outside 0 or the nearest one.
Result<Value> Pick(NodeContext& c, const Field& f, std::span<const Value> at) {
  Value place, inside;
  for (size_t i = 0; i < at.size(); ++i) {
    OCTET_ASSIGN(const Value last, Part(c, f.size[i], 1, -1));
    OCTET_ASSIGN(const Value near, Clamp(c, at[i], last));
    if (place) {
      OCTET_ASSIGN(const Value size, Part(c, f.size[i], 1, 0));
      OCTET_ASSIGN(place, c.Emit("mul", {place, size}));
    }
    OCTET_ASSIGN(place, place ? c.Emit("add", {place, near}) : Result<Value>(near));
    if (!f.zeros) continue;
    OCTET_ASSIGN(Value same, c.Emit("equal", {at[i], near}));
    OCTET_ASSIGN(same, c.Cast(same, DType::kF32));
    OCTET_ASSIGN(inside, inside ? c.Emit("mul", {inside, same}) : Result<Value>(same));
  }
  OCTET_ASSIGN(place, c.Cast(place, DType::kI32));
  OCTET_ASSIGN(const Value v, c.Make("gather", {f.pixels, place}, {{"axis", 1}, {"batch_dims", 1}}));
  if (!inside) return v;
  OCTET_ASSIGN(inside, c.Make("expand_dims", {inside, c.ScalarInt(2)}));
  return c.Emit("mul", {v, inside});
}

// Between the pixels around a place, axis by axis.
class Linear {
 public:
  Linear(NodeContext& c, const Field& f) : c_(c), f_(f) {}

  Result<Value> At(std::span<const Value> at) {
    for (const Value v : at) {
      OCTET_ASSIGN(const Value low, c_.Emit("floor", {v}));
      OCTET_ASSIGN(const Value high, Plus(c_, low, 1));
      OCTET_ASSIGN(Value share, c_.Emit("sub", {v, low}));
      OCTET_ASSIGN(share, c_.Make("expand_dims", {share, c_.ScalarInt(2)}));
      low_.push_back(low), high_.push_back(high), share_.push_back(share);
    }
    corner_ = low_;
    return From(0);
  }

 private:
  Result<Value> From(size_t axis) {
    if (axis == low_.size()) return Pick(c_, f_, corner_);
    corner_[axis] = low_[axis];
    OCTET_ASSIGN(const Value a, From(axis + 1));
    corner_[axis] = high_[axis];
    OCTET_ASSIGN(const Value b, From(axis + 1));
    return Between(c_, a, b, share_[axis]);
  }

  NodeContext& c_;
  const Field& f_;
  std::vector<Value> low_, high_, share_, corner_;
};

// ----------------------------------------------------------------------------------- grids

// At the borders, again and again: |v - 2*span*round(v / (2*span))|, a triangle wave.
Result<Value> Reflected(NodeContext& c, Value v, const Extent& size, bool align) {
  const float low = align ? 0.0f : -0.5f;
  OCTET_ASSIGN(Value wave, Part(c, size, 2, align ? -2 : 0));
  OCTET_ASSIGN(wave, c.Emit("maximum", {wave, c.Scalar(2)}));
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
Result<Value> ToPixels(NodeContext& c, Value v, const Extent& size, bool align, const std::string& padding) {
  OCTET_ASSIGN(const Value half, Part(c, size, 0.5f, align ? -0.5f : 0));
  OCTET_ASSIGN(v, Plus(c, v, 1));
  OCTET_ASSIGN(v, c.Emit("mul", {v, half}));
  if (!align) {
    OCTET_ASSIGN(v, Plus(c, v, -0.5f));
  }
  return padding == "reflection" ? Reflected(c, v, size, align) : Result<Value>(v);
}

// Keys' kernel with a = -0.75 over four pixels of each axis; which lie outside is decided pixel by pixel, as torch and
// onnxruntime do: a place beyond the border is not moved there first.
class Cubic {
 public:
  Cubic(NodeContext& c, const Field& f, bool align, const std::string& padding) : c_(c), f_(f), align_(align), padding_(padding) {}

  Result<Value> At(std::span<const Value> at) {
    for (size_t axis = 0; axis < at.size(); ++axis) {
      OCTET_ASSIGN(const Value low, c_.Emit("floor", {at[axis]}));
      OCTET_ASSIGN(const Value share, c_.Emit("sub", {at[axis], low}));
      Taps& taps = taps_.emplace_back();
      for (int k = 0; k < kTaps; ++k) {
        OCTET_ASSIGN(taps.at[k], Plus(c_, low, static_cast<float>(k - 1)));
        if (padding_ == "reflection") {
          OCTET_ASSIGN(taps.at[k], Reflected(c_, taps.at[k], f_.size[axis], align_));
          OCTET_ASSIGN(taps.at[k], c_.Emit("round", {taps.at[k]}));
        }
        OCTET_ASSIGN(taps.weight[k], Weight(share, k));
      }
    }
    corner_.resize(at.size());
    return From(0);
  }

 private:
  static constexpr int kTaps = 4;
  struct Taps {
    Value at[kTaps], weight[kTaps];
  };

  // With a = -3/4 and d the distance: (a+2) d^3 - (a+3) d^2 + 1 up to 1, a (d^3 - 5 d^2 + 8 d - 4) beyond.
  Result<Value> Weight(Value share, int k) {
    constexpr float kA = -0.75f;
    Value d = share;
    if (k == 0) {
      OCTET_ASSIGN(d, Plus(c_, share, 1));
    } else if (k >= 2) {
      OCTET_ASSIGN(d, c_.Emit("sub", {c_.Scalar(static_cast<float>(k - 1)), share}));
    }
    const bool near = k == 1 || k == 2;
    OCTET_ASSIGN(Value w, Times(c_, d, near ? kA + 2 : kA));
    OCTET_ASSIGN(w, Plus(c_, w, near ? -(kA + 3) : -5 * kA));
    OCTET_ASSIGN(w, c_.Emit("mul", {w, d}));
    if (!near) {
      OCTET_ASSIGN(w, Plus(c_, w, 8 * kA));
    }
    OCTET_ASSIGN(w, c_.Emit("mul", {w, d}));
    OCTET_ASSIGN(w, Plus(c_, w, near ? 1 : -4 * kA));
    return c_.Make("expand_dims", {w, c_.ScalarInt(2)});
  }

  Result<Value> From(size_t axis) {
    if (axis == taps_.size()) return Pick(c_, f_, corner_);
    Value sum;
    for (int k = 0; k < kTaps; ++k) {
      corner_[axis] = taps_[axis].at[k];
      OCTET_ASSIGN(Value part, From(axis + 1));
      OCTET_ASSIGN(part, c_.Emit("mul", {part, taps_[axis].weight[k]}));
      OCTET_ASSIGN(sum, sum ? c_.Emit("add", {sum, part}) : Result<Value>(part));
    }
    return sum;
  }

  NodeContext& c_;
  const Field& f_;
  const bool align_;
  const std::string& padding_;
  std::vector<Taps> taps_;
  std::vector<Value> corner_;
};

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
  OCTET_ASSIGN(std::vector<Value> at, c.MakeMany("unpack", {points}, {{"num", axes}, {"axis", 2}}, axes));
  std::ranges::reverse(at);
  const bool align = c.Bool("align_corners", false);
  for (size_t i = 0; i < at.size(); ++i) {
    OCTET_ASSIGN(at[i], ToPixels(c, at[i], f.size[i], align, padding));
    if (mode == "nearest") {
      OCTET_ASSIGN(at[i], c.Emit("round", {at[i]}));
    }
  }
  OCTET_ASSIGN(Value result, mode == "nearest" ? Pick(c, f, at) : cubic ? Cubic(c, f, align, padding).At(at) : Linear(c, f).At(at));
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
  OCTET_ASSIGN(const Value v, Linear(c, f).At(at));
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
