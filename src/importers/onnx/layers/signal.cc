// SPDX-License-Identifier: Apache-2.0
// Spectra, windows, sampling by coordinates and box selection. Transforms of known size are RFFT2D or products with constant
// matrices, a short-time transform is either of frames or a convolution.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "importers/lowerings/activation.h"
#include "importers/lowerings/short_time.h"
#include "importers/onnx/builder.h"
#include "importers/onnx/layers/image.h"
#include "importers/onnx/rules.h"
#include "ops/builtin.h"

namespace octet::importers::onnx {
namespace {

constexpr double kTurn = 2.0 * std::numbers::pi;

// Entry (2*bin + part, n*channels + channel) of the transform of real (1 channel) or complex (2) numbers:
// re = sum x_re*cos + x_im*sin, im = sum -x_re*sin + x_im*cos; inverse: the sines' signs and 1/n.
double Entry(int64_t bin, int part, int64_t n, int channel, int64_t size, bool inverse) {
  const double angle = kTurn * static_cast<double>(bin * n % size) / static_cast<double>(size) * (inverse ? -1 : 1);
  const double v = part == channel ? std::cos(angle) : part == 0 ? std::sin(angle) : -std::sin(angle);
  return inverse ? v / static_cast<double>(size) : v;
}

// Parts as ONNX has them, in a last axis of two.
Result<Value> Paired(NodeContext& c, Complex x) { return c.Make("pack", {x.re, x.im}, {{"values_count", 2}, {"axis", c.rank(x.re)}}); }

// [batch, length, 1] -> [batch, frames, bins, 2]
Status FastStft(NodeContext& c, Value x, const Framing& f, const std::vector<float>& window) {
  const int32_t batch = c.shape(x)[0];
  OCTET_ASSIGN(x, c.Reshape(x, Shape{batch, f.time}));
  std::vector<double> weights(static_cast<size_t>(f.size), 1.0);
  for (size_t i = 0; i < weights.size() && !window.empty(); ++i) weights[i] = static_cast<double>(window[i % window.size()]);
  OCTET_ASSIGN(Value y, SpectraOfFrames(c, x, f, weights));
  OCTET_ASSIGN(y, c.Reshape(y, Shape{batch, f.frames(), f.bins()}));
  OCTET_ASSIGN(const Complex parts, Parts(c, y));
  return Set(c, Paired(c, parts));
}

// [batch, length, 1 or 2] -> [batch, frames, bins, 2]
Status ConvertStft(NodeContext& c) {
  Value x = c.Input(0);
  if (c.rank(x) == 2) {
    OCTET_ASSIGN(x, c.Make("expand_dims", {x, c.ScalarInt(2)}));
  }
  if (c.rank(x) != 3) return c.Fail("a signal of two or three dimensions", c.shape(x).text(), "check the model");
  const int32_t channels = c.shape(x).back();
  OCTET_ASSIGN(const std::vector<int64_t> step, c.IntsAt(1, "frame_step", {}));
  const std::vector<float> window = c.Input(2) ? c.FloatsOf(c.Input(2)) : std::vector<float>();
  std::vector<int64_t> length;
  if (c.Input(3)) {
    OCTET_ASSIGN(length, c.IntsAt(3, "frame_length", {}));
  }
  if (c.Input(2) && window.empty()) return c.Fail("a constant window", "a computed one", "");
  const int64_t size = length.empty() ? static_cast<int64_t>(window.size()) : length[0];
  if (size < 1 || size > 8192 || step.size() != 1 || step[0] < 1 || step[0] > INT32_MAX || (channels != 1 && channels != 2))
    return c.Fail("a signal and a frame length", c.shape(x).text(), "check the model");
  const bool onesided = c.Int("onesided", 1) != 0;
  const Framing f{c.shape(x)[1], static_cast<int32_t>(size), static_cast<int32_t>(step[0])};
  if (IsFast(f) && onesided && channels == 1) return FastStft(c, x, f, window);
  const auto bins = static_cast<int32_t>(onesided ? size / 2 + 1 : size);
  std::vector<float> filter;
  for (int64_t bin = 0; bin < bins; ++bin)
    for (int part = 0; part < 2; ++part)
      for (int64_t n = 0; n < size; ++n)
        for (int ch = 0; ch < channels; ++ch)
          filter.push_back(static_cast<float>(Entry(bin, part, n, ch, size, false) *
                                              (window.empty() ? 1.0 : static_cast<double>(window[static_cast<size_t>(n) % window.size()]))));
  const std::vector<float> zeros(static_cast<size_t>(2 * bins), 0.0f);
  OCTET_ASSIGN(const Value row, c.Make("expand_dims", {x, c.ScalarInt(1)}));
  OCTET_ASSIGN(
      Value y,
      c.Make("conv_2d", {row, c.Constant<float>(Shape{2 * bins, 1, static_cast<int32_t>(size), channels}, filter), c.Constant<float>(Shape{2 * bins}, zeros)},
             {{"padding", static_cast<int64_t>(ops::Padding::kValid)}, {"stride_w", step[0]}, {"stride_h", 1}}));
  const Shape s = c.shape(y);
  return Set(c, c.Reshape(y, Shape{s[0], s[2], bins, 2}));
}

// [..., n, 1 or 2] -> [..., bins, 2], or a signal [..., size, 1] of half a spectrum.
Result<Value> FastDft(NodeContext& c, Value x, int32_t size, bool inverse, bool onesided) {
  const int last = c.rank(x) - 1;
  Complex in{x, {}};
  if (c.shape(x).back() == 2) {
    OCTET_ASSIGN(const std::vector<Value> parts, c.MakeMany("unpack", {x}, {{"num", 2}, {"axis", last}}, 2));
    in = {parts[0], parts[1]};
  } else {
    OCTET_ASSIGN(in.re, c.Make("squeeze", {x}, {{"squeeze_dims", std::vector<int32_t>{last}}}));
  }
  if (inverse && onesided) {
    OCTET_ASSIGN(const Value y, InverseRealFourier(c, in, size));
    return c.Make("expand_dims", {y, c.ScalarInt(last)});
  }
  OCTET_ASSIGN(in.re, Fitted(c, in.re, size));
  if (in.im) {
    OCTET_ASSIGN(in.im, Fitted(c, in.im, size));
  }
  const bool half = onesided && !in.im;
  OCTET_ASSIGN(Complex y, half ? RealFourier(c, in.re, size) : Fourier(c, in, inverse));
  if (onesided && !half) {
    OCTET_ASSIGN(y.re, Fitted(c, y.re, size / 2 + 1));
    OCTET_ASSIGN(y.im, Fitted(c, y.im, size / 2 + 1));
  }
  return Paired(c, y);
}

Status ConvertDft(NodeContext& c) {
  Value x = c.Input(0);
  const int rank = c.rank(x);
  OCTET_ASSIGN(const std::vector<int64_t> axes, c.version() >= 20 ? c.IntsAt(2, "axis", {-2}) : Result<std::vector<int64_t>>(c.Ints("axis", {1})));
  OCTET_ASSIGN(const int32_t axis, c.Axis(axes.empty() ? -2 : axes[0], rank));
  OCTET_ASSIGN(const std::vector<int64_t> wanted, c.IntsAt(1, "dft_length", {}));
  const Shape in = c.shape(x);
  const bool inverse = c.Bool("inverse", false), onesided = c.Bool("onesided", false);
  const int32_t channels = in.back();
  if (axis == rank - 1 || in[axis] == kUnknown || (channels != 1 && channels != 2)) return c.Fail("an axis of known size", in.text(), "give the input's shape");
  const bool real_out = inverse && onesided;  // From half a spectrum.
  const int64_t size = wanted.empty() ? (real_out ? 2 * (in[axis] - 1) : in[axis]) : wanted[0];
  std::vector<int32_t> order;
  for (int i = 0; i + 1 < rank; ++i)
    if (i != axis) order.push_back(i);
  order.push_back(axis), order.push_back(rank - 1);
  std::vector<int32_t> back(static_cast<size_t>(rank));
  for (int i = 0; i < rank; ++i) back[static_cast<size_t>(order[static_cast<size_t>(i)])] = i;
  OCTET_ASSIGN(x, c.Transpose(x, order));
  if (size >= 64 && size <= kMostFastPoints && IsFast(static_cast<int32_t>(size))) {
    OCTET_ASSIGN(const Value y, FastDft(c, x, static_cast<int32_t>(size), inverse, onesided));
    return Set(c, c.Transpose(y, back));
  }
  if (size < 1 || size > 4096) return c.Fail("a transform of 1 to 4096 numbers", std::to_string(size), "");
  const auto bins = static_cast<int32_t>(real_out ? size : onesided ? size / 2 + 1 : size), there = static_cast<int32_t>(std::min<int64_t>(in[axis], size));
  const int parts = real_out ? 1 : 2;
  std::vector<float> matrix;  // [parts*bins, n*channels]: what is cut off or padded has no column or is zero.
  for (int64_t bin = 0; bin < bins; ++bin)
    for (int part = 0; part < parts; ++part)
      for (int64_t n = 0; n < in[axis]; ++n)
        for (int ch = 0; ch < channels; ++ch) {
          const double twice = real_out && n > 0 && 2 * n < size ? 2.0 : 1.0;  // The mirrored half of the spectrum.
          const bool inside = real_out ? 2 * n <= size : n < there;
          matrix.push_back(inside ? static_cast<float>(twice * Entry(bin, part, n, ch, size, inverse)) : 0.0f);
        }
  Shape flat, out;
  for (int i = 0; i + 2 < rank; ++i) flat.push_back(c.shape(x)[i]), out.push_back(c.shape(x)[i]);
  flat.push_back(in[axis] * channels);
  out.push_back(bins), out.push_back(parts);
  OCTET_ASSIGN(x, c.Reshape(x, flat));
  const std::vector<float> zeros(static_cast<size_t>(parts * bins), 0.0f);
  OCTET_ASSIGN(Value y, c.Make("fully_connected",
                               {x, c.Constant<float>(Shape{parts * bins, in[axis] * channels}, matrix), c.Constant<float>(Shape{parts * bins}, zeros)},
                               {{"keep_num_dims", c.rank(x) != 2}}));
  OCTET_ASSIGN(y, c.Reshape(y, out));
  return Set(c, c.Transpose(y, back));
}

// a0 - a1*cos(2 pi n / N) + a2*cos(4 pi n / N); N is the size, less one where it is symmetric.
Status Cosines(NodeContext& c, double a0, double a1, double a2) {
  OCTET_ASSIGN(const std::vector<int64_t> size, c.IntsAt(0, "size", {}));
  if (size.size() != 1 || size[0] < 1 || size[0] > (1 << 20)) return c.Fail("a size", "none", "check the model");
  const double n = static_cast<double>(c.Int("periodic", 1) ? size[0] : std::max<int64_t>(size[0] - 1, 1));
  std::vector<float> v;
  for (int64_t i = 0; i < size[0]; ++i) {
    const double angle = kTurn * static_cast<double>(i) / n;
    v.push_back(static_cast<float>(a0 - a1 * std::cos(angle) + a2 * std::cos(2 * angle)));
  }
  return Set(c, c.Cast(c.Constant<float>(Shape{static_cast<int32_t>(v.size())}, v), ComputeType(static_cast<int32_t>(c.Int("output_datatype", kFloat)))));
}
Status ConvertHann(NodeContext& c) { return Cosines(c, 0.5, 0.5, 0); }
Status ConvertHamming(NodeContext& c) { return Cosines(c, 25.0 / 46, 21.0 / 46, 0); }
Status ConvertBlackman(NodeContext& c) { return Cosines(c, 0.42, 0.5, 0.08); }

// ------------------------------------------------------------------------------ boxes

// The most boxes that a class keeps: there are no more than that, and how many there are may be data.
Result<Value> MostBoxes(NodeContext& c, Value boxes, int64_t most) {
  const int32_t count = c.shape(boxes)[1];
  if (count != kUnknown) return c.ScalarInt(static_cast<int32_t>(std::clamp<int64_t>(most, 0, count)));
  OCTET_ASSIGN(const Value shape, c.Make("shape", {boxes}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(const Value there, c.Make("gather", {shape, c.ScalarInt(1)}, {{"axis", 0}}));
  return c.Emit("minimum", {there, c.ScalarInt(static_cast<int32_t>(std::clamp<int64_t>(most, 0, INT32_MAX)))});
}

// Per batch and class: rows (batch, class, box) of what is kept, joined. How many there are is data.
Status ConvertNms(NodeContext& c) {
  const Shape boxes = c.shape(c.Input(0)), scores = c.shape(c.Input(1));
  const bool ranks = boxes.rank() == 3 && scores.rank() == 3;
  if (!ranks || scores[0] == kUnknown || scores[1] == kUnknown || int64_t{scores[0]} * scores[1] > 256)
    return c.Fail("a known number of batches and classes, 256 in all", boxes.text() + " and " + scores.text(), "give the inputs' shapes");
  OCTET_ASSIGN(const std::vector<int64_t> most,
               c.Input(2) ? c.IntsAt(2, "max_output_boxes_per_class", {0}) : Result<std::vector<int64_t>>(std::vector<int64_t>{0}));
  OCTET_ASSIGN(const double overlap, c.NumberAt(3, "iou_threshold", 0));
  // The operator drops boxes that overlap by this much, ONNX those that do by more.
  const float beyond = std::max(std::nextafter(static_cast<float>(overlap), INFINITY), std::numeric_limits<float>::min());
  OCTET_ASSIGN(const double least, c.NumberAt(4, "score_threshold", -1e30));
  Value corners = c.Input(0);
  if (c.Bool("center_point_box", false)) {  // (x, y, w, h) -> (y1, x1, y2, x2)
    OCTET_ASSIGN(const std::vector<Value> p, c.MakeMany("split", {c.ScalarInt(2), corners}, {{"num_splits", 4}}, 4));
    OCTET_ASSIGN(const Value w, Times(c, p[2], 0.5f));
    OCTET_ASSIGN(const Value h, Times(c, p[3], 0.5f));
    OCTET_ASSIGN(const Value top, c.Emit("sub", {p[1], h}));
    OCTET_ASSIGN(const Value left, c.Emit("sub", {p[0], w}));
    OCTET_ASSIGN(const Value bottom, c.Emit("add", {p[1], h}));
    OCTET_ASSIGN(const Value right, c.Emit("add", {p[0], w}));
    OCTET_ASSIGN(corners, c.Make("concatenation", {top, left, bottom, right}, {{"axis", 2}}));
  }
  std::vector<Value> rows;
  OCTET_ASSIGN(const Value limit, MostBoxes(c, corners, most.empty() ? 0 : most[0]));
  const std::span<const int32_t> known = c.data_as<int32_t>(limit);
  for (int32_t b = 0; b < scores[0]; ++b) {
    OCTET_ASSIGN(const Value own, c.Make("gather", {corners, c.ScalarInt(b)}, {{"axis", 0}}));
    for (int32_t k = 0; k < scores[1]; ++k) {
      OCTET_ASSIGN(Value s, c.Make("gather", {c.Input(1), c.ScalarInt(b)}, {{"axis", 0}}));
      OCTET_ASSIGN(s, c.Make("gather", {s, c.ScalarInt(k)}, {{"axis", 0}}));
      OCTET_ASSIGN(const std::vector<Value> kept,
                   c.EmitNode("non_max_suppression_v4", std::vector<Value>{own, s, limit, c.Scalar(beyond), c.Scalar(static_cast<float>(least))}, nullptr,
                              {{DType::kI32, {}, {}}, {DType::kI32, {}, {}}}));
      c.construction().Refine(kept[0], {DType::kI32, Shape{known.empty() ? kUnknown : known[0]}, {}});
      OCTET_ASSIGN(const Value count, c.Make("reshape", {kept[1], c.Vector({1})}));
      OCTET_ASSIGN(Value index, c.Make("slice", {kept[0], c.Vector({0}), count}));
      c.construction().Refine(index, {DType::kI32, Shape{kUnknown}, {}});
      OCTET_ASSIGN(index, c.Make("expand_dims", {index, c.ScalarInt(1)}));
      OCTET_ASSIGN(const Value nothing, c.Emit("mul", {index, c.ScalarInt(0)}));
      OCTET_ASSIGN(const Value batch, c.Emit("add", {nothing, c.ScalarInt(b)}));
      OCTET_ASSIGN(const Value klass, c.Emit("add", {nothing, c.ScalarInt(k)}));
      OCTET_ASSIGN(const Value row, c.Make("concatenation", {batch, klass, index}, {{"axis", 1}}));
      rows.push_back(row);
    }
  }
  if (rows.empty()) return c.Fail("scores", "none", "check the model");
  OCTET_ASSIGN(const Value all, rows.size() == 1 ? Result<Value>(rows[0]) : c.Make("concatenation", rows, {{"axis", 0}}));
  return Set(c, c.Cast(all, DType::kI64));
}

constexpr NodeRule kRules[] = {{"STFT", 0, ConvertStft}, {"DFT", 0, ConvertDft}, {"HannWindow", 0, ConvertHann}, {"HammingWindow", 0, ConvertHamming},
                               {"BlackmanWindow", 0, ConvertBlackman}, {"NonMaxSuppression", 0, ConvertNms}};

}  // namespace

const std::span<const NodeRule> kSignalRules = kRules;

}  // namespace octet::importers::onnx
