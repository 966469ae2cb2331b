// SPDX-License-Identifier: Apache-2.0
// Regions of images, each cut into as many bins: RoiAlign, MaxRoiPool.
#include <algorithm>

#include "importers/limits.h"
#include "importers/lowerings/activation.h"
#include "importers/lowerings/dims.h"
#include "importers/onnx/layers/image.h"
#include "importers/onnx/rules.h"
#include "ops/keras_conv_util.h"

namespace octet::importers::onnx {
namespace {

// Along one axis of every region: the pixels around each sample, and how much of each it takes.
struct Samples {
  Value low, high;              // int32 [regions, samples]
  Value low_share, high_share;  // [regions, samples]
};

// How a region is cut along one axis.
struct Bins {
  int32_t count = 1, ratio = 0;  // Samples in a bin; 0: as many as pixels.
  bool sums = false;             // Samples are added up, each with its share; else one that is there twice changes nothing.
};

// Where samples lie, as parts of the region's length: [1 or regions, bins * samples].
struct Places {
  Value parts, shares;  // What each counts, where bins have unlike numbers.
  Dim samples;          // In a bin.
};

// Sample s of n lies in the middle of the nth part of its bin.
Places FixedPlaces(NodeContext& c, const Bins& b) {
  const int32_t n = b.count * b.ratio;
  std::vector<float> middles;
  for (int32_t s = 0; s < n; ++s) middles.push_back((static_cast<float>(s) + 0.5f) / static_cast<float>(n));
  return {c.Constant<float>(Shape{1, n}, middles), {}, Dim{b.ratio, {}, 0}};
}

// All regions have as many samples as the longest; shorter ones take their last one for those they lack, which then counts nothing.
Result<Places> PlacesByLength(NodeContext& c, Value length, const Bins& b) {
  OCTET_ASSIGN(Value own, Times(c, length, 1.0f / static_cast<float>(b.count)));
  OCTET_ASSIGN(own, c.Emit("ceil", {own}));
  OCTET_ASSIGN(const Value some, c.Emit("maximum", {own, c.Scalar(1)}));
  OCTET_ASSIGN(Value most, c.Make("reduce_max", {some, c.Vector({0, 1})}));
  OCTET_ASSIGN(most, c.Emit("maximum", {most, c.Scalar(1)}));  // Without regions, too.
  OCTET_ASSIGN(const Value all, c.Make("range", {c.Scalar(0), most, c.Scalar(1)}));
  c.RefineShape(all, Shape{kUnknown});
  OCTET_ASSIGN(const Value last, Plus(c, some, -1));
  OCTET_ASSIGN(Value middle, c.Emit("minimum", {all, last}));
  OCTET_ASSIGN(middle, Plus(c, middle, 0.5f));
  OCTET_ASSIGN(middle, c.Emit("div", {middle, some}));
  OCTET_ASSIGN(middle, c.Make("expand_dims", {middle, c.ScalarInt(1)}));
  std::vector<float> begins;
  for (int32_t i = 0; i < b.count; ++i) begins.push_back(static_cast<float>(i));
  OCTET_ASSIGN(Value parts, c.Emit("add", {middle, c.Constant<float>(Shape{1, b.count, 1}, begins)}));
  OCTET_ASSIGN(parts, Times(c, parts, 1.0f / static_cast<float>(b.count)));
  const Dim rows[] = {DimOf(c, length, 0), {}};
  Places p{{}, {}, DimOf(c, all, 0)};
  OCTET_ASSIGN(p.parts, Reshape(c, parts, rows));
  if (!b.sums) return p;
  OCTET_ASSIGN(Value share, c.Emit("less", {all, own}));
  OCTET_ASSIGN(share, c.Cast(share, DType::kF32));
  OCTET_ASSIGN(share, c.Emit("div", {share, some}));
  OCTET_ASSIGN(p.shares, c.Make("tile", {share, c.Vector({1, b.count})}));
  return p;
}

// How long the image is along an axis.
struct Extent {
  Value cells;       // int32 [].
  Value size, last;  // The same as a float, and where the last pixel is.
};

Result<Extent> ExtentOf(NodeContext& c, int axis) {
  Extent e;
  OCTET_ASSIGN(e.cells, ops::DimensionOf(c, c.Input(0), axis));
  const int32_t known = c.shape(c.Input(0))[axis];
  OCTET_ASSIGN(e.size, known == kUnknown ? c.Cast(e.cells, DType::kF32) : Result<Value>(c.Scalar(static_cast<float>(known))));
  OCTET_ASSIGN(e.last, known == kUnknown ? Plus(c, e.size, -1) : Result<Value>(c.Scalar(static_cast<float>(known - 1))));
  return e;
}

// From -1 to its size a sample is on the image, whose border goes on outside.
Result<Samples> SamplesOf(NodeContext& c, Value from, Value length, const Places& places, const Extent& image) {
  OCTET_ASSIGN(Value at, c.Emit("mul", {length, places.parts}));
  OCTET_ASSIGN(at, c.Emit("add", {at, from}));
  OCTET_ASSIGN(Value inside, c.Emit("greater_equal", {at, c.Scalar(-1)}));
  OCTET_ASSIGN(const Value before, c.Emit("less_equal", {at, image.size}));
  OCTET_ASSIGN(inside, c.Emit("logical_and", {inside, before}));
  OCTET_ASSIGN(inside, c.Cast(inside, DType::kF32));
  if (places.shares) {
    OCTET_ASSIGN(inside, c.Emit("mul", {inside, places.shares}));
  }
  OCTET_ASSIGN(at, Clamp(c, at, image.last));
  OCTET_ASSIGN(const Value low, c.Emit("floor", {at}));
  OCTET_ASSIGN(Value high, Plus(c, low, 1));
  OCTET_ASSIGN(high, c.Emit("minimum", {high, image.last}));
  Samples s;
  OCTET_ASSIGN(s.high_share, c.Emit("sub", {at, low}));
  OCTET_ASSIGN(s.high_share, c.Emit("mul", {s.high_share, inside}));
  OCTET_ASSIGN(s.low_share, c.Emit("sub", {inside, s.high_share}));
  OCTET_ASSIGN(s.low, c.Cast(low, DType::kI32));
  OCTET_ASSIGN(s.high, c.Cast(high, DType::kI32));
  return s;
}

struct Regions {
  Value pixels;                            // [N * H * W, C]
  Value first_row;                         // int32 [regions, 1]: of each region's image.
  Value width;                             // int32 [].
  Samples y, x;
  Dim samples_y, samples_x;                // In a bin.
};

// The share of one of the four pixels around each sample times that pixel: [regions, rows, columns, C].
Result<Value> Corner(NodeContext& c, const Regions& r, bool lower, bool right) {
  OCTET_ASSIGN(Value row, c.Emit("add", {lower ? r.y.high : r.y.low, r.first_row}));
  OCTET_ASSIGN(row, c.Emit("mul", {row, r.width}));
  OCTET_ASSIGN(row, c.Make("expand_dims", {row, c.ScalarInt(2)}));
  OCTET_ASSIGN(const Value column, c.Make("expand_dims", {right ? r.x.high : r.x.low, c.ScalarInt(1)}));
  OCTET_ASSIGN(const Value at, c.Emit("add", {row, column}));
  OCTET_ASSIGN(const Value v, c.Make("gather", {r.pixels, at}, {{"axis", 0}}));
  OCTET_ASSIGN(const Value down, c.Make("expand_dims", {lower ? r.y.high_share : r.y.low_share, c.ScalarInt(2)}));
  OCTET_ASSIGN(const Value across, c.Make("expand_dims", {right ? r.x.high_share : r.x.low_share, c.ScalarInt(1)}));
  OCTET_ASSIGN(Value share, c.Emit("mul", {down, across}));
  OCTET_ASSIGN(share, c.Make("expand_dims", {share, c.ScalarInt(3)}));
  return c.Emit("mul", {v, share});
}

// x1, y1, x2, y2 [regions, 4] as where each axis begins and how long it is; columns of [regions, 1].
Status ReadRegions(NodeContext& c, const Bins& rows, const Bins& columns, Regions* r) {
  const bool half = c.version() >= 16 && c.Text("coordinate_transformation_mode", "half_pixel") == "half_pixel";
  OCTET_ASSIGN(Value boxes, Times(c, c.Input(1), static_cast<float>(c.Number("spatial_scale", 1))));
  if (half) {
    OCTET_ASSIGN(boxes, Plus(c, boxes, -0.5f));
  }
  OCTET_ASSIGN(const std::vector<Value> side, c.MakeMany("split", {c.ScalarInt(1), boxes}, {{"num_splits", 4}}, 4));
  OCTET_ASSIGN(const Extent height, ExtentOf(c, 2));
  OCTET_ASSIGN(const Extent width, ExtentOf(c, 3));
  for (int axis = 0; axis < 2; ++axis) {
    const size_t first = axis == 0 ? 1 : 0;  // y, then x.
    OCTET_ASSIGN(Value length, c.Emit("sub", {side[first + 2], side[first]}));
    if (!half) {
      OCTET_ASSIGN(length, c.Emit("maximum", {length, c.Scalar(1)}));
    }
    const Bins& bins = axis == 0 ? rows : columns;
    OCTET_ASSIGN(const Places places, bins.ratio > 0 ? Result<Places>(FixedPlaces(c, bins)) : PlacesByLength(c, length, bins));
    OCTET_ASSIGN((axis == 0 ? r->y : r->x), SamplesOf(c, side[first], length, places, axis == 0 ? height : width));
    (axis == 0 ? r->samples_y : r->samples_x) = places.samples;
  }
  OCTET_ASSIGN(Value image, c.Cast(c.Input(2), DType::kI32));
  OCTET_ASSIGN(image, c.Make("expand_dims", {image, c.ScalarInt(1)}));
  OCTET_ASSIGN(r->first_row, c.Emit("mul", {image, height.cells}));
  r->width = width.cells;
  return {};
}

// [regions * height, samples, columns, C] over the samples of rows, then [regions * height * width, samples, C] over those of columns.
Result<Value> OverSamples(NodeContext& c, std::string_view reduce, Value y, const Dim& rows, const Dim& columns) {
  const Dim channels = DimOf(c, y, 3), first[] = {{}, rows, DimOf(c, y, 2), channels}, second[] = {{}, columns, channels};
  OCTET_ASSIGN(y, Reshape(c, y, first));
  OCTET_ASSIGN(y, c.Make(reduce, {y, c.Vector({1})}, {{"keep_dims", 0}}));
  OCTET_ASSIGN(y, Reshape(c, y, second));
  return c.Make(reduce, {y, c.Vector({1})}, {{"keep_dims", 0}});
}

constexpr int64_t kMost = 1024;  // Samples a side.

Status ConvertRoiAlign(NodeContext& c) {
  const Shape in = c.shape(c.Input(0)), boxes = c.shape(c.Input(1));
  const int64_t height = c.Int("output_height", 1), width = c.Int("output_width", 1), ratio = c.Int("sampling_ratio", 0);
  const std::string mode = c.Text("mode", "avg");
  if (in.rank() != 4 || in[1] == kUnknown || boxes.rank() != 2 || boxes[1] != 4)
    return c.Fail("an image of a known number of channels and boxes", in.text() + " and " + boxes.text(), "give the inputs' shapes");
  if (ratio < 0 || ratio > kMost) return c.Fail("a sampling_ratio of 0 to 1024", std::to_string(ratio), "check the model");
  const int64_t least = std::max<int64_t>(ratio, 1);
  if (height < 1 || width < 1 || height > kMost || width > kMost || height * least > kMost || width * least > kMost)
    return c.Fail("an output of at most 1024 samples a side", std::to_string(height) + " by " + std::to_string(width), "");
  if (!c.IsSmall(Shape{static_cast<int32_t>(height * least), static_cast<int32_t>(width * least), in[1]}, kMostPlaces))
    return c.Fail("at most 2^26 numbers a region", in.text(), "");
  if (mode != "avg" && mode != "max") return c.Fail("mode avg or max", mode, "");
  const auto h = static_cast<int32_t>(height), w = static_cast<int32_t>(width), n = static_cast<int32_t>(ratio);
  Regions r{.pixels = {}, .first_row = {}, .width = {}, .y = {}, .x = {}, .samples_y = {}, .samples_x = {}};
  OCTET_ASSIGN(r.pixels, ChannelsLast(c, c.Input(0)));
  OCTET_ASSIGN(r.pixels, c.Make("reshape", {r.pixels, c.Vector({-1, in[1]})}));
  const bool sums = mode == "avg";
  OCTET_TRY(ReadRegions(c, {h, n, sums}, {w, n, sums}, &r));
  Value y;
  for (const int corner : {0, 1, 2, 3}) {
    OCTET_ASSIGN(const Value part, Corner(c, r, corner / 2 == 1, corner % 2 == 1));
    OCTET_ASSIGN(y, y ? c.Emit(sums ? "add" : "maximum", {y, part}) : Result<Value>(part));
  }
  OCTET_ASSIGN(y, OverSamples(c, !sums ? "reduce_max" : n > 0 ? "mean" : "sum", y, r.samples_y, r.samples_x));
  OCTET_ASSIGN(y, c.Make("reshape", {y, c.Vector({boxes[0] == kUnknown ? -1 : boxes[0], h, w, in[1]})}));
  return Set(c, ChannelsSecond(c, y));
}

// ------------------------------------------------------------------------------- MaxRoiPool
// Whole pixels: bins begin and end at one, and share those on the edge between them.

struct Spans {
  Value at;      // int32 [regions, bins * pixels]: a bin's pixels, the last one again where others have more.
  Value filled;  // float [regions, bins]: 1 where a bin has a pixel, else 0.
  Dim pixels;
};

// Of regions that begin and end at these pixels [regions, 1].
Result<Spans> SpansOf(NodeContext& c, Value from, Value to, int32_t bins, const Extent& image) {
  OCTET_ASSIGN(Value length, c.Emit("sub", {to, from}));
  OCTET_ASSIGN(length, Plus(c, length, 1));
  OCTET_ASSIGN(length, c.Emit("maximum", {length, c.Scalar(1)}));
  OCTET_ASSIGN(const Value bin, c.Emit("div", {length, c.Scalar(static_cast<float>(bins))}));
  std::vector<float> numbers;
  for (int32_t i = 0; i <= bins; ++i) numbers.push_back(static_cast<float>(i));
  const auto ends = [&](std::string_view rounding, int first) -> Result<Value> {
    OCTET_ASSIGN(Value v,
                 c.Emit("mul", {bin, c.Constant<float>(Shape{1, bins}, std::span(numbers).subspan(static_cast<size_t>(first), static_cast<size_t>(bins)))}));
    OCTET_ASSIGN(v, c.Emit(rounding, {v}));
    OCTET_ASSIGN(v, c.Emit("add", {v, from}));
    return Clamp(c, v, image.size);
  };
  OCTET_ASSIGN(Value begin, ends("floor", 0));
  OCTET_ASSIGN(Value end, ends("ceil", 1));
  OCTET_ASSIGN(Value most, c.Emit("sub", {end, begin}));
  Spans s;
  OCTET_ASSIGN(s.filled, c.Emit("minimum", {most, c.Scalar(1)}));
  OCTET_ASSIGN(most, c.Make("reduce_max", {most, c.Vector({0, 1})}));
  OCTET_ASSIGN(most, c.Emit("maximum", {most, c.Scalar(1)}));  // Without regions, too.
  OCTET_ASSIGN(const Value all, c.Make("range", {c.Scalar(0), most, c.Scalar(1)}));
  c.RefineShape(all, Shape{kUnknown});
  s.pixels = DimOf(c, all, 0);
  OCTET_ASSIGN(begin, c.Make("expand_dims", {begin, c.ScalarInt(2)}));
  OCTET_ASSIGN(end, c.Make("expand_dims", {end, c.ScalarInt(2)}));
  OCTET_ASSIGN(Value at, c.Emit("add", {begin, all}));
  OCTET_ASSIGN(end, Plus(c, end, -1));
  OCTET_ASSIGN(at, c.Emit("minimum", {at, end}));
  OCTET_ASSIGN(at, Clamp(c, at, image.last));
  OCTET_ASSIGN(at, c.Cast(at, DType::kI32));
  const Dim rows[] = {DimOf(c, from, 0), {}};
  OCTET_ASSIGN(s.at, Reshape(c, at, rows));
  return s;
}

// Regions [regions, 5]: the image's number, x1, y1, x2, y2.
Status ConvertMaxRoiPool(NodeContext& c) {
  const Shape in = c.shape(c.Input(0)), boxes = c.shape(c.Input(1));
  const std::vector<int64_t> pooled = c.Ints("pooled_shape", {});
  if (in.rank() != 4 || in[1] == kUnknown || boxes.rank() != 2 || boxes[1] != 5)
    return c.Fail("an image of a known number of channels and regions", in.text() + " and " + boxes.text(), "give the inputs' shapes");
  if (const Shape image(in.dims().subspan(1)); image.known() && !c.IsSmall(image, kMostPlaces)) return c.Fail("at most 2^26 numbers an image", in.text(), "");
  if (pooled.size() != 2 || std::ranges::any_of(pooled, [](int64_t v) { return v < 1 || v > kMost; }))
    return c.Fail("a pooled_shape of at most 1024 a side", Format("%zu numbers", pooled.size()), "check the model");
  const auto h = static_cast<int32_t>(pooled[0]), w = static_cast<int32_t>(pooled[1]);
  OCTET_ASSIGN(const std::vector<Value> parts, c.MakeMany("split", {c.ScalarInt(1), c.Input(1)}, {{"num_splits", 5}}, 5));
  std::vector<Value> side;
  for (size_t i = 1; i < parts.size(); ++i) {  // Rounded.
    OCTET_ASSIGN(Value v, Times(c, parts[i], static_cast<float>(c.Number("spatial_scale", 1))));
    OCTET_ASSIGN(v, Plus(c, v, 0.5f));
    OCTET_ASSIGN(side.emplace_back(), c.Emit("floor", {v}));
  }
  OCTET_ASSIGN(const Extent height, ExtentOf(c, 2));
  OCTET_ASSIGN(const Extent width, ExtentOf(c, 3));
  OCTET_ASSIGN(const Spans x, SpansOf(c, side[0], side[2], w, width));
  OCTET_ASSIGN(const Spans y, SpansOf(c, side[1], side[3], h, height));
  OCTET_ASSIGN(Value row, c.Cast(parts[0], DType::kI32));
  OCTET_ASSIGN(row, c.Emit("mul", {row, height.cells}));
  OCTET_ASSIGN(row, c.Emit("add", {row, y.at}));
  OCTET_ASSIGN(row, c.Emit("mul", {row, width.cells}));
  OCTET_ASSIGN(row, c.Make("expand_dims", {row, c.ScalarInt(2)}));
  OCTET_ASSIGN(const Value column, c.Make("expand_dims", {x.at, c.ScalarInt(1)}));
  OCTET_ASSIGN(const Value at, c.Emit("add", {row, column}));
  OCTET_ASSIGN(Value v, ChannelsLast(c, c.Input(0)));
  OCTET_ASSIGN(v, c.Make("reshape", {v, c.Vector({-1, in[1]})}));
  OCTET_ASSIGN(v, c.Make("gather", {v, at}, {{"axis", 0}}));
  OCTET_ASSIGN(v, OverSamples(c, "reduce_max", v, y.pixels, x.pixels));
  OCTET_ASSIGN(v, c.Make("reshape", {v, c.Vector({boxes[0] == kUnknown ? -1 : boxes[0], h, w, in[1]})}));
  const Dim down[] = {DimOf(c, c.Input(1), 0), {h, {}, 0}, {1, {}, 0}, {1, {}, 0}}, across[] = {DimOf(c, c.Input(1), 0), {1, {}, 0}, {w, {}, 0}, {1, {}, 0}};
  for (const auto& [filled, dims] : {std::pair(y.filled, std::span<const Dim>(down)), std::pair(x.filled, std::span<const Dim>(across))}) {
    OCTET_ASSIGN(const Value factor, Reshape(c, filled, dims));
    OCTET_ASSIGN(v, c.Emit("mul", {v, factor}));
  }
  return Set(c, ChannelsSecond(c, v));
}

constexpr NodeRule kRules[] = {{"RoiAlign", 0, ConvertRoiAlign}, {"MaxRoiPool", 0, ConvertMaxRoiPool}};

}  // namespace

const std::span<const NodeRule> kRegionRules = kRules;

}  // namespace octet::importers::onnx
