// SPDX-License-Identifier: Apache-2.0
// What the two convolutions over volumes share: attributes, and the windows of three axes. NDHWC.
#pragma once
#include "ops/conv_util.h"
#include "ops/keras_conv_util.h"

namespace octet::ops {

struct Conv3dAttrs {
  Padding padding = Padding::kSame;
  int32_t stride_d = 0, stride_w = 0, stride_h = 0;
  Activation activation = Activation::kNone;
  int32_t dilation_d = 1, dilation_w = 1, dilation_h = 1;
};
inline constexpr AttrRow kConv3dRows[] = {
    Attr<&Conv3dAttrs::padding>("padding", 0),
    Attr<&Conv3dAttrs::stride_d>("stride_d", 1),
    Attr<&Conv3dAttrs::stride_w>("stride_w", 2),
    Attr<&Conv3dAttrs::stride_h>("stride_h", 3),
    Attr<&Conv3dAttrs::activation>("fused_activation_function", 4),
    Attr<&Conv3dAttrs::dilation_d>("dilation_d_factor", 5),
    Attr<&Conv3dAttrs::dilation_w>("dilation_w_factor", 6),
    Attr<&Conv3dAttrs::dilation_h>("dilation_h_factor", 7),
};

// Per axis: depth, height, width. `large` is the side that the filter slides over, `small` counts its steps.
struct Conv3dGeometry {
  int64_t batch = 0, in_c = 0, out_c = 0;
  int64_t large[3] = {}, small[3] = {}, filter[3] = {}, stride[3] = {}, dilation[3] = {}, pad[3] = {};
};

inline Status CheckConv3d(const OpView& op, const Shape& x, const Shape& w) {
  const auto& a = op.attrs<Conv3dAttrs>();
  if (x.rank() != 5 || w.rank() != 5)
    return op.Fail(Code::kInvalidModel, "expected an input and a filter of rank 5, found %s and %s", x.text().c_str(), w.text().c_str());
  for (int i = 0; i < 5; ++i)
    if (w[i] < 1) return op.Fail(Code::kInvalidModel, "the filter is empty: %s", w.text().c_str());
  if (a.stride_d < 1 || a.stride_h < 1 || a.stride_w < 1 || a.dilation_d < 1 || a.dilation_h < 1 || a.dilation_w < 1)
    return op.Fail(Code::kInvalidModel, "expected strides and dilations of at least 1, found %dx%dx%d and %dx%dx%d",
                   a.stride_d, a.stride_h, a.stride_w, a.dilation_d, a.dilation_h, a.dilation_w);
  return CheckActivation(op, a.activation);
}

// How the filter slides along spatial axis i (0: depth) of `large`.
inline Window SlideConv3d(const Conv3dAttrs& a, const Shape& large, const Shape& filter, int i) {
  const int32_t stride[] = {a.stride_d, a.stride_h, a.stride_w}, dilation[] = {a.dilation_d, a.dilation_h, a.dilation_w};
  return SlideWindow(a.padding, large[1 + i], filter[i], stride[i], dilation[i]);
}

inline Conv3dGeometry MakeConv3dGeometry(const Conv3dAttrs& a, const Shape& large, const Shape& small, const Shape& filter) {
  Conv3dGeometry g{.batch = large[0]};
  const int32_t stride[] = {a.stride_d, a.stride_h, a.stride_w}, dilation[] = {a.dilation_d, a.dilation_h, a.dilation_w};
  for (int i = 0; i < 3; ++i) {
    g.large[i] = large[1 + i], g.small[i] = small[1 + i], g.filter[i] = filter[i];
    g.stride[i] = stride[i], g.dilation[i] = dilation[i], g.pad[i] = SlideConv3d(a, large, filter, i).pad_before;
  }
  return g;
}

// The configuration of a Keras layer; the activation is emitted behind it, and fused by the passes.
inline Result<Conv3dAttrs> ReadKerasConv3d(ImportContext& c) {
  const auto three = [&](std::string_view key) {
    std::vector<int64_t> v = c.Ints(key, {1});
    if (v.size() == 1) v.assign(3, v[0]);
    return v;
  };
  const std::vector<int64_t> stride = three("strides"), dilation = three("dilation_rate");
  const std::string padding = c.Text("padding", "valid"), format = c.Text("data_format", "channels_last");
  if (format != "channels_last") return c.Fail("data_format='channels_last'", format, "permute the input, or train with channels_last");
  if (padding != "valid" && padding != "same") return c.Fail("padding 'valid' or 'same'", padding, "pad with ZeroPadding3D");
  if (c.Int("groups", 1) != 1) return c.Fail("groups=1", std::to_string(c.Int("groups", 1)), "split the channels and concatenate");
  for (const auto& v : {stride, dilation})
    if (v.size() != 3 || std::ranges::any_of(v, [](int64_t n) { return n < 1 || n > INT32_MAX; }))
      return c.Fail("three positive strides and dilations", "others", "check the layer");
  const auto at = [](const std::vector<int64_t>& v, size_t i) { return static_cast<int32_t>(v[i]); };
  return Conv3dAttrs{.padding = padding == "same" ? Padding::kSame : Padding::kValid, .stride_d = at(stride, 0), .stride_w = at(stride, 2), .stride_h = at(stride, 1),
                     .dilation_d = at(dilation, 0), .dilation_w = at(dilation, 2), .dilation_h = at(dilation, 1)};
}

// body(cell of one image on the large side, cell of the filter) for every cell under the filter at `step`;
// cells outside the volume are skipped.
template <class Body> void ForEachCell(const Conv3dGeometry& g, const int64_t (&step)[3], const Body& body) {
  int64_t at[3];
  const auto locate = [&](int axis, int64_t f) {
    at[axis] = step[axis] * g.stride[axis] + f * g.dilation[axis] - g.pad[axis];
    return at[axis] >= 0 && at[axis] < g.large[axis];
  };
  for (int64_t d = 0; d < g.filter[0]; ++d) {
    if (!locate(0, d)) continue;
    for (int64_t h = 0; h < g.filter[1]; ++h) {
      if (!locate(1, h)) continue;
      for (int64_t w = 0; w < g.filter[2]; ++w)
        if (locate(2, w)) body((at[0] * g.large[1] + at[1]) * g.large[2] + at[2], (d * g.filter[1] + h) * g.filter[2] + w);
    }
  }
}

}  // namespace octet::ops
