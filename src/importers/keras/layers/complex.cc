// SPDX-License-Identifier: Apache-2.0
// TensorFlow's functions of complex numbers and Fourier transforms: TFOpLambda layers of tf_keras. A complex value is its real part, beside which the
// builder knows the imaginary one; rules that are not here see none (rules.cc).
#include <cmath>
#include <numbers>

#include "importers/keras/builder.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/axes.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/complex.h"

namespace octet::importers::keras {
namespace {

// The first argument, real numbers as float32.
Result<Complex> ComplexOperand(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  if (const Value im = c.builder().ImaginaryOf(x)) return Complex{x, im};
  OCTET_ASSIGN(const Value re, c.Cast(x, DType::kF32));
  return Complex{re, {}};
}

Status SetComplex(LayerContext& c, Result<Complex> y) {
  if (!y.ok()) return std::move(y).status();
  if (y->im) c.builder().SetImaginary(y->re, y->im);
  c.SetOutput(0, y->re);
  return {};
}

Status ConvertComplex(LayerContext& c) {
  OCTET_ASSIGN(const Value re, Operand(c, 0, {"real"}));
  OCTET_ASSIGN(const Value im, Operand(c, 1, {"imag"}));
  OCTET_ASSIGN(const Value own, c.Make("add", {re, c.Scalar(0)}));  // A real part of its own: others may read `re`.
  return SetComplex(c, Complex{own, im});
}

Status ConvertReal(LayerContext& c) {
  OCTET_ASSIGN(const Complex x, ComplexOperand(c));
  return Set(c, x.im ? c.Make("add", {x.re, c.Scalar(0)}) : Result<Value>(x.re));  // Another value, without an imaginary part.
}

Status ConvertImag(LayerContext& c) {
  OCTET_ASSIGN(const Complex x, ComplexOperand(c));
  return Set(c, Imaginary(c, x));
}

Status ConvertAbs(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const Value im = c.builder().ImaginaryOf(x);
  return im ? Set(c, Magnitude(c, {x, im})) : FindLayerRule("ops.Abs")->convert(c);
}

Status ConvertAngle(LayerContext& c) {
  OCTET_ASSIGN(const Complex x, ComplexOperand(c));
  OCTET_ASSIGN(const Value im, Imaginary(c, x));
  return Set(c, c.Make("atan2", {im, x.re}));
}

// To complex numbers and from them; what is real already is converted as ever.
Status ConvertCast(LayerContext& c) {
  const std::string type = LiteralOf(c, 1, {"dtype"}).text();
  if (type == "complex64" || type == "complex128") return SetComplex(c, ComplexOperand(c));
  OCTET_ASSIGN(const Value x, Tensor(c));
  return c.builder().ImaginaryOf(x) ? ConvertReal(c) : FindLayerRule("ops.Cast")->convert(c);
}

template <bool Inverse, bool Plane> Status ConvertTransform(LayerContext& c) {
  OCTET_ASSIGN(const Complex x, ComplexOperand(c));
  return SetComplex(c, Plane ? Fourier2(c, x, Inverse) : Fourier(c, x, Inverse));
}

// Parts of the last axis that overlap: [..., frames, length].
Result<Value> Frames(LayerContext& c, Value x, int64_t length, int64_t step) {
  constexpr int64_t kMostNumbers = 1 << 24;
  const int32_t n = c.rank(x) > 0 ? c.shape(x).back() : kUnknown;
  if (n < 1 || length < 1 || step < 1 || length > n)
    return c.Fail("a last axis of known size, at least as long as a frame", c.shape(x).text(), "give the input's shape");
  const int64_t frames = (n - length) / step + 1;
  if (frames * length > kMostNumbers)
    return c.Fail(Format("frames of at most %d numbers", static_cast<int>(kMostNumbers)), std::to_string(frames * length), "");
  std::vector<int32_t> at;
  for (int64_t f = 0; f < frames; ++f)
    for (int64_t i = 0; i < length; ++i) at.push_back(static_cast<int32_t>(f * step + i));
  const Shape places{static_cast<int32_t>(frames), static_cast<int32_t>(length)};
  return c.Make("gather", {x, c.Constant<int32_t>(places, at)}, {{"axis", c.rank(x) - 1}});
}

Status ConvertFrame(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"signal"}));
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", -1), c.rank(x)));
  if (axis != c.rank(x) - 1 || c.Bool("pad_end", false)) return c.Fail("whole frames of the last axis", "others", "transpose or pad before");
  const int64_t length = c.Int("frame_length", 0), step = c.Int("frame_step", 0);
  Complex y;
  OCTET_ASSIGN(y.re, Frames(c, x, length, step));
  if (const Value im = c.builder().ImaginaryOf(x)) {
    OCTET_ASSIGN(y.im, Frames(c, im, length, step));
  }
  return SetComplex(c, y);
}

// A period, as TensorFlow's hann_window: of odd lengths the window is symmetric.
Value HannWindow(LayerContext& c, int64_t length) {
  std::vector<float> window;
  const auto period = static_cast<double>(length - length % 2);
  for (int64_t i = 0; i < length; ++i)
    window.push_back(length == 1 ? 1.0f : static_cast<float>(0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) / period)));
  return c.Constant<float>(Shape{static_cast<int32_t>(length)}, window);
}

// Frames under a Hann window, and what waves are in each.
Status ConvertStft(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"signals"}));
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  if (c.Bool("pad_end", false)) return c.Fail("whole frames", "pad_end", "pad before");
  const int64_t length = c.Int("frame_length", 0);
  OCTET_ASSIGN(x, Frames(c, x, length, c.Int("frame_step", 0)));
  int64_t whole = 1;
  while (whole < length) whole *= 2;
  const int64_t n = c.Int("fft_length", whole);
  if (!IsTransformed(n)) return c.Fail(Format("a length of 1 to %d, or a power of two", kMostPoints), std::to_string(n), "");
  if (c.Has("window_fn")) return c.Fail("a Hann window or none", "another", "multiply before");
  if (!c.Named("window_fn")) {  // It is None where there is to be no window.
    OCTET_ASSIGN(x, c.Make("mul", {x, HannWindow(c, length)}));
  }
  return SetComplex(c, RealFourier(c, x, static_cast<int32_t>(n)));
}

constexpr LayerRule kRules[] = {
    {"tf.dtypes.complex", ConvertComplex}, {"tf.math.real", ConvertReal}, {"tf.math.imag", ConvertImag}, {"tf.math.abs", ConvertAbs},
    {"tf.math.angle", ConvertAngle}, {"tf.cast", ConvertCast}, {"tf.signal.fft", ConvertTransform<false, false>},
    {"tf.signal.ifft", ConvertTransform<true, false>}, {"tf.signal.fft2d", ConvertTransform<false, true>},
    {"tf.signal.ifft2d", ConvertTransform<true, true>}, {"tf.signal.frame", ConvertFrame}, {"tf.signal.stft", ConvertStft}};

}  // namespace

const std::span<const LayerRule> kComplexRules = kRules;

}  // namespace octet::importers::keras
