// SPDX-License-Identifier: Apache-2.0
// Pools over windows and over whole images. Paddings count as nothing: -infinity for maxima, left out of averages
// (count_include_pad = 0), or zeros.
#include <algorithm>
#include <cmath>
#include <limits>

#include "importers/limits.h"
#include "importers/onnx/builder.h"
#include "importers/onnx/layers/image.h"
#include "importers/onnx/rules.h"
#include "ops/builtin.h"
#include "ops/keras_conv_util.h"

namespace octet::importers::onnx {
namespace {

constexpr int64_t kSame = static_cast<int64_t>(ops::Padding::kSame), kValid = static_cast<int64_t>(ops::Padding::kValid);

Result<Value> Pool(NodeContext& c, std::string_view op, Value image, const Window& w, bool same) {
  const auto y = static_cast<size_t>(w.spatial - 1);
  return c.Make(op, {image}, {{"padding", same ? kSame : kValid}, {"stride_w", w.stride[y]}, {"stride_h", y > 0 ? w.stride[y - 1] : 1},
                              {"filter_width", w.size[y]}, {"filter_height", y > 0 ? w.size[y - 1] : 1}});
}

// ceil_mode: the last window may hang over the end, if it starts inside the image or the padding before it. As more padding after.
void ExtendForCeil(const Shape& in, Window* w) {
  for (int i = 0; i < w->spatial && w->ceil; ++i) {
    const auto k = static_cast<size_t>(i);
    if (in[i + 2] == kUnknown) {  // As much as no window beyond fits in.
      w->after[k] = std::min(w->reach(i) - 1, w->after[k] + w->stride[k] - 1);
      continue;
    }
    const int64_t size = in[i + 2] + w->before[k] + w->after[k], reach = w->reach(i);
    int64_t out = (size - reach + w->stride[k] - 1) / w->stride[k] + 1;
    if ((out - 1) * w->stride[k] >= in[i + 2] + w->before[k]) --out;
    w->after[k] += std::max<int64_t>((out - 1) * w->stride[k] + reach - size, 0);
  }
  w->ceil = false;
}

// Height and width first, then depth: [N, D, H, W, C] without padding of its own. Batches may be open.
Result<Value> Pool3D(NodeContext& c, std::string_view op, Value image, const Window& w) {
  const Shape s = c.shape(image);
  if (!Shape(s.dims().subspan(1)).known()) return c.Fail("a known image size in three dimensions", s.text(), "give the input's size with --input");
  OCTET_ASSIGN(Value v, c.Reshape(image, Shape{s[0] == kUnknown ? kUnknown : s[0] * s[1], s[2], s[3], s[4]}));
  OCTET_ASSIGN(
      v,
      c.Make(op, {v}, {{"padding", kValid}, {"stride_w", w.stride[2]}, {"stride_h", w.stride[1]}, {"filter_width", w.size[2]}, {"filter_height", w.size[1]}}));
  const Shape t = c.shape(v);
  int32_t depth = s[1];
  if (w.size[0] != 1 || w.stride[0] != 1) {
    OCTET_ASSIGN(v, c.Reshape(v, Shape{s[0], s[1], t[1] * t[2], s[4]}));
    OCTET_ASSIGN(v, c.Make(op, {v}, {{"padding", kValid}, {"stride_w", 1}, {"stride_h", w.stride[0]}, {"filter_width", 1}, {"filter_height", w.size[0]}}));
    depth = c.shape(v)[1];
  }
  OCTET_ASSIGN(const Value y, c.Reshape(v, Shape{s[0], depth, t[1], t[2], s[4]}));
  if (s[0] == kUnknown) c.builder().SetDimension(y, 0, Number::Dimension(image.id, 0));
  return y;
}

// How many cells of the image (and of the file's own padding, where it counts) each window of one axis holds.
std::vector<float> Counts(const Window& w, int i, int32_t in, int64_t counted_before, int64_t counted_after) {
  const auto k = static_cast<size_t>(i);
  std::vector<float> counts;
  const int64_t size = in + w.before[k] + w.after[k];
  for (int64_t at = -w.before[k]; at + w.before[k] + w.reach(i) <= size; at += w.stride[k]) {
    int64_t n = 0;
    for (int64_t j = 0; j < w.size[k]; ++j) {
      const int64_t cell = at + j * w.dilation[k];
      n += cell >= -counted_before && cell < in + counted_after ? 1 : 0;
    }
    counts.push_back(static_cast<float>(std::max<int64_t>(n, 1)));
  }
  return counts;
}

// Cell k of every window: a strided slice of the padded image [N, (D,) H, W, C].
Result<Value> WindowCell(NodeContext& c, Value image, const Window& w, int64_t k) {
  const Shape s = c.shape(image);
  const int rank = s.rank(), first = rank - 1 - w.spatial;
  std::vector<int32_t> begin(static_cast<size_t>(rank), 0), end(static_cast<size_t>(rank), 0), step(static_cast<size_t>(rank), 1);
  int64_t open = (1 << rank) - 1;
  for (int i = w.spatial - 1; i >= 0; --i) {
    const auto axis = static_cast<size_t>(first + i), at = static_cast<size_t>(i);
    const int64_t cell = k % w.size[at], out = (s[first + i] - w.reach(i)) / w.stride[at] + 1;
    k /= w.size[at];
    begin[axis] = static_cast<int32_t>(cell * w.dilation[at]);
    end[axis] = static_cast<int32_t>(begin[axis] + (out - 1) * w.stride[at] + 1);
    step[axis] = static_cast<int32_t>(w.stride[at]);
    open &= ~(int64_t{1} << axis);
  }
  return c.Make("strided_slice", {image, c.Vector(begin), c.Vector(end), c.Vector(step)}, {{"begin_mask", open}, {"end_mask", open}});
}

Result<int64_t> Cells(NodeContext& c, Value image, const Window& w) {
  const Shape s = c.shape(image);
  const int64_t cells = w.size[0] * w.size[1] * w.size[2];
  if (!Shape(s.dims().subspan(1)).known() || cells > 256)
    return c.Fail("a known image size and a small window with dilations or indices", s.text(), "give the input's size with --input");
  return cells;
}

// Dilated windows, cell by cell.
Result<Value> Dilated(NodeContext& c, std::string_view op, Value image, const Window& w) {
  OCTET_ASSIGN(const int64_t cells, Cells(c, image, w));
  Value best;
  for (int64_t k = 0; k < cells; ++k) {
    OCTET_ASSIGN(const Value part, WindowCell(c, image, w, k));
    if (best) {
      OCTET_ASSIGN(best, c.Make(op, {best, part}));
    } else {
      best = part;
    }
  }
  return best;
}

// Where in its plane of cells the largest of each window lies, the first of equal ones: `numbers` has every cell's number.
Result<Value> LargestCells(NodeContext& c, Value image, Value numbers, const Window& w) {
  OCTET_ASSIGN(const int64_t cells, Cells(c, image, w));
  Value best, at;
  for (int64_t k = 0; k < cells; ++k) {
    OCTET_ASSIGN(const Value part, WindowCell(c, image, w, k));
    OCTET_ASSIGN(const Value number, WindowCell(c, numbers, w, k));
    if (best) {
      OCTET_ASSIGN(const Value larger, c.Emit("greater", {part, best}));
      OCTET_ASSIGN(at, c.Emit("select_v2", {larger, number, at}));
      OCTET_ASSIGN(best, c.Emit("maximum", {best, part}));
    } else {
      OCTET_ASSIGN(const Value zero, c.Emit("mul", {part, c.Scalar(0)}));
      OCTET_ASSIGN(const Value nowhere, c.Cast(zero, DType::kI32));
      OCTET_ASSIGN(at, c.Emit("add", {nowhere, number}));
      best = part;
    }
  }
  return at;
}

bool IsDilated(const Window& w) { return w.dilation[0] > 1 || w.dilation[1] > 1 || w.dilation[2] > 1; }

Result<Value> Widened(NodeContext& c, Value x) {
  const bool keeps = c.type(x).dtype == DType::kF32 || !c.type(x).quant.empty();
  return keeps ? x : c.Cast(x, DType::kF32);
}

// Flat positions in the whole input: (n*C + channel)*cells + cell, cells in the order of storage_order.
Result<Value> PoolIndices(NodeContext& c, Value image, const Window& w, const Shape& in) {
  if (!c.IsSmall(in, kMostPlaces)) return c.Fail("a known input size with indices", in.text(), "give the input's size with --input");
  const auto cells = static_cast<int32_t>(in.elements(2, in.rank()));
  std::vector<int32_t> numbers(static_cast<size_t>(cells)), planes;
  const bool columns = c.Int("storage_order", 0) == 1;
  for (int32_t k = 0; k < cells; ++k) {  // The last axis runs fastest; in column order the first.
    int64_t left = k, number = 0;
    for (int i = in.rank() - 1; i >= 2 && columns; --i) {
      number += left % in[i] * in.elements(2, i);
      left /= in[i];
    }
    numbers[static_cast<size_t>(k)] = static_cast<int32_t>(columns ? number : k);
  }
  for (int32_t n = 0; n < in[0] * in[1]; ++n) planes.push_back(n * cells);
  Shape plane{1}, first{in[0]};
  for (int i = 2; i < in.rank(); ++i) plane.push_back(in[i]), first.push_back(1);
  if (w.spatial == 1) plane = Shape{1, 1, in[2]}, first.push_back(1);
  plane.push_back(1), first.push_back(in[1]);
  OCTET_ASSIGN(const Value padded, PadImage(c, c.Constant<int32_t>(plane, std::span<const int32_t>(numbers)), w, 0.0f));
  OCTET_ASSIGN(const Value at, LargestCells(c, image, padded, w));
  OCTET_ASSIGN(Value all, c.Emit("add", {at, c.Constant<int32_t>(first, std::span<const int32_t>(planes))}));
  OCTET_ASSIGN(all, LeaveImage(c, all, w.spatial));
  return c.Cast(all, DType::kI64);
}

Status ConvertMaxPool(NodeContext& c) {
  const Shape in = c.shape(c.Input(0));
  OCTET_ASSIGN(Window w, ReadWindow(c, in, {}));
  ExtendForCeil(in, &w);
  if (w.spatial == 3 || c.wants(1)) OCTET_TRY(ResolveSame(c, in, &w));
  const DType own = c.type(c.Input(0)).dtype;
  Value x = c.Input(0);
  const Quant grid = c.type(x).quant;
  const bool pads = !(w.padded() && AllSame(w, in)) && w.padded();
  if (pads && !grid.empty()) {  // Padding as floats: the results lie on the grid again.
    OCTET_ASSIGN(x, c.EmitAs("dequantize", std::span(&x, 1), nullptr, {DType::kF32, c.shape(x), {}}));
  }
  OCTET_ASSIGN(x, Widened(c, x));
  OCTET_ASSIGN(Value image, EnterImage(c, x));
  const bool dilated = IsDilated(w), same = !dilated && !c.wants(1) && w.spatial < 3 && w.padded() && AllSame(w, in);
  if (w.same_upper && !same) return c.Fail("explicit pads with dilations", "SAME_UPPER", "");
  if (!same) {
    OCTET_ASSIGN(image, PadImage(c, image, w, std::numeric_limits<float>::lowest()));
  }
  if (c.wants(1)) {
    OCTET_ASSIGN(const Value indices, PoolIndices(c, image, w, in));
    c.SetOutput(1, indices);
  }
  OCTET_ASSIGN(Value y, dilated          ? Dilated(c, "maximum", image, w)
                        : w.spatial == 3 ? Pool3D(c, "max_pool_2d", image, w)
                                         : Pool(c, "max_pool_2d", image, w, same));
  OCTET_ASSIGN(y, LeaveImage(c, y, w.spatial));
  if (pads && !grid.empty()) {
    OCTET_ASSIGN(y, c.EmitAs("quantize", std::span(&y, 1), nullptr, {own, c.shape(y), grid}));
  }
  OCTET_ASSIGN(y, c.Cast(y, own));
  c.SetOutput(0, y);
  return {};
}

// The share of every window's cells that count: ones, and those of the padding that counts, pooled like the image.
Result<Value> PooledShares(NodeContext& c, Value image, const Window& w, const Window& counted) {
  std::vector<Value> dims;
  for (int axis = 0; axis < c.rank(image); ++axis) {
    OCTET_ASSIGN(dims.emplace_back(), axis == 0 || axis == c.rank(image) - 1 ? Result<Value>(c.ScalarInt(1)) : ops::DimensionOf(c, image, axis));
  }
  OCTET_ASSIGN(const Value size, c.Make("pack", dims, {{"values_count", c.rank(image)}, {"axis", 0}}));
  OCTET_ASSIGN(Value ones, c.Make("fill", {size, c.Scalar(1)}));
  Shape s = c.shape(image);
  s[0] = s[s.rank() - 1] = 1;
  c.RefineShape(ones, s);  // Its rank is no operator's to tell.
  OCTET_ASSIGN(ones, PadImage(c, ones, counted, 1.0f));
  Window rest = w;
  for (size_t k = 0; k < 3; ++k) rest.before[k] -= counted.before[k], rest.after[k] -= counted.after[k];
  OCTET_ASSIGN(ones, PadImage(c, ones, rest, 0.0f));
  return Pool(c, "average_pool_2d", ones, w, false);
}

// Means over whole windows of a padded image as means over the cells that count: the image's, and those of the padding that counts.
Result<Value> WithoutPadding(NodeContext& c, Value y, Value image, const Window& w, const Window& counted) {
  const int first = c.rank(image) - 1 - w.spatial;
  std::vector<float> factor = {static_cast<float>(w.size[0] * w.size[1] * w.size[2])};
  std::vector<int32_t> places = std::vector<int32_t>(static_cast<size_t>(first), 1);
  for (int i = 0; i < w.spatial; ++i) {
    const auto k = static_cast<size_t>(i);
    const int32_t in = c.shape(image)[first + i];
    const bool all = w.before[k] == counted.before[k] && w.after[k] == counted.after[k];
    if (in == kUnknown && !all) {
      OCTET_ASSIGN(const Value shares, PooledShares(c, image, w, counted));
      return c.Make("div", {y, shares});
    }
    const std::vector<float> axis = in == kUnknown ? std::vector<float>{static_cast<float>(w.size[k])} : Counts(w, i, in, counted.before[k], counted.after[k]);
    std::vector<float> next;
    for (const float f : factor)
      for (const float n : axis) next.push_back(f / n);
    factor = std::move(next);
    places.push_back(static_cast<int32_t>(axis.size()));
  }
  places.push_back(1);
  if (std::ranges::all_of(factor, [](float f) { return f == 1.0f; })) return y;
  return c.Make("mul", {y, c.Constant<float>(Shape(std::span<const int32_t>(places)), factor)});
}

// The mean over the cells that count; `sum`: their number times that.
Result<Value> AveragePool(NodeContext& c, Value x, bool include_pad, bool sum) {
  const Shape in = c.shape(x);
  OCTET_ASSIGN(Window w, ReadWindow(c, in, {}));
  Window file = w;  // Its own padding, which counts where it is included.
  ExtendForCeil(in, &w);
  OCTET_ASSIGN(const Value entered, EnterImage(c, x));
  Value image = entered;
  const bool dilated = IsDilated(w);
  const float cells = static_cast<float>(w.size[0] * w.size[1] * w.size[2]);
  if (!dilated && w.spatial < 3 && w.padded() && !include_pad && !sum && AllSame(w, in)) {
    OCTET_ASSIGN(const Value y, Pool(c, "average_pool_2d", image, w, true));
    return LeaveImage(c, y, w.spatial);
  }
  if (w.same_upper) {
    OCTET_TRY(ResolveSame(c, in, &w));
    file = w;
  }
  OCTET_ASSIGN(image, PadImage(c, image, w, 0.0f));
  OCTET_ASSIGN(Value y, dilated          ? Dilated(c, "add", image, w)
                        : w.spatial == 3 ? Pool3D(c, "average_pool_2d", image, w)
                                         : Pool(c, "average_pool_2d", image, w, false));
  if (dilated && !sum) {
    OCTET_ASSIGN(y, c.Make("mul", {y, c.Scalar(1.0f / cells)}));
  }
  if (sum && !dilated) {
    OCTET_ASSIGN(y, c.Make("mul", {y, c.Scalar(cells)}));
  }
  if (!sum && w.padded()) {
    OCTET_ASSIGN(y, WithoutPadding(c, y, entered, w, include_pad ? file : Window{.spatial = w.spatial}));
  }
  return LeaveImage(c, y, w.spatial);
}

Status ConvertAveragePool(NodeContext& c) {
  OCTET_ASSIGN(const Value y, AveragePool(c, c.Input(0), c.Bool("count_include_pad", false), false));
  c.SetOutput(0, y);
  return {};
}

// (sum |x|^p)^(1/p)
Status ConvertLpPool(NodeContext& c) {
  const auto p = static_cast<float>(c.Int("p", 2));
  OCTET_ASSIGN(Value v, c.Make("abs", {c.Input(0)}));
  OCTET_ASSIGN(v, c.Make("pow", {v, c.Scalar(p)}));
  OCTET_ASSIGN(v, AveragePool(c, v, true, true));
  OCTET_ASSIGN(v, c.Make("pow", {v, c.Scalar(1.0f / p)}));
  c.SetOutput(0, v);
  return {};
}

Value SpatialAxes(NodeContext& c) {
  std::vector<int32_t> axes;
  for (int i = 2; i < c.rank(c.Input(0)); ++i) axes.push_back(i);
  return c.Vector(axes);
}

Status Global(NodeContext& c, std::string_view op) {
  if (c.rank(c.Input(0)) < 3) return c.Fail("an image", c.shape(c.Input(0)).text(), "check the model");
  OCTET_ASSIGN(const Value y, c.Make(op, {c.Input(0), SpatialAxes(c)}, {{"keep_dims", 1}}));
  c.SetOutput(0, y);
  return {};
}
Status ConvertGlobalAverage(NodeContext& c) { return Global(c, "mean"); }
Status ConvertGlobalMax(NodeContext& c) { return Global(c, "reduce_max"); }

Status ConvertGlobalLp(NodeContext& c) {
  const auto p = static_cast<float>(c.Int("p", 2));
  OCTET_ASSIGN(Value v, c.Make("abs", {c.Input(0)}));
  OCTET_ASSIGN(v, c.Make("pow", {v, c.Scalar(p)}));
  OCTET_ASSIGN(v, c.Make("sum", {v, SpatialAxes(c)}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(v, c.Make("pow", {v, c.Scalar(1.0f / p)}));
  c.SetOutput(0, v);
  return {};
}

constexpr NodeRule kRules[] = {{"MaxPool", 0, ConvertMaxPool},           {"AveragePool", 0, ConvertAveragePool},   {"LpPool", 0, ConvertLpPool},
                               {"GlobalAveragePool", 0, ConvertGlobalAverage}, {"GlobalMaxPool", 0, ConvertGlobalMax}, {"GlobalLpPool", 0, ConvertGlobalLp}};

}  // namespace

const std::span<const NodeRule> kPoolingRules = kRules;

}  // namespace octet::importers::onnx
