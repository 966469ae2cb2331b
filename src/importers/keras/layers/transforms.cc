// SPDX-License-Identifier: Apache-2.0
// keras.ops of Fourier transforms, where complex numbers are two tensors.
#include <cmath>
#include <numbers>

#include "importers/keras/builder.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/rules.h"
#include "importers/limits.h"
#include "importers/lowerings/complex.h"
#include "importers/lowerings/dims.h"

namespace octet::importers::keras {
namespace {

// FFT; FFT2 and IFFT2 over the last two axes.
template <bool Inverse, bool Plane> Status ConvertTransform(LayerContext& c) {
  if (c.num_inputs() != 2) return c.Fail("a real and an imaginary part", std::to_string(c.num_inputs()), "");
  const Complex in{c.Input(0), c.Input(1)};
  OCTET_ASSIGN(const Complex x, Plane ? Fourier2(c, in, Inverse) : Fourier(c, in, Inverse));
  c.SetOutput(1, x.im);
  return Set(c, x.re);
}

Result<int32_t> Length(LayerContext& c, int64_t fallback) {
  const int64_t n = c.Has("fft_length") ? c.Int("fft_length", fallback) : fallback;
  if (!IsTransformed(n)) return c.Fail(Format("a length of 1 to %d, or a power of two", kMostPoints), std::to_string(n), "");
  return static_cast<int32_t>(n);
}

Status ConvertRfft(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  if (c.rank(x) < 1 || c.shape(x).back() == kUnknown) return c.Fail("a last axis of known size", c.shape(x).text(), "give the input's shape");
  OCTET_ASSIGN(const int32_t n, Length(c, c.shape(x).back()));
  OCTET_ASSIGN(const Complex y, RealFourier(c, x, n));
  c.SetOutput(1, y.im);
  return Set(c, y.re);
}

Status ConvertIrfft(LayerContext& c) {
  if (c.num_inputs() != 2) return c.Fail("a real and an imaginary part", std::to_string(c.num_inputs()), "");
  const Shape in = c.shape(c.Input(0));
  if (in.rank() < 1 || in.back() == kUnknown) return c.Fail("a last axis of known size", in.text(), "give the input's shape");
  OCTET_ASSIGN(const int32_t n, Length(c, 2 * (int64_t{in.back()} - 1)));
  return Set(c, InverseRealFourier(c, {c.Input(0), c.Input(1)}, n));
}

// Of n numbers: what a frame is multiplied with on the way back, the window over the sum of squares of those that overlap.
Result<std::vector<float>> SynthesisWindow(LayerContext& c, int32_t n, int32_t step) {
  const int64_t length = c.Int("sequence_length", 0);
  if (length < 1 || length > n) return c.Fail("a sequence_length of at most the transform's", std::to_string(length), "");
  const std::string name = c.Text("window", "");
  if (!name.empty() && name != "hann" && name != "hamming") return c.Fail("window hann, hamming, numbers or none", name, "");
  const std::vector<double> given = name.empty() ? c.Numbers("window", {}) : std::vector<double>();
  std::vector<double> window(static_cast<size_t>(n), 0.0), squares(static_cast<size_t>(step), 0.0);
  if (name.empty() && given.size() != static_cast<size_t>(length)) return c.Fail("a window of sequence_length numbers", std::to_string(given.size()), "");
  const auto left = static_cast<size_t>((n - length) / 2);
  for (size_t i = 0; i < static_cast<size_t>(length); ++i) {
    const double turn = std::cos(2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(length));
    const double w = name.empty() ? given[i] : name == "hann" ? 0.5 - 0.5 * turn : 0.54 - 0.46 * turn;
    window[left + i] = w;
    squares[(left + i) % squares.size()] += w * w;
  }
  std::vector<float> y;
  for (size_t i = 0; i < window.size(); ++i) y.push_back(static_cast<float>(window[i] / squares[i % squares.size()]));
  return y;
}

// Of the last axis, without `end` (0) to its end.
Result<Value> Between(LayerContext& c, Value x, int32_t begin, int32_t end) {
  const auto axis = static_cast<size_t>(c.rank(x) - 1);
  std::vector<int32_t> from(axis, 0), to = from;
  from.push_back(begin), to.push_back(end);
  const int64_t others = (int64_t{1} << axis) - 1, all = end == 0 ? int64_t{1} << axis : 0;
  return c.Make("strided_slice", {x, c.Vector(from), c.Vector(to), c.Vector(std::vector<int32_t>(axis + 1, 1))},
                {{"begin_mask", others}, {"end_mask", others | all}});
}

// Frames [..., frames, n], each `step` behind the one before, added up: [..., step * (frames - 1) + n]. Cut into pieces of a step, the
// pieces of one number make a signal each.
Result<Value> OverlapAdd(LayerContext& c, Value x, int32_t n, int32_t step) {
  const int32_t pieces = (n + step - 1) / step, rank = c.rank(x);
  constexpr int32_t kMostPieces = 256;
  if (pieces > kMostPieces) return c.Fail(Format("at most %d frames that overlap", kMostPieces), std::to_string(pieces), "take longer steps");
  const auto padded = [&](Value v, int rank, int axis, int32_t before, int32_t behind) -> Result<Value> {
    if (before == 0 && behind == 0) return v;
    std::vector<int32_t> pads(static_cast<size_t>(2 * rank), 0);
    pads[static_cast<size_t>(2 * axis)] = before, pads[static_cast<size_t>(2 * axis + 1)] = behind;
    return c.Make("pad", {v, c.Constant<int32_t>(Shape{rank, 2}, std::span<const int32_t>(pads))});
  };
  OCTET_ASSIGN(x, padded(x, rank, rank - 1, 0, pieces * step - n));
  const std::vector<int32_t> sizes(static_cast<size_t>(pieces), step);
  std::vector<Value> parts = {x};
  if (pieces > 1) {
    OCTET_ASSIGN(parts, c.MakeMany("split_v", {x, c.Vector(sizes), Int(c, rank - 1)}, {{"num_splits", pieces}}, pieces));
  }
  Value sum;
  for (int32_t i = 0; i < pieces; ++i) {
    OCTET_ASSIGN(const Value part, padded(parts[static_cast<size_t>(i)], rank, rank - 2, i, pieces - 1 - i));
    OCTET_ASSIGN(sum, sum ? c.Make("add", {sum, part}) : Result<Value>(part));
  }
  std::vector<Dim> dims;
  for (int i = 0; i + 2 < rank; ++i) dims.push_back(DimOf(c, sum, i));
  const int32_t frames = c.shape(sum)[rank - 2];
  dims.push_back({frames == kUnknown ? kUnknown : frames * step, {}, 0});
  OCTET_ASSIGN(const Value y, importers::Reshape(c, sum, dims));
  return pieces * step == n ? Result<Value>(y) : Between(c, y, 0, n - pieces * step);
}

// The signal of overlapping windows' spectra.
Status ConvertIstft(LayerContext& c) {
  if (c.num_inputs() != 2) return c.Fail("a real and an imaginary part", std::to_string(c.num_inputs()), "");
  const Shape s = c.shape(c.Input(0));
  OCTET_ASSIGN(const int32_t n, Length(c, 0));
  const int64_t step = c.Int("sequence_stride", 0);
  constexpr int32_t kMostFrames = 1 << 20;
  if (s.rank() < 2 || s.rank() > 6 || step < 1 || step > n || s.back(2) > kMostFrames)
    return c.Fail("frames that a step of at most the transform's length parts", s.text(), "");
  OCTET_ASSIGN(Value y, InverseRealFourier(c, {c.Input(0), c.Input(1)}, n));
  if (c.Has("window")) {
    OCTET_ASSIGN(const std::vector<float> window, SynthesisWindow(c, n, static_cast<int32_t>(step)));
    OCTET_ASSIGN(y, c.Make("mul", {y, c.Constant<float>(Shape{n}, std::span<const float>(window))}));
  }
  OCTET_ASSIGN(y, OverlapAdd(c, y, n, static_cast<int32_t>(step)));
  const int32_t start = c.Bool("center", true) ? n / 2 : 0;
  const int64_t length = c.Has("length") ? c.Int("length", 0) : -1;
  if (length == 0 || length > INT32_MAX - n) return c.Fail("a length of the signal", std::to_string(length), "");
  return Set(c, Between(c, y, start, length >= 0 ? start + static_cast<int32_t>(length) : -start));
}

// Overlapping parts of the last axis, one behind the other: [..., parts, length].
Status ConvertExtractSequences(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  const int64_t length = c.Int("sequence_length", 0), stride = c.Int("sequence_stride", 0);
  const int32_t n = c.rank(x) < 1 ? kUnknown : c.shape(x).back();
  if (n < 1 || length < 1 || length > n || stride < 1) return c.Fail("parts no longer than a known last axis", c.shape(x).text(), "");
  const int64_t parts = (n - length) / stride + 1;
  if (parts * length > kMostWritten)
    return c.Fail(Format("at most %d places", static_cast<int>(kMostWritten)), c.shape(x).text(), "take fewer or shorter parts");
  std::vector<int32_t> at;
  for (int64_t p = 0; p < parts; ++p)
    for (int64_t k = 0; k < length; ++k) at.push_back(static_cast<int32_t>(p * stride + k));
  const Value indices = c.Constant<int32_t>(Shape{static_cast<int32_t>(parts), static_cast<int32_t>(length)}, at);
  return Set(c, c.Make("gather", {x, indices}, {{"axis", c.rank(x) - 1}}));
}

constexpr LayerRule kRules[] = {
    {"ops.FFT", ConvertTransform<false, false>}, {"ops.FFT2", ConvertTransform<false, true>}, {"ops.IFFT2", ConvertTransform<true, true>},
    {"ops.RFFT", ConvertRfft}, {"ops.IRFFT", ConvertIrfft}, {"ops.ISTFT", ConvertIstft}, {"ops.ExtractSequences", ConvertExtractSequences}};

}  // namespace

const std::span<const LayerRule> kTransformRules = kRules;

}  // namespace octet::importers::keras
