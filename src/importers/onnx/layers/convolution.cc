// SPDX-License-Identifier: Apache-2.0
// Conv and ConvTranspose of one, two and three dimensions, grouped and depthwise.
#include <algorithm>
#include <numeric>

#include "importers/limits.h"
#include "importers/lowerings/dims.h"
#include "importers/onnx/builder.h"
#include "importers/onnx/layers/image.h"
#include "importers/onnx/rules.h"
#include "ops/builtin.h"

namespace octet::importers::onnx {
namespace {

constexpr int64_t kSame = static_cast<int64_t>(ops::Padding::kSame), kValid = static_cast<int64_t>(ops::Padding::kValid);

Value BiasOrZeros(NodeContext& c, Value bias, int32_t channels) {
  if (bias) return bias;
  const std::vector<float> zeros(static_cast<size_t>(channels), 0.0f);
  return c.Constant<float>(Shape{channels}, zeros);
}

// Rows of one-dimensional filters: [O, I, k] -> [O, I, 1, k].
Result<Value> AsPlane(NodeContext& c, Value w) {
  if (c.rank(w) != 3) return w;
  const Shape s = c.shape(w);
  const Quant quant = c.type(w).quant;
  OCTET_ASSIGN(Value v, c.Reshape(w, Shape{s[0], s[1], 1, s[2]}));
  if (quant.empty() || !c.is_constant(v)) return v;
  TensorType type = c.type(v);
  type.quant = quant;
  return c.construction().Constant(type, c.construction().BytesOf(v), c.place() + "/constant");
}

Result<Value> Convolve(NodeContext& c, Value x, const Window& w, bool same, Value filter, Value bias, bool depthwise, int64_t multiplier) {
  const auto y = static_cast<size_t>(w.spatial - 1);  // Of the width; a row has height 1.
  const int64_t stride_w = w.stride[y], stride_h = y > 0 ? w.stride[y - 1] : 1, dilation_w = w.dilation[y], dilation_h = y > 0 ? w.dilation[y - 1] : 1;
  if (depthwise)
    return c.Make("depthwise_conv_2d", {x, filter, bias},
                  {{"padding", same ? kSame : kValid}, {"stride_w", stride_w}, {"stride_h", stride_h}, {"depth_multiplier", multiplier},
                   {"dilation_w_factor", dilation_w}, {"dilation_h_factor", dilation_h}});
  return c.Make("conv_2d", {x, filter, bias},
                {{"padding", same ? kSame : kValid}, {"stride_w", stride_w}, {"stride_h", stride_h},
                 {"dilation_w_factor", dilation_w}, {"dilation_h_factor", dilation_h}});
}

Result<Value> Convolve3D(NodeContext& c, Value x, const Window& w, bool same, Value filter, Value bias) {
  OCTET_ASSIGN(const Value f, PermuteWeights(c, filter, std::array<int32_t, 5>{2, 3, 4, 1, 0}));  // [d, h, w, in, out]
  return c.Make("conv_3d", {x, f, bias},
                {{"padding", same ? kSame : kValid}, {"stride_d", w.stride[0]}, {"stride_h", w.stride[1]}, {"stride_w", w.stride[2]},
                 {"dilation_d_factor", w.dilation[0]}, {"dilation_h_factor", w.dilation[1]}, {"dilation_w_factor", w.dilation[2]}});
}

// Each group of channels by its share of the filters, side by side: the operator for volumes has no groups.
Result<Value> ConvolveVolumes(NodeContext& c, Value x, const Window& w, bool same, Value filter, Value bias, int64_t group) {
  if (group == 1) return Convolve3D(c, x, w, same, filter, bias);
  const auto n = static_cast<int>(group);
  OCTET_ASSIGN(const std::vector<Value> images, c.MakeMany("split", {c.ScalarInt(4), x}, {{"num_splits", group}}, n));
  OCTET_ASSIGN(const std::vector<Value> filters, c.MakeMany("split", {c.ScalarInt(0), filter}, {{"num_splits", group}}, n));
  OCTET_ASSIGN(const std::vector<Value> shifts, c.MakeMany("split", {c.ScalarInt(0), bias}, {{"num_splits", group}}, n));
  std::vector<Value> parts;
  for (size_t g = 0; g < images.size(); ++g) {
    OCTET_ASSIGN(const Value part, Convolve3D(c, images[g], w, same, filters[g], shifts[g]));
    parts.push_back(part);
  }
  return c.Make("concatenation", parts, {{"axis", 4}});
}

// Frames [t, t + stride, …] of volumes, as many as windows of the depth have, one below the other: [N * frames, H, W, C].
Result<Value> FramesAt(NodeContext& c, Value x, const Window& w, int64_t t, Value* frames) {
  const int64_t begin = t * w.dilation[0], left = w.reach(0) - 1 - begin;  // Of the last window.
  const std::vector<int32_t> from = {0, static_cast<int32_t>(begin), 0, 0, 0}, to = {0, static_cast<int32_t>(-left), 0, 0, 0},
                             by = {1, static_cast<int32_t>(w.stride[0]), 1, 1, 1};
  OCTET_ASSIGN(*frames, c.Make("strided_slice", {x, c.Vector(from), c.Vector(to), c.Vector(by)}, {{"begin_mask", 29}, {"end_mask", left == 0 ? 31 : 29}}));
  const std::array<Dim, 4> dims = {Dim{}, DimOf(c, x, 2), DimOf(c, x, 3), DimOf(c, x, 4)};
  return Reshape(c, *frames, dims);
}

// A filter of volumes for each channel is one of images for each step of its depth, and their sum.
Result<Value> DepthwiseVolumes(NodeContext& c, Value x, const Window& w, bool same, Value filter, Value bias, int64_t multiplier) {
  const Shape k = c.shape(filter);  // [O, 1, d, h, w]
  if (same) {  // Of the images; the depth is padded here.
    Window depth = w;
    OCTET_TRY(ResolveSame(c, c.shape(c.Input(0)), &depth));
    depth.before[1] = depth.before[2] = depth.after[1] = depth.after[2] = 0;
    OCTET_ASSIGN(x, PadImage(c, x, depth, 0.0f));
  }
  Window plane = w;
  plane.spatial = 2;
  for (auto* part : {&plane.stride, &plane.dilation}) *part = {(*part)[1], (*part)[2], 1};
  OCTET_ASSIGN(const std::vector<Value> filters, c.MakeMany("split", {c.ScalarInt(2), filter}, {{"num_splits", k[2]}}, k[2]));
  Value sum, frames;
  for (int t = 0; t < k[2]; ++t) {
    OCTET_ASSIGN(const Value images, FramesAt(c, x, w, t, &frames));
    OCTET_ASSIGN(Value f, c.Reshape(filters[static_cast<size_t>(t)], Shape{k[0], 1, k[3], k[4]}));
    OCTET_ASSIGN(f, PermuteWeights(c, f, std::array<int32_t, 4>{1, 2, 3, 0}));
    OCTET_ASSIGN(const Value y, Convolve(c, images, plane, same, f, t == 0 ? bias : BiasOrZeros(c, {}, k[0]), true, multiplier));
    OCTET_ASSIGN(sum, sum ? c.Emit("add", {sum, y}) : Result<Value>(y));
  }
  const std::array<Dim, 5> dims = {DimOf(c, x, 0), DimOf(c, frames, 1), DimOf(c, sum, 1), DimOf(c, sum, 2), Dim{k[0], {}, 0}};
  OCTET_ASSIGN(const Value y, Reshape(c, sum, dims));
  if (dims[0].size == kUnknown) c.builder().SetDimension(y, 0, Number::Dimension(x.id, 0));
  return y;
}

Status ConvertConv(NodeContext& c) {
  const Value x = c.Input(0), weights = c.Input(1);
  const Shape in = c.shape(x), k = c.shape(weights);
  if (in.rank() < 3 || k.rank() != in.rank()) return c.Fail("weights of the input's rank", in.text() + " and " + k.text(), "check the model");
  OCTET_ASSIGN(const Window w, ReadWindow(c, in, k.dims().subspan(2)));
  const int64_t group = c.Int("group", 1);
  const int32_t outputs = k[0], inputs = in[1];
  if (group < 1 || outputs < 1 || outputs > (1 << 24) || outputs % group != 0 || (inputs != kUnknown && k[1] * group != inputs))
    return c.Fail("channels that the groups divide", in.text() + " and " + k.text(), "check the model");
  const bool depthwise = group > 1 && k[1] == 1, same = w.padded() && AllSame(w, in);
  if (inputs == kUnknown && k[1] != kUnknown && k[1] * group <= INT32_MAX) {  // A reshape to a size that is computed: the weights know.
    Shape refined = in;
    refined[1] = static_cast<int32_t>(k[1] * group);
    c.RefineShape(x, refined);
  }
  OCTET_ASSIGN(Value image, EnterImage(c, x));
  if (!same) {
    OCTET_ASSIGN(image, PadImage(c, image, w, 0.0f));
  }
  const Value bias = BiasOrZeros(c, c.Input(2), outputs);
  Value y;
  constexpr int32_t kDeepest = 64;
  if (w.spatial == 3 && depthwise && k.known() && k[2] <= kDeepest) {
    OCTET_ASSIGN(y, DepthwiseVolumes(c, image, w, same, weights, bias, outputs / group));
  } else if (w.spatial == 3) {
    OCTET_ASSIGN(y, ConvolveVolumes(c, image, w, same, weights, bias, group));
  } else {
    OCTET_ASSIGN(const Value plane, AsPlane(c, weights));
    const std::array<int32_t, 4> order = depthwise ? std::array<int32_t, 4>{1, 2, 3, 0} : std::array<int32_t, 4>{0, 2, 3, 1};
    OCTET_ASSIGN(const Value filter, PermuteWeights(c, plane, order));
    OCTET_ASSIGN(y, Convolve(c, image, w, same, filter, bias, depthwise, outputs / group));
  }
  OCTET_ASSIGN(y, LeaveImage(c, y, w.spatial));
  c.SetOutput(0, y);
  return {};
}

// ---------------------------------------------------------------------------- ConvTranspose

// Zeros between the cells of a constant filter [I, O, (d,) h, w]: what dilation means.
Result<Value> Spread(NodeContext& c, Value weights, const Window& w) {
  if (std::ranges::all_of(w.dilation, [](int64_t d) { return d == 1; })) return weights;
  const std::span<const float> from = c.data_as<float>(weights);
  if (from.empty()) return c.Fail("constant weights with dilations", "computed ones", "");
  const Shape own = c.shape(weights);
  const int first = own.rank() - w.spatial;  // Rows have a height of their own.
  Shape wide = own;
  for (int i = 0; i < w.spatial; ++i) {
    const int64_t reach = (own[first + i] - 1) * w.dilation[static_cast<size_t>(i)] + 1;
    wide[first + i] = static_cast<int32_t>(std::min(reach, kMostWritten));
  }
  if (!c.IsSmall(wide, kMostWritten)) return c.Fail("a filter of at most 2^24 cells with those between them", wide.text(), "check the dilations");
  std::vector<float> to(static_cast<size_t>(wide.elements()), 0.0f);
  for (int64_t i = 0; i < static_cast<int64_t>(from.size()); ++i) {
    int64_t rest = i, at = 0, step = 1;
    for (int axis = own.rank() - 1; axis >= 0; --axis) {
      const int64_t dilation = axis >= first ? w.dilation[static_cast<size_t>(axis - first)] : 1;
      at += rest % own[axis] * dilation * step;
      rest /= own[axis];
      step *= wide[axis];
    }
    to[static_cast<size_t>(at)] = from[static_cast<size_t>(i)];
  }
  return c.Constant<float>(wide, to);
}

struct Axis2 {
  int64_t in = 1, size = 1, stride = 1, before = 0, after = 0, extra = 0;  // extra: output_padding.
  // out = in*stride + grow; kUnknown where the input is.
  int64_t grow() const { return size - stride + extra - before - after; }
  int64_t full() const { return size - stride + extra; }  // Grow before cropping.
};

// [N, (D,) H, W, O] of the result; computed when a dimension is unknown.
Result<Value> OutputShape(NodeContext& c, Value image, std::span<const Axis2> axes, bool crop_later, int32_t channels) {
  const Shape s = c.shape(image);
  std::vector<int32_t> dims = {s[0]}, strides = {1}, grows = {0};
  for (const Axis2& a : axes) {
    const int32_t in = s[static_cast<int>(dims.size())];
    strides.push_back(static_cast<int32_t>(a.stride));
    grows.push_back(static_cast<int32_t>(crop_later ? a.full() : a.grow()));
    const int64_t size = int64_t{in} * strides.back() + grows.back();
    if (in != kUnknown && size > INT32_MAX) return c.Fail("a result whose dimensions fit 32 bits", std::to_string(size), "check the strides");
    dims.push_back(in == kUnknown ? kUnknown : static_cast<int32_t>(size));
  }
  const auto counted = static_cast<int32_t>(dims.size());
  dims.push_back(channels);
  if (std::ranges::count(dims, kUnknown) == 0) return c.Vector(dims);
  OCTET_ASSIGN(const Value shape, c.Make("shape", {image}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(const Value head, c.Make("slice", {shape, c.Vector({0}), c.Vector({counted})}));
  OCTET_ASSIGN(Value sizes, c.Make("mul", {head, c.Vector(strides)}));
  OCTET_ASSIGN(sizes, c.Make("add", {sizes, c.Vector(grows)}));
  return c.Make("concatenation", {sizes, c.Vector({channels})}, {{"axis", 0}});
}

bool SameFits(const Axis2& a) {
  if (a.extra > 0 && a.full() < 0) return false;
  const int64_t grow = a.grow();
  if (a.in == kUnknown) return grow == 0 && a.size >= a.stride && a.before == (a.size - a.stride) / 2;
  const int64_t out = a.in * a.stride + grow;
  if (out < 1 || (out + a.stride - 1) / a.stride != a.in) return false;
  return std::max<int64_t>((a.in - 1) * a.stride + a.size - out, 0) / 2 == a.before;
}

Result<Value> TransposeConv(NodeContext& c, Value image, Value weights, Value bias, const Axis2& h, const Axis2& w) {
  const Shape k = c.shape(weights);  // [I, O, h, w]
  OCTET_ASSIGN(const Value filter, PermuteWeights(c, weights, std::array<int32_t, 4>{1, 2, 3, 0}));
  const bool same = SameFits(h) && SameFits(w), crop = !same && (h.before + h.after + w.before + w.after) > 0;
  OCTET_ASSIGN(const Value shape, OutputShape(c, image, std::array{h, w}, crop, k[1]));
  OCTET_ASSIGN(Value y, c.Make("transpose_conv", {shape, filter, image, BiasOrZeros(c, bias, k[1])},
                               {{"padding", same ? kSame : kValid}, {"stride_w", w.stride}, {"stride_h", h.stride}}));
  const Shape s = c.shape(image);
  const auto size = [&](int32_t in, const Axis2& a, int64_t grow) { return in == kUnknown ? kUnknown : static_cast<int32_t>(in * a.stride + grow); };
  const auto full = [&](const Axis2& a) { return crop ? a.full() : a.grow(); };
  c.RefineShape(y, Shape{s[0], size(s[1], h, full(h)), size(s[2], w, full(w)), k[1]});
  if (!crop) return y;
  std::vector<int32_t> begin = {0, static_cast<int32_t>(h.before), static_cast<int32_t>(w.before), 0};
  std::vector<int32_t> end = {0, static_cast<int32_t>(-h.after), static_cast<int32_t>(-w.after), 0};
  const int64_t open = 9 | (h.after == 0 ? 2 : 0) | (w.after == 0 ? 4 : 0);
  return c.Make("strided_slice", {y, c.Vector(begin), c.Vector(end), c.Vector({1, 1, 1, 1})}, {{"begin_mask", 9}, {"end_mask", open}});
}

// Volumes: the whole result, then what padding crops.
Result<Value> TransposeConv3D(NodeContext& c, Value volume, Value weights, Value bias, const std::array<Axis2, 3>& axes) {
  const Shape k = c.shape(weights), s = c.shape(volume);  // [I, O, d, h, w]
  OCTET_ASSIGN(const Value filter, PermuteWeights(c, weights, std::array<int32_t, 5>{2, 3, 4, 1, 0}));
  OCTET_ASSIGN(const Value shape, OutputShape(c, volume, axes, true, k[1]));
  OCTET_ASSIGN(const Value y, c.Make("conv_3d_transpose", {shape, filter, volume, BiasOrZeros(c, bias, k[1])},
                                     {{"padding", kValid}, {"stride_d", axes[0].stride}, {"stride_h", axes[1].stride}, {"stride_w", axes[2].stride}}));
  Shape out{s[0]};
  std::vector<int32_t> begin = {0}, end = {0};
  int64_t open = 17, cropped = 0;
  for (int i = 0; i < 3; ++i) {
    const Axis2& a = axes[static_cast<size_t>(i)];
    out.push_back(s[i + 1] == kUnknown ? kUnknown : static_cast<int32_t>(s[i + 1] * a.stride + a.full()));
    begin.push_back(static_cast<int32_t>(a.before));
    end.push_back(static_cast<int32_t>(-a.after));
    cropped += a.before + a.after;
    if (a.after == 0) open |= int64_t{2} << i;
  }
  out.push_back(k[1]);
  c.RefineShape(y, out);
  if (cropped == 0) return y;
  begin.push_back(0), end.push_back(0);
  return c.Make("strided_slice", {y, c.Vector(begin), c.Vector(end), c.Vector({1, 1, 1, 1, 1})}, {{"begin_mask", 17}, {"end_mask", open}});
}

Status ReadTransposed(NodeContext& c, const Shape& in, const Window& w, std::array<Axis2, 3>* axes) {
  const std::vector<int64_t> extra = c.Ints("output_padding", {}), wanted = c.Ints("output_shape", {});
  for (int i = 0; i < w.spatial; ++i) {
    const auto k = static_cast<size_t>(i);
    Axis2& a = (*axes)[static_cast<size_t>(i + 3 - w.spatial)];
    a = {in[i + 2], w.reach(i), w.stride[k], w.before[k], w.after[k], k < extra.size() ? extra[k] : 0};
    const bool upper = w.same_upper, lower = c.Text("auto_pad", "") == "SAME_LOWER";
    if (wanted.empty() && !upper && !lower) continue;
    int64_t out = 0;
    if (!wanted.empty()) {  // Of the spatial axes, or of all.
      const size_t at = wanted.size() == static_cast<size_t>(w.spatial) ? k : k + 2;
      if (at >= wanted.size() || a.in == kUnknown) return c.Fail("a known image size for output_shape", in.text(), "give the input's size with --input");
      out = wanted[at] - a.in * a.stride;
    }
    const int64_t total = a.size - a.stride + a.extra - out;  // What output sizes leave of the full result.
    if (total < 0) a.extra -= total;
    a.before = std::max<int64_t>(total, 0) / 2;
    a.after = std::max<int64_t>(total, 0) - a.before;
    if (!upper) std::swap(a.before, a.after);
  }
  return {};
}

Status ConvertConvTranspose(NodeContext& c) {
  const Value x = c.Input(0);
  const Shape in = c.shape(x), k = c.shape(c.Input(1));
  if (k.rank() != in.rank() || in.rank() < 3 || in.rank() > 5) return c.Fail("images of 1 to 3 dimensions", in.text(), "");
  OCTET_ASSIGN(const Window w, ReadWindow(c, in, k.dims().subspan(2)));
  std::array<Axis2, 3> axes;
  OCTET_TRY(ReadTransposed(c, in, w, &axes));
  const auto group = static_cast<int32_t>(c.Int("group", 1));
  if (k[1] < 1 || k[1] > (1 << 20)) return c.Fail("weights of known size", k.text(), "export with constant weights");
  if (group < 1 || k[0] % group != 0) return c.Fail("groups that divide the channels", std::to_string(group), "check the model");
  OCTET_ASSIGN(const Value image, EnterImage(c, x));
  OCTET_ASSIGN(Value weights, AsPlane(c, c.Input(1)));
  OCTET_ASSIGN(weights, Spread(c, weights, w));
  const auto transpose = [&](Value part, Value filter, Value bias) {
    return w.spatial == 3 ? TransposeConv3D(c, part, filter, bias, axes) : TransposeConv(c, part, filter, bias, axes[1], axes[2]);
  };
  const int channels = c.rank(image) - 1;
  Value y;
  if (group == 1) {
    OCTET_ASSIGN(y, transpose(image, weights, c.Input(2)));
  } else {
    OCTET_ASSIGN(const std::vector<Value> images, c.MakeMany("split", {c.ScalarInt(channels), image}, {{"num_splits", group}}, group));
    OCTET_ASSIGN(const std::vector<Value> filters, c.MakeMany("split", {c.ScalarInt(0), weights}, {{"num_splits", group}}, group));
    std::vector<Value> parts;
    for (size_t g = 0; g < images.size(); ++g) {
      OCTET_ASSIGN(const Value part, transpose(images[g], filters[g], {}));
      parts.push_back(part);
    }
    OCTET_ASSIGN(y, c.Make("concatenation", parts, {{"axis", channels}}));
    if (c.Input(2)) {
      OCTET_ASSIGN(y, c.Make("add", {y, c.Input(2)}));
    }
  }
  OCTET_ASSIGN(y, LeaveImage(c, y, w.spatial));
  c.SetOutput(0, y);
  return {};
}

constexpr NodeRule kRules[] = {{"Conv", 0, ConvertConv}, {"ConvTranspose", 0, ConvertConvTranspose}};

}  // namespace

const std::span<const NodeRule> kConvolutionRules = kRules;

}  // namespace octet::importers::onnx
