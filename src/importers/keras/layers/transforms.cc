// SPDX-License-Identifier: Apache-2.0
// keras.ops of Fourier transforms. Complex numbers are two tensors there, so a transform is a product with constant cosines and sines:
//   forward:  X[k] = sum_j x[j] * e^(-2 pi i j k / n)      inverse:  x[j] = 1/n * sum_k X[k] * e^(2 pi i j k / n)
#include <cmath>
#include <numbers>

#include "importers/keras/builder.h"
#include "importers/keras/layers/functions.h"
#include "importers/keras/rules.h"

namespace octet::importers::keras {
namespace {

constexpr int32_t kMostPoints = 2048;  // Squared: 16 MB each of cosines and sines.

struct Complex {
  Value re, im;
};

// [rows, columns] of scale(row) * f(2 pi row * column / n).
template <class Scale> Value Waves(LayerContext& c, int32_t rows, int32_t columns, int32_t n, double (*f)(double), const Scale& scale) {
  std::vector<float> values;
  values.reserve(static_cast<size_t>(rows) * static_cast<size_t>(columns));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < columns; ++k) values.push_back(static_cast<float>(scale(r) * f(2 * std::numbers::pi * static_cast<double>(r * k % n) / n)));
  return c.Constant<float>(Shape{rows, columns}, values);
}
double Cos(double x) { return std::cos(x); }
double Sin(double x) { return std::sin(x); }

Result<Value> Product(LayerContext& c, Value x, Value m) { return c.Make("batch_matmul", {x, m}, {{"adj_x", 0}, {"adj_y", 0}}); }

// The number of points of the last axis, which a product needs to know.
Result<int32_t> Points(LayerContext& c, Value x) {
  const int32_t n = c.rank(x) < 2 ? kUnknown : c.shape(x).back();
  if (n < 1 || n > kMostPoints) return c.Fail(Format("at least two axes, the last of 1 to %d points", kMostPoints), c.shape(x).text(), "");
  return n;
}

// Over the last axis.
Result<Complex> Transform(LayerContext& c, Complex x, bool inverse) {
  OCTET_ASSIGN(const int32_t n, Points(c, x.re));
  const auto scale = [&](int64_t) { return inverse ? 1.0 / n : 1.0; };
  const Value cosines = Waves(c, n, n, n, Cos, scale), sines = Waves(c, n, n, n, Sin, scale);
  OCTET_ASSIGN(const Value a, Product(c, x.re, cosines));
  OCTET_ASSIGN(const Value b, Product(c, x.im, sines));
  OCTET_ASSIGN(const Value d, Product(c, x.im, cosines));
  OCTET_ASSIGN(const Value e, Product(c, x.re, sines));
  Complex y;
  OCTET_ASSIGN(y.re, c.Make(inverse ? "sub" : "add", {a, b}));
  OCTET_ASSIGN(y.im, c.Make(inverse ? "add" : "sub", {d, e}));
  return y;
}

Result<Complex> Turned(LayerContext& c, Complex x) {
  std::vector<int32_t> order;
  for (int i = 0; i < c.rank(x.re); ++i) order.push_back(i);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  OCTET_ASSIGN(x.re, c.Make("transpose", {x.re, c.Vector(order)}));
  OCTET_ASSIGN(x.im, c.Make("transpose", {x.im, c.Vector(order)}));
  return x;
}

// FFT; FFT2 and IFFT2 over the last two axes.
template <bool Inverse, bool Plane> Status ConvertTransform(LayerContext& c) {
  if (c.num_inputs() != 2) return c.Fail("a real and an imaginary part", std::to_string(c.num_inputs()), "");
  OCTET_ASSIGN(Complex x, Transform(c, {c.Input(0), c.Input(1)}, Inverse));
  if (Plane) {
    OCTET_ASSIGN(x, Turned(c, x));
    OCTET_ASSIGN(x, Transform(c, x, Inverse));
    OCTET_ASSIGN(x, Turned(c, x));
  }
  c.SetOutput(1, x.im);
  return Set(c, x.re);
}

// The last axis cut to n elements, or zeros behind.
Result<Value> Fitted(LayerContext& c, Value x, int32_t n) {
  const int rank = c.rank(x);
  const int32_t size = c.shape(x).back();
  std::vector<int32_t> begin(static_cast<size_t>(rank), 0), sizes(static_cast<size_t>(rank), -1), pads(2 * static_cast<size_t>(rank), 0);
  if (size == n) return x;
  sizes.back() = n;
  if (size > n) return c.Make("slice", {x, c.Vector(begin), c.Vector(sizes)});
  pads.back() = n - size;
  return c.Make("pad", {x, c.Constant<int32_t>(Shape{rank, 2}, pads)});
}

int64_t LengthOr(LayerContext& c, int64_t fallback) { return c.Has("fft_length") ? c.Int("fft_length", fallback) : fallback; }

// Of real numbers: the bins up to half of the length; the others mirror them.
Status ConvertRfft(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x"}));
  OCTET_ASSIGN(const int32_t points, Points(c, x));
  const auto n = static_cast<int32_t>(LengthOr(c, points));
  if (n < 1 || n > kMostPoints) return c.Fail(Format("a length of 1 to %d", kMostPoints), std::to_string(n), "");
  OCTET_ASSIGN(x, Fitted(c, x, n));
  OCTET_ASSIGN(const Value im, Product(c, x, Waves(c, n, n / 2 + 1, n, Sin, [](int64_t) { return -1.0; })));
  c.SetOutput(1, im);
  return Set(c, Product(c, x, Waves(c, n, n / 2 + 1, n, Cos, [](int64_t) { return 1.0; })));
}

// Bins that have a mirror image count twice.
Status ConvertIrfft(LayerContext& c) {
  if (c.num_inputs() != 2) return c.Fail("a real and an imaginary part", std::to_string(c.num_inputs()), "");
  OCTET_ASSIGN(const int32_t bins, Points(c, c.Input(0)));
  const auto n = static_cast<int32_t>(LengthOr(c, 2 * (int64_t{bins} - 1)));
  if (n < 1 || n > kMostPoints) return c.Fail(Format("a length of 1 to %d", kMostPoints), std::to_string(n), "");
  OCTET_ASSIGN(const Value re, Fitted(c, c.Input(0), n / 2 + 1));
  OCTET_ASSIGN(const Value im, Fitted(c, c.Input(1), n / 2 + 1));
  const auto share = [&](int64_t k) { return (k == 0 || 2 * k == n ? 1.0 : 2.0) / n; };
  OCTET_ASSIGN(const Value a, Product(c, re, Waves(c, n / 2 + 1, n, n, Cos, share)));
  OCTET_ASSIGN(const Value b, Product(c, im, Waves(c, n / 2 + 1, n, n, Sin, share)));
  return Set(c, c.Make("sub", {a, b}));
}

// Overlapping parts of the last axis, one behind the other: [..., parts, length].
Status ConvertExtractSequences(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  const int64_t length = c.Int("sequence_length", 0), stride = c.Int("sequence_stride", 0);
  const int32_t n = c.rank(x) < 1 ? kUnknown : c.shape(x).back();
  if (n < 1 || length < 1 || length > n || stride < 1) return c.Fail("parts no longer than a known last axis", c.shape(x).text(), "");
  const int64_t parts = (n - length) / stride + 1;
  std::vector<int32_t> at;
  for (int64_t p = 0; p < parts; ++p)
    for (int64_t k = 0; k < length; ++k) at.push_back(static_cast<int32_t>(p * stride + k));
  const Value indices = c.Constant<int32_t>(Shape{static_cast<int32_t>(parts), static_cast<int32_t>(length)}, at);
  return Set(c, c.Make("gather", {x, indices}, {{"axis", c.rank(x) - 1}}));
}

constexpr LayerRule kRules[] = {{"ops.FFT", ConvertTransform<false, false>}, {"ops.FFT2", ConvertTransform<false, true>}, {"ops.IFFT2", ConvertTransform<true, true>},
                                {"ops.RFFT", ConvertRfft}, {"ops.IRFFT", ConvertIrfft}, {"ops.ExtractSequences", ConvertExtractSequences}};

}  // namespace

const std::span<const LayerRule> kTransformRules = kRules;

}  // namespace octet::importers::keras
