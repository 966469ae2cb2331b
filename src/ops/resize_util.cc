// SPDX-License-Identifier: Apache-2.0
#include "ops/resize_util.h"

#include <cmath>

#include "ops/layout_util.h"

namespace octet::ops {

Status CheckResize(const OpView& op) {
  if (op.in(0)->shape.rank() != 4)
    return op.Fail(Code::kInvalidModel, "expected [batch, height, width, channels], found %s",
                   op.in(0)->shape.text().c_str());
  OCTET_TRY(CheckVector(op, 1, 2, "size"));
  IntList size;
  if (!ReadInts(op, 1, &size)) return {};
  for (int64_t s : size.span())
    if (s < 1) return op.Fail(Code::kInvalidModel, "size %lld must be at least 1", static_cast<long long>(s));
  if (op.in(0)->shape[1] == 0 || op.in(0)->shape[2] == 0)
    return op.Fail(Code::kInvalidModel, "the image has no pixels");
  return {};
}

Status InferResize(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  IntList size;
  out[0].dynamic = !ReadInts(op, 1, &size);
  if (!out[0].dynamic)
    out[0].shape = {in[0], static_cast<int32_t>(size.v[0]), static_cast<int32_t>(size.v[1]), in[3]};
  return {};
}

Result<Value> ScaledSize(ImportContext& c, Value image, int32_t times_h, int32_t times_w) {
  const Shape& in = c.shape(image);
  if (in[1] != kUnknown && in[2] != kUnknown) {
    if (int64_t{in[1]} * times_h > INT32_MAX || int64_t{in[2]} * times_w > INT32_MAX)
      return c.Fail("a size below 2^31", "a larger one", "choose a smaller size");
    return c.Vector({in[1] * times_h, in[2] * times_w});
  }
  OCTET_ASSIGN(Value size, c.Emit("shape", {image}, ShapeAttrs{DType::kI32}));
  OCTET_ASSIGN(size,
               c.Emit("strided_slice", {size, c.Vector({1}), c.Vector({3}), c.Vector({1})}, StridedSliceAttrs{}));
  return c.Emit("mul", {size, c.Vector({times_h, times_w})});
}

Result<Value> CropToAspect(ImportContext& c, Value image, int64_t height, int64_t width) {
  const Shape& in = c.shape(image);
  if (in[1] == kUnknown || in[2] == kUnknown)
    return c.Fail("an image of known size", in.text(), "give the model's input a fixed size");
  // Truncated divisions in double, as Keras computes them.
  const auto crop = [](int32_t own, int32_t other, int64_t want_own, int64_t want_other) {
    const auto ideal =
        static_cast<int64_t>(static_cast<double>(int64_t{other} * want_own) / static_cast<double>(want_other));
    return static_cast<int32_t>(std::clamp<int64_t>(ideal, 1, std::max(own, 1)));
  };
  const int32_t h = crop(in[1], in[2], height, width), w = crop(in[2], in[1], width, height);
  if (h == in[1] && w == in[2]) return image;
  const std::array<int32_t, 2> before = {(in[1] - h) / 2, (in[2] - w) / 2};
  const std::array<int32_t, 2> after = {in[1] - h - before[0], in[2] - w - before[1]};
  return CropAxes(c, image, 1, before, after);
}

Between<float> PlaceBetween(const ResizeAttrs& a, int32_t i, int32_t in, int32_t out, float) {
  const float scale = a.align_corners && out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                                                 : static_cast<float>(in) / static_cast<float>(out);
  const auto index = static_cast<float>(i);
  const float x = a.half_pixel_centers ? (index + 0.5f) * scale - 0.5f : index * scale;
  const int32_t low = std::clamp(static_cast<int32_t>(std::floor(x)), 0, in - 1);
  const int32_t high = std::clamp(static_cast<int32_t>(std::ceil(x)), 0, in - 1);
  return {low, high, x - static_cast<float>(low)};
}

Between<int32_t> PlaceBetween(const ResizeAttrs& a, int32_t i, int32_t in, int32_t out, int32_t) {
  constexpr int64_t kOne = 1 << 10;
  const int64_t scale =
      a.align_corners && out > 1 ? (kOne * (in - 1) + (out - 1) / 2) / (out - 1) : (kOne * in + out / 2) / out;
  const int64_t x = a.half_pixel_centers ? i * scale + scale / 2 - kOne / 2 : i * scale;
  const int64_t low = std::clamp<int64_t>(x / kOne, 0, in - 1);  // Truncates: -512 … -1 give 0.
  const int64_t high = std::clamp<int64_t>((x + kOne - 1) / kOne, 0, in - 1);
  // Where both are one pixel its weights do not matter; rounded up, `scale` may lead far beyond it.
  return {static_cast<int32_t>(low), static_cast<int32_t>(high), high > low ? static_cast<int32_t>(x - kOne * low) : 0};
}

}  // namespace octet::ops
