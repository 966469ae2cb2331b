// SPDX-License-Identifier: Apache-2.0
// Resizing, also as keras.ops, and UpSampling2D in ways that no operator has: cubic, by area, Lanczos, antialiased, padded to the new shape's ratio.
#include <algorithm>

#include "importers/keras/context.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/resampling.h"
#include "ops/layout_util.h"
#include "ops/resize_util.h"

namespace octet::importers::keras {
namespace {

constexpr int64_t kLargest = 4096;

bool IsOperator(const std::string& how, bool antialias) { return how == "nearest" || (how == "bilinear" && !antialias); }

// x: images of known size, channels last.
Result<Value> Resized(LayerContext& c, Value x, int32_t height, int32_t width, const std::string& how, bool antialias) {
  const Shape in = c.shape(x);
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  if (IsOperator(how, antialias))
    return c.Make(how == "nearest" ? "resize_nearest_neighbor" : "resize_bilinear", {x, c.Vector({height, width})}, {{"half_pixel_centers", 1}});
  if (how == "area" || (how == "bicubic" && !antialias)) {
    const Sampling s{how == "bicubic", true, false};
    return Resample(c, x, height, width, SampleRows(in[1], height, s), SampleRows(in[2], width, s));
  }
  const ResampleKernel* kernel = FindResampleKernel(how == "bilinear" ? "triangle" : how == "bicubic" ? "keyscubic" : how);
  if (!kernel) return c.Fail("an interpolation that octet knows", how, "choose bilinear");
  const auto rows = [&](int32_t from, int32_t to) { return KernelRows(from, to, static_cast<float>(to) / static_cast<float>(from), 0, antialias, *kernel); };
  return Resample(c, x, height, width, rows(in[1], height), rows(in[2], width));
}

// Borders that bring the image near the ratio height : width, the same on both sides. Truncated divisions in float32, as Keras computes them.
Result<Value> PadToAspect(LayerContext& c, Value x, int32_t height, int32_t width) {
  const Shape in = c.shape(x);
  const auto wanted = [](int32_t own, int32_t other, int32_t want_own, int32_t want_other) {
    return std::max(own, static_cast<int32_t>(static_cast<float>(int64_t{other} * want_own) / static_cast<float>(want_other)));
  };
  const int32_t h = wanted(in[1], in[2], height, width) - in[1], w = wanted(in[2], in[1], width, height) - in[2];
  if (h < 2 && w < 2) return x;
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  const int32_t pads[] = {0, 0, h / 2, h / 2, w / 2, w / 2, 0, 0};
  return c.Make("padv2", {x, c.Constant<int32_t>(Shape{4, 2}, pads), c.Scalar(static_cast<float>(c.Number("fill_value", 0)))});
}

Status Resize(LayerContext& c, Value x, int64_t height, int64_t width) {
  OCTET_ASSIGN(x, ops::ToChannelsLast(c, x));
  const Shape in = c.shape(x);
  const auto fits = [](int64_t n) { return n > 0 && n <= kLargest; };
  const std::string how = c.Text("interpolation", "bilinear");
  const bool antialias = c.Bool("antialias", false), keeps_ratio = c.Bool("crop_to_aspect_ratio", false) || c.Bool("pad_to_aspect_ratio", false);
  const bool plain = IsOperator(how, antialias) && !keeps_ratio;
  if (in.rank() != 4 || !fits(height) || !fits(width) || (!plain && (!fits(in[1]) || !fits(in[2]) || in[3] < 1)))
    return c.Fail("[batch, height, width, channels] with known sizes", in.text(), "give the input's shape");
  const auto h = static_cast<int32_t>(height), w = static_cast<int32_t>(width);
  if (c.Bool("crop_to_aspect_ratio", false)) {
    OCTET_ASSIGN(x, ops::CropToAspect(c, x, height, width));
  } else if (c.Bool("pad_to_aspect_ratio", false)) {
    if (c.Text("fill_mode", "constant") != "constant") return c.Fail("fill_mode constant", c.Text("fill_mode", ""), "");
    OCTET_ASSIGN(x, PadToAspect(c, x, h, w));
  }
  OCTET_ASSIGN(Value y, Resized(c, x, h, w, how, antialias));
  OCTET_ASSIGN(y, ops::FromChannelsLast(c, y));
  c.SetOutput(0, y);
  return {};
}

Status ConvertResizing(LayerContext& c) {
  if (IsOperator(c.Text("interpolation", "bilinear"), c.Bool("antialias", false)) && !c.Bool("pad_to_aspect_ratio", false)) return c.ApplyOperatorRule();
  return Resize(c, c.Input(0), c.Int("height", 0), c.Int("width", 0));
}

Status ConvertUpSampling(LayerContext& c) {
  if (IsOperator(c.Text("interpolation", "nearest"), false)) return c.ApplyOperatorRule();
  std::vector<int64_t> times = c.Ints("size", {2, 2});
  if (times.size() == 1) times.push_back(times[0]);
  const Shape in = c.shape(c.Input(0));
  const int first = c.Text("data_format", "channels_last") == "channels_first" ? 2 : 1;
  if (in.rank() != 4 || times.size() != 2 || times[0] > kLargest || times[1] > kLargest)
    return c.Fail("images and two factors", in.text(), "correct the layer's size");
  return Resize(c, c.Input(0), in[first] * times[0], in[first + 1] * times[1]);
}

Status ConvertResizeOp(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"images", "x"}));
  std::vector<int64_t> size;
  if (!IntsOf(LiteralOf(c, 1, {"size"}), &size) || size.size() != 2) return c.Fail("a size of two numbers", "another one", "");
  OCTET_TRY(Resize(c, x, size[0], size[1]));
  const DType own = c.type(x).dtype;
  if (IsFloat(own)) return {};
  // Whole numbers again: rounded, and cut at what their type holds.
  Value y = c.outputs()[0];
  OCTET_ASSIGN(y, c.Make("round", {y}));
  return Set(c, Saturated(c, y, own));
}

