// SPDX-License-Identifier: Apache-2.0
#include "importers/onnx/layers/image.h"

#include <algorithm>

#include "importers/onnx/builder.h"
#include "ops/layout_util.h"

namespace octet::importers::onnx {

Result<Value> ChannelsLast(NodeContext& c, Value v) {
  std::vector<int32_t> order = {0};
  for (int i = 2; i < c.rank(v); ++i) order.push_back(i);
  order.push_back(1);
  return c.Transpose(v, order);
}

Result<Value> ChannelsSecond(NodeContext& c, Value v) {
  std::vector<int32_t> order = {0, c.rank(v) - 1};
  for (int i = 1; i + 1 < c.rank(v); ++i) order.push_back(i);
  return c.Transpose(v, order);
}

Result<Value> EnterImage(NodeContext& c, Value v) {
  OCTET_ASSIGN(v, ChannelsLast(c, v));
  return c.rank(v) == 3 ? ops::InsertAxis(c, v, 1) : v;
}

Result<Value> LeaveImage(NodeContext& c, Value v, int spatial) {
  if (spatial == 1) {
    OCTET_ASSIGN(v, ops::DropAxis(c, v, 1));
  }
  return ChannelsSecond(c, v);
}

Result<Value> PermuteWeights(NodeContext& c, Value v, std::span<const int32_t> order) {
  const Quant quant = c.type(v).quant;
  OCTET_ASSIGN(const Value out, c.Transpose(v, order));
  if (out == v || quant.empty() || !c.is_constant(out)) return out;
  Quant moved = quant;
  moved.axis = static_cast<int32_t>(std::ranges::find(order, quant.axis) - order.begin());
  TensorType type = c.type(out);
  type.quant = std::move(moved);
  return c.construction().Constant(type, c.construction().BytesOf(out), c.place() + "/constant");
}

bool Window::IsSame(int i, int32_t in) const {
  const auto k = static_cast<size_t>(i);
  if (same_upper) return true;
  if (ceil) return false;
  const int64_t total = reach(i) - 1;
  if (in == kUnknown) return stride[k] == 1 && before[k] == total / 2 && before[k] + after[k] == total;
  const int64_t out = (in + stride[k] - 1) / stride[k], pad = std::max<int64_t>((out - 1) * stride[k] + reach(i) - in, 0);
  const int64_t valid = (in + before[k] + after[k] - reach(i)) / stride[k] + 1;  // Cells behind the last window do not count.
  return out == valid && pad / 2 == before[k];
}

bool Window::padded() const {
  if (same_upper) return true;
  for (size_t i = 0; i < 3; ++i)
    if (before[i] != 0 || after[i] != 0) return true;
  return false;
}

bool AllSame(const Window& w, const Shape& in) {
  for (int i = 0; i < w.spatial; ++i)
    if (!w.IsSame(i, in[i + 2])) return false;
  return true;
}

namespace {

Status Read(NodeContext& c, std::string_view key, int spatial, std::array<int64_t, 3>* out) {
  const std::vector<int64_t> v = c.Ints(key, std::vector<int64_t>(static_cast<size_t>(spatial), 1));
  if (v.size() != static_cast<size_t>(spatial))
    return c.Fail(Format("%s with %d numbers", std::string(key).c_str(), spatial), std::to_string(v.size()), "check the model");
  for (size_t i = 0; i < v.size(); ++i) {
    if (v[i] < 1 || v[i] > (1 << 20)) return c.Fail("positive " + std::string(key), std::to_string(v[i]), "check the model");
    (*out)[i] = v[i];
  }
  return {};
}

}  // namespace

Result<Window> ReadWindow(NodeContext& c, const Shape& in, std::span<const int32_t> kernel) {
  Window w;
  w.spatial = in.rank() - 2;
  if (w.spatial < 1 || w.spatial > 3) return c.Fail("images of 1 to 3 dimensions", in.text(), "reshape the input");
  for (size_t i = 0; i < kernel.size() && i < 3; ++i) w.size[i] = kernel[i];
  if (kernel.empty() || c.Has("kernel_shape")) OCTET_TRY(Read(c, "kernel_shape", w.spatial, &w.size));
  for (size_t i = 0; i < 3; ++i)
    if (w.size[i] < 1) return c.Fail("a filter of known size", "an unknown one", "export with constant weights");
  OCTET_TRY(Read(c, "strides", w.spatial, &w.stride));
  OCTET_TRY(Read(c, "dilations", w.spatial, &w.dilation));
  w.ceil = c.Int("ceil_mode", 0) != 0;
  const std::string mode = c.Text("auto_pad", "NOTSET");
  if (mode == "SAME_UPPER") {
    w.same_upper = true;
  } else if (mode == "SAME_LOWER") {
    for (int i = 0; i < w.spatial; ++i) {
      const auto k = static_cast<size_t>(i);
      if (in[i + 2] == kUnknown && w.stride[k] != 1) return c.Fail("a known image size", in.text(), "give the input's size with --input");
      const int64_t size = in[i + 2], out = (size + w.stride[k] - 1) / w.stride[k];
      const int64_t total = w.stride[k] == 1 ? w.reach(i) - 1 : std::max<int64_t>((out - 1) * w.stride[k] + w.reach(i) - size, 0);
      w.after[k] = total / 2;
      w.before[k] = total - w.after[k];
    }
  } else if (mode == "NOTSET" || mode.empty()) {
    const std::vector<int64_t> pads = c.Ints("pads", std::vector<int64_t>(static_cast<size_t>(2 * w.spatial), 0));
    if (pads.size() != static_cast<size_t>(2 * w.spatial)) return c.Fail(Format("%d pads", 2 * w.spatial), std::to_string(pads.size()), "check the model");
    for (int i = 0; i < w.spatial; ++i) {
      w.before[static_cast<size_t>(i)] = pads[static_cast<size_t>(i)];
      w.after[static_cast<size_t>(i)] = pads[static_cast<size_t>(i + w.spatial)];
    }
    for (const int64_t p : pads)
      if (p < 0 || p > (1 << 20)) return c.Fail("pads of at least 0", std::to_string(p), "slice the input instead");
  }
  return w;
}

Status ResolveSame(NodeContext& c, const Shape& in, Window* w) {
  for (int i = 0; i < w->spatial && w->same_upper; ++i) {
    const auto k = static_cast<size_t>(i);
    if (in[i + 2] == kUnknown && w->stride[k] != 1) return c.Fail("a known image size", in.text(), "give the input's size with --input");
    const int64_t out = (in[i + 2] + w->stride[k] - 1) / w->stride[k];
    const int64_t total = w->stride[k] == 1 ? w->reach(i) - 1 : std::max<int64_t>((out - 1) * w->stride[k] + w->reach(i) - in[i + 2], 0);
    w->before[k] = total / 2;
    w->after[k] = total - total / 2;
  }
  w->same_upper = false;
  return {};
}

Result<Value> PadImage(NodeContext& c, Value image, const Window& w, float with) {
  if (!w.padded()) return image;
  const int rank = c.rank(image);
  std::vector<int32_t> pads(static_cast<size_t>(2 * rank), 0);
  for (int i = 0; i < w.spatial; ++i) {
    const auto axis = static_cast<size_t>(rank - 1 - w.spatial + i);
    pads[2 * axis] = static_cast<int32_t>(w.before[static_cast<size_t>(i)]);
    pads[2 * axis + 1] = static_cast<int32_t>(w.after[static_cast<size_t>(i)]);
  }
  const Value amounts = c.Constant<int32_t>(Shape{rank, 2}, std::span<const int32_t>(pads));
  OCTET_ASSIGN(const Value y, with == 0.0f ? c.Make("pad", {image, amounts}) : c.Make("padv2", {image, amounts, c.Scalar(with)}));
  if (c.shape(image)[0] == kUnknown) c.builder().SetDimension(y, 0, Number::Dimension(image.id, 0));
  return y;
}

Result<Value> Clamp(NodeContext& c, Value v, Value most) {
  OCTET_ASSIGN(v, c.Emit("maximum", {v, c.Scalar(0)}));
  return c.Emit("minimum", {v, most});
}

}  // namespace octet::importers::onnx
