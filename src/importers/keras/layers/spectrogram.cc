// SPDX-License-Identifier: Apache-2.0
// Spectra of sound. A short-time Fourier transform is RFFT2D of windowed frames where that has their length, else a convolution with windowed sines
// and cosines.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "importers/keras/builder.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/rules.h"
#include "importers/limits.h"
#include "importers/lowerings/short_time.h"

namespace octet::importers::keras {
namespace {

constexpr float kEpsilon = 1e-7f;  // keras.backend.epsilon()
constexpr int64_t kMostBins = 1 << 14, kMostTime = 1 << 30, kMostStep = 1 << 20;

Value Zeros(LayerContext& c, int32_t n) {
  const std::vector<float> zeros(static_cast<size_t>(n), 0.0f);
  return c.Constant<float>(Shape{n}, zeros);
}

// x [n, time] as a row of one channel; filter [outputs, 1, taps, 1]; the result [n, frames, outputs].
Result<Value> Frames(LayerContext& c, Value x, int32_t time, Value filter, int64_t step, bool same) {
  OCTET_ASSIGN(const Value row, c.Make("reshape", {x, c.Vector({-1, 1, time, 1})}));
  const int32_t outputs = c.shape(filter)[0];
  OCTET_ASSIGN(const Value y, c.Make("conv_2d", {row, filter, Zeros(c, outputs)},
                                     {{"padding", static_cast<int64_t>(same ? ops::Padding::kSame : ops::Padding::kValid)}, {"stride_h", 1},
                                      {"stride_w", step}}));
  return c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{1}}});
}

Result<Value> SumOfSquares(LayerContext& c, Value a, Value b) {
  OCTET_ASSIGN(const Value x, c.Make("mul", {a, a}));
  OCTET_ASSIGN(const Value y, c.Make("mul", {b, b}));
  return c.Make("add", {x, y});
}

// Real parts, then imaginary ones, of [n, frames, 2*bins].
Result<std::vector<Value>> Parts(LayerContext& c, Value y, int32_t bins) {
  const int32_t last = 2;
  return c.MakeMany("split_v", {y, c.Vector({bins, bins}), c.Constant<int32_t>(Shape{}, std::span(&last, 1))}, {{"num_splits", 2}}, 2);
}

// ------------------------------------------------------- windowed frames of MelSpectrogram and stft

// Signals [..., time] as rows [n, time]; centered, mirrored by half a frame at both ends.
Result<Value> Rows(LayerContext& c, Value x, int64_t size, bool center) {
  const Shape in = c.shape(x);
  if (size < 2 || in.rank() < 1 || in.back() < 1 || in.back() > kMostTime || (center ? in.back() <= size / 2 : in.back() < size))
    return c.Fail("signals of known length, longer than half a frame", in.text(), "give the input's shape");
  OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector({-1, in.back()})}));
  if (!center) return x;
  const auto half = static_cast<int32_t>(size / 2);
  const int32_t pads[] = {0, 0, half, half};
  return c.Make("mirror_pad", {x, c.Constant<int32_t>(Shape{2, 2}, pads)}, {{"mode", 0}});
}

// How rows are cut into frames of `size` numbers.
Result<Framing> FramingOf(LayerContext& c, Value rows, int64_t size, int64_t step) {
  if (size < 2 || size / 2 + 1 > kMostBins || step < 1 || step > kMostStep)
    return c.Fail("an fft_length of 2 to 32766, and steps", Format("%lld and %lld", static_cast<long long>(size), static_cast<long long>(step)), "");
  return Framing{c.shape(rows).back(), static_cast<int32_t>(size), static_cast<int32_t>(step)};
}

// Of sequence_length numbers, zeros around them as far as a frame goes.
Result<std::vector<double>> Window(LayerContext& c, const Framing& f) {
  const int64_t length = c.Has("sequence_length") ? c.Int("sequence_length", f.size) : f.size;
  if (length < 1 || length > f.size) return c.Fail("a sequence_length of at most the transform's", std::to_string(length), "");
  const std::string name = c.Text("window", "");
  if (c.Has("window") && name != "hann" && name != "hamming") return c.Fail("window hann, hamming or none", name.empty() ? "numbers" : name, "");
  std::vector<double> window(static_cast<size_t>(f.size), 0.0);
  const auto left = static_cast<size_t>((f.size - length) / 2);
  for (size_t i = 0; i < static_cast<size_t>(length); ++i) {
    const double turn = std::cos(2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(length));
    window[left + i] = name == "hann" ? 0.5 - 0.5 * turn : name == "hamming" ? 0.54 - 0.46 * turn : 1;
  }
  return window;
}

