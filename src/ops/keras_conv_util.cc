// SPDX-License-Identifier: Apache-2.0
#include "ops/keras_conv_util.h"

#include <algorithm>

#include "ops/depthwise_attrs.h"
#include "ops/move_attrs.h"

namespace octet::ops {
namespace {

// The class name ends in "1D", "2D", or has it before "Transpose".
int RankOf(std::string_view kind) { return kind.find("1D") != std::string_view::npos ? 1 : 2; }

Status ReadPair(ImportContext& c, std::string_view key, int rank, int32_t (&out)[2]) {
  std::vector<int64_t> v = c.Ints(key, {1});
  if (v.size() == 1 && rank == 2) v.push_back(v[0]);
  if (static_cast<int>(v.size()) != rank)
    return c.Fail(std::string(key) + " with " + std::to_string(rank) + " numbers", std::to_string(v.size()), "check the layer");
  for (int i = 0; i < rank; ++i) {
    if (v[i] < 1 || v[i] > INT32_MAX) return c.Fail("positive " + std::string(key), std::to_string(v[i]), "check the layer");
    out[2 - rank + i] = static_cast<int32_t>(v[i]);
  }
  return {};
}

// out[index(o, h, w, i)] = in[h, w, a, b], with the meaning of a and b chosen by `place`. Weights of quantization-aware
// training lie on a grid (TensorType::quant), which goes along: per channel from axis `from_axis` (of a, b: 0, 1) to axis `to_axis`.
template <class Place>
Result<Value> Permuted(ImportContext& c, int i, int rank, int from_axis, int to_axis, Shape (*shape)(int32_t h, int32_t w, int32_t a, int32_t b),
                       const Place& place) {
  OCTET_ASSIGN(Value weight, c.Weight(i));
  const Shape& s = c.shape(weight);
  const std::span<const float> from = c.data_as<float>(weight);
  if (s.rank() != rank + 2 || from.empty()) return c.Fail("float weights of rank " + std::to_string(rank + 2), s.text(), "save the model again");
  const int32_t h = rank == 1 ? 1 : s[0], w = s[rank - 1], a = s[rank], b = s[rank + 1];
  std::vector<float> to(from.size());
  constexpr int32_t kTile = 16;  // Floats of a cache line: neighbours among `a` become neighbours in memory.
  for (int64_t hw = 0; hw < static_cast<int64_t>(h) * w; ++hw)
    for (int32_t first = 0; first < a; first += kTile)
      for (int32_t y = 0; y < b; ++y)
        for (int32_t x = first; x < std::min(first + kTile, a); ++x) to[place(hw, x, y, h, w, a, b)] = from[(hw * a + x) * b + y];
  TensorType type{DType::kF32, shape(h, w, a, b), {}};
  const Quant& grid = c.type(weight).quant;
  if (grid.scale.size() == 1 || (grid.axis == rank + from_axis && static_cast<int32_t>(grid.scale.size()) == type.shape[to_axis])) {
    type.quant = grid;
    type.quant.axis = to_axis;
  }
  return c.Constant(type, std::as_bytes(std::span<const float>(to)));
}

}  // namespace

Result<KerasWindow> ReadKerasWindow(ImportContext& c) {
  KerasWindow w;
  w.rank = RankOf(c.kind());
  OCTET_TRY(ReadPair(c, "strides", w.rank, w.stride));
  OCTET_TRY(ReadPair(c, "dilation_rate", w.rank, w.dilation));
  const std::string padding = c.Text("padding", "valid"), format = c.Text("data_format", "channels_last");
  if (format != "channels_last") return c.Fail("data_format='channels_last'", format, "build the model with channels last");
  if (padding == "causal" && w.rank == 1) {
    const std::vector<int64_t> size = c.Ints("kernel_size", {1});
    w.causal_pad = static_cast<int32_t>((size[0] - 1) * w.dilation[1]);
  } else if (padding != "same" && padding != "valid") {
    return c.Fail("padding 'same', 'valid' or (Conv1D) 'causal'", padding, "check the layer");
  }
  w.padding = padding == "same" ? Padding::kSame : Padding::kValid;
  return w;
}

Result<Value> FilterOhwi(ImportContext& c, int i, int rank) {
  return Permuted(
      c, i, rank, 1, 0, [](int32_t h, int32_t w, int32_t in, int32_t out) { return Shape{out, h, w, in}; },
      [](int64_t hw, int64_t in, int64_t out, int32_t h, int32_t w, int32_t n_in, int32_t) { return (out * h * w + hw) * n_in + in; });
}

Result<Value> FilterDepthwise(ImportContext& c, int i, int rank) {
  // Channel c with multiplier m is output channel c*M + m: the layout is already right.
  return Permuted(
      c, i, rank, 0, 3, [](int32_t h, int32_t w, int32_t channels, int32_t multiplier) { return Shape{1, h, w, channels * multiplier}; },
      [](int64_t hw, int64_t channel, int64_t m, int32_t, int32_t, int32_t channels, int32_t multiplier) {
        return (hw * channels + channel) * multiplier + m;
      });
}

Result<Value> FilterTransposed(ImportContext& c, int i, int rank) {
  return Permuted(
      c, i, rank, 0, 0, [](int32_t h, int32_t w, int32_t out, int32_t in) { return Shape{out, h, w, in}; },
      [](int64_t hw, int64_t out, int64_t in, int32_t h, int32_t w, int32_t, int32_t n_in) { return (out * h * w + hw) * n_in + in; });
}

Result<Value> SpreadTaps(ImportContext& c, Value filter, int64_t dilation_h, int64_t dilation_w) {
  if (dilation_h == 1 && dilation_w == 1) return filter;
  const Shape f = c.shape(filter);
  const std::span<const float> from = c.data_as<float>(filter);
  if (from.empty()) return c.Fail("constant weights with a dilation", "computed ones", "");
  const int64_t h = (f[1] - 1) * dilation_h + 1, w = (f[2] - 1) * dilation_w + 1;
  if (dilation_h < 1 || dilation_w < 1 || h > (1 << 15) || w > (1 << 15) || h * w * f[0] * f[3] > (int64_t{1} << 28))
    return c.Fail("a smaller dilation", std::to_string(std::max(dilation_h, dilation_w)), "");
  std::vector<float> to(static_cast<size_t>(f[0] * h * w * f[3]), 0.0f);
  for (int64_t o = 0; o < f[0]; ++o)
    for (int64_t y = 0; y < f[1]; ++y)
      for (int64_t x = 0; x < f[2]; ++x)
        std::copy_n(&from[static_cast<size_t>(((o * f[1] + y) * f[2] + x) * f[3])], f[3],
                    &to[static_cast<size_t>(((o * h + y * dilation_h) * w + x * dilation_w) * f[3])]);
  return c.Constant<float>(Shape{f[0], static_cast<int32_t>(h), static_cast<int32_t>(w), f[3]}, to);
}

Result<Value> Zeros(ImportContext& c, int32_t count) {
  const std::vector<float> zeros(count, 0.0f);
  return c.Constant<float>(Shape{count}, zeros);
}

Result<Value> BiasOrZeros(ImportContext& c, int i, int32_t channels) {
  return c.Bool("use_bias", true) ? c.Weight(i) : Zeros(c, channels);
}

Result<Value> EnterImage(ImportContext& c, Value x, const KerasWindow& w) {
  const Shape& s = c.shape(x);
  if (s.rank() != w.rank + 2) return c.Fail("an input of rank " + std::to_string(w.rank + 2), s.text(), "check the layer before it");
  if (w.rank == 2) return x;
  if (w.causal_pad > 0) {
    const int32_t pads[] = {0, 0, w.causal_pad, 0, 0, 0};
    OCTET_ASSIGN(x, c.Emit("pad", {x, c.Constant<int32_t>(Shape{3, 2}, pads)}));
  }
  return c.Emit("expand_dims", {x, c.Vector({1})});
}

Status LeaveImage(ImportContext& c, Value y, const KerasWindow& w) {
  if (w.rank == 1) {
    // A reshape says the same as squeeze, and merges with others. The length is unknown or known.
    const Shape& s = c.shape(y);
    if (s[2] == kUnknown && s[0] == kUnknown) {
  SqueezeAttrs axes{.squeeze_dims = {.count = 1}};
      axes.squeeze_dims.v[0] = 1;
      OCTET_ASSIGN(y, c.Emit("squeeze", {y}, axes));
    } else {
      OCTET_ASSIGN(y, c.Emit("reshape", {y, c.Vector({s[0], s[2], s[3]})}));
    }
  }
  OCTET_ASSIGN(y, c.Activate(y));
  c.SetOutput(0, y);
  return {};
}

int32_t TransposedLength(int32_t in, int32_t kernel, int32_t stride, Padding padding) {
  if (in == kUnknown) return kUnknown;
  return in * stride + (padding == Padding::kValid ? std::max(kernel - stride, 0) : 0);
}

int32_t PaddedTransposedLength(int32_t in, int32_t kernel, int32_t stride, Padding padding, int64_t more) {
  const int64_t length = int64_t{in - 1} * stride + kernel - (padding == Padding::kSame ? 2 * (kernel / 2) : 0) + more;
  return static_cast<int32_t>(std::clamp<int64_t>(length, 0, INT32_MAX));
}

Result<Value> DimensionOf(ImportContext& c, Value x, int axis) {
  const int32_t known = c.shape(x)[axis];
  if (known != kUnknown) return c.Constant<int32_t>(Shape{}, std::span(&known, 1));
  OCTET_ASSIGN(const Value shape, c.Emit("shape", {x}, ShapeAttrs{DType::kI32}));
  StridedSliceAttrs first;
  first.shrink_axis_mask = 1;
  return c.Emit("strided_slice", {shape, c.Vector({axis}), c.Vector({axis + 1}), c.Vector({1})}, first);
}

Result<Value> TransposedShape(ImportContext& c, Value x, const Shape& out, std::span<const int32_t> strides, std::span<const int32_t> rests) {
  if (out.known()) return c.Vector(out.dims());
  std::vector<Value> dims;
  for (int i = 0; i < out.rank(); ++i) {
    OCTET_ASSIGN(Value dim,
                 out[i] == kUnknown ? DimensionOf(c, x, i) : Result<Value>(c.Constant<int32_t>(Shape{}, out.dims().subspan(static_cast<size_t>(i), 1))));
    if (out[i] == kUnknown && i > 0) {
      const auto axis = static_cast<size_t>(i - 1);
      OCTET_ASSIGN(dim, c.Emit("mul", {dim, c.Constant<int32_t>(Shape{}, strides.subspan(axis, 1))}));
      OCTET_ASSIGN(dim, c.Emit("add", {dim, c.Constant<int32_t>(Shape{}, rests.subspan(axis, 1))}));
    }
    dims.push_back(dim);
  }
  const PackAttrs pack{.values_count = out.rank(), .axis = 0};
  return c.Emit("pack", dims, &pack);
}

Result<Value> EmitDepthwise(ImportContext& c, Value x, const KerasWindow& w, Value filter, Value bias) {
  const int32_t in = c.shape(x).back(), out = c.shape(filter).back();
  const DepthwiseAttrs attrs{.padding = w.padding, .stride_w = w.stride[1], .stride_h = w.stride[0], .depth_multiplier = in > 0 ? out / in : 1,
                             .activation = Activation::kNone, .dilation_w = w.dilation[1], .dilation_h = w.dilation[0]};
  return c.Emit("depthwise_conv_2d", {x, filter, bias}, attrs);
}

}  // namespace octet::ops
