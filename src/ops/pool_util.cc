// SPDX-License-Identifier: Apache-2.0
#include "ops/pool_util.h"

#include "ops/layout_util.h"
#include "ops/move_attrs.h"

namespace octet::ops {
namespace {

Result<PoolAttrs> AttrsFromKeras(ImportContext& c, size_t dimensions) {
  const std::vector<int64_t> pool = PerAxis(c, "pool_size", dimensions, 2);
  // `strides` left out or null means: as far as the window reaches.
  const std::vector<int64_t> stride = c.Has("strides") ? PerAxis(c, "strides", dimensions, 2) : pool;
  const auto sane = [&](const std::vector<int64_t>& v) {
    return v.size() == dimensions && std::ranges::all_of(v, [](int64_t x) { return x >= 1 && x <= INT32_MAX; });
  };
  if (!sane(pool) || !sane(stride))
    return c.Fail("positive pool_size and strides", "others", "correct the layer's configuration");
  PoolAttrs a;
  a.padding = c.Text("padding", "valid") == "same" ? Padding::kSame : Padding::kValid;
  const size_t y = dimensions == 1 ? 0 : dimensions - 2, x = dimensions - 1;
  a.filter_height = dimensions == 1 ? 1 : static_cast<int32_t>(pool[y]);
  a.stride_h = dimensions == 1 ? 1 : static_cast<int32_t>(stride[y]);
  a.filter_width = static_cast<int32_t>(pool[x]);
  a.stride_w = static_cast<int32_t>(stride[x]);
  return a;
}

// Adaptive pooling along axis 1 or 2 of an image. Windows have one of two lengths: both are pooled at
// every position, and each output cell is gathered from the pool of its own length.
Result<Value> AdaptAxis(ImportContext& c, std::string_view op, Value image, int axis, int64_t out) {
  const int32_t in = c.shape(image)[axis];
  if (out < 1 || out > in)
    return c.Fail("an output size between 1 and the input's", std::to_string(out), "correct output_size");
  const auto pool = [&](int64_t length, int64_t stride) -> Result<Value> {
    PoolAttrs a{.padding = Padding::kValid, .stride_w = 1, .stride_h = 1, .filter_width = 1, .filter_height = 1};
    (axis == 1 ? a.filter_height : a.filter_width) = static_cast<int32_t>(length);
    (axis == 1 ? a.stride_h : a.stride_w) = static_cast<int32_t>(stride);
    return c.Emit(op, {image}, a);
  };
  if (in % out == 0) return pool(in / out, in / out);
  const auto begin = [&](int64_t i) { return i * in / out; };
  const auto length = [&](int64_t i) { return ((i + 1) * in + out - 1) / out - begin(i); };
  int64_t least = in, most = 1;
  for (int64_t i = 0; i < out; ++i) least = std::min(least, length(i)), most = std::max(most, length(i));
  std::vector<int32_t> index;
  for (int64_t i = 0; i < out; ++i)
    index.push_back(static_cast<int32_t>(begin(i) + (length(i) == least ? 0 : in - least + 1)));
  OCTET_ASSIGN(Value cells, pool(least, 1));
  if (most > least) {
    OCTET_ASSIGN(const Value longer, pool(most, 1));
    OCTET_ASSIGN(cells, c.Emit("concatenation", {cells, longer}, ConcatenationAttrs{.axis = axis}));
  }
  return c.Emit("gather", {cells, c.Vector(index)}, GatherAttrs{.axis = axis});
}

// Cell by cell the work is outputs x window, up to the square of the image; with shared sums it is a few passes over the image.
// The factor is what a pass costs more than a cell: measured with windows of 3x3 to 13x13 and 1 to 256 channels.
void ShareSums(Prepare& p, size_t sum_bytes, PoolPlan* plan) {
  constexpr double kPass = 4;
  const double in_h = plan->in_h, in_w = plan->in_w, out_h = plan->out_h, out_w = plan->out_w;
  const double cell_by_cell = out_h * out_w * std::min<double>(plan->filter_h, in_h) * std::min<double>(plan->filter_w, in_w);
  const double shared = kPass * (in_h * in_w + in_h * out_w + out_h * out_w);
  const double lanes = static_cast<double>(std::min<int64_t>(PoolPlan::kBlock, plan->channels));
  const double bytes = (in_w + (in_h + 2) * out_w) * lanes * static_cast<double>(sum_bytes);
  if (cell_by_cell <= shared || bytes * p.threads > static_cast<double>(PTRDIFF_MAX / 2)) return;
  plan->slides = true;
  plan->scratch_bytes = (static_cast<int64_t>(bytes) + 63) / 64 * 64;
  p.Workspace(static_cast<size_t>(plan->scratch_bytes) * static_cast<size_t>(p.threads));
}

}  // namespace

Status CheckPool(const OpView& op) {
  const PoolAttrs& a = op.attrs<PoolAttrs>();
  if (op.in(0)->shape.rank() != 4)
    return op.Fail(Code::kInvalidModel, "expected [batch, height, width, channels], found %s",
                   op.in(0)->shape.text().c_str());
  if (a.stride_h < 1 || a.stride_w < 1 || a.filter_height < 1 || a.filter_width < 1)
    return op.Fail(Code::kInvalidModel, "filter %dx%d and stride %dx%d must be at least 1", a.filter_height,
                   a.filter_width, a.stride_h, a.stride_w);
  return CheckActivation(op, a.fused_activation_function);
}

Status InferPool(const OpView& op, std::span<OutputType> out) {
  const PoolAttrs& a = op.attrs<PoolAttrs>();
  const Shape& in = op.in(0)->shape;
  const int32_t h = SlideWindow(a.padding, in[1], a.filter_height, a.stride_h, 1).out;
  const int32_t w = SlideWindow(a.padding, in[2], a.filter_width, a.stride_w, 1).out;
  // A window that reaches beyond the image leaves an empty output; of two strides or more to its right, without rows, too, as in LiteRT.
  const bool no_rows = a.padding == Padding::kValid && in[2] != kUnknown && int64_t{in[2]} - a.filter_width <= -2 * int64_t{a.stride_w};
  out[0].shape = {in[0], no_rows ? 0 : h, w, in[3]};
  return {};
}

const PoolPlan* PlanPool(Prepare& p, size_t sum_bytes) {
  const PoolAttrs& a = p.op.attrs<PoolAttrs>();
  const Shape& in = p.op.in(0)->shape;
  const Window h = SlideWindow(a.padding, in[1], a.filter_height, a.stride_h, 1);
  const Window w = SlideWindow(a.padding, in[2], a.filter_width, a.stride_w, 1);
  auto* plan = p.Params<PoolPlan>();
  *plan = {.batches = in[0],
           .in_h = in[1],
           .in_w = in[2],
           .out_h = h.out,
           .out_w = w.out,
           .channels = in[3],
           .stride_h = a.stride_h,
           .stride_w = a.stride_w,
           .filter_h = a.filter_height,
           .filter_w = a.filter_width,
           .pad_h = h.pad_before,
           .pad_w = w.pad_before,
           .clamp = QuantizedClamp(a.fused_activation_function, *p.op.out(0)),
           .clamp_f32 = FloatClamp(a.fused_activation_function),
           .clamps = a.fused_activation_function != Activation::kNone,
           .slides = false,
           .scratch_bytes = 0};
  ShareSums(p, sum_bytes, plan);
  return plan;
}

Status PoolFromKeras(ImportContext& c, std::string_view op) {
  OCTET_ASSIGN(Value x, ToChannelsLast(c, c.Input(0)));
  const int dimensions = c.rank(x) - 2;
  if (dimensions != 1 && dimensions != 2)
    return c.Fail("an input of rank 3 or 4", c.shape(x).text(), "check the layer before it");
  OCTET_ASSIGN(const PoolAttrs attrs, AttrsFromKeras(c, static_cast<size_t>(dimensions)));
  if (dimensions == 1) {
    OCTET_ASSIGN(x, InsertAxis(c, x, 1));
  }
  OCTET_ASSIGN(Value y, c.Emit(op, {x}, attrs));
  if (dimensions == 1) {
    OCTET_ASSIGN(y, DropAxis(c, y, 1));
  }
  OCTET_ASSIGN(y, FromChannelsLast(c, y));
  c.SetOutput(0, y);
  return {};
}

Status Pool3DFromKeras(ImportContext& c, std::string_view op) {
  OCTET_ASSIGN(Value x, ToChannelsLast(c, c.Input(0)));
  const Shape in = c.shape(x);
  OCTET_ASSIGN(const PoolAttrs image, AttrsFromKeras(c, 3));
  if (in.rank() != 5 || std::ranges::count(in.dims().subspan(1), kUnknown) > 0)
    return c.Fail("an input of rank 5 whose sizes are known", in.text(), "give the model's input a fixed size");
  const std::vector<int64_t> pool = PerAxis(c, "pool_size", 3, 2);
  const std::vector<int64_t> stride = c.Has("strides") ? PerAxis(c, "strides", 3, 2) : pool;
  const int32_t images = in[0] == kUnknown ? kUnknown : in[0] * in[1];
  OCTET_ASSIGN(x, ReshapeTo(c, x, {images, in[2], in[3], in[4]}));
  OCTET_ASSIGN(x, c.Emit(op, {x}, image));
  const int32_t h = c.shape(x)[1], w = c.shape(x)[2];
  OCTET_ASSIGN(x, ReshapeTo(c, x, {in[0], in[1], h * w, in[4]}));
  PoolAttrs depth = image;
  depth.filter_width = depth.stride_w = 1;
  depth.filter_height = static_cast<int32_t>(pool[0]);
  depth.stride_h = static_cast<int32_t>(stride[0]);
  OCTET_ASSIGN(x, c.Emit(op, {x}, depth));
  OCTET_ASSIGN(x, ReshapeTo(c, x, {in[0], c.shape(x)[1], h, w, in[4]}));
  OCTET_ASSIGN(x, FromChannelsLast(c, x));
  c.SetOutput(0, x);
  return {};
}

Status AdaptivePoolFromKeras(ImportContext& c, std::string_view op) {
  OCTET_ASSIGN(Value x, ToChannelsLast(c, c.Input(0)));
  const Shape in = c.shape(x);
  const int axes = in.rank() - 2;
  const std::vector<int64_t> out = PerAxis(c, "output_size", static_cast<size_t>(std::max(axes, 0)), 1);
  if (axes < 1 || axes > 3 || out.size() != static_cast<size_t>(axes) ||
      std::ranges::count(in.dims().subspan(1), kUnknown) > 0)
    return c.Fail("1 to 3 axes of known size and an output size for each", in.text(),
                  "give the model's input a fixed size");
  if (axes == 1) {
    OCTET_ASSIGN(x, InsertAxis(c, x, 2));
    OCTET_ASSIGN(x, AdaptAxis(c, op, x, 1, out[0]));
    OCTET_ASSIGN(x, DropAxis(c, x, 2));
  } else if (axes == 2) {
    OCTET_ASSIGN(x, AdaptAxis(c, op, x, 1, out[0]));
    OCTET_ASSIGN(x, AdaptAxis(c, op, x, 2, out[1]));
  } else {  // Depth with the image's pixels in one row, then the images of all depths as a batch.
    OCTET_ASSIGN(x, ReshapeTo(c, x, {in[0], in[1], in[2] * in[3], in[4]}));
    OCTET_ASSIGN(x, AdaptAxis(c, op, x, 1, out[0]));
    const auto depth = static_cast<int32_t>(out[0]);
    OCTET_ASSIGN(x, ReshapeTo(c, x, {in[0] == kUnknown ? kUnknown : in[0] * depth, in[2], in[3], in[4]}));
    OCTET_ASSIGN(x, AdaptAxis(c, op, x, 1, out[1]));
    OCTET_ASSIGN(x, AdaptAxis(c, op, x, 2, out[2]));
    OCTET_ASSIGN(x, ReshapeTo(c, x, {in[0], depth, c.shape(x)[1], c.shape(x)[2], in[4]}));
  }
  OCTET_ASSIGN(x, FromChannelsLast(c, x));
  c.SetOutput(0, x);
  return {};
}

}  // namespace octet::ops
