// SPDX-License-Identifier: Apache-2.0
// AudioSpectrogram (custom): magnitudes of the Fourier transforms of windows of sound, weighted by a periodic Hann
// window: [samples, channels] -> [channels, windows, frequencies].
#include <bit>
#include <cmath>
#include <numbers>

#include "ops/flexbuffer_util.h"
#include "ops/import.h"
#include "ops/operand_util.h"

namespace octet::ops::audio_spectrogram {
namespace {

constexpr Operand kInputs[] = {{.name = "samples"}};
constexpr Operand kOutputs[] = {{.name = "spectrogram"}};
constexpr TypeRow kTypes[] = {{"T=f32"}};
constexpr int64_t kMostWindow = 1 << 24;

struct Options {
  int64_t window, stride;
  bool squared;
};

Options OptionsOf(const OpView& op) {
  const FlexMap map(op.custom_options);
  return {map.Int("window_size", 0), map.Int("stride", 0), map.Int("magnitude_squared", 0) != 0};
}

Status Check(const OpView& op) {
  const Options o = OptionsOf(op);
  if (o.window < 2 || o.window > kMostWindow || o.stride < 1)
    return op.Fail(Code::kInvalidModel, "a window of %lld samples every %lld", static_cast<long long>(o.window), static_cast<long long>(o.stride));
  if (op.in(0)->shape.rank() != 2) return op.Fail(Code::kInvalidModel, "expected [samples, channels], found %s", op.in(0)->shape.text().c_str());
  return {};
}

// The transform's length is the next power of two.
int64_t Transform(const Options& o) { return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(o.window))); }

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  const Options o = OptionsOf(op);
  const int64_t windows = in[0] < o.window ? 0 : 1 + (in[0] - o.window) / o.stride;
  out[0] = {DType::kF32, {in[1], in[0] == kUnknown ? kUnknown : static_cast<int32_t>(windows), static_cast<int32_t>(1 + Transform(o) / 2)}};
  return {};
}

struct Complex {
  double re, im;
};
struct Params {
  Options options;
  int64_t samples, channels, windows, length;
  const double* hann;
  const Complex* roots;  // exp(-2 pi i k / length)
};

// In place, radix 2, after the order of the bits is reversed.
void Fourier(Complex* x, int64_t n, const Complex* roots) {
  for (int64_t i = 1, j = 0; i < n; ++i) {
    int64_t bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j |= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  for (int64_t half = 1; half < n; half *= 2) {
    for (int64_t base = 0; base < n; base += 2 * half)
      for (int64_t k = 0; k < half; ++k) {
        const Complex w = roots[k * (n / (2 * half))], a = x[base + k], b = x[base + k + half];
        const Complex t = {b.re * w.re - b.im * w.im, b.re * w.im + b.im * w.re};
        x[base + k] = {a.re + t.re, a.im + t.im};
        x[base + k + half] = {a.re - t.re, a.im - t.im};
      }
  }
}

Status Compute(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  auto* x = reinterpret_cast<Complex*>(run.workspace);
  float* out = run.output<float>(0);
  for (int64_t c = 0; c < p.channels; ++c) {
    for (int64_t w = 0; w < p.windows; ++w) {
      std::fill_n(x, p.length, Complex{});
      for (int64_t i = 0; i < p.options.window; ++i)
        x[i].re = static_cast<double>(run.input<float>(0)[(w * p.options.stride + i) * p.channels + c]) * p.hann[i];
      Fourier(x, p.length, p.roots);
      for (int64_t i = 0; i <= p.length / 2; ++i) {
        const auto power = static_cast<float>(x[i].re * x[i].re + x[i].im * x[i].im);
        *out++ = p.options.squared ? power : std::sqrt(power);
      }
    }
  }
  return {};
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<Params>();
  const Options o = OptionsOf(p.op);
  const int64_t n = Transform(o);
  auto* hann = p.Array<double>(static_cast<size_t>(o.window));
  auto* roots = p.Array<Complex>(static_cast<size_t>(n / 2 + 1));
  for (int64_t i = 0; i < o.window; ++i) hann[i] = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(o.window));
  for (int64_t i = 0; i <= n / 2; ++i) {
    const double angle = -2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(n);
    roots[i] = {std::cos(angle), std::sin(angle)};
  }
  const Shape& in = p.op.in(0)->shape;
  *params = {o, in[0], in[1], p.op.out(0)->shape[1], n, hann, roots};
  p.Workspace(sizeof(Complex) * static_cast<size_t>(n));
  p.SetRun(Compute, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "audio_spectrogram", .code = BuiltinCode::kCustom, .custom_name = "AudioSpectrogram",
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::audio_spectrogram
