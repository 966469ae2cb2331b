// SPDX-License-Identifier: Apache-2.0
// Pools over windows and over whole images. Paddings count as nothing: -infinity for maxima, left out of averages
// (count_include_pad = 0), or zeros.
#include <algorithm>
#include <cmath>
#include <limits>

#include "importers/onnx/layers/image.h"
#include "importers/onnx/rules.h"
#include "ops/builtin.h"

namespace octet::importers::onnx {
namespace {

constexpr int64_t kSame = static_cast<int64_t>(ops::Padding::kSame), kValid = static_cast<int64_t>(ops::Padding::kValid);

Result<Value> Pool(NodeContext& c, std::string_view op, Value image, const Window& w, bool same) {
  const auto y = static_cast<size_t>(w.spatial - 1);
  return c.Make(op, {image}, {{"padding", same ? kSame : kValid}, {"stride_w", w.stride[y]}, {"stride_h", y > 0 ? w.stride[y - 1] : 1},
                              {"filter_width", w.size[y]}, {"filter_height", y > 0 ? w.size[y - 1] : 1}});
}

// ceil_mode: the last window may hang over the end, if it starts inside the image or the padding before it. As more padding after.
Status ExtendForCeil(NodeContext& c, const Shape& in, Window* w) {
  if (!w->ceil) return {};
  for (int i = 0; i < w->spatial; ++i) {
    const auto k = static_cast<size_t>(i);
    if (in[i + 2] == kUnknown) return c.Fail("a known image size with ceil_mode", in.text(), "give the input's size with --input");
    const int64_t size = in[i + 2] + w->before[k] + w->after[k], reach = w->reach(i);
    int64_t out = (size - reach + w->stride[k] - 1) / w->stride[k] + 1;
    if ((out - 1) * w->stride[k] >= in[i + 2] + w->before[k]) --out;
    w->after[k] += std::max<int64_t>((out - 1) * w->stride[k] + reach - size, 0);
  }
  w->ceil = false;
  return {};
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

// Dilated windows: one strided slice of the padded image per cell, combined.
Result<Value> Dilated(NodeContext& c, std::string_view op, Value image, const Window& w) {
  const Shape s = c.shape(image);
  const auto y = static_cast<size_t>(w.spatial - 1);
  const int64_t kh = y > 0 ? w.size[y - 1] : 1, kw = w.size[y], sh = y > 0 ? w.stride[y - 1] : 1, sw = w.stride[y];
  const int64_t dh = y > 0 ? w.dilation[y - 1] : 1, dw = w.dilation[y];
  if (s[1] == kUnknown || s[2] == kUnknown || kh * kw > 64) return c.Fail("a known image size and a small window with dilations", s.text(), "");
  const int64_t oh = (s[1] - ((kh - 1) * dh + 1)) / sh + 1, ow = (s[2] - ((kw - 1) * dw + 1)) / sw + 1;
  Value best;
  for (int64_t i = 0; i < kh * kw; ++i) {
    const auto top = static_cast<int32_t>(i / kw * dh), left = static_cast<int32_t>(i % kw * dw);
    const auto bottom = static_cast<int32_t>(top + (oh - 1) * sh + 1), right = static_cast<int32_t>(left + (ow - 1) * sw + 1);
    OCTET_ASSIGN(const Value part, c.Make("strided_slice", {image, c.Vector({0, top, left, 0}), c.Vector({0, bottom, right, 0}),
                                                            c.Vector({1, static_cast<int32_t>(sh), static_cast<int32_t>(sw), 1})},
                                          {{"begin_mask", 9}, {"end_mask", 9}}));
    if (best) {
      OCTET_ASSIGN(best, c.Make(op, {best, part}));
    } else {
      best = part;
    }
  }
  return best;
}

bool IsDilated(const Window& w) { return w.dilation[0] > 1 || w.dilation[1] > 1 || w.dilation[2] > 1; }

Result<Value> Widened(NodeContext& c, Value x) {
  const bool keeps = c.type(x).dtype == DType::kF32 || !c.type(x).quant.empty();
  return keeps ? x : c.Cast(x, DType::kF32);
}

Status ConvertMaxPool(NodeContext& c) {
  if (c.wants(1)) return c.Fail("values alone", "also their indices", "drop the second output (return_indices)");
  const Shape in = c.shape(c.Input(0));
  OCTET_ASSIGN(Window w, ReadWindow(c, in, {}));
  if (w.spatial > 2) return c.Fail("images of 1 or 2 dimensions", in.text(), "");
  OCTET_TRY(ExtendForCeil(c, in, &w));
  const DType own = c.type(c.Input(0)).dtype;
  Value x = c.Input(0);
  const Quant grid = c.type(x).quant;
  const bool pads = !(w.padded() && AllSame(w, in)) && w.padded();
  if (pads && !grid.empty()) {  // Padding as floats: the results lie on the grid again.
    OCTET_ASSIGN(x, c.EmitAs("dequantize", std::span(&x, 1), nullptr, {DType::kF32, c.shape(x), {}}));
  }
  OCTET_ASSIGN(x, Widened(c, x));
  OCTET_ASSIGN(Value image, EnterImage(c, x));
  const bool dilated = IsDilated(w), same = !dilated && w.padded() && AllSame(w, in);
  if (w.same_upper && !same) return c.Fail("explicit pads with dilations", "SAME_UPPER", "");
  if (!same) {
    OCTET_ASSIGN(image, PadImage(c, image, w, std::numeric_limits<float>::lowest()));
  }
  OCTET_ASSIGN(Value y, dilated ? Dilated(c, "maximum", image, w) : Pool(c, "max_pool_2d", image, w, same));
  OCTET_ASSIGN(y, LeaveImage(c, y, w.spatial));
  if (pads && !grid.empty()) {
    OCTET_ASSIGN(y, c.EmitAs("quantize", std::span(&y, 1), nullptr, {own, c.shape(y), grid}));
  }
  OCTET_ASSIGN(y, c.Cast(y, own));
  c.SetOutput(0, y);
  return {};
}

// The mean over the cells that count; `sum`: their number times that.
Result<Value> AveragePool(NodeContext& c, Value x, bool include_pad, bool sum) {
  const Shape in = c.shape(x);
  OCTET_ASSIGN(Window w, ReadWindow(c, in, {}));
  if (w.spatial > 2) return c.Fail("images of 1 or 2 dimensions", in.text(), "");
  Window file = w;  // Its own padding, which counts where it is included.
  OCTET_TRY(ExtendForCeil(c, in, &w));
  OCTET_ASSIGN(Value image, EnterImage(c, x));
  const bool dilated = IsDilated(w);
  const float cells = static_cast<float>(w.size[0] * w.size[1]);
  if (!dilated && w.padded() && !include_pad && !sum && AllSame(w, in)) {
    OCTET_ASSIGN(const Value y, Pool(c, "average_pool_2d", image, w, true));
    return LeaveImage(c, y, w.spatial);
  }
  if (w.same_upper) {  // As numbers.
    for (int i = 0; i < w.spatial; ++i) {
      const auto k = static_cast<size_t>(i);
      if (in[i + 2] == kUnknown && w.stride[k] != 1) return c.Fail("a known image size", in.text(), "give the input's size with --input");
      const int64_t out = (in[i + 2] + w.stride[k] - 1) / w.stride[k];
      const int64_t total = w.stride[k] == 1 ? w.reach(i) - 1 : std::max<int64_t>((out - 1) * w.stride[k] + w.reach(i) - in[i + 2], 0);
      w.before[k] = total / 2;
      w.after[k] = total - total / 2;
    }
    w.same_upper = false;
    file = w;
  }
  OCTET_ASSIGN(image, PadImage(c, image, w, 0.0f));
  OCTET_ASSIGN(Value y, dilated ? Dilated(c, "add", image, w) : Pool(c, "average_pool_2d", image, w, false));
  if (dilated && !sum) {
    OCTET_ASSIGN(y, c.Make("mul", {y, c.Scalar(1.0f / cells)}));
  }
  if (sum && !dilated) {
    OCTET_ASSIGN(y, c.Make("mul", {y, c.Scalar(cells)}));
  }
  if (!sum && w.padded()) {
    std::vector<std::vector<float>> counts;
    bool full = true;
    for (int i = 0; i < w.spatial; ++i) {
      const auto k = static_cast<size_t>(i);
      if (in[i + 2] == kUnknown) {
        if (include_pad && w.after[k] == file.after[k]) { counts.push_back({static_cast<float>(w.size[k])}); continue; }
        return c.Fail("a known image size where padding does not count", in.text(), "give the input's size with --input");
      }
      counts.push_back(Counts(w, i, in[i + 2], include_pad ? file.before[k] : 0, include_pad ? file.after[k] : 0));
      full &= std::ranges::all_of(counts.back(), [&](float n) { return n == static_cast<float>(w.size[k]); });
    }
    if (counts.size() == 1) counts.insert(counts.begin(), {1.0f});
    std::vector<float> factor;
    for (const float a : counts[0])
      for (const float b : counts[1]) factor.push_back(cells / (a * b));
    const Shape s{1, static_cast<int32_t>(counts[0].size()), static_cast<int32_t>(counts[1].size()), 1};
    if (!full) {
      OCTET_ASSIGN(y, c.Make("mul", {y, c.Constant<float>(s, factor)}));
    }
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
