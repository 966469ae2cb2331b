// SPDX-License-Identifier: Apache-2.0
// ResizeBilinear: every output pixel lies at y = i·in/out of the input, between four pixels that are
// weighted by their distance. int8 and int16: coordinates with 10 fraction bits, the 20-bit sum rounded
// half away from zero. uint8: in float, plus 0.5, truncated.
#include <cmath>
#include <type_traits>

#include "base/thread_pool.h"
#include "kernels/elementwise.h"
#include "ops/layout_util.h"
#include "ops/resize_util.h"

namespace octet::ops::resize_bilinear {
namespace {

constexpr AttrRow kRows[] = {Attr<&ResizeAttrs::align_corners>("align_corners", 2),
                             Attr<&ResizeAttrs::half_pixel_centers>("half_pixel_centers", 3)};

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "size", .type = 'S', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|u8 S=i32"}, {"T=i8 S=i32", 2}, {"T=i16 S=i32", 4}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

int Version(const OpView& op) {
  return std::max(RowVersion(op), op.attrs<ResizeAttrs>().half_pixel_centers ? 3 : 1);
}

Status Check(const OpView& op) {
  const ResizeAttrs& a = op.attrs<ResizeAttrs>();
  if (a.align_corners && a.half_pixel_centers)
    return op.Fail(Code::kUnsupported, "align_corners and half_pixel_centers exclude each other; set one of them");
  return CheckResize(op);
}

// One output pixel from its four neighbours; y and x weigh the lower and the right ones.
void Blend(const float* a, const float* b, const float* c, const float* d, float y, float x, int64_t n, float* out) {
  kernels::Vectors().blend_f32(a, b, c, d, y, x, n, out);
}
void Blend(const uint8_t* a, const uint8_t* b, const uint8_t* c, const uint8_t* d, float y, float x, int64_t n, uint8_t* __restrict out) {
  const auto f = [](uint8_t v) { return static_cast<float>(v); };
  for (int64_t k = 0; k < n; ++k)
    out[k] = static_cast<uint8_t>(f(a[k]) * (1 - y) * (1 - x) + f(c[k]) * y * (1 - x) + f(b[k]) * (1 - y) * x + f(d[k]) * y * x + 0.5f);
}
// Sums stay below 2^36.
void Blend(const int16_t* a, const int16_t* b, const int16_t* c, const int16_t* d, int32_t y, int32_t x, int64_t n, int16_t* __restrict out) {
  const int32_t wa = (1024 - y) * (1024 - x), wb = (1024 - y) * x, wc = y * (1024 - x), wd = y * x;
  for (int64_t k = 0; k < n; ++k) {
    const int64_t sum = int64_t{a[k]} * wa + int64_t{b[k]} * wb + int64_t{c[k]} * wc + int64_t{d[k]} * wd;
    out[k] = static_cast<int16_t>((sum + (1 << 19) + (sum >> 63)) >> 20);  // Half away from zero, without a branch.
  }
}

template <class W> struct Params {
  int32_t batches, in_h, in_w, out_h, out_w, channels;
  const Between<W>* rows;
  const Between<W>* columns;
};

template <class T, class W> Status Resize(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params<W>*>(params);
  run.pool->For(int64_t{p.batches} * p.out_h, [&](int64_t row, int) {
    const T* image = run.input<T>(0) + row / p.out_h * p.in_h * p.in_w * p.channels;
    T* out = run.output<T>(0) + row * p.out_w * p.channels;
    const Between<W> y = p.rows[row % p.out_h];
    const T* low = image + int64_t{y.low} * p.in_w * p.channels;
    const T* high = image + int64_t{y.high} * p.in_w * p.channels;
    for (int32_t i = 0; i < p.out_w; ++i, out += p.channels) {
      const Between<W> x = p.columns[i];
      const T *a = low + int64_t{x.low} * p.channels, *b = low + int64_t{x.high} * p.channels;
      const T *c = high + int64_t{x.low} * p.channels, *d = high + int64_t{x.high} * p.channels;
      Blend(a, b, c, d, y.at, x.at, p.channels, out);
    }
  });
  return {};
}

// Bytes go down before they go across: fewer sums, where pixels become more.
Status ResizeBytes(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params<int32_t>*>(params);
  const int64_t row_values = int64_t{p.in_w} * p.channels, sums = row_values + kernels::BlendRowS8::kMore;
  run.pool->For(int64_t{p.batches} * p.out_h, [&](int64_t row, int thread) {
    const int8_t* image = run.input<int8_t>(0) + row / p.out_h * p.in_h * row_values;
    const Between<int32_t> y = p.rows[row % p.out_h];
    kernels::Vectors().blend_row_s8({.upper = image + y.low * row_values, .lower = image + y.high * row_values, .width = p.in_w, .channels = p.channels,
                                     .down = y.at, .places = p.columns, .outputs = p.out_w,
                                     .sums = reinterpret_cast<int32_t*>(run.workspace) + thread * sums,
                                     .y = run.output<int8_t>(0) + row * p.out_w * p.channels});
  });
  return {};
}

template <class T, class W> Status PrepareAs(Prepare& p) {
  const ResizeAttrs& a = p.op.attrs<ResizeAttrs>();
  const Shape& in = p.op.in(0)->shape;
  const Shape& out = p.op.out(0)->shape;
  auto* rows = p.Array<Between<W>>(static_cast<size_t>(out[1]));
  auto* columns = p.Array<Between<W>>(static_cast<size_t>(out[2]));
  for (int32_t i = 0; i < out[1]; ++i) rows[i] = PlaceBetween(a, i, in[1], out[1], W{});
  for (int32_t i = 0; i < out[2]; ++i) columns[i] = PlaceBetween(a, i, in[2], out[2], W{});
  auto* params = p.Params<Params<W>>();
  *params = {in[0], in[1], in[2], out[1], out[2], in[3], rows, columns};
  if constexpr (std::is_same_v<T, int8_t>) {
    p.Workspace(static_cast<size_t>(p.threads) * (static_cast<size_t>(in[2]) * static_cast<size_t>(in[3]) + kernels::BlendRowS8::kMore) * sizeof(int32_t));
    p.SetRun(ResizeBytes, params);
  } else {
    p.SetRun(Resize<T, W>, params);
  }
  return {};
}

Status PrepareResize(Prepare& p) {
  switch (p.op.in(0)->dtype) {
    case DType::kF32:
      return PrepareAs<float, float>(p);
    case DType::kU8:
      return PrepareAs<uint8_t, float>(p);
    case DType::kI8:
      return PrepareAs<int8_t, int32_t>(p);
    default:
      return PrepareAs<int16_t, int32_t>(p);
  }
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareResize}};

Status EmitResize(ImportContext& c, Value image, Value size, std::string_view interpolation) {
  const bool nearest = interpolation == "nearest";
  if (!nearest && interpolation != "bilinear")
    return c.Fail("interpolation \"bilinear\" or \"nearest\"", interpolation,
                  "no TFLite operator resizes that way");
  const ResizeAttrs attrs{.half_pixel_centers = true};
  const Shape in = c.shape(image);
  const std::span<const int32_t> known = c.data_as<int32_t>(size);
  const Shape out = known.size() == 2 ? Shape{in[0], known[0], known[1], in[3]} : Shape{in[0], kUnknown, kUnknown, in[3]};
  const Value inputs[] = {image, size};
  OCTET_ASSIGN(Value y, c.EmitAs(nearest ? "resize_nearest_neighbor" : "resize_bilinear", inputs, &attrs, {c.type(image).dtype, out, {}}));
  OCTET_ASSIGN(y, FromChannelsLast(c, y));
  c.SetOutput(0, y);
  return {};
}

Status FromKerasUpSampling2D(ImportContext& c) {
  OCTET_ASSIGN(const Value image, ToChannelsLast(c, c.Input(0)));
  const std::vector<int64_t> times = PerAxis(c, "size", 2, 2);
  if (times.size() != 2 || c.rank(image) != 4 || times[0] < 1 || times[1] < 1 || times[0] > INT32_MAX ||
      times[1] > INT32_MAX)
    return c.Fail("an image and two positive sizes", c.shape(image).text(), "correct the layer's size");
  OCTET_ASSIGN(const Value size,
               ScaledSize(c, image, static_cast<int32_t>(times[0]), static_cast<int32_t>(times[1])));
  return EmitResize(c, image, size, c.Text("interpolation", "nearest"));
}

// The layers compute in floats, also on images of bytes.
Result<Value> FloatImage(ImportContext& c) {
  Value x = c.Input(0);
  if (c.type(x).dtype != DType::kF32) {
    OCTET_ASSIGN(x, c.EmitAs("cast", std::span(&x, 1), nullptr, {DType::kF32, c.shape(x), {}}));
  }
  return ToChannelsLast(c, x);
}

Status FromKerasResizing(ImportContext& c) {
  OCTET_ASSIGN(Value image, FloatImage(c));
  const int64_t height = c.Int("height", 0), width = c.Int("width", 0);
  if (height < 1 || width < 1 || height > INT32_MAX || width > INT32_MAX || c.rank(image) != 4)
    return c.Fail("an image, a height and a width", c.shape(image).text(), "correct the layer's configuration");
  if (c.Bool("crop_to_aspect_ratio", false)) {
    OCTET_ASSIGN(image, CropToAspect(c, image, height, width));
  }
  const Value size = c.Vector({static_cast<int32_t>(height), static_cast<int32_t>(width)});
  return EmitResize(c, image, size, c.Text("interpolation", "bilinear"));
}

// The middle height x width pixels; an image that is smaller anywhere is cropped to the ratio and resized.
Status FromKerasCenterCrop(ImportContext& c) {
  OCTET_ASSIGN(const Value image, FloatImage(c));
  const int64_t height = c.Int("height", 0), width = c.Int("width", 0);
  const Shape& in = c.shape(image);
  if (height < 1 || width < 1 || height > INT32_MAX || width > INT32_MAX || in.rank() != 4 || in[1] == kUnknown ||
      in[2] == kUnknown)
    return c.Fail("an image of known size, a height and a width", in.text(), "give the model's input a fixed size");
  if (in[1] >= height && in[2] >= width) {
    const int32_t spare_h = in[1] - static_cast<int32_t>(height), spare_w = in[2] - static_cast<int32_t>(width);
    const std::array<int32_t, 2> before = {spare_h / 2, spare_w / 2},
                                 after = {spare_h - spare_h / 2, spare_w - spare_w / 2};
    OCTET_ASSIGN(Value y, CropAxes(c, image, 1, before, after));
    OCTET_ASSIGN(y, FromChannelsLast(c, y));
    c.SetOutput(0, y);
    return {};
  }
  OCTET_ASSIGN(const Value middle, CropToAspect(c, image, height, width));
  return EmitResize(c, middle, c.Vector({static_cast<int32_t>(height), static_cast<int32_t>(width)}), "bilinear");
}

constexpr ImportRule kRules[] = {{Source::kKeras, "UpSampling2D", 0, FromKerasUpSampling2D},
                                 {Source::kKeras, "Resizing", 0, FromKerasResizing},
                                 {Source::kKeras, "CenterCrop", 0, FromKerasCenterCrop}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "resize_bilinear",
    .code = BuiltinCode::kResizeBilinear,
    .attrs = Layout<ResizeAttrs>(OptionsTable::kResizeBilinear, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kHomogeneous | kKeepsChannels,
    .check = Check,
    .infer = InferResize,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::resize_bilinear