// [n, time] -> real parts, then imaginary ones, of [n, frames, 2*bins]
Result<Value> SpectraByWaves(LayerContext& c, Value x, const Framing& f, const std::vector<double>& window) {
  const int64_t weights = int64_t{2} * f.bins() * f.size;
  if (weights > kMostWeights)
    return c.Fail(Format("at most %d weights", static_cast<int>(kMostWeights)), std::to_string(weights), "transform frames of a power of two");
  std::vector<float> filter;
  filter.reserve(static_cast<size_t>(weights));
  for (const bool real : {true, false}) {
    for (int64_t k = 0; k < f.bins(); ++k) {
      for (int64_t n = 0; n < f.size; ++n) {
        const double angle = 2 * std::numbers::pi * static_cast<double>(k * n % f.size) / f.size;
        filter.push_back(static_cast<float>(window[static_cast<size_t>(n)] * (real ? std::cos(angle) : -std::sin(angle))));
      }
    }
  }
  const Value waves = c.Constant<float>(Shape{2 * f.bins(), 1, f.size, 1}, filter);
  return Frames(c, x, f.time, waves, f.step, false);
}

// ------------------------------------------------------------------------------ MelSpectrogram

// Triangles on the mel scale, mel(f) = 1127 ln(1 + f/700), of height 1: [mels, bins], the bin of frequency 0 left out.
Value MelWeights(LayerContext& c, int64_t bins) {
  const auto mels = static_cast<int32_t>(c.Int("num_mel_bins", 128));
  const double rate = c.Number("sampling_rate", 16000);
  const auto mel = [](double hertz) { return 1127.0 * std::log(1.0 + hertz / 700.0); };
  const double low = mel(c.Number("min_freq", 20)), high = mel(c.Has("max_freq") ? c.Number("max_freq", 0) : rate / 2);
  const double step = (high - low) / (mels + 1);
  std::vector<float> weights;
  for (int32_t m = 0; m < mels; ++m) {
    weights.push_back(0.0f);
    for (int64_t k = 1; k < bins; ++k) {
      const double at = (mel(rate / 2 * static_cast<double>(k) / static_cast<double>(bins - 1)) - low) / step - m;  // 0 to 2 inside of the triangle.
      weights.push_back(static_cast<float>(std::max(0.0, std::min(at, 2 - at))));
    }
  }
  return c.Constant<float>(Shape{mels, static_cast<int32_t>(bins)}, weights);
}

// max(10 log10(max(x, least)) - 10 log10(max(|ref|, least)), the largest - top)
Result<Value> Decibels(LayerContext& c, Value x) {
  const double least = c.Number("min_power", 1e-10), reference = std::max(std::fabs(c.Number("ref_power", 1)), least);
  OCTET_ASSIGN(Value y, c.Make("maximum", {x, c.Scalar(static_cast<float>(least))}));
  OCTET_ASSIGN(y, c.Make("log", {y}));
  OCTET_ASSIGN(y, c.Make("mul", {y, c.Scalar(static_cast<float>(10 / std::numbers::ln10))}));
  if (reference != 1) {
    OCTET_ASSIGN(y, c.Make("sub", {y, c.Scalar(static_cast<float>(10 * std::log10(reference)))}));
  }
  OCTET_ASSIGN(const Value most, c.Make("reduce_max", {y, c.Vector({0, 1, 2})}, {{"keep_dims", 0}}));
  OCTET_ASSIGN(const Value floor, c.Make("sub", {most, c.Scalar(static_cast<float>(c.Number("top_db", 80)))}));
  return c.Make("maximum", {y, floor});
}

// |spectrum| ^ mag_exp, where each bin is the last axis' element.
Result<Value> Magnitudes(LayerContext& c, Value x, const Framing& f) {
  OCTET_ASSIGN(const std::vector<double> window, Window(c, f));
  const double exponent = c.Number("mag_exp", 2);
  if (IsFast(f)) {
    OCTET_ASSIGN(const Value spectra, SpectraOfFrames(c, x, f, window));
    OCTET_ASSIGN(const Value y, c.EmitAs("complex_abs", std::span(&spectra, 1), nullptr, {DType::kF32, c.shape(spectra), {}}));
    if (exponent == 1) return y;
    if (exponent == 2) return c.Make("mul", {y, y});
    return c.Make("pow", {y, c.Scalar(static_cast<float>(exponent))});
  }
  OCTET_ASSIGN(const Value both, SpectraByWaves(c, x, f, window));
  OCTET_ASSIGN(const std::vector<Value> parts, Parts(c, both, f.bins()));
  OCTET_ASSIGN(const Value square, SumOfSquares(c, parts[0], parts[1]));
  if (exponent == 2) return square;
  if (exponent == 1) return c.Make("sqrt", {square});
  return c.Make("pow", {square, c.Scalar(static_cast<float>(exponent / 2))});
}

