// SPDX-License-Identifier: Apache-2.0
// Mfcc (custom): mel-frequency cepstral coefficients of a squared spectrogram: magnitudes summed under triangles on
// the mel scale, their logarithms, and of these a cosine transform.
#include <cmath>
#include <numbers>

#include "ops/flexbuffer_util.h"
#include "ops/import.h"
#include "ops/operand_util.h"

namespace octet::ops::mfcc {
namespace {

constexpr Operand kInputs[] = {{.name = "spectrogram"}, {.name = "sample_rate", .type = 'I', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32 I=i32"}};
constexpr int64_t kMostBands = 1 << 12;
constexpr int32_t kMostFrequencies = (1 << 23) + 1;  // Of the longest window that audio_spectrogram.cc takes.
constexpr double kLeastEnergy = 1e-12;  // Before the logarithm.

struct Options {
  double high, low;  // Hz.
  int64_t bands, coefficients;
};

Options OptionsOf(const OpView& op) {
  const FlexMap map(op.custom_options);
  return {static_cast<double>(map.Int("upper_frequency_limit", 0)), static_cast<double>(map.Int("lower_frequency_limit", 0)),
          map.Int("filterbank_channel_count", 0), map.Int("dct_coefficient_count", 0)};
}

Status Check(const OpView& op) {
  const Options o = OptionsOf(op);
  const Shape& in = op.in(0)->shape;
  if (in.rank() != 3 || (in[2] != kUnknown && in[2] < 2))
    return op.Fail(Code::kInvalidModel, "expected [channels, windows, frequencies], found %s", in.text().c_str());
  if (in[2] > kMostFrequencies) return op.Fail(Code::kUnsupported, "expected at most %d frequencies, found %d", kMostFrequencies, in[2]);
  if (o.low < 0 || o.high <= o.low || o.bands < 1 || o.bands > kMostBands || o.coefficients < 1 || o.coefficients > o.bands)
    return op.Fail(Code::kInvalidModel, "frequencies %g to %g, %lld bands, %lld coefficients", o.low, o.high, static_cast<long long>(o.bands),
                   static_cast<long long>(o.coefficients));
  return CheckScalar(op, 1, "sample rate");
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  out[0] = {DType::kF32, {in[0], in[1], static_cast<int32_t>(OptionsOf(op).coefficients)}, !op.has_const(1)};
  return {};
}

double Mel(double hz) { return 1127.0 * std::log1p(hz / 700.0); }

struct Params {
  int64_t frames, frequencies, bands, coefficients, first, last;
  const int32_t* band;     // Per frequency: the triangle whose falling side it is on; it is on the next one's rising side.
  const double* weight;    // Of the falling side; the rising one has the rest.
  const double* cosines;
};

Status Compute(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  auto* energy = reinterpret_cast<double*>(run.workspace);
  for (int64_t f = 0; f < p.frames; ++f) {
    const float* in = run.input<float>(0) + f * p.frequencies;
    std::fill_n(energy, p.bands, 0.0);
    for (int64_t i = p.first; i <= p.last; ++i) {
      const double magnitude = std::sqrt(static_cast<double>(in[i])), falling = magnitude * p.weight[i];
      const int32_t band = p.band[i];
      if (band >= 0) energy[band] += falling;
      if (band + 1 < p.bands) energy[band + 1] += magnitude - falling;
    }
    for (int64_t b = 0; b < p.bands; ++b) energy[b] = std::log(energy[b] < kLeastEnergy ? kLeastEnergy : energy[b]);
    for (int64_t c = 0; c < p.coefficients; ++c) {
      double sum = 0;
      for (int64_t b = 0; b < p.bands; ++b) sum += p.cosines[c * p.bands + b] * energy[b];
      run.output<float>(0)[f * p.coefficients + c] = static_cast<float>(sum);
    }
  }
  return {};
}

// The triangles' corners are evenly spaced on the mel scale; frequency 0 belongs to none.
void MakeTriangles(const Options& o, double hz_per_bin, Params* p, int32_t* band, double* weight) {
  const double low = Mel(o.low), step = (Mel(o.high) - low) / static_cast<double>(o.bands + 1);
  const auto centre = [&](int64_t i) { return low + step * static_cast<double>(i + 1); };
  p->first = static_cast<int64_t>(std::min(1.5 + o.low / hz_per_bin, 1e9));
  p->last = std::min<int64_t>(static_cast<int64_t>(std::min(o.high / hz_per_bin, 1e9)), p->frequencies - 1);
  int64_t channel = 0;
  for (int64_t i = p->first; i <= p->last; ++i) {
    const double mel = Mel(static_cast<double>(i) * hz_per_bin);
    while (channel < o.bands && centre(channel) < mel) ++channel;
    band[i] = static_cast<int32_t>(channel - 1);
    weight[i] = channel > 0 ? (centre(channel) - mel) / (centre(channel) - centre(channel - 1)) : (centre(0) - mel) / (centre(0) - low);
  }
}

Status PrepareReference(Prepare& p) {
  const Shape& in = p.op.in(0)->shape;
  const Options o = OptionsOf(p.op);
  int64_t rate = 0;
  if (!ReadInt(p.op, 1, &rate) || rate < 1) return p.op.Fail(Code::kInvalidArgument, "a sample rate of %lld", static_cast<long long>(rate));
  auto* params = p.Params<Params>();
  auto* band = p.Array<int32_t>(static_cast<size_t>(in[2]));
  auto* weight = p.Array<double>(static_cast<size_t>(in[2]));
  auto* cosines = p.Array<double>(static_cast<size_t>(o.bands * o.coefficients));
  *params = {int64_t{in[0]} * in[1], in[2], o.bands, o.coefficients, 0, 0, band, weight, cosines};
  const double hz_per_bin = 0.5 * static_cast<double>(rate) / static_cast<double>(in[2] - 1);
  if (o.high / hz_per_bin >= static_cast<double>(in[2])) return p.op.Fail(Code::kInvalidModel, "%g Hz is beyond the spectrogram", o.high);
  MakeTriangles(o, hz_per_bin, params, band, weight);
  const double norm = std::sqrt(2.0 / static_cast<double>(o.bands)), angle = std::numbers::pi / static_cast<double>(o.bands);
  for (int64_t c = 0; c < o.coefficients; ++c)
    for (int64_t b = 0; b < o.bands; ++b) cosines[c * o.bands + b] = norm * std::cos(static_cast<double>(c) * angle * (static_cast<double>(b) + 0.5));
  p.Workspace(sizeof(double) * static_cast<size_t>(o.bands));
  p.SetRun(Compute, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "mfcc", .code = BuiltinCode::kCustom, .custom_name = "Mfcc",
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::mfcc
