// SPDX-License-Identifier: Apache-2.0
// keras.ops of Fourier transforms, where complex numbers are two tensors.
#include "importers/keras/builder.h"
#include "importers/keras/layers/functions.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/complex.h"

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
  if (n < 1 || n > kMostPoints) return c.Fail(Format("a length of 1 to %d", kMostPoints), std::to_string(n), "");
  return static_cast<int32_t>(n);
}

Status ConvertRfft(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  OCTET_ASSIGN(const int32_t points, Points(c, x));
  OCTET_ASSIGN(const int32_t n, Length(c, points));
  OCTET_ASSIGN(const Complex y, RealFourier(c, x, n));
  c.SetOutput(1, y.im);
  return Set(c, y.re);
}

Status ConvertIrfft(LayerContext& c) {
  if (c.num_inputs() != 2) return c.Fail("a real and an imaginary part", std::to_string(c.num_inputs()), "");
  OCTET_ASSIGN(const int32_t bins, Points(c, c.Input(0)));
  OCTET_ASSIGN(const int32_t n, Length(c, 2 * (int64_t{bins} - 1)));
  return Set(c, InverseRealFourier(c, {c.Input(0), c.Input(1)}, n));
}

// Overlapping parts of the last axis, one behind the other: [..., parts, length].
Status ConvertExtractSequences(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  const int64_t length = c.Int("sequence_length", 0), stride = c.Int("sequence_stride", 0);
  const int32_t n = c.rank(x) < 1 ? kUnknown : c.shape(x).back();
  if (n < 1 || length < 1 || length > n || stride < 1) return c.Fail("parts no longer than a known last axis", c.shape(x).text(), "");
  const int64_t parts = (n - length) / stride + 1;
  constexpr int64_t kMostPlaces = 1 << 24;
  if (parts * length > kMostPlaces) return c.Fail(Format("at most %d places", static_cast<int>(kMostPlaces)), c.shape(x).text(), "take fewer or shorter parts");
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