Status ConvertMel(LayerContext& c) {
  Value x = c.Input(0);
  const Shape in = c.shape(x);
  const int64_t size = c.Int("fft_length", 2048), mels = c.Int("num_mel_bins", 128);
  if (in.rank() > 2) return c.Fail("[batch, time]", in.text(), "");
  if (mels < 1 || mels > kMostBins) return c.Fail(Format("1 to %d num_mel_bins", static_cast<int>(kMostBins)), std::to_string(mels), "");
  OCTET_ASSIGN(x, Rows(c, x, size, true));
  OCTET_ASSIGN(const Framing f, FramingOf(c, x, size, c.Int("sequence_stride", 512)));
  OCTET_ASSIGN(Value y, Magnitudes(c, x, f));
  OCTET_ASSIGN(y, c.Make("fully_connected", {y, MelWeights(c, f.bins()), Zeros(c, static_cast<int32_t>(mels))}, {{"keep_num_dims", 1}}));
  if (c.Bool("power_to_db", true)) {
    OCTET_ASSIGN(y, Decibels(c, y));
  }
  if (IsFast(f)) {
    OCTET_ASSIGN(y, c.Make("reshape", {y, c.Vector({-1, f.frames(), static_cast<int32_t>(mels)})}));
  }
  OCTET_ASSIGN(y, c.Make("transpose", {y, c.Vector({0, 2, 1})}));
  if (in.rank() == 1) {
    OCTET_ASSIGN(y, c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{0}}}));
  }
  c.SetOutput(0, y);
  return {};
}

// -------------------------------------------------------------------------------- keras.ops.stft

// Real and imaginary parts [n*frames, 1, bins] or [n, frames, bins].
Result<Complex> Spectra(LayerContext& c, Value x, const Framing& f) {
  OCTET_ASSIGN(const std::vector<double> window, Window(c, f));
  if (IsFast(f)) {
    OCTET_ASSIGN(const Value spectra, SpectraOfFrames(c, x, f, window));
    return importers::Parts(c, spectra);
  }
  OCTET_ASSIGN(const Value both, SpectraByWaves(c, x, f, window));
  OCTET_ASSIGN(const std::vector<Value> parts, Parts(c, both, f.bins()));
  return Complex{parts[0], parts[1]};
}

// Real and imaginary parts [..., frames, bins] of signals [..., time].
Status ConvertStftOp(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x"}));
  const Shape in = c.shape(x);
  OCTET_ASSIGN(x, Rows(c, x, c.Int("fft_length", 0), c.Bool("center", true)));
  OCTET_ASSIGN(const Framing f, FramingOf(c, x, c.Int("fft_length", 0), c.Int("sequence_stride", 0)));
  std::vector<int32_t> dims(in.dims().begin(), in.dims().end() - 1);
  dims.push_back(f.frames()), dims.push_back(f.bins());
  if (std::ranges::count(dims, kUnknown) > 1) return c.Fail("at most one open dimension", in.text(), "give the input's shape");
  OCTET_ASSIGN(const Complex spectra, Spectra(c, x, f));
  OCTET_ASSIGN(const Value re, c.Make("reshape", {spectra.re, c.Vector(dims)}));
  OCTET_ASSIGN(const Value im, c.Make("reshape", {spectra.im, c.Vector(dims)}));
  c.SetOutput(1, im);
  return Set(c, re);
}

// ----------------------------------------------------------------------------- STFTSpectrogram