// TensorFlow's: by its method, to floats but of the nearest.
Status ConvertImageResize(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"images"}));
  OCTET_ASSIGN(const WholeNumbers size, WholeNumbersAt(c, 1, {"size"}));
  const std::string how = c.Text("method", "bilinear");
  const bool antialias = c.Bool("antialias", false), single = c.rank(x) == 3;
  const DType own = c.type(x).dtype;
  OCTET_ASSIGN(x, single ? c.Make("expand_dims", {x, c.Vector({0})}) : Result<Value>(x));
  const Shape in = c.shape(x);
  const auto fits = [](int64_t n) { return n > 0 && n <= kLargest; };
  if (in.rank() != 4 || size.known.size() != 2) return c.Fail("images, and a size of two numbers", in.text(), "");
  Value y;
  if (IsOperator(how, antialias) && !size.complete()) {
    OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
    const Value inputs[] = {x, size.vector};
    OCTET_ASSIGN(y, c.Make(how == "nearest" ? "resize_nearest_neighbor" : "resize_bilinear", inputs, {{"half_pixel_centers", 1}}));
  } else {
    if (!fits(size.known[0]) || !fits(size.known[1]) || (!IsOperator(how, antialias) && (!fits(in[1]) || !fits(in[2]) || in[3] < 1)))
      return c.Fail("[batch, height, width, channels] with known sizes", in.text(), "give the input's shape");
    OCTET_ASSIGN(y, Resized(c, x, size.known[0], size.known[1], how, antialias));
  }
  OCTET_ASSIGN(y, how == "nearest" ? c.Cast(y, own) : Result<Value>(y));
  return Set(c, single ? c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{0}}}) : Result<Value>(y));
}

// TensorFlow 1's, whose pixels lie at their corners; to floats but of the nearest.
template <OpName Op> Status ConvertOldResize(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"images"}));
  OCTET_ASSIGN(const WholeNumbers size, WholeNumbersAt(c, 1, {"size"}));
  if (c.rank(x) != 4 || size.known.size() != 2) return c.Fail("a batch of images, and a size of two numbers", c.shape(x).text(), "");
  const DType result = std::string_view(Op) == "resize_nearest_neighbor" ? c.type(x).dtype : DType::kF32;
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  const int64_t corners = c.Bool("align_corners", false), centres = c.Bool("half_pixel_centers", false);
  OCTET_ASSIGN(const Value y, c.Make(Op, {x, size.vector}, {{"align_corners", corners}, {"half_pixel_centers", centres}}));
  return Set(c, c.Cast(y, result));
}

constexpr LayerRule kRules[] = {{"tf.image.resize", ConvertImageResize}, {"tf.compat.v1.image.resize_bilinear", ConvertOldResize<"resize_bilinear">},
                                {"tf.compat.v1.image.resize_nearest_neighbor", ConvertOldResize<"resize_nearest_neighbor">},
                                {"Resizing", ConvertResizing}, {"UpSampling2D", ConvertUpSampling}, {"ops.Resize", ConvertResizeOp}};

}  // namespace

const std::span<const LayerRule> kResizeRules = kRules;

}  // namespace octet::importers::keras
