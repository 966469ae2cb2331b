// SPDX-License-Identifier: Apache-2.0
#include "ops/pool_util.h"

#include "ops/layout_util.h"

namespace octet::ops {
namespace {

Result<PoolAttrs> AttrsFromKeras(ImportContext& c, size_t dimensions) {
  OCTET_TRY(RequireChannelsLast(c));
  const std::vector<int64_t> pool = PerAxis(c, "pool_size", dimensions, 2);
  // `strides` left out or null means: as far as the window reaches.
  const std::vector<int64_t> stride = c.Has("strides") ? PerAxis(c, "strides", dimensions, 2) : pool;
  const auto sane = [&](const std::vector<int64_t>& v) {
    return v.size() == dimensions && std::ranges::all_of(v, [](int64_t x) { return x >= 1 && x <= INT32_MAX; });
  };
  if (!sane(pool) || !sane(stride)) return c.Fail("positive pool_size and strides", "others", "correct the layer's configuration");
  PoolAttrs a;
  a.padding = c.Text("padding", "valid") == "same" ? Padding::kSame : Padding::kValid;
  const size_t y = dimensions == 1 ? 0 : dimensions - 2, x = dimensions - 1;
  a.filter_height = dimensions == 1 ? 1 : static_cast<int32_t>(pool[y]);
  a.stride_h = dimensions == 1 ? 1 : static_cast<int32_t>(stride[y]);
  a.filter_width = static_cast<int32_t>(pool[x]);
  a.stride_w = static_cast<int32_t>(stride[x]);
  return a;
}

}  // namespace

Status CheckPool(const OpView& op) {
  const PoolAttrs& a = op.attrs<PoolAttrs>();
  if (op.in(0)->shape.rank() != 4)
    return op.Fail(Code::kInvalidModel, "expected [batch, height, width, channels], found %s", op.in(0)->shape.text().c_str());
  if (a.stride_h < 1 || a.stride_w < 1 || a.filter_height < 1 || a.filter_width < 1)
    return op.Fail(Code::kInvalidModel, "filter %dx%d and stride %dx%d must be at least 1", a.filter_height, a.filter_width,
                   a.stride_h, a.stride_w);
  return CheckActivation(op, a.fused_activation_function);
}

Status InferPool(const OpView& op, std::span<OutputType> out) {
  const PoolAttrs& a = op.attrs<PoolAttrs>();
  const Shape& in = op.in(0)->shape;
  const int32_t h = SlideWindow(a.padding, in[1], a.filter_height, a.stride_h, 1).out;
  const int32_t w = SlideWindow(a.padding, in[2], a.filter_width, a.stride_w, 1).out;
  if ((h == 0 && in[1] > 0) || (w == 0 && in[2] > 0))
    return op.Fail(Code::kInvalidModel, "the window %dx%d is larger than the image %s", a.filter_height, a.filter_width, in.text().c_str());
  out[0].shape = {in[0], h, w, in[3]};
  return {};
}

PoolPlan* PlanPool(Prepare& p) {
  const PoolAttrs& a = p.op.attrs<PoolAttrs>();
  const Shape& in = p.op.in(0)->shape;
  const Window h = SlideWindow(a.padding, in[1], a.filter_height, a.stride_h, 1);
  const Window w = SlideWindow(a.padding, in[2], a.filter_width, a.stride_w, 1);
  auto* plan = p.Params<PoolPlan>();
  *plan = {.batches = in[0], .in_h = in[1], .in_w = in[2], .out_h = h.out, .out_w = w.out, .channels = in[3],
           .stride_h = a.stride_h, .stride_w = a.stride_w, .filter_h = a.filter_height, .filter_w = a.filter_width,
           .pad_h = h.pad_before, .pad_w = w.pad_before,
           .clamp = QuantizedClamp(a.fused_activation_function, *p.op.out(0)),
           .clamp_f32 = FloatClamp(a.fused_activation_function),
           .clamps = a.fused_activation_function != Activation::kNone};
  return plan;
}

Status PoolFromKeras(ImportContext& c, std::string_view op) {
  Value x = c.Input(0);
  const int dimensions = c.rank(x) - 2;
  if (dimensions != 1 && dimensions != 2) return c.Fail("an input of rank 3 or 4", c.shape(x).text(), "check the layer before it");
  OCTET_ASSIGN(const PoolAttrs attrs, AttrsFromKeras(c, static_cast<size_t>(dimensions)));
  if (dimensions == 1) {
    OCTET_ASSIGN(x, InsertAxis(c, x, 1));
  }
  OCTET_ASSIGN(Value y, c.Emit(op, {x}, attrs));
  if (dimensions == 1) {
    OCTET_ASSIGN(y, DropAxis(c, y, 1));
  }
  c.SetOutput(0, y);
  return {};
}

Status Pool3DFromKeras(ImportContext& c, std::string_view op) {
  const Shape in = c.shape(c.Input(0));
  OCTET_ASSIGN(const PoolAttrs image, AttrsFromKeras(c, 3));
  if (in.rank() != 5 || std::ranges::count(in.dims().subspan(1), kUnknown) > 0)
    return c.Fail("an input of rank 5 whose sizes are known", in.text(), "give the model's input a fixed size");
  const std::vector<int64_t> pool = PerAxis(c, "pool_size", 3, 2);
  const std::vector<int64_t> stride = c.Has("strides") ? PerAxis(c, "strides", 3, 2) : pool;
  const int32_t images = in[0] == kUnknown ? kUnknown : in[0] * in[1];
  OCTET_ASSIGN(Value x, ReshapeTo(c, c.Input(0), {images, in[2], in[3], in[4]}));
  OCTET_ASSIGN(x, c.Emit(op, {x}, image));
  const int32_t h = c.shape(x)[1], w = c.shape(x)[2];
  OCTET_ASSIGN(x, ReshapeTo(c, x, {in[0], in[1], h * w, in[4]}));
  PoolAttrs depth = image;
  depth.filter_width = depth.stride_w = 1;
  depth.filter_height = static_cast<int32_t>(pool[0]);
  depth.stride_h = static_cast<int32_t>(stride[0]);
  OCTET_ASSIGN(x, c.Emit(op, {x}, depth));
  OCTET_ASSIGN(x, ReshapeTo(c, x, {in[0], c.shape(x)[1], h, w, in[4]}));
  c.SetOutput(0, x);
  return {};
}

}  // namespace octet::ops
