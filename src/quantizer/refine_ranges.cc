// SPDX-License-Identifier: Apache-2.0
#include "quantizer/refine_ranges.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace octet::quantizer {
namespace {

constexpr Ranges kMethods[] = {Ranges::kMinMax, Ranges::kMse, Ranges::kPercentile, Ranges::kClip999, Ranges::kClip99};
// Where a class alone ruins the outputs: its largest values may be ones that nothing depends on, as the 1 / sqrt of rows
// without variance, which is multiplied by zeros.
constexpr Ranges kParts[] = {Ranges::kFourth, Ranges::kFourth2, Ranges::kFourth3, Ranges::kFourth4, Ranges::kFourth5, Ranges::kFourth6, Ranges::kFourth7};
constexpr double kRuins = 0.003;  // Noise over signal: 25 dB.
constexpr size_t kMostClasses = 24;
constexpr int64_t kRankingSamples = 8;  // Enough to tell which classes are noisy.
constexpr double kWorthALook = 0.005;  // Of all noise but what drowns the signal.
constexpr double kBetter = 0.95;       // A method must take off 5 % of the class's noise.
constexpr float kSameScale = 0.01f;    // Relative; scales that differ by less are one.

Quant UnionQuant(const ScaleClass& c, Ranges method, DType activation, const TensorRanges& ranges) {
  Range all;
  for (const std::string& tensor : c.tensors) {
    const Range r = ranges.Of(tensor, method);
    all = {std::min(all.min, r.min), std::max(all.max, r.max)};
  }
  return ActivationQuant(activation, all);
}

bool Alike(const Quant& a, const Quant& b) { return std::abs(a.scale0() - b.scale0()) <= kSameScale * a.scale0() && std::abs(a.zero0() - b.zero0()) <= 1; }

// Positions of the classes that are worth other ranges, the noisiest first.
std::vector<size_t> Noisiest(const std::vector<ScaleClass>& classes, const InjectedNoise& ranking) {
  const std::vector<double>& noise = ranking.noise;
  double total = 0;
  for (double n : noise) total += n < ranking.signal ? n : 0;  // What ruins the outputs does not make the others good.
  std::vector<size_t> order;
  for (size_t i = 0; i < classes.size(); ++i)
    if (!classes[i].fixed && noise[i] > kWorthALook * total) order.push_back(i);
  std::ranges::stable_sort(order, std::greater(), [&](size_t i) { return noise[i]; });
  order.resize(std::min(order.size(), kMostClasses));
  return order;
}

struct Trial {
  size_t of;                     // Class.
  std::optional<Ranges> method;  // None: as it is.
};

}  // namespace

Result<std::vector<RangeChange>> RefineRanges(std::shared_ptr<const runtime::Model> model, const std::vector<ScaleClass>& classes, DType activation,
                                              const TensorRanges& ranges, const data::Dataset& data, SampleRange samples, const Progress& progress) {
  std::vector<Injection> injections;
  for (const ScaleClass& c : classes) injections.push_back({c.tensors, c.quant, activation});
  SampleRange few = samples;
  few.end = std::min(few.end, few.first + few.step * kRankingSamples);
  OCTET_ASSIGN(const InjectedNoise ranking, MeasureNoise(model, injections, data, few, progress));
  injections.clear();
  std::vector<Trial> trials;
  std::map<size_t, size_t> common;  // Class -> the trial that leaves it as it is.
  for (size_t i : Noisiest(classes, ranking)) {
    std::vector<Quant> seen{classes[i].quant};
    common[i] = injections.size();
    injections.push_back({classes[i].tensors, classes[i].quant, activation});
    trials.push_back({i, std::nullopt});
    std::vector<Ranges> methods(std::begin(kMethods), std::end(kMethods));
    if (ranking.noise[i] > kRuins * ranking.signal) methods.insert(methods.end(), std::begin(kParts), std::end(kParts));
    for (Ranges method : methods) {
      const Quant q = UnionQuant(classes[i], method, activation, ranges);
      if (std::ranges::any_of(seen, [&](const Quant& s) { return Alike(s, q); })) continue;
      seen.push_back(q);
      injections.push_back({classes[i].tensors, q, activation});
      trials.push_back({i, method});
    }
  }
  OCTET_ASSIGN(const InjectedNoise measured, MeasureNoise(std::move(model), injections, data, samples, progress));
  std::map<size_t, size_t> best;  // Class -> trial.
  for (size_t k = 0; k < trials.size(); ++k) {
    const size_t of = trials[k].of;
    const auto it = best.find(of);
    const double least = it == best.end() ? kBetter * measured.noise[common[of]] : measured.noise[it->second];
    if (trials[k].method && measured.noise[k] < least) best[of] = k;
  }
  std::vector<std::pair<double, RangeChange>> found;  // With the noise that it saves.
  for (const auto& [of, trial] : best)
    found.emplace_back(measured.noise[common[of]] - measured.noise[trial], RangeChange{classes[of].tensors, *trials[trial].method});
  std::ranges::stable_sort(found, std::greater(), &std::pair<double, RangeChange>::first);
  std::vector<RangeChange> changes;
  for (auto& [saved, change] : found) changes.push_back(std::move(change));
  return changes;
}

}  // namespace octet::quantizer
