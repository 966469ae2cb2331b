// SPDX-License-Identifier: Apache-2.0
#include "quantizer/input_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace octet::quantizer {
namespace {

constexpr int kFewSamples = 8;
constexpr int64_t kMaxValues = 2'000'000;     // Values looked at; larger sets are strided through.
constexpr double kOutsideShare = 0.01;        // (a) more than 1 % of real values outside ...
constexpr double kOutsideMargin = 0.005;      //     ... the calibrated range widened by 0.5 %.
constexpr double kTooWide = 4.0;              // (b) calibrated range over 4x the real one ...
constexpr double kOuterShare = 0.001;         //     ... without so many of its values at each end.
constexpr double kOtherDistribution = 0.5;    // Total variation between the histograms.
constexpr int kBins = 64;

// Values of the first `samples` samples, at most kMaxValues of them, evenly spread.
std::vector<float> Values(const data::Dataset& data, int input, int64_t samples) {
  const int64_t per_sample = data.input_type(input).shape.elements();
  const int64_t step = std::max<int64_t>(1, per_sample * samples / kMaxValues);
  std::vector<float> out;
  for (int64_t i = 0; i < samples; ++i) {
    const std::span<const std::byte> bytes = data.sample(input, i);
    for (int64_t k = i % step; k < per_sample; k += step) {
      float v;
      std::memcpy(&v, bytes.data() + k * 4, 4);
      if (std::isfinite(v)) out.push_back(v);
    }
  }
  return out;
}

std::vector<float> Histogram(const std::vector<float>& values, float low, float high) {
  std::vector<float> h(kBins, 0.0f);
  for (float v : values) h[std::clamp(static_cast<int>((v - low) / (high - low) * kBins), 0, kBins - 1)] += 1.0f / static_cast<float>(values.size());
  return h;
}

InputSummary SummaryOf(std::vector<float> values) {
  InputSummary s;
  if (values.empty()) return s;
  const auto [least, most] = std::ranges::minmax(values);
  const auto at = [&](double share) {
    const auto place = values.begin() + static_cast<int64_t>(share * static_cast<double>(values.size() - 1));
    std::ranges::nth_element(values, place);
    return *place;
  };
  s = {least, most, at(kOuterShare), at(1 - kOuterShare), {}};
  if (s.max > s.min) s.histogram = Histogram(values, s.min, s.max);
  return s;
}

// Do real values lie in a calibrated range, and does that not reach far beyond them?
std::string Doubt(const std::string& name, Range c, const std::vector<float>& real, const InputSummary& r) {
  const double low = static_cast<double>(c.min), high = static_cast<double>(c.max), margin = kOutsideMargin * (high - low);
  const auto outside = std::ranges::count_if(real, [&](float v) { return static_cast<double>(v) < low - margin || static_cast<double>(v) > high + margin; });
  const double share = static_cast<double>(outside) / static_cast<double>(real.size()), width = static_cast<double>(r.high) - static_cast<double>(r.low);
  if (share > kOutsideShare)
    return Format(
        "input '%s': %.1f %% of the data's values lie outside the calibrated range [%g, %g], they reach from %g to %g; is the normalisation the same?",
        name.c_str(), 100 * share, low, high, static_cast<double>(r.min), static_cast<double>(r.max));
  if (high - low <= kTooWide * width) return "";
  return Format("input '%s': the calibrated range [%g, %g] is %.0f times the data's [%g, %g]; is it normalised, or does one sample set it?", name.c_str(), low,
                high, (high - low) / std::max(1e-30, width), static_cast<double>(r.low), static_cast<double>(r.high));
}

bool IsFloat(const data::Dataset& data, int input) { return data.input_type(input).dtype == DType::kF32; }

}  // namespace

InputSummary Summarize(const data::Dataset& data, int input, int64_t samples) {
  return IsFloat(data, input) ? SummaryOf(Values(data, input, samples)) : InputSummary();
}

std::vector<std::string> CheckCalibration(const data::Dataset& data, int64_t samples) {
  std::vector<std::string> warnings;
  if (samples < kFewSamples)
    warnings.push_back(Format("only %lld calibration samples: ranges set by so few are unreliable; use 100 or more", static_cast<long long>(samples)));
  for (int i = 0; i < data.num_inputs(); ++i) {
    if (!IsFloat(data, i)) continue;
    const InputSummary s = Summarize(data, i, samples);
    if (!(s.max > s.min)) warnings.push_back(Format("input '%s' is %g in every sample", data.input_name(i).c_str(), static_cast<double>(s.min)));
  }
  if (data.has_labels() && samples >= kFewSamples) {
    bool one = true;
    for (int64_t i = 1; i < samples; ++i) one &= data.label(i) == data.label(0);
    if (one) warnings.push_back(Format("all calibration samples are of class %lld; take some of each", static_cast<long long>(data.label(0))));
  }
  return warnings;
}

std::vector<std::string> CompareInputs(const data::Dataset& calibration, int64_t samples, const data::Dataset& reference) {
  std::vector<std::string> warnings;
  for (int i = 0; i < std::min(calibration.num_inputs(), reference.num_inputs()); ++i) {
    if (!IsFloat(calibration, i) || !IsFloat(reference, i)) continue;
    const std::vector<float> values = Values(calibration, i, samples), real = Values(reference, i, reference.size());
    if (values.empty() || real.empty()) continue;
    const InputSummary c = SummaryOf(values), r = SummaryOf(real);
    const std::string& name = calibration.input_name(i);
    if (std::string doubt = Doubt(name, {c.min, c.max}, real, r); !doubt.empty()) warnings.push_back(std::move(doubt));
    else if (c.max > c.min) {
      const float low = std::min(c.min, r.min), high = std::max(c.max, r.max);
      const std::vector<float> a = Histogram(values, low, high), b = Histogram(real, low, high);
      double variation = 0;
      for (int k = 0; k < kBins; ++k) variation += std::abs(static_cast<double>(a[k]) - static_cast<double>(b[k])) / 2;
      if (variation > kOtherDistribution)
        warnings.push_back(
            Format("input '%s': calibration and holdout values are distributed differently (total variation %.2f); is it real data?", name.c_str(), variation));
    }
  }
  return warnings;
}

std::string DoubtRange(const std::string& name, Range calibrated, const data::Dataset& reference, int input, int64_t samples) {
  if (!IsFloat(reference, input)) return "";
  const std::vector<float> real = Values(reference, input, samples);
  return real.empty() ? "" : Doubt(name, calibrated, real, SummaryOf(real));
}

}  // namespace octet::quantizer
