// SPDX-License-Identifier: Apache-2.0
// Resize and Upsample. The operators know nearest and linear over height and width with three ways of placing
// pixels; all others, along any axis, become products with constant matrices: y = M x, one row of weights per output. Those to or from a size
// that is data are gathered.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "importers/limits.h"
#include "importers/lowerings/activation.h"
#include "importers/onnx/layers/image.h"
#include "importers/onnx/rules.h"
#include "ops/keras_conv_util.h"
#include "ops/resize_util.h"

namespace octet::importers::onnx {
namespace {

struct Mode {
  std::string kind, place, nearest, policy;
  double cubic = -0.75, extrapolation = 0;
  bool exclude_outside = false, antialias = false;
};

struct Target {
  std::vector<int32_t> size;    // Per axis; kUnknown where the input is unknown.
  std::vector<double> scale;
  std::vector<double> roi;      // begins, then ends.
  Value computed_roi;           // Where they are no constants: for all axes, or for `axes`.
  std::vector<int64_t> axes;
  bool from_sizes = false;
};

constexpr double kMostSize = kFloatIntegers, kMostScale = 1 << 16;

// A size from a product of the file's numbers, rounded down.
Result<int32_t> SizeOf(NodeContext& c, double v) {
  if (!(v >= 1 && v <= kMostSize)) return c.Fail("an image of 1 to 2^24 pixels a side", Format("%g", v), "check the model's scales and sizes");
  return static_cast<int32_t>(v);
}

double SourceOf(const Mode& m, const Target& t, int axis, int32_t i, int32_t in) {
  const auto a = static_cast<size_t>(axis);
  const double out = t.size[a], scale = t.scale[a];
  if (m.place == "asymmetric") return i / scale;
  if (m.place == "align_corners") {  // Of the size before it is rounded.
    const double exact = t.from_sizes ? out : scale * in;
    return out <= 1 ? 0 : i * (in - 1.0) / (exact - 1.0);
  }
  if (m.place == "pytorch_half_pixel") return out > 1 ? (i + 0.5) / scale - 0.5 : 0;
  if (m.place == "half_pixel_symmetric") {
    const double adjust = out / (scale * in), offset = in / 2.0 * (1 - adjust);
    return offset + (i + 0.5) / scale - 0.5;
  }
  if (m.place == "tf_half_pixel_for_nn") return (i + 0.5) / scale;
  if (m.place == "tf_crop_and_resize") {
    const double from = t.roi[a], to = t.roi[a + t.size.size()];
    return out > 1 ? from * (in - 1) + i * (to - from) * (in - 1) / (out - 1) : 0.5 * (from + to) * (in - 1);
  }
  return (i + 0.5) / scale - 0.5;
}

int64_t Nearest(const Mode& m, double x) {
  if (m.nearest == "floor") return static_cast<int64_t>(std::floor(x));
  if (m.nearest == "ceil") return static_cast<int64_t>(std::ceil(x));
  if (m.nearest == "round_prefer_ceil") return static_cast<int64_t>(std::floor(x + 0.5));
  return static_cast<int64_t>(std::ceil(x - 0.5));  // round_prefer_floor
}

double Kernel(const Mode& m, double d) {
  d = std::abs(d);
  if (m.kind == "linear") return std::max(0.0, 1 - d);
  const double a = m.cubic;
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

// Weights [out, in] of one axis.
std::vector<float> Matrix(const Mode& m, const Target& t, int axis, int32_t in) {
  const auto a = static_cast<size_t>(axis);
  const int32_t out = t.size[a];
  std::vector<float> w(static_cast<size_t>(out) * static_cast<size_t>(in), 0.0f);
  for (int32_t i = 0; i < out; ++i) {
    float* row = w.data() + static_cast<size_t>(i) * static_cast<size_t>(in);
    const double x = SourceOf(m, t, axis, i, in);
    if (m.place == "tf_crop_and_resize" && (x < 0 || x > in - 1)) continue;  // Extrapolated: added elsewhere.
    if (m.kind == "nearest") {
      row[std::clamp<int64_t>(Nearest(m, x), 0, in - 1)] = 1.0f;
      continue;
    }
    const double stretch = m.antialias ? std::max(1.0, 1.0 / t.scale[a]) : 1.0, reach = (m.kind == "linear" ? 1 : 2) * stretch;
    double sum = 0;
    std::vector<std::pair<int64_t, double>> taps;
    for (auto k = static_cast<int64_t>(std::floor(x - reach)); k <= static_cast<int64_t>(std::ceil(x + reach)); ++k) {
      const bool outside = k < 0 || k >= in;
      const double weight = m.exclude_outside && outside ? 0 : Kernel(m, (static_cast<double>(k) - x) / stretch);
      sum += weight;
      taps.emplace_back(std::clamp<int64_t>(k, 0, in - 1), weight);
    }
    for (const auto& [k, weight] : taps) row[k] += static_cast<float>(weight / (sum != 0 ? sum : 1));
  }
  return w;
}

// Along one axis: it goes last, through fully_connected, and back.
Result<Value> Along(NodeContext& c, Value x, int axis, const std::vector<float>& weights, int32_t out) {
  const int rank = c.rank(x);
  std::vector<int32_t> order;
  for (int i = 0; i < rank; ++i) order.push_back(i == axis ? rank - 1 : i == rank - 1 ? axis : i);
  OCTET_ASSIGN(Value v, c.Transpose(x, order));
  const int32_t in = c.shape(v).back();
  const std::vector<float> zeros(static_cast<size_t>(out), 0.0f);
  OCTET_ASSIGN(
      v, c.Make("fully_connected", {v, c.Constant<float>(Shape{out, in}, weights), c.Constant<float>(Shape{out}, zeros)}, {{"keep_num_dims", rank != 2}}));
  return c.Transpose(v, order);
}

// Weights [out, in] of one axis whose region is computed: 1 - |where the new pixel lies - where the old one is|, nothing below 0.
Result<Value> ComputedMatrix(NodeContext& c, const Target& t, size_t at, int32_t out, int32_t in) {
  const auto number = [&](size_t i) { return c.Make("slice", {t.computed_roi, c.Vector({static_cast<int32_t>(i)}), c.Vector({1})}); };
  OCTET_ASSIGN(Value from, number(at));
  OCTET_ASSIGN(Value to, number(at + t.axes.size()));
  std::vector<float> part(static_cast<size_t>(out)), pixels(static_cast<size_t>(in));
  for (int32_t i = 0; i < out; ++i) part[static_cast<size_t>(i)] = out > 1 ? static_cast<float>(i) / static_cast<float>(out - 1) : 0.5f;
  std::iota(pixels.begin(), pixels.end(), 0.0f);
  OCTET_ASSIGN(to, c.Make("sub", {to, from}));
  OCTET_ASSIGN(Value place, c.Make("mul", {c.Constant<float>(Shape{out, 1}, part), to}));
  OCTET_ASSIGN(place, c.Make("add", {place, from}));
  OCTET_ASSIGN(place, c.Make("mul", {place, c.Scalar(static_cast<float>(in - 1))}));
  // Outside of the image nothing counts.
  OCTET_ASSIGN(const Value below, c.Make("less", {place, c.Scalar(0.0f)}));
  OCTET_ASSIGN(const Value above, c.Make("greater", {place, c.Scalar(static_cast<float>(in - 1))}));
  OCTET_ASSIGN(const Value outside, c.Make("logical_or", {below, above}));
  OCTET_ASSIGN(place, c.Make("select_v2", {outside, c.Scalar(-1.0f), place}));
  OCTET_ASSIGN(Value w, c.Make("sub", {place, c.Constant<float>(Shape{in}, pixels)}));
  OCTET_ASSIGN(w, c.Make("abs", {w}));
  OCTET_ASSIGN(w, c.Make("sub", {c.Scalar(1.0f), w}));
  return c.Make("relu", {w});
}

// As ByMatrices, where the region is computed; images keep what lies before height and width.
Result<Value> ByComputedMatrices(NodeContext& c, Value x, const Mode& m, const Target& t) {
  const Shape in = c.shape(x);
  if (m.kind != "linear" || m.extrapolation != 0 || m.antialias || !t.from_sizes)
    return c.Fail("a constant region, or one of a linear resize to constant sizes", m.kind, "export with a constant region");
  for (size_t i = 0; i < t.axes.size(); ++i) {
    const auto axis = static_cast<int>(t.axes[i]), rank = in.rank();
    if (axis < 2) continue;
    const int32_t out = t.size[static_cast<size_t>(axis)];
    if (in[axis] == kUnknown || int64_t{out} * in[axis] > kMostWritten)
      return c.Fail("a small image of known size", in.text(), "give the input's size with --input");
    OCTET_ASSIGN(const Value w, ComputedMatrix(c, t, i, out, in[axis]));
    std::vector<int32_t> order;
    for (int a = 0; a < rank; ++a) order.push_back(a == axis ? rank - 1 : a == rank - 1 ? axis : a);
    OCTET_ASSIGN(x, c.Transpose(x, order));
    OCTET_ASSIGN(x, c.Make("batch_matmul", {x, w}, {{"adj_y", 1}}));
    OCTET_ASSIGN(x, c.Transpose(x, order));
  }
  return x;
}

Result<Value> ByMatrices(NodeContext& c, Value x, const Mode& m, const Target& t) {
  if (t.computed_roi) return ByComputedMatrices(c, x, m, t);
  const Shape in = c.shape(x);
  for (int a = 0; a < in.rank(); ++a) {
    const auto k = static_cast<size_t>(a);
    const bool crops = m.place == "tf_crop_and_resize" && (t.roi[k] != 0 || t.roi[k + t.size.size()] != 1);
    if (in[a] == kUnknown || (t.size[k] == in[a] && !crops && t.scale[k] == 1.0)) continue;
    if (int64_t{t.size[k]} * in[a] > kMostWritten) return c.Fail("a smaller image", in.text(), "");
    const std::vector<float> w = Matrix(m, t, a, in[a]);
    OCTET_ASSIGN(x, Along(c, x, a, w, t.size[k]));
  }
  if (m.place != "tf_crop_and_resize" || m.extrapolation == 0) return x;
  // Outside the image: the extrapolation value.
  Shape s(t.size);
  if (!s.known() || s.elements() > kMostWritten) return c.Fail("an image of known size", in.text(), "");
  std::vector<std::byte> outside(static_cast<size_t>(s.elements()));
  for (int64_t i = 0; i < s.elements(); ++i) {
    int64_t rest = i;
    bool out = false;
    for (int a = s.rank() - 1; a >= 0; --a) {
      const double at = SourceOf(m, t, a, static_cast<int32_t>(rest % s[a]), in[a]);
      out |= t.size[static_cast<size_t>(a)] != in[a] && (at < 0 || at > in[a] - 1);
      rest /= s[a];
    }
    outside[static_cast<size_t>(i)] = static_cast<std::byte>(out);
  }
  return c.Emit("select_v2", {c.Constant(TensorType{DType::kBool, s, {}}, outside), c.Scalar(static_cast<float>(m.extrapolation)), x});
}

// What the operators do: LiteRT's nearest takes floor(i * in/out), with half_pixel_centers floor((i + 0.5) * in/out),
// with align_corners round(i * (in-1)/(out-1)).
bool OperatorFits(const Mode& m, const Target& t, const Shape& in, bool* align, bool* half) {
  if (in.rank() != 4 || m.antialias || (m.kind != "nearest" && m.kind != "linear")) return false;
  for (const int a : {0, 1})
    if (t.scale[static_cast<size_t>(a)] != 1.0) return false;
  *align = *half = false;
  for (const int a : {2, 3}) {
    const auto k = static_cast<size_t>(a);
    const int64_t d = in[a];
    // The operators take in/out for the scale: where sizes are rounded, that is another.
    if (d != kUnknown && !t.from_sizes && std::abs(t.scale[k] * static_cast<double>(d) - t.size[k]) > 1e-6) return false;
    if (d == kUnknown && t.scale[k] != std::floor(t.scale[k])) return false;
  }
  if (m.kind == "linear") {
    if (m.place == "half_pixel" || (m.place == "half_pixel_symmetric")) return *half = true;
    if (m.place == "pytorch_half_pixel") return *half = t.size[2] > 1 && t.size[3] > 1;
    if (m.place == "align_corners") return *align = (t.size[2] > 1 && t.size[3] > 1);
    return m.place == "asymmetric";
  }
  if (m.place == "asymmetric" && m.nearest == "floor") return true;
  if (m.place == "tf_half_pixel_for_nn" && m.nearest == "floor") return *half = true;
  // Whole factors: rounding (i + 0.5)/s - 0.5 is floor(i/s).
  bool whole = true;
  for (const int a : {2, 3}) whole &= t.scale[static_cast<size_t>(a)] >= 1 && t.scale[static_cast<size_t>(a)] == std::floor(t.scale[static_cast<size_t>(a)]);
  return whole && (m.place == "half_pixel" || m.place == "pytorch_half_pixel") && m.nearest.starts_with("round_prefer");
}

Result<Value> SizeOf(NodeContext& c, Value image, const Target& t) {
  if (t.size[2] != kUnknown && t.size[3] != kUnknown) return c.Vector({t.size[2], t.size[3]});
  return ops::ScaledSize(c, image, static_cast<int32_t>(t.scale[2]), static_cast<int32_t>(t.scale[3]));
}

// ------------------------------------------------------------------------- lengths that are data

// Along one axis of an image.
struct OpenAxis {
  int axis = 0;
  Value out;         // The new length, an int32 scalar.
  double scale = 0;  // 0: it is the quotient of the lengths.
};

Result<Value> PlaceInSource(NodeContext& c, const Mode& m, const OpenAxis& a, Value length) {
  OCTET_ASSIGN(const Value in, c.Cast(length, DType::kF32));
  OCTET_ASSIGN(const Value out, c.Cast(a.out, DType::kF32));
  OCTET_ASSIGN(Value place, c.Make("range", {c.Scalar(0.0f), out, c.Scalar(1.0f)}));
  c.RefineShape(place, Shape{kUnknown});
  if (m.place == "align_corners") {  // Of the size before it is rounded.
    OCTET_ASSIGN(const Value exact, a.scale > 0 ? Times(c, in, static_cast<float>(a.scale)) : Result<Value>(out));
    OCTET_ASSIGN(const Value first, Plus(c, in, -1));
    OCTET_ASSIGN(Value second, Plus(c, exact, -1));
    OCTET_ASSIGN(const Value one, c.Emit("equal", {second, c.Scalar(0.0f)}));
    OCTET_ASSIGN(second, c.Emit("select_v2", {one, c.Scalar(1.0f), second}));
    OCTET_ASSIGN(const Value step, c.Emit("div", {first, second}));
    return c.Emit("mul", {place, step});
  }
  const bool middles = m.place == "half_pixel" || m.place == "pytorch_half_pixel";
  OCTET_ASSIGN(place, middles ? Plus(c, place, 0.5f) : Result<Value>(place));
  Value step = c.Scalar(static_cast<float>(a.scale));
  if (a.scale == 0) {
    OCTET_ASSIGN(step, c.Emit("div", {out, in}));
  }
  OCTET_ASSIGN(place, c.Emit("div", {place, step}));
  OCTET_ASSIGN(place, middles ? Plus(c, place, -0.5f) : Result<Value>(place));
  if (m.place != "pytorch_half_pixel") return place;
  OCTET_ASSIGN(Value several, Plus(c, out, -1));  // One pixel is the first one.
  OCTET_ASSIGN(several, c.Emit("minimum", {several, c.Scalar(1)}));
  return c.Emit("mul", {place, several});
}

Result<Value> RoundedPlace(NodeContext& c, const Mode& m, Value place) {
  if (m.nearest == "floor" || m.nearest == "ceil") return c.Emit(m.nearest, {place});
  const bool up = m.nearest == "round_prefer_ceil";
  OCTET_ASSIGN(place, Plus(c, place, up ? 0.5f : -0.5f));
  return c.Emit(up ? "floor" : "ceil", {place});
}

// Pixels of the source for each of the result, with weights that are polynomials of its place behind the first of the middle two; rows of
// `polynomials` are taps.
struct Taps {
  std::vector<int32_t> at;
  std::vector<float> polynomials;  // [taps, 4]: of the powers 0 to 3.
};
Taps TapsOf(const Mode& m) {
  if (m.kind == "linear") return {{0, 1}, {1, -1, 0, 0, 0, 1, 0, 0}};
  const auto a = static_cast<float>(m.cubic);  // Keys' kernel.
  return {{-1, 0, 1, 2}, {0, a, -2 * a, a, 1, 0, -(a + 3), a + 2, 0, -a, 2 * a + 3, -(a + 2), 0, 0, a, -a}};
}

bool GathersOpen(const Mode& m) {
  const bool place = m.place == "half_pixel" || m.place == "pytorch_half_pixel" || m.place == "asymmetric" || m.place == "align_corners";
  return place && !m.antialias && !m.exclude_outside && (m.kind == "nearest" || m.kind == "linear" || m.kind == "cubic");
}

Result<Value> AlongOpen(NodeContext& c, const Mode& m, Value x, const OpenAxis& a) {
  OCTET_ASSIGN(const Value length, ops::DimensionOf(c, x, a.axis));
  OCTET_ASSIGN(const Value last, c.Emit("sub", {length, c.ScalarInt(1)}));
  OCTET_ASSIGN(Value place, PlaceInSource(c, m, a, length));
  const auto inside = [&](Value at) -> Result<Value> {
    OCTET_ASSIGN(at, c.Emit("minimum", {at, last}));
    return c.Emit("maximum", {at, c.ScalarInt(0)});
  };
  if (m.kind == "nearest") {
    OCTET_ASSIGN(Value at, RoundedPlace(c, m, place));
    OCTET_ASSIGN(at, c.Cast(at, DType::kI32));
    OCTET_ASSIGN(at, inside(at));
    return c.Make("gather", {x, at}, {{"axis", a.axis}});
  }
  const Taps taps = TapsOf(m);
  const auto n = static_cast<int32_t>(taps.at.size());
  OCTET_ASSIGN(place, c.Reshape(place, Shape{kUnknown, 1}));
  OCTET_ASSIGN(const Value below, c.Emit("floor", {place}));
  OCTET_ASSIGN(const Value between, c.Emit("sub", {place, below}));
  const float exponents[] = {0, 1, 2, 3};
  const std::vector<float> none(taps.at.size(), 0.0f);
  OCTET_ASSIGN(const Value powers, c.Emit("pow", {between, c.Constant<float>(Shape{1, 4}, exponents)}));
  OCTET_ASSIGN(Value weights, c.Make("fully_connected", {powers, c.Constant<float>(Shape{n, 4}, taps.polynomials), c.Constant<float>(Shape{n}, none)}));
  OCTET_ASSIGN(Value at, c.Cast(below, DType::kI32));
  OCTET_ASSIGN(at, c.Emit("add", {at, c.Constant<int32_t>(Shape{1, n}, taps.at)}));
  OCTET_ASSIGN(at, inside(at));
  const int rank = c.rank(x);
  OCTET_ASSIGN(Value y, c.Make("gather", {x, at}, {{"axis", a.axis}}));
  Shape column{kUnknown, n};
  for (int i = a.axis + 1; i < rank; ++i) column.push_back(1);
  OCTET_ASSIGN(weights, c.Reshape(weights, column));
  OCTET_ASSIGN(y, c.Emit("mul", {y, weights}));
  return c.Make("sum", {y, c.Vector({a.axis + 1})});
}

// By scales that no operator has: the length is that of the source times the scale, rounded down.
Result<Value> ByOpenScales(NodeContext& c, Value x, const Mode& m, const Target& t) {
  const Shape in = c.shape(x);
  if (!GathersOpen(m)) return c.Fail("a known image size", in.text(), "give the input's size with --input");
  for (int axis = 0; axis < in.rank(); ++axis) {
    const auto k = static_cast<size_t>(axis);
    if (t.scale[k] == 1.0) continue;
    Value out = c.ScalarInt(t.size[k]);
    if (in[axis] == kUnknown) {
      OCTET_ASSIGN(out, ops::DimensionOf(c, x, axis));
      OCTET_ASSIGN(out, c.Cast(out, DType::kF32));
      OCTET_ASSIGN(out, Times(c, out, static_cast<float>(t.scale[k])));
      OCTET_ASSIGN(out, c.Emit("floor", {out}));
      OCTET_ASSIGN(out, c.Cast(out, DType::kI32));
    }
    OCTET_ASSIGN(x, AlongOpen(c, m, x, {axis, out, t.scale[k]}));
  }
  c.RefineShape(x, Shape(t.size));
  return x;
}

Status Apply(NodeContext& c, const Mode& m, const Target& t) {
  const DType own = c.type(c.Input(0)).dtype;
  OCTET_ASSIGN(Value x, c.Cast(c.Input(0), DType::kF32));
  const Shape in = c.shape(x);
  bool align = false, half = false;
  Value y;
  if (OperatorFits(m, t, in, &align, &half)) {
    OCTET_ASSIGN(const Value image, ChannelsLast(c, x));
    OCTET_ASSIGN(const Value size, SizeOf(c, image, t));
    OCTET_ASSIGN(y, c.Make(m.kind == "nearest" ? "resize_nearest_neighbor" : "resize_bilinear", {image, size},
                           {{"align_corners", align}, {"half_pixel_centers", half}}));
    c.RefineShape(y, Shape{in[0], t.size[2], t.size[3], in[1]});  // The size may be data.
    OCTET_ASSIGN(y, ChannelsSecond(c, y));
  } else {
    bool open = false;
    for (int a = 0; a < in.rank(); ++a) open |= in[a] == kUnknown && t.scale[static_cast<size_t>(a)] != 1.0;
    OCTET_ASSIGN(y, open ? ByOpenScales(c, x, m, t) : ByMatrices(c, x, m, t));
  }
  OCTET_ASSIGN(y, c.Cast(y, own));
  c.SetOutput(0, y);
  return {};
}

// Whether a size of axis a is the image's own: one that stands where the batch is open is that of the sample which the model was traced with.
bool IsOwn(const Number& n, Value image, const Shape& in, int32_t a) {
  return n.Is(image.id, a) || (n.known && (n.value == in[a] || (in[a] == kUnknown && a < 2 && in.rank() > 2)));
}

// Scales and sizes, given for all axes or for `axes`.
Status ReadTarget(NodeContext& c, int scales_at, int sizes_at, int roi_at, Target* t) {
  const Shape in = c.shape(c.Input(0));
  const int rank = in.rank();
  t->scale.assign(static_cast<size_t>(rank), 1.0);
  t->roi.assign(static_cast<size_t>(2 * rank), 0.0);
  std::fill(t->roi.begin() + rank, t->roi.end(), 1.0);
  for (int i = 0; i < rank; ++i) t->size.push_back(in[i]);
  std::vector<int64_t> axes = c.Ints("axes", {});
  for (int i = 0; i < rank && !c.Has("axes"); ++i) axes.push_back(i);
  for (int64_t& a : axes) {
    OCTET_ASSIGN(a, c.Axis(a, rank));
  }
  std::vector<float> scales;
  for (const double s : c.Numbers("scales", {})) scales.push_back(static_cast<float>(s));
  if (scales_at >= 0 && c.Input(scales_at)) scales = c.FloatsOf(c.Input(scales_at));
  const bool crops = c.Text("coordinate_transformation_mode", "") == "tf_crop_and_resize";
  const Value region = roi_at >= 0 && crops ? c.Input(roi_at) : Value{};
  const std::vector<float> roi = region ? c.FloatsOf(region) : std::vector<float>();
  if (region && !c.is_constant(region)) t->computed_roi = region;
  t->axes = axes;
  for (const float v : roi)
    if (!(std::fabs(v) <= 1024)) return c.Fail("a region near the image", std::to_string(v), "check the model");
  for (size_t i = 0; i < axes.size() && roi.size() == 2 * axes.size(); ++i) {
    t->roi[static_cast<size_t>(axes[i])] = static_cast<double>(roi[i]);
    t->roi[static_cast<size_t>(axes[i] + rank)] = static_cast<double>(roi[i + axes.size()]);
  }
  if (scales.size() == axes.size() && !scales.empty()) {
    for (size_t i = 0; i < axes.size(); ++i) {
      const auto a = static_cast<size_t>(axes[i]);
      if (!(scales[i] >= 1 / kMostScale && scales[i] <= kMostScale)) return c.Fail("positive scales", std::to_string(scales[i]), "check the model");
      t->scale[a] = static_cast<double>(scales[i]);
      if (in[static_cast<int>(a)] == kUnknown) continue;
      const double part = crops ? t->roi[a + static_cast<size_t>(rank)] - t->roi[a] : 1.0;
      OCTET_ASSIGN(t->size[a], SizeOf(c, static_cast<double>(in[static_cast<int>(a)]) * static_cast<double>(scales[i]) * part));
    }
    return {};
  }
  const Partial sizes = sizes_at >= 0 ? c.PartialOf(c.Input(sizes_at)) : Partial{};
  if (!sizes.valid || sizes.numbers.size() != axes.size()) return c.Fail("constant scales or sizes", "computed ones", "export with a fixed input size");
  t->from_sizes = true;
  const std::string policy = c.Text("keep_aspect_ratio_policy", "stretch");
  double common = policy == "not_larger" ? 1e30 : 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto a = static_cast<size_t>(axes[i]);
    const Number& n = sizes.numbers[i];
    const int32_t own = in[static_cast<int>(a)];
    if (n.Is(c.Input(0).id, static_cast<int32_t>(a)) || (own == kUnknown && IsOwn(n, c.Input(0), in, static_cast<int32_t>(a)))) continue;
    if (!n.known || n.value < 1 || n.value > kMostSize) return c.Fail("constant sizes", "computed ones", "export with a fixed input size");
    if (own < 1) return c.Fail("a known image size for a given one", in.text(), "give the input's size with --input");
    t->size[a] = static_cast<int32_t>(n.value);
    t->scale[a] = static_cast<double>(n.value) / own;
    common = policy == "not_larger" ? std::min(common, t->scale[a]) : std::max(common, t->scale[a]);
  }
  for (size_t i = 0; i < axes.size() && policy != "stretch"; ++i) {
    const auto a = static_cast<size_t>(axes[i]);
    t->scale[a] = common;
    OCTET_ASSIGN(t->size[a], SizeOf(c, common * in[static_cast<int>(a)] + 0.5));
    t->from_sizes = false;
  }
  return {};
}

// An image whose size, or the one it gets, is data.
struct OpenSize {
  Value size;  // [height, width], of 32 bits.
  Shape shape;
};

// Without a size where all is known, or more than height and width changes.
Result<OpenSize> ReadOpenSize(NodeContext& c, const Mode& m) {
  const Value x = c.Input(0);
  const Shape in = c.shape(x);
  if (!c.Input(3)) return OpenSize{};
  Partial sizes = c.PartialOf(c.Input(3));
  if (!sizes.valid) sizes = Computed(c.shape(c.Input(3)));
  std::vector<int64_t> axes = c.Ints("axes", {0, 1, 2, 3});
  if (in.rank() != 4 || !sizes.valid || sizes.numbers.size() != axes.size() || m.policy != "stretch" || m.antialias || m.exclude_outside) return OpenSize{};
  OpenSize open{{}, in};
  int32_t at[] = {-1, -1};
  bool computed = false;
  for (size_t i = 0; i < axes.size(); ++i) {
    OCTET_ASSIGN(const int32_t a, c.Axis(axes[i], 4));
    const Number& n = sizes.numbers[i];
    const bool own = IsOwn(n, x, in, a);
    if (a < 2 && !own) return OpenSize{};
    if (a < 2) continue;
    if (n.known && !(n.value >= 1 && n.value <= kMostSize)) return OpenSize{};
    at[a - 2] = static_cast<int32_t>(i);
    computed |= !own && (!n.known || in[a] == kUnknown);
    open.shape[a] = n.known ? static_cast<int32_t>(n.value) : kUnknown;
  }
  if (!computed || at[0] < 0 || at[1] < 0) return OpenSize{};
  OCTET_ASSIGN(const Value list, c.Cast(c.Input(3), DType::kI32));
  OCTET_ASSIGN(open.size, c.Make("gather", {list, c.Vector({at[0], at[1]})}, {{"axis", 0}}));
  return open;
}

Status ApplyOpenSize(NodeContext& c, const Mode& m, const OpenSize& open) {
  const DType own = c.type(c.Input(0)).dtype;
  OCTET_ASSIGN(Value x, c.Cast(c.Input(0), DType::kF32));
  const bool linear = m.kind == "linear" && (m.place == "half_pixel" || m.place == "align_corners" || m.place == "asymmetric");
  const bool nearest = m.kind == "nearest" && m.nearest == "floor" && (m.place == "asymmetric" || m.place == "tf_half_pixel_for_nn");
  if (linear || nearest) {
    OCTET_ASSIGN(x, ChannelsLast(c, x));
    const bool half = m.place == "half_pixel" || m.place == "tf_half_pixel_for_nn";
    const std::string_view op = linear ? "resize_bilinear" : "resize_nearest_neighbor";
    OCTET_ASSIGN(x, c.Make(op, {x, open.size}, {{"align_corners", m.place == "align_corners"}, {"half_pixel_centers", half}}));
    c.RefineShape(x, Shape{open.shape[0], open.shape[2], open.shape[3], open.shape[1]});
    OCTET_ASSIGN(x, ChannelsSecond(c, x));
  } else if (GathersOpen(m)) {
    for (const int32_t axis : {2, 3}) {
      OCTET_ASSIGN(const Value size, c.Make("gather", {open.size, c.ScalarInt(axis - 2)}, {{"axis", 0}}));
      OCTET_ASSIGN(x, AlongOpen(c, m, x, {axis, size}));
    }
  } else {
    return c.Fail("constant sizes for " + m.kind + ", " + m.place, "computed ones", "export with a fixed input size");
  }
  c.RefineShape(x, open.shape);
  return Set(c, c.Cast(x, own));
}

Status ConvertResize(NodeContext& c) {
  Mode m{c.Text("mode", "nearest"), c.Text("coordinate_transformation_mode", "half_pixel"), c.Text("nearest_mode", "round_prefer_floor"),
         c.Text("keep_aspect_ratio_policy", "stretch"),
         c.Number("cubic_coeff_a", -0.75), c.Number("extrapolation_value", 0), c.Bool("exclude_outside", false), c.Bool("antialias", false)};
  Target t;
  if (c.version() < 11) {  // Scales are input 1; pixels are placed asymmetrically.
    m.place = "asymmetric";
    m.nearest = "floor";
    OCTET_TRY(ReadTarget(c, 1, -1, -1, &t));
  } else {
    OCTET_ASSIGN(const OpenSize open, ReadOpenSize(c, m));
    if (open.size) return ApplyOpenSize(c, m, open);
    OCTET_TRY(ReadTarget(c, 2, 3, 1, &t));
  }
  return Apply(c, m, t);
}

Status ConvertUpsample(NodeContext& c) {
  Mode m{c.Text("mode", "nearest"), "asymmetric", "floor", "", -0.75, 0, false, false};
  if (m.kind == "bilinear") m.kind = "linear";
  Target t;
  OCTET_TRY(ReadTarget(c, c.version() >= 9 ? 1 : -1, -1, -1, &t));
  return Apply(c, m, t);
}

constexpr NodeRule kRules[] = {{"Resize", 0, ConvertResize}, {"Upsample", 0, ConvertUpsample}};

}  // namespace

const std::span<const NodeRule> kResizeRules = kRules;

}  // namespace octet::importers::onnx