// Keras' kernels [taps, 1, bins], one or two, as one filter [outputs, 1, taps, 1].
Result<Value> StoredFilter(LayerContext& c, int32_t* bins) {
  std::vector<float> filter;
  int32_t taps = 0, outputs = 0;
  for (int i = 0; i < c.num_weights(); ++i) {
    OCTET_ASSIGN(const Value w, c.Weight(i));
    const Shape s = c.shape(w);
    const std::span<const float> from = c.data_as<float>(w);
    if (s.rank() != 3 || s[1] != 1 || from.empty() || (i > 0 && (s[0] != taps || s[2] != *bins)))
      return c.Fail("kernels [taps, 1, bins]", s.text(), "save the model again");
    taps = s[0];
    *bins = s[2];
    outputs += s[2];
    for (int32_t k = 0; k < s[2]; ++k)
      for (int32_t n = 0; n < taps; ++n) filter.push_back(from[static_cast<size_t>(n * s[2] + k)]);
  }
  if (outputs == 0) return c.Fail("its kernels", "none", "save the model again");
  return c.Constant<float>(Shape{outputs, 1, taps, 1}, filter);
}

// What the mode makes of [n, frames, bins or 2*bins].
Result<Value> ByMode(LayerContext& c, const std::string& mode, Value y, int32_t bins) {
  if (mode == "real" || mode == "imag" || mode == "stft") return y;
  OCTET_ASSIGN(const std::vector<Value> parts, Parts(c, y, bins));
  if (mode == "angle") return c.Make("atan2", {parts[1], parts[0]});
  OCTET_ASSIGN(Value power, SumOfSquares(c, parts[0], parts[1]));
  if (mode == "psd") {  // All bins but the first and the last stand for two.
    std::vector<float> twice(static_cast<size_t>(bins), 2.0f);
    twice.front() = twice.back() = 1.0f;
    return c.Make("mul", {power, c.Constant<float>(Shape{bins}, twice)});
  }
  OCTET_ASSIGN(power, c.Make("maximum", {power, c.Scalar(kEpsilon)}));
  OCTET_ASSIGN(const Value magnitude, c.Make("sqrt", {power}));
  if (mode == "magnitude") return magnitude;
  OCTET_ASSIGN(const Value above, c.Make("maximum", {magnitude, c.Scalar(kEpsilon)}));
  return c.Make("log", {above});
}

Status ConvertStft(LayerContext& c) {
  Value x = c.Input(0);
  const Shape in = c.shape(x);
  const bool last = c.Text("data_format", "channels_last") == "channels_last", apart = c.Bool("expand_dims", false);
  if (in.rank() != 3 || in[1] < 1 || in[2] < 1) return c.Fail("[batch, time, channels] of known sizes", in.text(), "give the input's shape");
  const int32_t time = last ? in[1] : in[2], channels = last ? in[2] : in[1];
  const int64_t step = c.Has("frame_step") ? c.Int("frame_step", 1) : c.Int("frame_length", 256) / 2;
  if (step < 1) return c.Fail("a frame_step", std::to_string(step), "");
  if (last && channels > 1) {
    OCTET_ASSIGN(x, c.Make("transpose", {x, c.Vector({0, 2, 1})}));
  }
  int32_t bins = 0;
  OCTET_ASSIGN(const Value filter, StoredFilter(c, &bins));
  OCTET_ASSIGN(Value y, Frames(c, x, time, filter, step, c.Text("padding", "valid") == "same"));
  OCTET_ASSIGN(y, ByMode(c, c.Text("mode", "log"), y, bins));
  const int32_t frames = c.shape(y)[1], numbers = c.shape(y)[2];
  // From [batch * channels, frames, numbers].
  if (last && !apart && channels == 1) {
    c.SetOutput(0, y);
    return {};
  }
  OCTET_ASSIGN(y, c.Make("reshape", {y, c.Vector({-1, channels, frames, numbers})}));
  if (last && apart) {
    OCTET_ASSIGN(y, c.Make("transpose", {y, c.Vector({0, 2, 3, 1})}));
  } else if (last) {
    OCTET_ASSIGN(y, c.Make("transpose", {y, c.Vector({0, 2, 1, 3})}));
    OCTET_ASSIGN(y, c.Make("reshape", {y, c.Vector({-1, frames, channels * numbers})}));
  } else if (!apart) {
    OCTET_ASSIGN(y, c.Make("transpose", {y, c.Vector({0, 1, 3, 2})}));
    OCTET_ASSIGN(y, c.Make("reshape", {y, c.Vector({-1, channels * numbers, frames})}));
  }
  c.SetOutput(0, y);
  return {};
}

constexpr LayerRule kRules[] = {{"MelSpectrogram", ConvertMel}, {"STFTSpectrogram", ConvertStft}, {"ops.STFT", ConvertStftOp}};

}  // namespace

const std::span<const LayerRule> kSpectrogramRules = kRules;

}  // namespace octet::importers::keras
